//! The stores that are walked. Texts have 24 to 26 bytes.

use std::collections::BTreeMap;
use std::str::Utf8Error;
use std::sync::{Arc, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::ChunkSource;
use keywalk_memory::{Map, SharedMap, SkipList, Slice};
use keywalk_sled::{Key, Tree};
use keywalk_sqlite::Table;
use rusqlite::{Connection, Row};

use crate::{BoxError, Counter};

pub(crate) fn sqlite(counter: &Counter) -> Result<(), BoxError> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(
        "CREATE TABLE integer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT NULL);
         CREATE TABLE text (code TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, photo BLOB NOT NULL)
             WITHOUT ROWID;
         CREATE TABLE composite (tenant INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
             photo BLOB NOT NULL, PRIMARY KEY (tenant, number)) WITHOUT ROWID;",
    )?;
    for (table, key) in [
        ("integer", "n"),
        ("text", "printf('code/%015d', n)"),
        ("composite", "n / 1000, n % 1000"),
    ] {
        db.execute(
            &format!(
                "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
                 INSERT INTO {table} SELECT {key}, printf('%0*d', 24 + n % 3, n), zeroblob(24 + n % 3)
                 FROM numbers"
            ),
            [counter.items as i64],
        )?;
    }
    let integer = || table::<i64>(&db, "integer", &["id"]);
    counter.lent("sqlite_integer", integer()?)?;
    counter.lent("sqlite_text", table::<String>(&db, "text", &["code"])?)?;
    let composite = table::<(i64, i64)>(&db, "composite", &["tenant", "number"])?;
    counter.lent("sqlite_composite", composite)?;
    counter.items("sqlite_integer", integer()?)
}

/// The table, each row filled in place.
fn table<'db, K: keywalk_sqlite::Key + 'db>(
    db: &'db Connection,
    name: &str,
    key: &[&'static str],
) -> Result<impl ChunkSource<Key = K, Error = keywalk_sqlite::Error> + 'db, BoxError> {
    let table = Table::new(db, name).key::<K>(key.iter().copied())?;
    let at = key.len();
    Ok(table.fill(
        move |row: &Row<'_>, (name, photo): &mut (String, Vec<u8>)| {
            name.clear();
            name.push_str(row.get_ref(at)?.as_str()?);
            photo.clear();
            photo.extend_from_slice(row.get_ref(at + 1)?.as_blob()?);
            Ok(())
        },
    ))
}

pub(crate) fn sled(counter: &Counter) -> Result<(), BoxError> {
    // sled's own threads allocate at times of their own: nothing is left for them to do.
    let db = sled::Config::new()
        .temporary(true)
        .cache_capacity(4 << 30)
        .flush_every_ms(None)
        .open()?;
    for (number, name) in texts(counter.items) {
        db.insert(number.to_bytes(), name.as_bytes())?;
    }
    db.flush()?;
    let tree = || Tree::<i64>::new((*db).clone());
    counter.native("sled", || db.iter())?;
    let filled = tree().fill(|value, name: &mut String| {
        name.clear();
        name.push_str(std::str::from_utf8(value)?);
        Ok::<_, Utf8Error>(())
    });
    counter.lent("sled", filled)?;
    counter.items("sled", tree())
}

pub(crate) fn memory(counter: &Counter) -> Result<(), BoxError> {
    let entries: Vec<(i64, String)> = texts(counter.items).collect();
    let slice = Slice::new(&entries, |(number, _): &(i64, String)| *number)?;
    counter.lent("slice", slice)?;

    let map: BTreeMap<i64, String> = entries.iter().cloned().collect();
    counter.lent("map", Map::new(&map))?;
    counter.items("map", Map::new(&map))?;

    let shared = Arc::new(RwLock::new(map));
    counter.lent("shared_map", SharedMap::new(Arc::clone(&shared)))?;
    counter.items("shared_map", SharedMap::new(shared))?;

    let list: SkipMap<i64, String> = entries.into_iter().collect();
    let list = Arc::new(list);
    counter.lent("skip_list", SkipList::new(Arc::clone(&list)))?;
    counter.items("skip_list", SkipList::new(list))
}

fn texts(items: u64) -> impl Iterator<Item = (i64, String)> {
    (0..items as i64).map(|number| {
        let length = 24 + (number % 3) as usize;
        (number, format!("{number:0length$}"))
    })
}
