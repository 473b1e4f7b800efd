//! How far along a walk is, by its keys alone: 0 at the first, 1 at the last, and never back.

use std::cmp::Reverse;

use keywalk::ResumableSource;
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::{Collated, SqlKey, Table};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::open;

fn two(columns: &str) -> Connection {
    open(&format!(
        "CREATE TABLE t ({columns}, PRIMARY KEY (a, b DESC))"
    ))
}

const ANY: &str = "a ANY NOT NULL, b ANY NOT NULL";

fn share<K: SqlKey>(first: K, last: K, at: K) -> Option<f64> {
    let db = open(
        "CREATE TABLE t (a ANY NOT NULL, b ANY NOT NULL, c ANY NOT NULL, PRIMARY KEY (a, b), UNIQUE (a))",
    );
    let keys = [&["a"][..], &["a", "b"], &["a", "b", "c"]];
    let table = keys
        .into_iter()
        .find_map(|key| Table::new(&db, "t").key(key.iter().copied()).ok());
    let table = table.expect("it has one to three columns");
    table.fraction(&first, &last, &at)
}

fn any_share(columns: &str, values: [impl Into<Value>; 3]) -> Option<f64> {
    let db = two(columns);
    let table = Table::new(&db, "t");
    let key = |value: Value| table.dyn_key([value, 0.into()]).expect("they are two");
    let [first, last, at] = values.map(|value| key(value.into()));
    table.fraction(&first, &last, &at)
}

#[test]
fn numbers_are_measured_from_end_to_end() {
    for (first, last, at, expected) in [
        (0, 100, 25, 0.25),
        (100, 0, 25, 0.75),
        (i64::MIN, i64::MAX, 0, 0.5),
        (i64::MAX, i64::MIN, i64::MIN, 1.0),
        (i64::MAX - 4, i64::MAX, i64::MAX - 3, 0.25),
        // Beside the way.
        (0, 10, 11, 1.0),
        (0, 10, -1, 0.0),
    ] {
        let name = format!("{first} to {last}, at {at}");
        assert_eq!(share(first, last, at), Some(expected), "{name}");
        let down = share(Reverse(first), Reverse(last), Reverse(at));
        assert_eq!(down, Some(expected), "{name}");
    }
    let reals = |first: f64, last: f64, at: f64| any_share(ANY, [first, last, at]);
    assert_eq!(reals(-1.0, 1.0, 0.5), Some(0.75));
    assert_eq!(reals(f64::MIN, f64::MAX, 0.0), Some(0.5));
    assert_eq!(reals(f64::NEG_INFINITY, f64::INFINITY, 0.0), Some(0.5));
    let mixed = |first: i64, last: f64, at: f64| {
        any_share(ANY, [first.into(), last.into(), Value::Real(at)])
    };
    assert_eq!(mixed(0, 3.0, 1.5), Some(0.5));
    assert_eq!(mixed(1, 4.0, 2.5), Some(0.5));
    // A real between integers is not ahead of the integer that it equals.
    let ends = [246_767_622_502_776_465_i64, -810_567_945_475_427_512].map(Value::Integer);
    let at = |zero: Value| any_share(ANY, [ends[0].clone(), ends[1].clone(), zero]);
    assert_eq!(at(0.into()), at(0.0.into()));
}

#[test]
fn bytes_are_measured_behind_what_they_have_in_common() {
    assert_eq!(share(vec![0_u8], vec![0xff], vec![0x33]), Some(0.2));
    let url = |end: u8| format!("https://example.org/{}", char::from(end)).into_bytes();
    assert_eq!(share(url(0x20), url(0x30), url(0x2c)), Some(0.75));
    let uuid = |byte: u8| Uuid::from_bytes([byte; 16]);
    let part = share(uuid(0), uuid(0xff), uuid(0x40)).expect("it can be told");
    assert!((part - 0.25).abs() < 0.01, "{part}");
    assert_eq!(share(vec![], vec![0], vec![0]), Some(1.0));
    assert_eq!(share(vec![], vec![0, 0], vec![0]), Some(0.0));
}

#[test]
fn text_is_measured_where_it_is_uuids_alone() {
    let text = |text: &str| text.to_owned();
    assert_eq!(share(text("2020"), text("2024"), text("2021")), None);
    assert_eq!(share(text("2020"), text("2024"), text("2020")), None);
    let uuid = |byte: u8| Uuid::from_bytes([byte; 16]).hyphenated();
    assert_eq!(share(uuid(0), uuid(0xff), uuid(0x33)), Some(0.2));
    let upper = |byte: u8| uuid(byte).to_string().to_uppercase();
    assert_eq!(share(upper(0), upper(0xff), upper(0x33)), None);
}

#[test]
fn the_first_column_that_differs_is_measured() {
    assert_eq!(share((5_i64, 10_i64), (5, 20), (5, 15)), Some(0.5));
    assert_eq!(share((0_i64, 10_i64), (10, 0), (5, 99)), Some(0.5));
    let down = |a: i64, b: i64| (a, Reverse(b));
    assert_eq!(share(down(1, 20), down(1, 10), down(1, 18)), Some(0.2));
    assert_eq!(share(down(1, 10), down(1, 20), down(1, 18)), Some(0.8));
    // Beside the way.
    assert_eq!(share(down(1, 20), down(1, 10), down(0, 15)), Some(0.0));
    assert_eq!(share(down(1, 20), down(1, 10), down(2, 15)), Some(1.0));
    assert_eq!(share(down(1, 10), down(1, 20), down(2, 15)), Some(0.0));
}

/// Each tenant has an equal share. Within it, the second column runs from that of the first key to that of the last.
#[test]
fn a_walk_by_tenants_moves_within_a_tenant() {
    // Tenants 1 to 4, and ids 0 to 100.
    let by_tenant = |tenant: i64, id: i64| share((1, 0), (4, 100), (tenant, id));
    for (tenant, id, expected) in [
        (1, 0, 0.0),
        (1, 50, 0.125),
        (1, 100, 0.25),
        (1, 700, 0.25),
        (2, -7, 0.25),
        (3, 40, 0.6),
        (4, 20, 0.8),
        (4, 100, 1.0),
        (0, 50, 0.0),
        (5, 0, 1.0),
    ] {
        let name = format!("{id} of tenant {tenant}");
        assert_eq!(by_tenant(tenant, id), Some(expected), "{name}");
    }
    let down = |a: i64, b: i64| (Reverse(a), b);
    assert_eq!(share(down(4, 0), down(1, 100), down(2, 40)), Some(0.6));
    assert_eq!(share((4, 100), (1, 0), (2, 60)), Some(0.6));
    let (first, last) = ((1_i64, Reverse(100_i64)), (4, Reverse(0)));
    assert_eq!(share(first, last, (3, Reverse(60))), Some(0.6));
    // A real lies past all keys of the integer before it, in either direction.
    let db = two(ANY);
    let table = Table::new(&db, "t");
    let key = |a: f64, b: i64| table.dyn_key([Value::from(a), b.into()]).unwrap();
    let whole = |a: i64, b: i64| table.dyn_key([a, b]).unwrap();
    let ends = [whole(1, 100), whole(4, 0)];
    for [first, last] in [[&ends[0], &ends[1]], [&ends[1], &ends[0]]] {
        assert_eq!(table.fraction(first, last, &key(2.5, 50)), Some(0.5));
    }
    // Three columns: days 1 and 2 of tenants 1 and 2.
    assert_eq!(share((1, 1, 0), (2, 2, 100), (1, 2, 50)), Some(0.375));
    // The second column of the last key comes before that of the first, is the same, or is text: steps of a tenant.
    assert_eq!(share((1, 9), (3, 8), (2, 8)), Some(0.5));
    assert_eq!(share((1, 9), (3, 9), (2, 11)), Some(0.5));
    let text = |text: &str| text.to_owned();
    assert_eq!(
        share((1, text("a")), (3, text("c")), (2, text("b"))),
        Some(0.5)
    );
    let uuid = |tenant: i64, byte: u8| (tenant, Uuid::from_bytes([byte; 16]).hyphenated());
    assert_eq!(share(uuid(1, 0), uuid(2, 0xff), uuid(2, 0x33)), Some(0.6));
}

#[test]
fn what_only_the_store_knows_is_not_told() {
    let text = |text: &str| Collated(text.to_owned());
    let [a, b, c] = ["a", "b", "c"].map(text);
    assert_eq!(share(a.clone(), c.clone(), b.clone()), None);
    let of_a = |n: i64| (a.clone(), n);
    assert_eq!(share(of_a(0), of_a(4), of_a(1)), Some(0.25));
    assert_eq!(share(of_a(0), of_a(4), (b.clone(), 1)), None);
    assert_eq!(share((0_i64, c), (4, a.clone()), (0, b)), Some(0.0));
    assert_eq!(share(7_i64, 7, 7), None);
    let classes = [0.into(), Value::Text("x".to_owned()), 5.into()];
    assert_eq!(any_share(ANY, classes), None);
    for columns in [ANY, "a TEXT NOT NULL COLLATE NOCASE, b INT NOT NULL"] {
        assert_eq!(any_share(columns, ["a", "c", "b"].map(str::to_owned)), None);
    }
}

/// A value of any storage class, of few enough that some are alike.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3..3_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3.0..3.0).prop_map(Value::from),
        prop::num::f64::ANY
            .prop_filter("SQLite stores no NaN", |real| !real.is_nan())
            .prop_map(Value::from),
        "[ab\0]{0,3}".prop_map(Value::from),
        prop::collection::vec(prop_oneof![0..2_u8, any::<u8>()], 0..12).prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn from_nothing_to_all_and_never_back(
        values in prop::collection::vec([value(), value()], 2..8),
        descending: bool,
    ) {
        let db = two(ANY);
        let table = Table::new(&db, "t");
        let keys = values.into_iter().map(|values| table.dyn_key(values).expect("they are two"));
        let mut keys: Vec<_> = keys.collect();
        keys.sort_by(|a, b| a.partial_cmp(b).expect("they are of one table"));
        if descending {
            keys.reverse();
        }
        let (first, last) = (&keys[0], &keys[keys.len() - 1]);
        let shares: Vec<_> = keys.iter().map(|at| table.fraction(first, last, at)).collect();
        if first == last {
            prop_assert!(shares.iter().all(Option::is_none));
        } else {
            prop_assert!(shares[0].is_none_or(|share| share == 0.0), "{:?}", shares);
            prop_assert!(shares[keys.len() - 1].is_none_or(|share| share == 1.0), "{:?}", shares);
            let told: Vec<f64> = shares.into_iter().flatten().collect();
            prop_assert!(told.is_sorted(), "{:?}", told);
            prop_assert!(told.iter().all(|share| (0.0..=1.0).contains(share)));
        }
    }
}
