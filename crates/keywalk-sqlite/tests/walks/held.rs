//! G14: between two fetches nothing is held, so one connection can be used for anything.

use std::path::Path;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use keywalk::{DurableSource, Walk};
use keywalk_sqlite::{Error, ErrorKind, PerFetch, Query, Table};
use rusqlite::Connection;
use tempfile::TempDir;

/// A file of 20 rows in this journal mode, and a connection that doesn't wait for locks.
pub(crate) fn file(journal_mode: &str) -> (TempDir, Connection) {
    let dir = tempfile::tempdir().expect("there is room");
    let db = connect(dir.path());
    db.pragma_update(None, "journal_mode", journal_mode)
        .expect("SQLite knows it");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INT NOT NULL UNIQUE);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
             INSERT INTO t SELECT i, 'name ' || i, -i FROM n;",
    )
    .expect("the schema is valid");
    (dir, db)
}

pub(crate) fn connect(dir: &Path) -> Connection {
    let db = Connection::open(dir.join("items.db")).expect("it opens");
    db.busy_timeout(Duration::ZERO).expect("SQLite takes it");
    db
}

pub(crate) fn by_id(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t").key(["id"]).expect("it is the key")
}

/// Does something between every two fetches, by chunks, and after every item, by items.
fn between_fetches(db: &Connection, mut act: impl FnMut(&Connection, i64)) {
    let filtered = || {
        by_id(db)
            .filter("name <> ?", ["none"])
            .expect("the filter fits")
    };
    for table in [by_id(db), filtered()] {
        let mut chunks = Walk::new(table).chunk_size(3).chunks();
        let mut seen = 0;
        while let Some(items) = chunks.next().expect("the walk goes on") {
            seen += items.len();
            let last = items[items.len() - 1].0;
            assert!(
                !db.is_busy() && db.is_autocommit(),
                "nothing is held after {last}"
            );
            act(db, last);
        }
        assert_eq!(seen, 20);
    }
    let mut expected = 0;
    for item in Walk::new(filtered()).chunk_size(3) {
        let (id, _) = item.expect("the walk goes on");
        expected += 1;
        assert_eq!(id, expected);
        assert!(!db.is_busy(), "nothing is held after {id}");
        act(db, id);
    }
    assert_eq!(expected, 20);
}

#[test]
fn one_connection_writes_between_fetches_without_wal() {
    let (_dir, db) = file("DELETE");
    between_fetches(&db, |db, id| {
        db.execute("UPDATE t SET name = 'changed' WHERE id <= ?1", [id])
            .unwrap();
        db.execute_batch("BEGIN; UPDATE t SET name = 'again' WHERE id = 1; COMMIT")
            .unwrap();
    });
}

#[test]
fn another_connection_writes_between_fetches_without_wal() {
    let (dir, db) = file("DELETE");
    let other = connect(dir.path());
    between_fetches(&db, |_, id| {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
            .execute("UPDATE t SET name = 'changed' WHERE id = ?1", [id])
            .unwrap();
        other
            .execute_batch("COMMIT; BEGIN EXCLUSIVE; COMMIT")
            .unwrap();
    });
}

#[test]
fn the_whole_wal_is_checkpointed_between_fetches() {
    let (dir, db) = file("WAL");
    let other = connect(dir.path());
    between_fetches(&db, |_, id| {
        other
            .execute("UPDATE t SET name = 'changed' WHERE id = ?1", [id])
            .unwrap();
        let busy: i64 = other
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(busy, 0, "no reader pins the WAL");
        let wal = std::fs::metadata(dir.path().join("items.db-wal")).unwrap();
        assert_eq!(wal.len(), 0);
    });
}

#[test]
fn vacuum_reindex_and_analyze_run_between_fetches() {
    for mode in ["DELETE", "WAL"] {
        let (_dir, db) = file(mode);
        between_fetches(&db, |db, _| db.execute_batch("VACUUM; REINDEX").unwrap());
    }
    let (_dir, db) = file("WAL");
    between_fetches(&db, |db, _| db.execute_batch("ANALYZE").unwrap());
}

#[test]
fn the_schema_changes_between_fetches() {
    let (_dir, db) = file("DELETE");
    let mut step = 0;
    between_fetches(&db, |db, _| {
        step += 1;
        db.execute_batch(&format!(
            "ALTER TABLE t ADD COLUMN new{step} INT NOT NULL DEFAULT 100; CREATE TABLE u{step} (x);
             CREATE INDEX i{step} ON t (name, id)"
        ))
        .unwrap();
    });
}

#[test]
fn two_walks_over_one_connection_do_not_disturb_each_other() {
    let (_dir, db) = file("DELETE");
    let mut same = Walk::new(by_id(&db)).chunk_size(3).into_iter();
    let mut again = Walk::new(by_id(&db)).chunk_size(3).into_iter();
    let mut down = Walk::new(by_id(&db)).chunk_size(2).descending().into_iter();
    let by_n = Table::new(&db, "t").key::<i64>(["n"]).unwrap();
    let mut by_n = Walk::new(by_n).chunk_size(5).into_iter();
    for id in 1..=20 {
        assert_eq!(same.next().unwrap().unwrap().0, id);
        assert_eq!(again.next().unwrap().unwrap().0, id);
        assert_eq!(down.next().unwrap().unwrap().0, 21 - id);
        assert_eq!(by_n.next().unwrap().unwrap().0, id - 21);
    }
    assert!(same.next().is_none() && again.next().is_none());
    assert!(down.next().is_none() && by_n.next().is_none());
}

#[test]
fn a_walk_within_a_walk_is_fine() {
    let (_dir, db) = file("DELETE");
    let pairs = Walk::new(by_id(&db))
        .chunk_size(7)
        .into_iter()
        .map(|outer| {
            let (outer, _) = outer.unwrap();
            Walk::new(by_id(&db))
                .range(outer..)
                .chunk_size(3)
                .into_iter()
                .map(Result::unwrap)
                .count()
        });
    assert_eq!(pairs.sum::<usize>(), 20 * 21 / 2);
}

#[test]
fn a_walk_in_the_callers_transaction_leaves_that_open() {
    let (_dir, db) = file("DELETE");
    db.execute_batch("BEGIN; INSERT INTO t VALUES (21, 'mine', 1)")
        .unwrap();
    assert_eq!(Walk::new(by_id(&db)).chunk_size(3).into_iter().count(), 21);
    assert!(!db.is_autocommit() && !db.is_busy());
    db.execute_batch("ROLLBACK").unwrap();
    assert_eq!(Walk::new(by_id(&db)).chunk_size(3).into_iter().count(), 20);
}

#[test]
fn a_table_that_owns_its_connection_is_send_and_walks_in_another_thread() {
    fn is_send<T: Send + 'static>(value: T) -> T {
        value
    }
    let (dir, db) = file("WAL");
    let table = Table::new(db, "t")
        .key::<i64>(["id"])
        .unwrap()
        .map(|row| row.get::<_, String>("name"));
    let mut items = is_send(Walk::new(is_send(table)).chunk_size(3).into_iter());
    assert_eq!(items.next().unwrap().unwrap().0, 1);
    let (ids, table) = std::thread::spawn(move || {
        let ids: Vec<i64> = items
            .by_ref()
            .take(10)
            .map(|item| item.unwrap().0)
            .collect();
        (ids, items)
    })
    .join()
    .unwrap();
    assert_eq!(ids, (2..=11).collect::<Vec<_>>());
    connect(dir.path())
        .execute_batch("BEGIN EXCLUSIVE; COMMIT")
        .unwrap();
    let source = table.into_source();
    source.connection().execute("DELETE FROM t", []).unwrap();
    assert_eq!(Walk::new(source).into_iter().count(), 0);
}

#[test]
fn a_connection_may_be_shared() {
    let (_dir, db) = file("DELETE");
    let db = Rc::new(db);
    let table = Table::new(Rc::clone(&db), "t").key::<i64>(["id"]).unwrap();
    assert_eq!(Walk::new(table).into_iter().count(), 20);
    assert!(!db.is_busy());
}

/// Why a pool of one connection has none to lend.
#[derive(Debug, PartialEq)]
struct Taken;

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is taken")
    }
}

impl std::error::Error for Taken {}

/// Walks by chunks of 3, and fails where the pool's only connection isn't back after a fetch, or is
/// taken twice in one.
fn walk_over_a_pool<T, S>(pool: &Mutex<Connection>, source: S)
where
    S: DurableSource<Key = i64, Item = (i64, T), Error = Error>,
{
    let mut items = Walk::new(source).chunk_size(3).items();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(items.next().expect("there is one").expect("it is fine").0);
        drop(pool.try_lock().expect("it is back"));
    }
    let token = items.token().expect("it has one");
    let taken = pool.lock().expect("no thread panicked");
    let error = items.find_map(Result::err).expect("none is lent");
    let keywalk::Error::Source(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), ErrorKind::NoConnection);
    assert!(error.is_transient());
    let source = std::error::Error::source(&error).expect("the pool's");
    assert_eq!(source.downcast_ref(), Some(&Taken));
    drop(taken);
    let walk = Walk::new(items.into_source())
        .resume_token(&token)
        .expect("it is its own");
    ids.extend(walk.into_iter().map(|item| item.expect("it is fine").0));
    assert_eq!(ids, (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_pool_has_its_connection_back_after_each_fetch() {
    let (_dir, db) = file("DELETE");
    let pool = Mutex::new(db);
    let get = PerFetch(|| pool.try_lock().map_err(|_| Taken));
    let table = || Table::new(&get, "t").key::<i64>(["id"]).unwrap();
    assert_eq!(table().count().unwrap(), 20);
    walk_over_a_pool(&pool, table());
    walk_over_a_pool(&pool, table().filter("name <> ?", ["none"]).unwrap());
    let query = Query::new(&get, "SELECT id FROM t", []).unwrap();
    let query = query.key::<i64>(["id"]).unwrap();
    assert_eq!(query.count().unwrap(), 20);
    walk_over_a_pool(&pool, query);
}

#[test]
fn a_walk_may_be_dropped_at_any_point() {
    let (dir, db) = file("DELETE");
    let other = connect(dir.path());
    for size in [1, 3, 512] {
        for taken in 0..=21 {
            let mut items = Walk::new(by_id(&db)).chunk_size(size).into_iter();
            assert_eq!(items.by_ref().take(taken).count(), taken.min(20));
            drop(items);
            assert!(!db.is_busy());
            other.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
        }
    }
}
