//! NOMEM: SQLite's heap is full. The limit is the process's, so this is a process of its own.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use keywalk::{ChunkSource, Items, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Table};
use rusqlite::{Connection, ErrorCode};

const ROWS: i64 = 600;

/// The limit counts what all connections use.
static ALONE: Mutex<()> = Mutex::new(());

/// Each row needs more memory than is kept at hand.
fn open(encoding: &str, data: &str) -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().expect("there is room");
    let db = Connection::open(dir.path().join("items.db")).expect("it opens");
    db.execute_batch(&format!(
        "PRAGMA encoding = '{encoding}'; PRAGMA synchronous = OFF;
         CREATE TABLE t (id INTEGER PRIMARY KEY, data);
         WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {ROWS})
             INSERT INTO t SELECT i, {data} FROM i;"
    ))
    .expect("the schema is valid");
    db.query_row("PRAGMA hard_heap_limit = 12000000", [], |_| Ok(()))
        .expect("SQLite takes it");
    (dir, db)
}

/// Takes what SQLite may still use, until even little isn't there.
fn take_all_memory() -> Connection {
    let hog = Connection::open_in_memory().expect("there is some");
    hog.execute_batch("PRAGMA page_size = 512; CREATE TABLE t (data)")
        .expect("there is some");
    for size in [1_000_000, 100_000, 10_000, 1000, 100, 1] {
        let take = "INSERT INTO t VALUES (zeroblob(?1))";
        while hog.execute(take, [size]).is_ok() {}
    }
    hog
}

/// The rest from where the walk stood, once there is memory.
fn rest<S, T>(items: Items<S>) -> impl Iterator<Item = i64>
where
    S: ChunkSource<Key = i64, Item = (i64, T), Error = Error>,
{
    let cursor = items.cursor();
    let rest = Walk::new(items.into_source()).resume(cursor).items();
    rest.map(|item| item.expect("there is memory").0)
}

/// The memory is taken and given back, since SQL can only lower the limit.
#[test]
fn a_fetch_without_memory_is_an_error_until_there_is_some() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_dir, db) = open("UTF-8", "zeroblob(20000)");
    let mut failed = 0;
    let up: Vec<i64> = (1..=ROWS).collect();
    let down = up.iter().copied().rev().collect();
    for (order, keys) in [(Order::Ascending, up), (Order::Descending, down)] {
        let sizes = [1, 2, 3, 7, 512].into_iter();
        for (size, taken) in sizes.flat_map(|size| [0, 1, 300, 513].map(|taken| (size, taken))) {
            let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
            let table = table.map(|row| Ok(row.get_ref("data")?.as_blob()?.len()));
            let mut items = Walk::new(table).chunk_size(size).order(order).items();
            let mut seen: Vec<i64> = items.by_ref().take(taken).map(|i| i.unwrap().0).collect();
            let hog = take_all_memory();
            let fetched = seen.len() + items.size_hint().0;
            let error = items
                .by_ref()
                .find_map(|item| item.map(|item| seen.push(item.0)).err());
            let what = format!("{taken} rows in chunks of {size}, {order:?}");
            if let Some(keywalk::Error::Source(error)) = &error {
                failed += 1;
                let code = error
                    .sqlite_error()
                    .and_then(rusqlite::Error::sqlite_error_code);
                assert_eq!(code, Some(ErrorCode::OutOfMemory), "{what}");
                assert_eq!(error.kind(), ErrorKind::OutOfMemory);
                assert!(error.to_string().contains("no memory left"), "{error}");
            } else {
                assert!(error.is_none() && seen == keys, "{what}: {error:?}");
            }
            assert_eq!(seen, keys[..fetched], "{what}");
            assert!(items.next().is_none() && items.next().is_none(), "{what}");
            assert!(!db.is_busy() && db.is_autocommit(), "{what}");

            drop(hog);
            seen.extend(rest(items));
            assert_eq!(seen, keys, "{what}");
        }
    }
    // At 513 of 600 rows there is nothing left to fetch for a walk by 512.
    assert_eq!(failed, 38);
}

/// Text that isn't stored as UTF-8 is converted when it is read, which takes memory. Where there is
/// none rusqlite 0.42 panics, instead of failing; the walk then stands where it stood.
#[test]
fn a_text_that_there_is_no_memory_to_convert_is_no_end_and_holds_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (_dir, db) = open("UTF-16", "printf('%.*c', 20000, 'x')");
    let hog = RefCell::new(None);
    let is_short = Cell::new(true);
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap().map(|row| {
        if row.get::<_, i64>("id")? == 12 && is_short.get() {
            *hog.borrow_mut() = Some(take_all_memory());
        }
        Ok(row.get_ref("data")?.as_str()?.len())
    });
    let mut items = Walk::new(table).chunk_size(5).items();
    let mut seen: Vec<i64> = items.by_ref().take(10).map(|i| i.unwrap().0).collect();
    let next = catch_unwind(AssertUnwindSafe(|| items.next()));
    assert!(!matches!(next, Ok(None | Some(Ok(_)))), "{next:?}");
    assert!(!db.is_busy() && db.is_autocommit());

    is_short.set(false);
    hog.take();
    seen.extend(rest(items));
    assert_eq!(seen, (1..=ROWS).collect::<Vec<_>>());
}
