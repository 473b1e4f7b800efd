//! Right programs, each beside the events that make it look wrong.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, RwLock};

use keywalk::{KeyRange, Order, Walk};
use keywalk_conformance::history::{Change, Visits};
use keywalk_conformance::{BoxError, Edit, Schedule};
use keywalk_memory::SharedMap;

fn ascending(bounds: impl std::ops::RangeBounds<i64>) -> Visits<i64> {
    Visits::over(KeyRange::new(bounds, Order::Ascending))
}

#[test]
fn a_walk_that_begins_anew_after_an_excluded_start_has_a_new_end() {
    let rows = Arc::new(RwLock::new(BTreeMap::new()));
    let write = |key: &i64, change| -> Result<(), BoxError> {
        let mut rows = rows.write().map_err(|error| error.to_string())?;
        match change {
            Change::Put(value) => rows.insert(*key, value),
            Change::Delete => rows.remove(key),
        };
        Ok(())
    };
    // Two questions for the last key, a page, and 1; then 3 comes.
    let schedule = Schedule::new([1, 2, 3])
        .initially([1, 2])
        .turn([])
        .turn([])
        .turn([])
        .turn([Edit::Append])
        .kill(4);
    let run = schedule.run(
        ascending((Excluded(0), Unbounded)).bounded(),
        write,
        |meanwhile| -> Result<(), BoxError> {
            let source = meanwhile.interleave(SharedMap::new(Arc::clone(&rows)));
            let walk = Walk::new(source).range((Excluded(0), Unbounded));
            for item in walk.chunk_size(2) {
                let (key, value) = item?;
                meanwhile.visit(&key, value);
            }
            Ok(())
        },
    );
    run.expect("3 is there when the second run begins");
}
