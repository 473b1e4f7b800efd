//! The caller panics or goes away: nothing is held, and the cursor stands where the last item was handed
//! out.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use keywalk::{ChunkSource, Cursor, Order, Walk};
use keywalk_sqlite::{Error, FromRow, Table};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use tempfile::TempDir;

use crate::walked::{ORDERS, assert_free, keys, open_file};

const ROWS: i64 = 10;

fn ten() -> (TempDir, Connection, Connection) {
    open_file(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
             INSERT INTO t SELECT i, i FROM n",
    )
}

fn by_id(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t").key(["id"]).expect("it is the key")
}

fn all(order: Order) -> Vec<i64> {
    match order {
        Order::Ascending => (1..=ROWS).collect(),
        Order::Descending => (1..=ROWS).rev().collect(),
    }
}

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
fn check<S, T>(db: &Connection, other: &Connection, source: impl Fn() -> S)
where
    S: ChunkSource<Key = i64, Item = (i64, T), Error = Error>,
{
    for fault in 1..=ROWS {
        for (size, order) in [1, 3, 7, 512]
            .into_iter()
            .flat_map(|size| ORDERS.map(|o| (size, o)))
        {
            let walk = || Walk::new(source()).chunk_size(size).order(order);
            let ends = |before: &[i64], cursor: Cursor<i64>, rest: Vec<i64>| {
                let resumed = keys(Walk::new(by_id(db)).chunk_size(2).resume(cursor));
                for rest in [resumed, rest] {
                    let found = [before, rest.as_slice()].concat();
                    assert_eq!(found, all(order), "at {fault}, chunks of {size}");
                }
            };

            FAULT.set(fault);
            let mut items = walk().items();
            let mut seen = Vec::new();
            while let Ok(item) = catch_unwind(AssertUnwindSafe(|| items.next())) {
                seen.push(item.expect("it panics before the end").expect("no error").0);
            }
            assert_free(db, other);
            FAULT.set(0);
            let cursor = items.cursor();
            ends(
                &seen,
                cursor,
                items.map(|item| item.expect("no error").0).collect(),
            );

            FAULT.set(fault);
            let mut chunks = walk().chunks();
            let mut next = || {
                let next = catch_unwind(AssertUnwindSafe(|| {
                    let items = chunks.next().expect("no error")?;
                    Some(items.iter().map(|item| item.0).collect::<Vec<_>>())
                }));
                next.map_err(|_| chunks.cursor())
            };
            let mut seen = Vec::new();
            let cursor = loop {
                match next() {
                    Ok(keys) => seen.extend(keys.expect("it panics before the end")),
                    Err(cursor) => break cursor,
                }
            };
            assert_free(db, other);
            FAULT.set(0);
            let mut rest = Vec::new();
            while let Ok(Some(keys)) = next() {
                rest.extend(keys);
            }
            ends(&seen, cursor, rest);
        }
    }
}

#[test]
fn a_panic_in_a_closure_that_maps_holds_nothing_and_loses_nothing() {
    let (_dir, db, other) = ten();
    check(&db, &other, || by_id(&db).map(decode));
}

#[test]
fn a_panic_in_a_closure_that_fills_holds_nothing_and_loses_nothing() {
    let (_dir, db, other) = ten();
    check(&db, &other, || {
        by_id(&db).fill(|row, item: &mut i64| {
            *item = -1;
            *item = decode(row)?;
            Ok(())
        })
    });
}

#[test]
fn a_panic_in_a_type_that_decodes_itself_holds_nothing_and_loses_nothing() {
    let (_dir, db, other) = ten();
    check(&db, &other, || by_id(&db).decode::<Item>());
}

#[test]
fn a_panic_in_the_loops_body_holds_nothing_and_the_cursor_is_past_the_item() {
    let (_dir, db, other) = ten();
    for fault in 1..=ROWS {
        for size in [1, 3, 7, 512] {
            let mut items = Walk::new(by_id(&db)).chunk_size(size).items();
            let mut seen = Vec::new();
            let body = AssertUnwindSafe(|| {
                for item in items.by_ref() {
                    seen.push(item.expect("no error").0);
                    assert_ne!(seen.len() as i64, fault, "the body panics");
                }
            });
            assert!(catch_unwind(body).is_err());
            assert_free(&db, &other);
            let rest = keys(Walk::new(by_id(&db)).resume(items.cursor()));
            assert_eq!([seen.clone(), rest].concat(), all(Order::Ascending));
            seen.extend(items.map(|item| item.expect("no error").0));
            assert_eq!(seen, all(Order::Ascending));

            let mut chunks = Walk::new(by_id(&db)).chunk_size(size).chunks();
            let mut seen = Vec::new();
            let body = AssertUnwindSafe(|| {
                while let Some(items) = chunks.next().expect("no error") {
                    for (key, _) in items {
                        seen.push(*key);
                    }
                    assert!((seen.len() as i64) < fault, "the body panics");
                }
            });
            assert!(catch_unwind(body).is_err());
            assert_free(&db, &other);
            let rest = keys(Walk::new(by_id(&db)).resume(chunks.cursor()));
            assert_eq!([seen, rest].concat(), all(Order::Ascending));
        }
    }
}

/// After every number of items, in the middle of a chunk, after the end, and after an error.
#[test]
fn a_walk_that_is_dropped_or_forgotten_at_any_point_holds_nothing() {
    let (_dir, db, other) = ten();
    let failing = || {
        by_id(&db).map(|row| match row.get::<_, i64>("id")? {
            8 => row.get::<_, String>("id"),
            id => Ok(id.to_string()),
        })
    };
    for taken in 0..=12 {
        for (size, order) in (1..=7).flat_map(|size| ORDERS.map(|order| (size, order))) {
            for live in [false, true] {
                let walk = Walk::new(failing()).chunk_size(size).order(order);
                let mut items = if live { walk.live() } else { walk }.items();
                assert!(items.by_ref().take(taken).count() <= taken);
                assert_free(&db, &other);
                drop(items);
                assert_free(&db, &other);

                let mut chunks = Walk::new(failing()).chunk_size(size).order(order).chunks();
                for _ in 0..taken {
                    let _ = chunks.next().is_ok();
                }
                assert_free(&db, &other);
                std::mem::forget(chunks);
                assert_free(&db, &other);
            }
        }
    }
}

#[test]
fn a_panic_in_a_function_that_sqlite_calls_is_an_error_and_poisons_nothing() {
    let (_dir, db, other) = ten();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for (size, order) in [1, 3, 512]
        .into_iter()
        .flat_map(|size| ORDERS.map(|order| (size, order)))
    {
        db.create_scalar_function("own", 1, flags, |context| {
            let id: i64 = context.get(0)?;
            assert_ne!(id, 8, "the function panics");
            Ok(true)
        })
        .unwrap();
        let filtered = || by_id(&db).filter("own(id)", []).unwrap();
        let walk = Walk::new(filtered()).chunk_size(size).order(order).live();
        let mut items = walk.items();
        let mut seen = Vec::new();
        let error = loop {
            match items.next().expect("there is an error before the end") {
                Ok((id, _)) => seen.push(id),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("table \"t\""), "{error}");
        assert!(items.next().is_none());
        assert_free(&db, &other);
        db.create_scalar_function("own", 1, flags, |_| Ok(true))
            .unwrap();
        let rest = keys(Walk::new(filtered()).resume(items.cursor()));
        assert_eq!([seen, rest].concat(), all(order), "chunks of {size}");
    }
}

/// rusqlite catches it, and answers SQLite "go on" or "stop".
#[test]
fn a_panic_in_a_progress_handler_loses_nothing() {
    let (_dir, mut db, other) = ten();
    let armed = Arc::new(AtomicBool::new(false));
    let is_armed = Arc::clone(&armed);
    let handler = move || {
        assert!(!is_armed.load(Relaxed), "the handler panics");
        false
    };
    db.progress_handler(1, Some(handler)).unwrap();
    for size in [1, 3, 512] {
        let mut items = Walk::new(by_id(&db)).chunk_size(size).items();
        let mut seen = vec![items.next().unwrap().unwrap().0];
        armed.store(true, Relaxed);
        let before = items.by_ref().map_while(Result::ok);
        seen.extend(before.map(|item| item.0));
        armed.store(false, Relaxed);
        assert_free(&db, &other);
        seen.extend(keys(Walk::new(by_id(&db)).resume(items.cursor())));
        assert_eq!(seen, all(Order::Ascending), "chunks of {size}");
    }
}
