//! G14: a panic while a row is decoded goes on to the caller; nothing is held, and the walk can go on.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keywalk::{Cursor, Walk};
use keywalk_sqlite::{Decode, Table};
use rusqlite::Connection;

use crate::held::{by_id, connect, file};

/// Panics at the row 8, as long as `armed`.
fn armed<'db>(
    db: &'db Connection,
    armed: &'db Cell<bool>,
) -> Table<&'db Connection, i64, impl Decode<Item = i64>> {
    by_id(db).map(|row| {
        let id = row.get("id")?;
        assert!(id != 8 || !armed.get(), "armed");
        Ok(id)
    })
}

#[test]
fn a_panic_while_decoding_holds_nothing_and_the_walk_goes_on() {
    let (dir, db) = file("DELETE");
    let other = connect(dir.path());
    for size in [1, 3, 512] {
        let panics = Cell::new(true);
        let mut chunks = Walk::new(armed(&db, &panics)).chunk_size(size).chunks();
        let mut seen: Vec<i64> = Vec::new();
        while let Ok(items) = catch_unwind(AssertUnwindSafe(|| {
            chunks
                .next()
                .expect("the walk goes on")
                .map(|items| items.to_vec())
        })) {
            seen.extend(
                items
                    .expect("it panics before the end")
                    .iter()
                    .map(|item| item.1),
            );
        }
        assert_eq!(seen.len(), 7 / size * size);
        assert!(!db.is_busy() && db.is_autocommit());
        other.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();

        panics.set(false);
        let cursor: Cursor<i64> = chunks.cursor();
        let resumed = Walk::new(by_id(&db)).resume(cursor);
        assert_eq!(
            resumed.into_iter().count(),
            20 - seen.len(),
            "chunks of {size}"
        );
        while let Some(items) = chunks.next().unwrap() {
            seen.extend(items.iter().map(|item| item.1));
        }
        assert_eq!(seen, (1..=20).collect::<Vec<_>>(), "chunks of {size}");
    }
}

#[test]
fn an_iterator_goes_on_after_a_panic_while_decoding() {
    let (_dir, db) = file("DELETE");
    for size in [1, 3, 512] {
        let panics = Cell::new(true);
        let mut items = Walk::new(armed(&db, &panics)).chunk_size(size).into_iter();
        let mut seen = Vec::new();
        while let Ok(item) = catch_unwind(AssertUnwindSafe(|| items.next())) {
            seen.push(item.unwrap().unwrap().1);
        }
        panics.set(false);
        seen.extend(items.map(|item| item.unwrap().1));
        assert_eq!(seen, (1..=20).collect::<Vec<_>>(), "chunks of {size}");
    }
}
