//! A table of SQLite's, in a file.

use std::marker::PhantomData;

use keywalk_sqlite::Table;
use keywalk_sqlite::decode::Filled as FilledInPlace;
use rusqlite::{Connection, ErrorCode, Row};
use tempfile::TempDir;

use crate::filled::{BoxError, Filled, LONGEST, REFILLED, SHORTEST};
use crate::stores::Key;

type Value = (String, Vec<u8>);
type Fill = fn(&Row<'_>, &mut Value) -> rusqlite::Result<()>;

/// For [`Table`], whose rows are filled in place.
///
/// SQLite's own memory isn't on the Rust heap. Once there is such a table SQLite refuses to take more
/// than [`LIMIT`] in the whole process, and a walk that needs more fails.
pub(crate) struct SqliteTable<K> {
    db: Connection,
    _folder: TempDir,
    key: PhantomData<K>,
}

/// In bytes. The page cache of a connection alone may take 2,048,000, and there are two of them: one
/// of the small table, one of the large, whose file has 67 MB.
const LIMIT: u32 = 4 << 20;

impl<K: Key + keywalk_sqlite::Key> Filled for SqliteTable<K> {
    const OWNED: usize = K::OWNED + 2 * REFILLED;
    /// Its statements and how they were proven.
    const SOURCE: usize = 4 * 1024;
    /// rusqlite notes a cached statement's text each time that it lends it.
    const PER_FETCH: u64 = K::CLONES + 1;

    type Error = keywalk_sqlite::Error;
    type Source<'a>
        = Table<&'a Connection, K, FilledInPlace<Fill, Value>>
    where
        K: 'a;

    fn name() -> String {
        format!("sqlite::Table<{}>", K::NAME)
    }

    fn filled(items: u32) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let db = Connection::open(folder.path().join("items.db"))?;
        limit(&db)?;
        let (key, value, table) = match K::OWNED {
            0 => ("INTEGER PRIMARY KEY", "n", ""),
            _ => (
                "TEXT NOT NULL PRIMARY KEY",
                "printf('%020d', n)",
                "WITHOUT ROWID",
            ),
        };
        db.execute_batch(&format!(
            "PRAGMA journal_mode = OFF;
             PRAGMA synchronous = OFF;
             CREATE TABLE items (id {key}, name TEXT NOT NULL, photo BLOB NOT NULL) {table};
             WITH RECURSIVE numbers (n) AS (
                 SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {items}
             )
             INSERT INTO items
             SELECT {value},
                 substr('{letters}', 1, {SHORTEST} + n % {lengths}),
                 zeroblob({SHORTEST} + n % {lengths})
             FROM numbers",
            letters = "x".repeat(LONGEST),
            lengths = LONGEST - SHORTEST + 1,
        ))?;
        Ok(SqliteTable {
            db,
            _folder: folder,
            key: PhantomData,
        })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let table = Table::new(&self.db, "items").key::<K>(["id"])?;
        Ok(table.fill(fill as Fill))
    }
}

fn fill(row: &Row<'_>, (name, photo): &mut Value) -> rusqlite::Result<()> {
    name.clear();
    name.push_str(row.get_ref(1)?.as_str()?);
    photo.clear();
    photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
    Ok(())
}

/// Sets the limit, and sees that it is obeyed.
fn limit(db: &Connection) -> Result<(), BoxError> {
    db.pragma_update(None, "hard_heap_limit", LIMIT)?;
    let too_much = db.query_row("SELECT length(randomblob(?1))", [LIMIT], |row| {
        row.get::<_, i64>(0)
    });
    match too_much {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => Ok(()),
        other => Err(format!("SQLite took more than its limit: {other:?}").into()),
    }
}
