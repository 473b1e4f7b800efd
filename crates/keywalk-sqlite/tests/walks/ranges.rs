//! G6: a walk stays within its range, whatever the bounds, the key and the order.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sqlite::{AnyKey, Collated, Error, ErrorKind, Key, Query, Table};
use rusqlite::Connection;

use crate::db::open;

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

fn keys<S, K, T>(walk: Walk<S>) -> Vec<K>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    walk.into_iter()
        .map(|item| item.expect("the walk goes on").0)
        .collect()
}

fn bounds<K: Clone>(key: &K) -> [Bound<K>; 3] {
    [
        Bound::Unbounded,
        Bound::Included(key.clone()),
        Bound::Excluded(key.clone()),
    ]
}

/// Every pair of bounds of every kind that stand at keys of the table: inverted ones too.
fn check<S, K: Key + Debug, T>(mut source: S)
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    let all = keys(Walk::new(&mut source));
    assert!(all.len() >= 4, "there is something to walk");
    for (i, low) in all.iter().enumerate() {
        for (j, high) in all.iter().enumerate() {
            for lower in bounds(low) {
                for upper in bounds(high) {
                    let start = match lower {
                        Bound::Unbounded => 0,
                        Bound::Included(_) => i,
                        Bound::Excluded(_) => i + 1,
                    };
                    let end = match upper {
                        Bound::Unbounded => all.len(),
                        Bound::Included(_) => j + 1,
                        Bound::Excluded(_) => j,
                    };
                    let mut expected = all[start..end.max(start)].to_vec();
                    for order in ORDERS {
                        for live in [false, true] {
                            let range = (lower.clone(), upper.clone());
                            let walk = Walk::new(&mut source)
                                .range(range)
                                .order(order)
                                .chunk_size(2);
                            let found = keys(if live { walk.live() } else { walk });
                            assert_eq!(found, expected, "{lower:?} to {upper:?}, {order:?}");
                        }
                        expected.reverse();
                    }
                }
            }
        }
    }
}

const PAIRS: &str = "INSERT INTO t VALUES (1, 1), (1, 3), (2, 2), (3, 1), (3, 2)";

fn pairs(key: &str) -> Connection {
    let db = open(&format!(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, {key})"
    ));
    db.execute_batch(PAIRS).expect("the rows fit");
    db
}

#[test]
fn ranges_of_a_single_column_hold_what_lies_between_their_bounds() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, f TEXT NOT NULL UNIQUE COLLATE NOCASE);
         INSERT INTO t VALUES (-5, 'é', 'a'), (0, '', 'B'), (7, 'a', 'c'), (8, 'A', 'D')",
    );
    let table = || Table::new(&db, "t");
    check(table().key::<i64>(["id"]).unwrap());
    check(table().key::<Reverse<i64>>(["id"]).unwrap());
    check(table().key::<String>(["name"]).unwrap());
    check(table().key::<Reverse<String>>(["name"]).unwrap());
    check(table());
    check(
        Query::new(&db, "SELECT name AS n FROM t", [])
            .unwrap()
            .key::<String>(["n"])
            .unwrap(),
    );
    check(
        Query::new(&db, "SELECT id FROM t", [])
            .unwrap()
            .key::<Reverse<i64>>(["id"])
            .unwrap(),
    );
}

#[test]
fn ranges_of_a_composite_key_are_lexicographic() {
    let db = pairs("PRIMARY KEY (a, b)");
    let table = || Table::new(&db, "t");
    check(table().key::<(i64, i64)>(["a", "b"]).unwrap());
    check(
        table()
            .key::<(Reverse<i64>, Reverse<i64>)>(["a", "b"])
            .unwrap(),
    );
    check(table());
    check(
        Query::new(&db, "SELECT * FROM t", [])
            .unwrap()
            .key::<(i64, i64)>(["a", "b"])
            .unwrap(),
    );
}

#[test]
fn ranges_of_columns_in_different_directions_hold_what_lies_between() {
    for key in ["PRIMARY KEY (a, b DESC)", "PRIMARY KEY (a DESC, b)"] {
        let db = pairs(key);
        let table = || Table::new(&db, "t");
        check(table().key::<(i64, Reverse<i64>)>(["a", "b"]).unwrap());
        check(table().key::<(Reverse<i64>, i64)>(["a", "b"]).unwrap());
        check(table());
        let query = Query::new(&db, "SELECT * FROM t", []).unwrap();
        check(query.key::<(i64, Reverse<i64>)>(["a", "b"]).unwrap());
    }
}

#[test]
fn ranges_over_an_index_and_the_rowid_behind_it_hold_what_lies_between() {
    let db =
        open("CREATE TABLE t (a INTEGER PRIMARY KEY, b INT NOT NULL); CREATE INDEX i ON t (b)");
    db.execute_batch("INSERT INTO t VALUES (1, 5), (2, 4), (3, 5), (4, 4), (5, 6)")
        .unwrap();
    check(Table::new(&db, "t").key::<(i64, i64)>(["b", "a"]).unwrap());
}

#[test]
fn ranges_within_a_prefix_and_with_a_filter_hold_what_lies_between() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, PRIMARY KEY (a, b DESC, c));
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 11)
             INSERT INTO t SELECT i % 2, i / 2 % 2, i / 4 FROM n",
    );
    let within = || Table::new(&db, "t").within("a", 1).unwrap();
    check(within());
    check(within().key::<(Reverse<i64>, i64)>(["b", "c"]).unwrap());
    check(
        within()
            .key::<AnyKey>(["b", "c"])
            .unwrap()
            .filter("c <> 1", [])
            .unwrap(),
    );
}

#[test]
fn bounds_need_not_be_keys_of_the_table() {
    let db = pairs("PRIMARY KEY (a, b DESC)");
    let table = || {
        Table::new(&db, "t")
            .key::<(i64, Reverse<i64>)>(["a", "b"])
            .unwrap()
    };
    let from = |range: std::ops::Range<(i64, i64)>| {
        let range = (range.start.0, Reverse(range.start.1))..(range.end.0, Reverse(range.end.1));
        let up = keys(Walk::new(table()).range(range.clone()).chunk_size(1));
        let mut down = keys(Walk::new(table()).range(range).chunk_size(1).descending());
        down.reverse();
        assert_eq!(up, down);
        up.into_iter()
            .map(|(a, Reverse(b))| (a, b))
            .collect::<Vec<_>>()
    };
    assert_eq!(from((1, 2)..(3, 0)), [(1, 1), (2, 2), (3, 2), (3, 1)]);
    assert_eq!(from((i64::MIN, i64::MAX)..(1, 0)), [(1, 3), (1, 1)]);
    assert_eq!(from((2, 1)..(i64::MAX, i64::MIN)), [(3, 2), (3, 1)]);
    assert_eq!(from((2, 1)..(3, 3)), []);
    assert_eq!(from((3, 1)..(1, 1)), []);
}

#[test]
fn the_largest_and_smallest_integers_are_bounds_like_any_other() {
    let db = open(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES ({} - 1), ({}), (0), ({})",
        i64::MIN + 1,
        i64::MIN + 1,
        i64::MAX
    ));
    check(Table::new(&db, "t").key::<i64>(["id"]).unwrap());
    let all = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    assert_eq!(
        keys(Walk::new(all).range(i64::MIN..=i64::MAX).chunk_size(1)).len(),
        4
    );
}

#[test]
fn bounds_of_collated_text_are_compared_as_the_column_is() {
    let db = open(
        "CREATE TABLE t (k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
         INSERT INTO t VALUES ('b'), ('C'), ('a'), ('D'), ('e')",
    );
    let collated = |text: &str| Collated(text.to_owned());
    for order in ORDERS {
        for size in [1, 2, 512] {
            let table = Table::new(&db, "t").key::<Collated>(["k"]).unwrap();
            let walk = Walk::new(table).range(collated("B")..collated("d"));
            let mut found = keys(walk.order(order).chunk_size(size));
            if order == Order::Descending {
                found.reverse();
            }
            assert_eq!(found, [collated("b"), collated("C")]);
        }
    }
}

/// A type name that SQLite reads as NUMERIC: `'9'` in a comparison with it is the number 9, and no text
/// comes before that.
#[test]
fn a_text_that_sqlite_would_compare_as_a_number_is_no_bound() {
    let db = open(
        "CREATE TABLE t (k STRING NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('#a'), ('-x'), ('b')",
    );
    let table = || Table::new(&db, "t").key::<String>(["k"]).unwrap();
    for bound in ["9", " 1.5e3 ", "-7"] {
        let mut items = Walk::new(table()).range(..=bound.to_owned()).items();
        let Some(Err(keywalk::Error::Source(error))) = items.next() else {
            panic!("{bound:?} was taken for a bound")
        };
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.to_string().contains(r#"column "k""#), "{error}");
    }
    assert_eq!(
        keys(Walk::new(table()).range(..="9x".to_owned())),
        ["#a", "-x"]
    );
    assert_eq!(keys(Walk::new(table())), ["#a", "-x", "b"]);
}
