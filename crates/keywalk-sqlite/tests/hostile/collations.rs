//! Collations that the caller defines: only SQLite knows their order, and it knows no more than it is
//! told.

use std::cmp::Ordering;
use std::sync::Arc;

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Collated, ErrorKind, Table};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::walked::{ORDERS, assert_free, assert_says, column, keys, open_file, outcome, walked};

const TEXTS: [&str; 9] = ["a", "B", "b", "aa", "", "ab", "ä", "A", "zzz"];

/// Shorter texts first, and texts of one length backwards.
fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| b.cmp(a))
}

fn with_texts(db: &Connection) {
    db.create_collation("own", by_length).expect("it is a name");
    db.execute_batch(
        "CREATE TABLE t (k TEXT NOT NULL COLLATE own PRIMARY KEY);
         CREATE TABLE u (k TEXT NOT NULL COLLATE own, n INT NOT NULL, PRIMARY KEY (k DESC, n))",
    )
    .expect("the collation is known");
    for text in TEXTS {
        db.execute("INSERT INTO t VALUES (?1)", [text])
            .expect("it is new");
        db.execute("INSERT INTO u VALUES (?1, 1), (?1, 2)", [text])
            .expect("it is new");
    }
}

fn by_k(db: &Connection) -> Table<&Connection, Collated> {
    Table::new(db, "t").key(["k"]).expect("it is the key")
}

fn texts(values: Vec<Value>) -> Vec<Collated> {
    let text = |value| match value {
        Value::Text(text) => Collated(text),
        other => panic!("{other:?} is no text"),
    };
    values.into_iter().map(text).collect()
}

#[test]
fn a_custom_collation_orders_the_walk_as_it_orders_the_store() {
    let (_dir, db, _) = open_file("");
    with_texts(&db);
    for order in ORDERS {
        let mut all = texts(column(&db, "SELECT k FROM t ORDER BY k"));
        let mut twice = texts(column(&db, "SELECT k FROM u ORDER BY k DESC, n"));
        assert_eq!((all[0].0.as_str(), all[8].0.as_str()), ("", "zzz"));
        if order == keywalk::Order::Descending {
            all.reverse();
            twice.reverse();
        }
        for size in 1..=7 {
            assert_eq!(
                keys(Walk::new(by_k(&db)).chunk_size(size).order(order)),
                all
            );
            let any = keys(
                Walk::new(Table::new(&db, "u"))
                    .chunk_size(size)
                    .order(order),
            );
            let any = any.into_iter().map(|key| key.into_values().swap_remove(0));
            assert_eq!(texts(any.collect()), twice, "chunks of {size}, {order:?}");
        }
    }
    let from = keys(
        Walk::new(by_k(&db))
            .range(Collated("B".into())..)
            .chunk_size(1),
    );
    let expected = texts(column(&db, "SELECT k FROM t WHERE k >= 'B' ORDER BY k"));
    assert_eq!(from, expected);
}

#[test]
fn text_under_a_custom_collation_needs_its_own_type() {
    let (_dir, db, _) = open_file("");
    with_texts(&db);
    let table = Table::new(&db, "t").key::<String>(["k"]);
    assert_says(
        table,
        &[ErrorKind::Collation],
        &["\"k\"", "own", "`Collated`"],
    );
}

#[test]
fn a_collation_that_this_connection_lacks_is_named() {
    let (_dir, db, other) = open_file("");
    with_texts(&db);
    let sqlite = &[ErrorKind::Sqlite];
    let words = &["table \"t\"", "no such collation sequence: own"];
    let walk = Table::new(&other, "t").key::<Collated>(["k"]);
    assert_says(walk.and_then(|t| outcome(Walk::new(t))), sqlite, words);
    assert_says(outcome(Walk::new(Table::new(&other, "t"))), sqlite, words);
    // By the rowid it isn't needed.
    let table = Table::new(&other, "t").key::<i64>(["rowid"]).unwrap();
    assert_eq!(keys(Walk::new(table)).len(), 9);
    other.create_collation("own", by_length).unwrap();
    assert_eq!(keys(Walk::new(by_k(&other))), keys(Walk::new(by_k(&db))));
}

/// A key that is handed out no row twice by a sound collation takes at most this many steps.
const MANY: usize = 100;

/// Takes two rows, puts another collation under the walk, and goes on for as long as anything comes.
/// That can lose rows, as it does to any SELECT: the index isn't sorted by it.
fn walk_under(collation: impl Fn(&str, &str) -> Ordering + Send + Clone + 'static) {
    let (_dir, db, other) = open_file("");
    with_texts(&db);
    let all = keys(Walk::new(by_k(&db)));
    for order in ORDERS {
        for live in [false, true] {
            for size in [1, 2, 7] {
                db.create_collation("own", by_length).expect("it is a name");
                let walk = Walk::new(by_k(&db)).chunk_size(size).order(order);
                let mut items = if live { walk.live() } else { walk }.items();
                assert!(items.by_ref().take(2).all(|item| item.is_ok()));
                db.create_collation("own", collation.clone())
                    .expect("it is a name");
                let steps = items.by_ref().take(MANY).count();
                assert!(steps < MANY, "it goes on for ever, {order:?}");
                assert!(items.next().is_none(), "fused");
                assert_free(&db, &other);

                // With the right one nothing is lost.
                db.create_collation("own", by_length).expect("it is a name");
                assert_eq!(keys(Walk::new(by_k(&db))), all);
            }
        }
    }
}

#[test]
fn a_collation_that_changes_under_the_walk_or_has_no_order_can_not_make_it_endless() {
    walk_under(|a, b| by_length(b, a));
    walk_under(|_, _| Ordering::Less);
    walk_under(|_, _| Ordering::Greater);
    walk_under(|_, _| Ordering::Equal);
    // Each text beats the next ones, in a circle.
    walk_under(|a, b| {
        let at = |text: &str| TEXTS.iter().position(|t| *t == text).unwrap_or(0);
        (at(b) + 9 - at(a)).rem_euclid(9).cmp(&4)
    });
}

/// rusqlite catches the panic and answers SQLite "less".
#[test]
fn a_collation_that_panics_neither_unwinds_through_the_walk_nor_poisons_the_connection() {
    walk_under(|_, _| panic!("the collation panics"));
}

#[test]
fn a_reindexed_table_is_walked_in_the_order_of_its_new_collation() {
    let (_dir, db, _) = open_file("");
    with_texts(&db);
    db.create_collation("own", |a, b| b.cmp(a)).unwrap();
    db.execute_batch("REINDEX").unwrap();
    let found = keys(Walk::new(by_k(&db)).chunk_size(2));
    let mut expected = TEXTS.map(|text| Collated(text.into())).to_vec();
    expected.sort_by(|a, b| b.0.cmp(&a.0));
    assert_eq!(found, expected);
}

/// What equality means is the store's affair: 'A' and 'a' are one key under NOCASE, two under BINARY.
#[test]
fn equality_is_the_collations() {
    let (_dir, db, _) = open_file(
        "CREATE TABLE n (k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
         CREATE TABLE r (k TEXT NOT NULL COLLATE RTRIM, n INT NOT NULL, PRIMARY KEY (k, n));
         INSERT INTO n VALUES ('a'), ('B'); INSERT INTO r VALUES ('x', 1), ('x  ', 2), ('y', 1)",
    );
    assert!(db.execute("INSERT INTO n VALUES ('A')", []).is_err());
    let n = || Table::new(&db, "n").key::<Collated>(["k"]).unwrap();
    let past = (
        std::ops::Bound::Excluded(Collated("A".into())),
        std::ops::Bound::Unbounded,
    );
    assert_eq!(keys(Walk::new(n()).range(past)), [Collated("B".into())]);
    let x = Table::new(&db, "r").within("k", "x ").unwrap();
    let found = keys(Walk::new(x.key::<i64>(["n"]).unwrap()).chunk_size(1));
    assert_eq!(found, [1, 2]);
    // A row may change to a text that is the same key, under the walk, and comes once.
    let mut items = Walk::new(n()).chunk_size(1).items();
    assert_eq!(items.next().unwrap().unwrap().0.0, "a");
    db.execute("UPDATE n SET k = 'A' WHERE k = 'a'", [])
        .unwrap();
    assert_eq!(items.next().unwrap().unwrap().0.0, "B");
    assert!(items.next().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any answer to any comparison, the same each time.
    #[test]
    fn a_collation_that_answers_at_random_can_not_make_a_walk_endless(
        answers in prop::collection::vec(-1..=1_i8, 81),
        size in 1..4_usize,
    ) {
        let (_dir, db, other) = open_file("");
        with_texts(&db);
        let answers: Arc<[i8]> = answers.into();
        let at = |text: &str| TEXTS.iter().position(|t| *t == text).unwrap_or(0);
        db.create_collation("own", move |a, b| answers[at(a) * 9 + at(b)].cmp(&0))
            .expect("it is a name");
        for order in ORDERS {
            let walk = Walk::new(by_k(&db)).chunk_size(size).order(order);
            prop_assert!(walk.live().items().take(MANY).count() < MANY);
            let walk = Walk::new(Table::new(&db, "u").key::<AnyKey>(["k", "n"]).expect("a key"));
            prop_assert!(walk.chunk_size(size).order(order).items().take(MANY).count() < MANY);
            assert_free(&db, &other);
        }
        db.create_collation("own", by_length).expect("it is a name");
        prop_assert_eq!(walked(Walk::new(by_k(&db))).keys.len(), 9);
    }
}
