//! Rows past a walk's range may be read, and may be bad.

use std::cmp::Reverse;

use keywalk::{Order, Walk};
use keywalk_sqlite::Table;

use crate::db::open;

/// The union of searches for mixed directions, and any query, end by looking at a row too many.
#[test]
fn a_bad_row_past_the_range_does_not_matter() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC));
         INSERT INTO t VALUES (1, 1), (2, 2), (3, 'x')",
    );
    let table = Table::new(&db, "t")
        .key::<(i64, Reverse<i64>)>(["a", "b"])
        .unwrap();
    let walk = Walk::new(table).range(..=(2, Reverse(0))).live();
    let found: Vec<Result<_, _>> = walk
        .into_iter()
        .take(3)
        .map(|item| item.map(|item| item.0))
        .collect();
    assert_eq!(
        found.iter().filter(|item| item.is_ok()).count(),
        2,
        "{found:?}"
    );
    assert_eq!(found.len(), 2);
}

/// Where keys are compared as they are read, a row past the range is read too, and its key may be none.
#[test]
fn a_bad_row_past_the_range_does_not_matter_and_one_in_it_does() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL UNIQUE);
         INSERT INTO t VALUES (-0.5), (0), (1), (2), (2.5), (4)",
    );
    let found = |range: std::ops::RangeInclusive<i64>, order, chunk_size| {
        let table = Table::new(&db, "t").key::<i64>(["a"]).unwrap();
        let walk = Walk::new(table).range(range).order(order).live();
        walk.chunk_size(chunk_size)
            .into_iter()
            .map(|item| item.map(|(key, _)| key).ok())
            .collect::<Vec<_>>()
    };
    for chunk_size in [1, 2, 3, 100] {
        let (up, down) = (Order::Ascending, Order::Descending);
        assert_eq!(found(0..=2, up, chunk_size), [Some(0), Some(1), Some(2)]);
        assert_eq!(found(0..=2, down, chunk_size), [Some(2), Some(1), Some(0)]);
        for (range, order) in [(0..=3, up), (-1..=2, down)] {
            let found = found(range, order, chunk_size);
            assert_eq!(
                found.last(),
                Some(&None),
                "{order:?}, chunks of {chunk_size}: {found:?}"
            );
        }
    }
}
