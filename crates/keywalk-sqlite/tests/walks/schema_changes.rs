//! The schema changes between two fetches: the walk goes on in the same order by a key that is proven
//! again, or says what is missing.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::Debug;

use keywalk::{ChunkSource, Chunks, Walk};
use keywalk_sqlite::{AnyKey, Collated, Error, ErrorKind, Key, PerFetch, Query, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::open;

const ITEMS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size INT);
    INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30), (4, 'd', 40)";

/// The table anew, where nothing makes its key unique.
const NOT_UNIQUE: &str = "DROP TABLE t; CREATE TABLE t (id INT NOT NULL, name, size);
    CREATE INDEX i ON t(id);
    INSERT INTO t VALUES (2, 'a', 0), (2, 'b', 0), (3, 'c', 0), (3, 'd', 0)";

/// Takes two items by chunks of one, changes the schema, and goes on.
fn change_after_two<S: ChunkSource<Error = Error, Item: Debug>>(
    source: S,
    change: impl FnOnce(),
) -> Chunks<S> {
    let mut chunks = Walk::new(source).chunk_size(1).chunks();
    for _ in 0..2 {
        assert!(chunks.next().expect("they are fine").is_some());
    }
    change();
    chunks
}

fn rest<K: Key, T, S: ChunkSource<Key = K, Item = (K, T), Error = Error>>(
    chunks: &mut Chunks<S>,
) -> Result<Vec<K>, ErrorKind> {
    let mut keys = Vec::new();
    loop {
        match chunks.next() {
            Ok(Some(items)) => keys.extend(items.iter().map(|(key, _)| key.clone())),
            Ok(None) => return Ok(keys),
            Err(keywalk::Error::Source(error)) => {
                assert!(matches!(chunks.next(), Ok(None)), "it is fused");
                return Err(error.kind());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn by_id(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t")
        .key(["id"])
        .expect("it is the primary key")
}

/// What becomes of a walk by `id` after this change.
fn after(sql: &str) -> Result<Vec<i64>, ErrorKind> {
    let db = open(ITEMS);
    let mut chunks = change_after_two(by_id(&db), || {
        db.execute_batch(sql).expect("the change is valid");
    });
    rest(&mut chunks)
}

#[test]
fn a_walk_goes_on_by_the_same_key_whatever_else_changes() {
    for sql in [
        "ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'x'",
        "CREATE INDEX by_name ON t(name)",
        "CREATE TEMP TABLE t (id TEXT)",
        "CREATE TABLE other (id)",
        "VACUUM",
        "ANALYZE",
        "DROP TABLE t; CREATE TABLE t (size INT, more, id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO t(id) VALUES (1), (3), (4)",
    ] {
        assert_eq!(after(sql), Ok(vec![3, 4]), "{sql}");
    }
}

#[test]
fn what_a_walk_needs_and_a_change_took_away_is_named() {
    let recreated = |table: &str| format!("DROP TABLE t; CREATE TABLE t {table}");
    for (sql, kind) in [
        ("DROP TABLE t".to_owned(), ErrorKind::NoSuchTable),
        (
            "ALTER TABLE t RENAME TO u".to_owned(),
            ErrorKind::NoSuchTable,
        ),
        (
            "DROP TABLE t; CREATE VIEW t AS SELECT 1 AS id".to_owned(),
            ErrorKind::NotATable,
        ),
        (
            "ALTER TABLE t RENAME COLUMN id TO key".to_owned(),
            ErrorKind::NoSuchColumn,
        ),
        (
            "ALTER TABLE t DROP COLUMN size".to_owned(),
            ErrorKind::NoSuchColumn,
        ),
        (
            recreated("(id INT NOT NULL, name, size)"),
            ErrorKind::NotUnique,
        ),
        (
            recreated("(id INT UNIQUE, name, size)"),
            ErrorKind::Nullable,
        ),
    ] {
        assert_eq!(after(&sql), Err(kind), "{sql}");
    }
}

/// The third row would be lost: its key is at the walk's position.
#[test]
fn a_key_that_is_not_unique_any_longer_loses_no_row_silently() {
    assert_eq!(after(NOT_UNIQUE), Err(ErrorKind::NotUnique));
}

#[test]
fn a_table_that_is_empty_under_its_new_schema_is_proven_too() {
    let sql = format!("{NOT_UNIQUE}; DELETE FROM t");
    assert_eq!(after(&sql), Err(ErrorKind::NotUnique));
}

#[test]
fn an_index_that_the_key_needs_may_go_and_come_back() {
    let sql = "CREATE TABLE t (id INT NOT NULL, name TEXT); CREATE UNIQUE INDEX i ON t(id);
        INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')";
    let db = open(sql);
    let mut chunks = change_after_two(by_id(&db), || db.execute_batch("DROP INDEX i").unwrap());
    assert_eq!(rest(&mut chunks), Err(ErrorKind::NotUnique));

    db.execute_batch("CREATE UNIQUE INDEX other ON t(id)")
        .unwrap();
    let cursor = chunks.cursor();
    let mut chunks = Walk::new(chunks.into_source()).resume(cursor).chunks();
    assert_eq!(rest(&mut chunks), Ok(vec![3, 4]));
}

#[test]
fn rows_keep_the_columns_that_they_had_at_the_start() {
    let db = open(ITEMS);
    let mut chunks = change_after_two(by_id(&db), || {
        db.execute_batch(
            "DROP TABLE t; CREATE TABLE t (new, size INT, name TEXT, id INTEGER PRIMARY KEY);
             INSERT INTO t VALUES ('new', 30, 'c', 3)",
        )
        .unwrap();
    });
    let items = chunks.next().unwrap().unwrap();
    let (_, row) = &items[0];
    let names: Vec<&str> = row.columns().iter().map(String::as_str).collect();
    assert_eq!(names, ["id", "name", "size"]);
    assert_eq!(row.get("name"), Some(&Value::from("c".to_owned())));
    assert_eq!(row.get("size"), Some(&Value::from(30)));
}

fn names(collation: &str) -> String {
    format!(
        "CREATE TABLE t (name TEXT COLLATE {collation} NOT NULL PRIMARY KEY) WITHOUT ROWID;
         INSERT INTO t VALUES ('a'), ('B'), ('c'), ('D')"
    )
}

#[test]
fn an_order_that_has_changed_ends_the_walk() {
    let recreated = |collation| format!("DROP TABLE t; {}", names(collation));
    let db = open(&names("NOCASE"));
    let table = Table::new(&db, "t").key::<Collated>(["name"]).unwrap();
    let mut chunks = change_after_two(table, || db.execute_batch(&recreated("BINARY")).unwrap());
    assert_eq!(rest(&mut chunks), Err(ErrorKind::Changed));

    let db = open(&names("NOCASE"));
    let mut chunks = change_after_two(Table::new(&db, "t"), || {
        db.execute_batch(&recreated("RTRIM")).unwrap();
    });
    assert_eq!(rest(&mut chunks), Err(ErrorKind::Changed));

    let db = open(&names("BINARY"));
    let table = Table::new(&db, "t").key::<String>(["name"]).unwrap();
    let mut chunks = change_after_two(table, || db.execute_batch(&recreated("NOCASE")).unwrap());
    assert_eq!(rest(&mut chunks), Err(ErrorKind::Collation));
}

#[test]
fn vacuum_ends_a_walk_by_a_rowid_that_it_may_renumber() {
    let sql = "CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('a'), ('b'), ('c'), ('d');
        DELETE FROM t WHERE name = 'a'";
    let by_rowid = |db| Table::new(db, "t").key::<i64>(["rowid"]).unwrap();
    let db = open(sql);
    let mut chunks = change_after_two(by_rowid(&db), || db.execute_batch("VACUUM").unwrap());
    assert_eq!(rest(&mut chunks), Err(ErrorKind::Changed));
    // The rows have other numbers now: the same source doesn't go on from there.
    let cursor = chunks.cursor();
    let mut chunks = Walk::new(chunks.into_source()).resume(cursor).chunks();
    assert_eq!(rest(&mut chunks), Err(ErrorKind::Changed));
    // A new walk is fine.
    let mut chunks = Walk::new(by_rowid(&db)).chunks();
    assert_eq!(rest(&mut chunks), Ok(vec![1, 2, 3]));
}

#[test]
fn a_key_of_the_schema_stays_the_key_that_it_was() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO t VALUES (1, 4), (2, 3), (3, 2), (4, 1)",
    );
    let values = |keys: Vec<AnyKey>| -> Vec<String> {
        keys.iter()
            .map(|key| format!("{:?}", key.values()))
            .collect()
    };
    let all = Walk::new(Table::new(&db, "t"))
        .into_iter()
        .map(|item| item.unwrap().0)
        .collect();
    let mut chunks = change_after_two(Table::new(&db, "t"), || {
        db.execute_batch(
            "CREATE TABLE u (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (b, a)) WITHOUT ROWID;
             INSERT INTO u SELECT a, b FROM t; DROP TABLE t; ALTER TABLE u RENAME TO t;
             CREATE UNIQUE INDEX i ON t(a, b)",
        )
        .unwrap();
    });
    assert_eq!(values(rest(&mut chunks).unwrap()), values(all)[2..]);
}

#[test]
fn a_view_under_a_query_may_change_but_not_its_columns() {
    let schema = format!("{ITEMS}; CREATE VIEW v AS SELECT id, name FROM t");
    for (view, expected) in [
        (
            "SELECT id, upper(name) AS name FROM t WHERE size > 30",
            Ok(vec![4]),
        ),
        ("SELECT id, size FROM t", Err(ErrorKind::Changed)),
        ("SELECT id, size, name FROM t", Err(ErrorKind::Changed)),
        ("SELECT name, id FROM t", Err(ErrorKind::Changed)),
        (
            "SELECT size AS id, name FROM t",
            Err(ErrorKind::NotSeekable),
        ),
        ("SELECT id, name FROM gone", Err(ErrorKind::Sqlite)),
    ] {
        let db = open(&schema);
        let query = Query::new(&db, "SELECT * FROM v", []).unwrap();
        let query = query.key::<i64>(["id"]).unwrap();
        let mut chunks = change_after_two(query, || {
            db.execute_batch(&format!("DROP VIEW v; CREATE VIEW v AS {view}"))
                .unwrap();
        });
        assert_eq!(rest(&mut chunks), expected, "{view}");
    }
}

/// SQLite prepares a statement anew by itself, once: the second walk must not take that as its own.
#[test]
fn a_change_that_another_walk_over_the_connection_met_first_is_seen() {
    let db = open(ITEMS);
    let mut one = change_after_two(by_id(&db), || {});
    let mut two = change_after_two(by_id(&db), || {
        db.execute_batch(NOT_UNIQUE).unwrap();
    });
    assert_eq!(rest(&mut two), Err(ErrorKind::NotUnique));
    assert_eq!(rest(&mut one), Err(ErrorKind::NotUnique));
}

#[test]
fn a_change_is_seen_without_a_cache_of_statements() {
    let db = open(ITEMS);
    db.set_prepared_statement_cache_capacity(0);
    let mut chunks = change_after_two(by_id(&db), || {
        db.execute_batch(NOT_UNIQUE).unwrap();
    });
    assert_eq!(rest(&mut chunks), Err(ErrorKind::NotUnique));
}

#[test]
fn a_change_by_another_connection_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch(ITEMS).unwrap();
    let db = Connection::open(&path).unwrap();
    let mut chunks = change_after_two(by_id(&db), || {
        other.execute_batch(NOT_UNIQUE).unwrap();
    });
    assert_eq!(rest(&mut chunks), Err(ErrorKind::NotUnique));
}

/// Another connection's statement ran as often as the walk's own did, under another schema.
#[test]
fn a_change_is_seen_by_each_connection_of_a_pool() {
    let dir = tempfile::tempdir().unwrap();
    let connect = || Connection::open(dir.path().join("items.db")).unwrap();
    let pool = [connect(), connect()];
    let turn = Cell::new(0);
    pool[0].execute_batch(ITEMS).unwrap();
    let get = PerFetch(|| Ok::<_, Infallible>(&pool[turn.get()]));
    let table = Table::new(get, "t").key::<i64>(["id"]).unwrap();
    let mut chunks = change_after_two(table, || pool[0].execute_batch(NOT_UNIQUE).unwrap());
    for sql in chunks.source().statements() {
        let mut statement = pool[1].prepare_cached(sql).unwrap();
        statement.raw_query().next().unwrap();
    }
    turn.set(1);
    assert_eq!(rest(&mut chunks), Err(ErrorKind::NotUnique));
}

/// A connection reads statistics when it reads the schema, whose version they don't change.
#[test]
fn a_plan_is_proven_over_each_connection_of_a_pool() {
    let dir = tempfile::tempdir().unwrap();
    let connect = || Connection::open(dir.path().join("items.db")).unwrap();
    let pool = RefCell::new(connect());
    pool.borrow()
        .execute_batch(
            "CREATE TABLE t (id INT NOT NULL, name TEXT); CREATE UNIQUE INDEX i ON t(id);
             INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'); ANALYZE",
        )
        .unwrap();
    let get = PerFetch(|| Ok::<_, Infallible>(pool.borrow()));
    let table = Table::new(get, "t").key::<i64>(["id"]).unwrap();
    let mut chunks = change_after_two(table, || {
        let set = "UPDATE sqlite_stat1 SET stat = stat || ' unordered'";
        pool.borrow().execute_batch(set).unwrap();
        pool.replace(connect());
    });
    assert_eq!(rest(&mut chunks), Err(ErrorKind::NotSeekable));
}

#[test]
fn the_last_key_is_asked_of_the_schema_as_it_is() {
    let db = open(ITEMS);
    let mut table = by_id(&db);
    // Another walk over the source has proven the table.
    assert_eq!(Walk::new(&mut table).into_iter().count(), 4);
    db.execute_batch(NOT_UNIQUE).unwrap();
    let error = table.last_key(&keywalk::KeyRange::all(keywalk::Order::Ascending));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotUnique);
}
