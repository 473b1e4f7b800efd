//! The caller's code, called in the middle of a fetch or between two: it uses the connection that it is
//! called from, or panics. Nothing is held, and no row is lost.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use keywalk::{ChunkSource, Order, ResumableSource, Walk};
use keywalk_sqlite::{Error, ErrorKind, FromRow, PerFetch, Table};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::db::{ORDERS, assert_free, by_id, integers, keys, open, open_file, query, walked};

const TWO_TABLES: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); CREATE TABLE log (id INTEGER PRIMARY KEY, t INT);
     CREATE TABLE u (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
     INSERT INTO t VALUES (1, 3), (2, 1), (3, 2), (4, 0), (5, 4);
     INSERT INTO u SELECT x.id, y.id FROM t AS x, t AS y WHERE y.id <= x.v";

/// In these chunk sizes, both ways.
fn ways() -> impl Iterator<Item = (usize, Order)> {
    let sizes = [1, 2, 3, 7, 512].into_iter();
    sizes.flat_map(|size| ORDERS.map(|order| (size, order)))
}

fn in_order(first: i64, last: i64, order: Order) -> Vec<i64> {
    match order {
        Order::Ascending => (first..=last).collect(),
        Order::Descending => (first..=last).rev().collect(),
    }
}

#[test]
fn a_closure_that_walks_the_same_or_another_table_gets_its_rows_and_disturbs_nothing() {
    let db = open(TWO_TABLES);
    for (size, order) in ways() {
        let table = by_id(&db).map(|row| {
            let id: i64 = row.get("id")?;
            let v: i64 = row.get("v")?;
            let same = keys(Walk::new(by_id(&db)).chunk_size(size).order(order));
            let rest = keys(Walk::new(by_id(&db)).range(id..).chunk_size(2).descending());
            let children = Table::new(&db, "u").prefix_eq("a", id).expect("a column");
            let children = keys(Walk::new(children).chunk_size(size));
            let sql = "SELECT b FROM u WHERE a = ?1 AND b <> 0";
            let queried = keys(Walk::new(query::<i64>(&db, sql, [id], &["b"])).chunk_size(1));
            assert_eq!((same.len(), rest.len() as i64), (5, 6 - id));
            assert_eq!((children.len() as i64, queried.len() as i64), (v, v));
            // As late as this the row is still there.
            assert_eq!(row.get::<_, i64>("id")?, id);
            Ok(v)
        });
        let walk = Walk::new(table).chunk_size(size).order(order);
        let values: Vec<i64> = walk.into_iter().map(|item| item.unwrap().1).collect();
        let mut expected = integers(&db, "SELECT v FROM t ORDER BY id");
        if order == Order::Descending {
            expected.reverse();
        }
        assert_eq!(values, expected, "chunks of {size}");
        assert!(!db.is_busy());
    }
}

/// What it appends lies behind the bound, or isn't there in the end; transactions of its own it ends, also
/// such as the walk stands in.
#[test]
fn a_closure_may_write_and_begin_and_end_transactions() {
    let log = "INSERT INTO log (t) VALUES (?1)";
    for (sql, left) in [
        (log, 5),
        (
            "INSERT INTO t (v) VALUES (?1); UPDATE t SET v = -1 WHERE id > ?1; DELETE FROM t WHERE id = ?1",
            0,
        ),
        ("BEGIN; DELETE FROM t; ROLLBACK", 5),
        ("BEGIN; INSERT INTO log (t) VALUES (?1); COMMIT", 5),
        ("SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; RELEASE s", 5),
    ] {
        for (size, order) in ways() {
            let db = open(TWO_TABLES);
            let table = by_id(&db).map(|row| {
                let id: i64 = row.get("id")?;
                db.execute_batch(&sql.replace("?1", &id.to_string()))
            });
            let items = Walk::new(table).chunk_size(size).order(order).items();
            let found: Vec<i64> = items.take(50).map(|item| item.unwrap().0).collect();
            let name = format!("{sql}, chunks of {size}, {order:?}");
            assert_eq!(found, in_order(1, 5, order), "{name}");
            let rows = integers(&db, "SELECT id FROM t WHERE id < 6");
            assert_eq!(rows.len(), left, "{name}");
            if sql.contains("log") {
                let logged = integers(&db, "SELECT t FROM log ORDER BY id");
                assert_eq!(logged, found, "{name}");
            }
            assert!(db.is_autocommit() && !db.is_busy(), "{name}");
        }
    }
}

#[test]
fn a_closure_that_empties_the_cache_of_statements_disturbs_nothing() {
    let db = open(TWO_TABLES);
    let table = by_id(&db).map(|row| {
        db.flush_prepared_statement_cache();
        db.set_prepared_statement_cache_capacity(0);
        row.get::<_, i64>("id")
    });
    assert_eq!(keys(Walk::new(table).chunk_size(2)), [1, 2, 3, 4, 5]);
}

/// Under a statement that is running SQLite refuses some things; that is the closure's error, and the
/// walk's, and nothing is lost.
#[test]
fn what_sqlite_refuses_to_a_closure_is_an_error_of_its_row() {
    for sql in [
        "VACUUM",
        "DROP TABLE t",
        "PRAGMA journal_mode = WAL; VACUUM",
        "nonsense",
    ] {
        for size in [1, 3, 512] {
            let db = open(TWO_TABLES);
            let table = by_id(&db).map(|row| match row.get::<_, i64>("id")? {
                4 => db.execute_batch(sql),
                _ => Ok(()),
            });
            let found = walked(Walk::new(table).chunk_size(size));
            let error = found.error.expect("it is refused").to_string();
            let said = "the row of table \"t\" with the key 4";
            assert!(error.contains(said), "{error}");
            assert!(!db.is_busy());
            let rest = keys(Walk::new(by_id(&db)).resume(found.cursor));
            assert_eq!([found.keys, rest].concat(), [1, 2, 3, 4, 5], "{sql}");
        }
    }
}

#[test]
fn a_walk_in_the_callers_transaction_leaves_that_open() {
    let db = open(TWO_TABLES);
    db.execute_batch("BEGIN; INSERT INTO t VALUES (6, 0)")
        .unwrap();
    assert_eq!(keys(Walk::new(by_id(&db)).chunk_size(3)).len(), 6);
    assert!(!db.is_autocommit() && !db.is_busy());
    db.execute_batch("ROLLBACK").unwrap();
    assert_eq!(keys(Walk::new(by_id(&db)).chunk_size(3)).len(), 5);
}

const TEN: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
        INSERT INTO t SELECT i, i FROM n";

thread_local! {
    /// At which id decoding panics.
    static FAULT: Cell<i64> = const { Cell::new(0) };
}

fn decode(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    let id = row.get("id")?;
    assert_ne!(id, FAULT.get(), "the decoding panics");
    Ok(id)
}

struct Item;

impl FromRow for Item {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        decode(row).map(|_| Item)
    }
}

/// Walks up to where decoding panics; then by the same walk, and by a new one from its cursor.
fn panics<S, T>(db: &Connection, other: &Connection, source: impl Fn() -> S)
where
    S: ChunkSource<Key = i64, Item = (i64, T), Error = Error>,
{
    for (fault, (size, order)) in (1..=10).flat_map(|fault| ways().map(move |way| (fault, way))) {
        let ends = |seen: &[i64], cursor, rest: Vec<i64>| {
            let resumed = keys(Walk::new(by_id(db)).chunk_size(2).resume(cursor));
            for rest in [resumed, rest] {
                let all = [seen, &rest].concat();
                assert_eq!(all, in_order(1, 10, order), "at {fault}, chunks of {size}");
            }
        };
        let walk = || Walk::new(source()).chunk_size(size).order(order);

        FAULT.set(fault);
        let mut items = walk().items();
        let mut seen = Vec::new();
        while let Ok(item) = catch_unwind(AssertUnwindSafe(|| items.next())) {
            seen.push(item.expect("it panics before the end").expect("no error").0);
        }
        assert_free(db, other);
        FAULT.set(0);
        let cursor = items.cursor();
        let rest = items.map(|item| item.expect("no error").0);
        ends(&seen, cursor, rest.collect());

        FAULT.set(fault);
        let mut chunks = walk().chunks();
        let mut next = || {
            let next = catch_unwind(AssertUnwindSafe(|| {
                let items = chunks.next().expect("no error").unwrap_or_default();
                items.iter().map(|item| item.0).collect::<Vec<_>>()
            }));
            next.map_err(|_| chunks.cursor())
        };
        let mut seen = Vec::new();
        let cursor = loop {
            match next() {
                Ok(keys) => seen.extend(keys),
                Err(cursor) => break cursor,
            }
        };
        assert_free(db, other);
        FAULT.set(0);
        let mut rest = Vec::new();
        while let Ok(keys) = next()
            && !keys.is_empty()
        {
            rest.extend(keys);
        }
        ends(&seen, cursor, rest);
    }
}

#[test]
fn a_panic_while_a_row_is_decoded_holds_nothing_and_loses_nothing() {
    let (_dir, db, other) = open_file(TEN);
    panics(&db, &other, || by_id(&db).map(decode));
    panics(&db, &other, || by_id(&db).decode::<Item>());
    panics(&db, &other, || {
        by_id(&db).map_into(|row, item: &mut i64| {
            *item = -1;
            *item = decode(row)?;
            Ok(())
        })
    });
}

#[test]
fn a_panic_in_a_function_that_sqlite_calls_is_an_error_and_poisons_nothing() {
    let (_dir, db, other) = open_file(TEN);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for (size, order) in ways() {
        db.create_scalar_function("own", 1, flags, |context| {
            assert_ne!(context.get::<i64>(0)?, 8, "the function panics");
            Ok(true)
        })
        .unwrap();
        let filtered = || by_id(&db).filter("own(id)", []).unwrap();
        let found = walked(
            Walk::new(filtered())
                .chunk_size(size)
                .order(order)
                .unbounded(),
        );
        let error = found.error.expect("there is an error before the end");
        assert!(error.to_string().contains("table \"t\""), "{error}");
        assert_free(&db, &other);
        db.create_scalar_function("own", 1, flags, |_| Ok(true))
            .unwrap();
        let rest = keys(Walk::new(filtered()).resume(found.cursor));
        let all = [found.keys, rest].concat();
        assert_eq!(all, in_order(1, 10, order), "chunks of {size}");
    }
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
    S: ChunkSource<Key = i64, Item = (i64, T), Error = Error> + ResumableSource,
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
    let walk = Walk::new(items.into_source()).resume_token(&token);
    ids.extend(keys(walk.expect("it is its own")));
    assert_eq!(ids, in_order(1, 10, Order::Ascending));
}

#[test]
fn a_pool_has_its_connection_back_after_each_fetch() {
    let pool = Mutex::new(open(TEN));
    let get = PerFetch(|| pool.try_lock().map_err(|_| Taken));
    let table = || Table::new(&get, "t").key::<i64>(["id"]).unwrap();
    assert_eq!(table().count().unwrap(), 10);
    walk_over_a_pool(&pool, table());
    walk_over_a_pool(&pool, table().filter("v <> ?", [0]).unwrap());
    let query = keywalk_sqlite::Query::new(&get, "SELECT id FROM t", []).unwrap();
    let query = query.key::<i64>(["id"]).unwrap();
    assert_eq!(query.count().unwrap(), 10);
    walk_over_a_pool(&pool, query);
}
