//! Dynamic keys: their order is the key's own, in comparisons, as bounds and in cursors.

use keywalk::Walk;
use keywalk_sqlite::Table;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::open;

fn pairs(key: &str) -> Connection {
    open(&format!(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY ({key}));
         INSERT INTO t VALUES (1, 1), (1, 3), (2, 2), (3, 1), (3, 2)"
    ))
}

fn values(walk: Walk<Table<&Connection>>) -> Vec<Vec<Value>> {
    walk.into_iter()
        .map(|item| item.expect("the walk goes on").0.into_values())
        .collect()
}

#[test]
fn bounds_made_by_hand_go_by_the_directions_of_the_key() {
    let db = pairs("a, b DESC");
    let table = || Table::new(&db, "t");
    let start = table().any_key([1, 2]).unwrap();
    let end = table().any_key([3, 2]).unwrap();
    let all = values(Walk::new(table()));
    for size in [1, 512] {
        let from = Walk::new(table()).range(start.clone()..).chunk_size(size);
        assert_eq!(values(from), all[1..]);
        let to = Walk::new(table()).range(..end.clone()).chunk_size(size);
        assert_eq!(values(to), all[..3]);
        let between = Walk::new(table()).range(start.clone()..=end.clone());
        let mut down = values(between.chunk_size(size).descending());
        down.reverse();
        assert_eq!(down, all[1..4]);
    }
    let within = table().within("a", 3).unwrap();
    let rest = within.any_key([1]).unwrap();
    assert_eq!(
        values(Walk::new(within).range(..rest)),
        [[Value::Integer(2)]]
    );
}

#[test]
fn dynamic_keys_compare_in_the_tables_order() {
    let db = pairs("a, b DESC");
    let table = Table::new(&db, "t");
    let key = |a: i64, b: i64| table.any_key([a, b]).unwrap();
    assert!(key(1, 3) < key(1, 1) && key(1, 1) < key(2, 2) && key(2, 2) == key(2, 2));
    assert_eq!(key(1, 3).to_string(), "[1, 3]");
    let other = Table::new(&db, "t")
        .within("a", 1)
        .unwrap()
        .any_key([3])
        .unwrap();
    assert_eq!(key(1, 3).partial_cmp(&other), None);
}

#[test]
fn a_cursor_goes_on_from_every_position() {
    let db = pairs("a DESC, b");
    let all = values(Walk::new(Table::new(&db, "t")));
    assert_eq!(all[0], [Value::Integer(3), Value::Integer(1)]);
    for taken in 0..=5 {
        let mut items = Walk::new(Table::new(&db, "t")).chunk_size(2).into_iter();
        assert_eq!(items.by_ref().take(taken).count(), taken);
        let rest = Walk::new(Table::new(&db, "t")).resume(items.cursor());
        assert_eq!(values(rest), all[taken..]);
    }
}

#[test]
fn the_primary_key_keeps_its_own_directions() {
    let db = pairs("a, b");
    let before = values(Walk::new(Table::new(&db, "t")));
    db.execute_batch("CREATE INDEX other ON t (a DESC, b)")
        .unwrap();
    assert_eq!(values(Walk::new(Table::new(&db, "t"))), before);
}

#[test]
fn a_cursor_loses_no_row_to_an_index_made_meanwhile() {
    let db = pairs("a, b");
    let before = values(Walk::new(Table::new(&db, "t")));
    let mut items = Walk::new(Table::new(&db, "t")).chunk_size(2).into_iter();
    assert_eq!(items.by_ref().take(2).count(), 2);
    db.execute_batch("CREATE INDEX other ON t (a DESC, b)")
        .unwrap();
    let rest = Walk::new(Table::new(&db, "t")).resume(items.cursor());
    let rest: Vec<_> = rest.into_iter().collect();
    let keys = rest.iter().flatten().map(|(key, _)| key.values());
    assert!(
        rest.iter().any(Result::is_err) || keys.eq(before[2..].iter()),
        "{rest:?}"
    );
}

#[test]
fn a_dynamic_key_of_nan_is_refused() {
    let db = open("CREATE TABLE t (k REAL NOT NULL PRIMARY KEY); INSERT INTO t VALUES (1.5)");
    assert!(Table::new(&db, "t").any_key([f64::NAN]).is_err());
}

#[test]
fn a_filter_does_not_cost_a_collated_key() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (a, b));
         INSERT INTO t VALUES (1, 'x'), (2, 'Y'), (2, 'z'), (3, 'x')",
    );
    let table = Table::new(&db, "t")
        .filter("a BETWEEN 2 AND 7", [])
        .unwrap();
    assert_eq!(
        Walk::new(table).into_iter().filter(Result::is_ok).count(),
        3
    );
}
