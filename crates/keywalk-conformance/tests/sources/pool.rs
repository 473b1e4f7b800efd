//! Checks which tables a pool gives again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use keywalk_conformance::{Pool, Pooled};

/// A table's number and its rows. A row 13 can't be deleted.
type Table = (usize, Mutex<Vec<u64>>);

static TABLES: Pool<Table> = Pool::new();
static CREATED: Mutex<usize> = Mutex::new(0);

fn open() -> Pooled<Table> {
    let create = || {
        let mut created = CREATED.lock().map_err(|_| "broken")?;
        *created += 1;
        Ok((*created, Mutex::default()))
    };
    let empty = |(_, rows): &Table| {
        let mut rows = rows.lock().map_err(|_| "broken")?;
        rows.retain(|row| *row == 13);
        rows.is_empty()
            .then_some(())
            .ok_or("a row can't be deleted")
    };
    TABLES.take(create, empty).expect("it can be created")
}

#[test]
fn a_table_goes_round_emptied_unless_emptying_failed_or_its_thread_panicked() {
    let (first, second) = (open(), open());
    assert_eq!((first.0, second.0), (1, 2));
    first.1.lock().unwrap().push(7);
    second.1.lock().unwrap().push(13);
    drop((first, second));
    // The second one came last, is tried first, and isn't emptied.
    let again = open();
    assert_eq!((again.0, again.1.lock().unwrap().len()), (1, 0));
    drop(again);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _table = open();
        panic!("as a source may");
    }));
    assert!(panicked.is_err());
    assert_eq!(open().0, 3);
}
