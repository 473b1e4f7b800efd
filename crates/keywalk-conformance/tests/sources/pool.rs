//! Checks which tables a pool gives again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use keywalk_conformance::{Pool, Pooled};

use crate::store::lock;

/// A table's number and its rows. A row 13 can't be deleted.
type Table = (usize, Mutex<Vec<u64>>);

fn open() -> Pooled<Table> {
    static TABLES: Pool<Table> = Pool::new();
    static CREATED: AtomicUsize = AtomicUsize::new(1);
    let create = || Ok((CREATED.fetch_add(1, SeqCst), Mutex::default()));
    let empty = |(_, rows): &Table| {
        let mut rows = lock(rows);
        rows.retain(|row| *row == 13);
        let is_empty = rows.is_empty().then_some(());
        is_empty.ok_or("a row can't be deleted")
    };
    TABLES.take(create, empty).expect("it can be created")
}

#[test]
fn a_table_goes_round_emptied_unless_emptying_failed_or_its_thread_panicked() {
    let (first, second) = (open(), open());
    assert_eq!((first.0, second.0), (1, 2));
    lock(&first.1).push(7);
    lock(&second.1).push(13);
    drop((first, second));
    // The second one came last, is tried first, and isn't emptied.
    let again = open();
    assert_eq!((again.0, lock(&again.1).len()), (1, 0));
    drop(again);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _table = open();
        panic!("as a source may");
    }));
    assert!(panicked.is_err());
    assert_eq!(open().0, 3);
}
