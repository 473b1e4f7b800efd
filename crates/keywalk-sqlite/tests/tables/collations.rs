//! Collations that the caller defines: only SQLite knows their order, and it knows no more than it is
//! told.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use keywalk::Walk;
use keywalk_sqlite::{Collated, DynKey, ErrorKind, Table};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::check::check;
use crate::db::{ORDERS, assert_free, assert_says, by, keys, open_file, outcome};

const TEXTS: [&str; 9] = ["a", "B", "b", "aa", "", "ab", "ä", "A", "zzz"];

/// Shorter texts first, and texts of one length backwards.
fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| b.cmp(a))
}

fn at(text: &str) -> usize {
    TEXTS.iter().position(|t| *t == text).unwrap_or(0)
}

fn set(db: &Connection, collation: impl Fn(&str, &str) -> Ordering + Send + 'static) {
    db.create_collation("own", collation).expect("it is a name");
}

fn with_texts(db: &Connection) {
    set(db, by_length);
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
    by(db, &["k"])
}

fn collated(text: &str) -> Collated {
    Collated(text.to_owned())
}

#[test]
fn a_null_past_the_end_of_a_collated_range_is_not_yielded() {
    let (_dir, db, _) = open_file(
        "CREATE TABLE v (k TEXT NOT NULL COLLATE NOCASE, id INT NOT NULL UNIQUE, n INT);
         CREATE INDEX by_all ON v (k, id, n);
         INSERT INTO v VALUES ('a', 1, 1), ('a', 2, NULL)",
    );
    let rows = Table::new(&db, "v").key::<(Collated, i64, Option<i64>)>(["k", "id", "n"]);
    let end = (collated("a"), 1, Some(1));
    let found = keys(Walk::new(rows.unwrap()).range(..=&end));
    assert_eq!(found, [end]);
}

#[test]
fn a_custom_collation_orders_the_walk_as_it_orders_the_store() {
    let (_dir, db, _) = open_file("");
    with_texts(&db);
    let sql = "SELECT * FROM t ORDER BY k";
    check(by_k(&db), &db, sql, [], &["k"]);
    let twice = Table::new(&db, "u");
    let two = "SELECT * FROM u ORDER BY k DESC, n";
    check(twice, &db, two, [], &["k", "n"]);
    let from = keys(Walk::new(by_k(&db)).range(collated("B")..).chunk_size(1));
    assert_eq!(from, ["B", "A", "ä", "ab", "aa", "zzz"].map(collated));
    db.execute_batch("DELETE FROM t WHERE length(k) > 1")
        .unwrap();
    check(by_k(&db), &db, sql, [], &["k"]);
    // Resumed, with its index.
    set(&db, |a, b| b.cmp(a));
    db.execute_batch("REINDEX").unwrap();
    let down = ["ä", "b", "a", "B", "A", ""].map(collated);
    assert_eq!(keys(Walk::new(by_k(&db))), down);
}

#[test]
fn a_collation_needs_its_own_type_and_to_be_known_to_the_connection() {
    let (_dir, db, other) = open_file("");
    with_texts(&db);
    let text = Table::new(&db, "t").key::<String>(["k"]);
    let words = ["\"k\"", "own", "`Collated`"];
    assert_says("text", text, ErrorKind::Collation, &words);

    let words = ["table \"t\"", "no such collation sequence: own"];
    let walk = Table::new(&other, "t").key::<Collated>(["k"]);
    let walk = walk.and_then(|table| outcome(Walk::new(table)));
    assert_says("typed", walk, ErrorKind::Sqlite, &words);
    let walk = outcome(Walk::new(Table::new(&other, "t")));
    assert_says("any", walk, ErrorKind::Sqlite, &words);
    // By the rowid it isn't needed.
    assert_eq!(keys(Walk::new(by::<i64>(&other, &["rowid"]))).len(), 9);
    set(&other, by_length);
    assert_eq!(keys(Walk::new(by_k(&other))), keys(Walk::new(by_k(&db))));
}

/// The most steps that a key takes under a sound collation, without a row twice.
const MANY: usize = 100;

/// Takes two rows, puts another collation under the walk, and goes on for as long as anything comes.
/// That can lose rows, as it does to any SELECT: the index isn't sorted by it.
fn walk_under(collation: impl Fn(&str, &str) -> Ordering + Send + Clone + 'static) {
    let (_dir, db, other) = open_file("");
    with_texts(&db);
    let all = keys(Walk::new(by_k(&db)));
    for order in ORDERS {
        for (live, size) in [false, true]
            .into_iter()
            .flat_map(|live| [1, 2, 7].map(|size| (live, size)))
        {
            set(&db, by_length);
            let walk = Walk::new(by_k(&db)).chunk_size(size).order(order);
            let mut items = if live { walk.unbounded() } else { walk }.items();
            assert!(items.by_ref().take(2).all(|item| item.is_ok()));
            set(&db, collation.clone());
            let steps = items.by_ref().take(MANY).count();
            assert!(steps < MANY, "it goes on for ever, {order:?}");
            assert!(items.next().is_none(), "fused");
            assert_free(&db, &other);

            // With the right one nothing is lost.
            set(&db, by_length);
            assert_eq!(keys(Walk::new(by_k(&db))), all);
        }
    }
}

/// rusqlite catches a panic and answers SQLite "less".
#[test]
fn a_collation_that_changes_panics_or_has_no_order_can_not_make_a_walk_endless() {
    walk_under(|a, b| by_length(b, a));
    walk_under(|_, _| Ordering::Less);
    walk_under(|_, _| Ordering::Greater);
    walk_under(|_, _| Ordering::Equal);
    // Each text beats the next ones, in a circle.
    walk_under(|a, b| (at(b) + 9 - at(a)).rem_euclid(9).cmp(&4));
    walk_under(|_, _| panic!("the collation panics"));
}

/// What equality means is the store's affair: 'A' and 'a' are one key under NOCASE, two under BINARY.
#[test]
fn equality_is_the_collations() {
    let (_dir, db, _) = open_file(
        "CREATE TABLE t (k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
         CREATE TABLE r (k TEXT NOT NULL COLLATE RTRIM, n INT NOT NULL, PRIMARY KEY (k, n));
         INSERT INTO t VALUES ('a'), ('B'); INSERT INTO r VALUES ('x', 1), ('x  ', 2), ('y', 1)",
    );
    let past = (Bound::Excluded(collated("A")), Bound::Unbounded);
    assert_eq!(keys(Walk::new(by_k(&db)).range(past)), [collated("B")]);
    let x = Table::new(&db, "r").prefix_eq("k", "x ").unwrap();
    let found = keys(Walk::new(x.key::<i64>(["n"]).unwrap()).chunk_size(1));
    assert_eq!(found, [1, 2]);
    // A row may change to a text that is the same key, under the walk, and comes once.
    let mut items = Walk::new(by_k(&db)).chunk_size(1).items();
    assert_eq!(items.next().unwrap().unwrap().0.0, "a");
    db.execute("UPDATE t SET k = 'A' WHERE k = 'a'", [])
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
        set(&db, move |a, b| answers[at(a) * 9 + at(b)].cmp(&0));
        for order in ORDERS {
            let walk = Walk::new(by_k(&db)).chunk_size(size).order(order);
            prop_assert!(walk.unbounded().items().take(MANY).count() < MANY);
            let walk = Walk::new(Table::new(&db, "u").key::<DynKey>(["k", "n"]).expect("a key"));
            prop_assert!(walk.chunk_size(size).order(order).items().take(MANY).count() < MANY);
            assert_free(&db, &other);
        }
        set(&db, by_length);
        prop_assert_eq!(keys(Walk::new(by_k(&db))).len(), 9);
    }
}
