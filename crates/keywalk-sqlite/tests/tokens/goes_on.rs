//! A cursor that is written down goes on exactly where it stands: in another process, over another
//! connection, in other chunks.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::path::Path;

use keywalk::{DurableSource, Order, Token, TokenError, Walk};
use keywalk_sqlite::{AnyKey, Error, Key, Query, Table};
use rusqlite::Connection;

use crate::db::open;

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

fn open_file(path: &Path) -> Connection {
    Connection::open(path).expect("the directory is writable")
}

/// `id` of 1 to `rows`, shuffled as rows come, and a composite unique key.
fn fill(db: &Connection, rows: u32) {
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL);
         CREATE UNIQUE INDEX ab ON t (a, b DESC);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i, char(97 + i % 7), i * 31 % 997 * 1000 + i FROM n;"
    ))
    .expect("the schema is valid");
}

fn by_id(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t").key(["id"]).expect("it is a key")
}

/// The keys, and the token after each, by way of text.
fn walk<K: Key, T, S>(source: S, order: Order, size: usize) -> (Vec<K>, Vec<String>)
where
    S: DurableSource<Key = K, Item = (K, T), Error = Error>,
{
    let mut items = Walk::new(source).order(order).chunk_size(size).items();
    let (mut keys, mut tokens) = (Vec::new(), Vec::new());
    while let Some(item) = items.next() {
        keys.push(item.expect("it is fine").0);
        tokens.push(items.token().expect("it is a table").to_string());
    }
    (keys, tokens)
}

fn token(text: &str) -> Token {
    text.parse().expect("it was written so")
}

/// The first keys that come from a token on.
fn next<K: Key, T, S>(source: S, text: &str, size: usize, most: usize) -> Vec<K>
where
    S: DurableSource<Key = K, Item = (K, T), Error = Error>,
{
    let walk = Walk::new(source).chunk_size(size);
    let walk = walk.resume_token(&token(text)).expect("it is of the table");
    let keys = walk.into_iter().map(|item| item.expect("it is fine").0);
    keys.take(most).collect()
}

/// From every position the next keys are right; so, since each key leads to the next, the rest is. From
/// some of them all of the rest is read, to its end.
fn goes_on_everywhere<K: Key + Debug, T, S>(source: impl Fn() -> S, expected: &[K])
where
    S: DurableSource<Key = K, Item = (K, T), Error = Error>,
{
    for order in ORDERS {
        let mut expected = expected.to_vec();
        if order == Order::Descending {
            expected.reverse();
        }
        let (keys, tokens) = walk(source(), order, 100);
        assert!(keys == expected, "{order:?}");
        let mut kept = source();
        for (at, text) in tokens.iter().enumerate() {
            // A source that was proven before goes on as well as a new one, over a connection of its own.
            if at % 16 == 0 {
                kept = source();
            }
            let rest = &expected[at + 1..];
            let whole = at % 997 == 0 || rest.len() < 5;
            let most = if whole { usize::MAX } else { 2 };
            let came = next(&mut kept, text, if whole { 64 } else { 2 }, most);
            assert!(came == rest[..rest.len().min(most)], "{order:?}, {at}");
        }
    }
}

#[test]
fn from_every_position_of_ten_thousand_rows_the_rest_comes_exactly() {
    let dir = tempfile::tempdir().expect("there is a place for it");
    let path = dir.path().join("rows.db");
    fill(&open_file(&path), 10_000);
    let expected: Vec<i64> = (1..=10_000).collect();
    let table = || {
        let table = Table::new(open_file(&path), "t").key::<i64>(["id"]);
        table.expect("it is a key")
    };
    goes_on_everywhere(table, &expected);
}

#[test]
fn from_every_position_of_a_composite_key_of_both_directions_the_rest_comes_exactly() {
    let db = open("");
    fill(&db, 1_500);
    let mut statement = db
        .prepare("SELECT a, b FROM t ORDER BY a, b DESC")
        .expect("it is SQL");
    let expected: Vec<(String, Reverse<i64>)> = statement
        .query_map([], |row| Ok((row.get(0)?, Reverse(row.get(1)?))))
        .and_then(Iterator::collect)
        .expect("they are a text and a number");
    let table = || Table::new(&db, "t").key(["a", "b"]).expect("it is a key");
    goes_on_everywhere(table, &expected);
}

#[test]
fn another_process_goes_on_after_each_item_over_a_connection_of_its_own() {
    let dir = tempfile::tempdir().expect("there is a place for it");
    let path = dir.path().join("rows.db");
    fill(&open_file(&path), 100);
    for order in ORDERS {
        let (mut keys, mut stored) = (Vec::new(), None::<String>);
        // Once more than there are rows.
        for _ in 0..=100 {
            let db = open_file(&path);
            let walk = Walk::new(by_id(&db)).chunk_size(7 + keys.len() % 3);
            let mut items = match &stored {
                None => walk.order(order).items(),
                Some(text) => walk.resume_token(&token(text)).expect("it is its").items(),
            };
            let Some(item) = items.next() else {
                break;
            };
            keys.push(item.expect("it is fine").0);
            stored = Some(items.token().expect("it is a table").to_string());
        }
        if order == Order::Descending {
            keys.reverse();
        }
        assert!(keys.into_iter().eq(1..=100), "{order:?}");
    }
}

#[test]
fn the_row_of_the_cursor_may_go_and_others_come() {
    let db = open("");
    fill(&db, 20);
    for (change, order, expected) in [
        ("DELETE FROM t WHERE id = 10", Order::Ascending, "11 12 13"),
        (
            "DELETE FROM t WHERE id IN (9, 10, 11)",
            Order::Ascending,
            "12 13 14",
        ),
        ("DELETE FROM t WHERE id = 11", Order::Descending, "10 9 8"),
        // Behind the cursor, ahead of it, and past the walk's bound.
        (
            "UPDATE t SET id = -1 WHERE id = 3",
            Order::Ascending,
            "11 12 13",
        ),
        (
            "UPDATE t SET id = 21 WHERE id = 11",
            Order::Ascending,
            "12 13 14",
        ),
        (
            "UPDATE t SET id = -1 WHERE id = 3",
            Order::Descending,
            "10 9 8",
        ),
    ] {
        let mut items = Walk::new(by_id(&db)).order(order).chunk_size(3).items();
        items.nth(9).expect("there are twenty").expect("it is fine");
        let text = items.token().expect("it is a table").to_string();
        db.execute_batch("SAVEPOINT here").expect("it is SQL");
        db.execute_batch(change).expect("it is SQL");
        let came: Vec<String> = next(by_id(&db), &text, 2, usize::MAX)
            .iter()
            .map(i64::to_string)
            .collect();
        assert_eq!(came[..3].join(" "), expected, "{change}");
        assert!(!came.contains(&"21".to_owned()), "{change}");
        assert!(!came.contains(&"-1".to_owned()), "{change}");
        db.execute_batch("ROLLBACK TO here; RELEASE here")
            .expect("it is SQL");
    }
    let (_, tokens) = walk(by_id(&db), Order::Ascending, 5);
    db.execute("INSERT INTO t VALUES (-5, 'x', 0), (30, 'y', 0)", [])
        .expect("they are new");
    assert_eq!(next(by_id(&db), &tokens[17], 5, 9), [19, 20]);
}

#[test]
fn a_token_of_one_type_of_key_is_one_of_the_others_that_order_alike() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         CREATE TABLE u (a TEXT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC));
         INSERT INTO t VALUES (-1), (0), (300), (70000);
         INSERT INTO u VALUES ('', 1), ('x', 2), ('x', 1)",
    );
    let any = || Table::new(&db, "t");
    let (keys, tokens) = walk(any(), Order::Ascending, 2);
    let (_, of_i64) = walk(by_id(&db), Order::Ascending, 3);
    let narrow = any().key::<i32>(["ID"]).expect("it is a key");
    let (_, of_i32) = walk(narrow, Order::Ascending, 4);
    assert!(tokens == of_i64 && tokens == of_i32);
    for (at, text) in tokens.iter().enumerate() {
        assert_eq!(next(any(), text, 2, 9), keys[at + 1..]);
        assert_eq!(next(by_id(&db), text, 2, 9), [-1, 0, 300, 70_000][at + 1..]);
    }

    type Typed = (String, Reverse<u8>);
    let typed = || {
        Table::new(&db, "u")
            .key::<Typed>(["a", "b"])
            .expect("it is a key")
    };
    let any = || Table::new(&db, "u");
    let (keys, tokens) = walk(typed(), Order::Descending, 1);
    let (any_keys, any_tokens) = walk::<AnyKey, _, _>(any(), Order::Descending, 2);
    assert_eq!(tokens, any_tokens);
    for (at, text) in tokens.iter().enumerate() {
        assert_eq!(next(typed(), text, 1, 9), keys[at + 1..]);
        assert_eq!(next(any(), text, 1, 9), any_keys[at + 1..]);
    }
}

#[test]
fn a_key_that_the_type_does_not_hold_is_refused() {
    let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (70000)");
    let (_, tokens) = walk(by_id(&db), Order::Ascending, 2);
    let narrow = Table::new(&db, "t").key::<u8>(["id"]).expect("it is a key");
    let refused = Walk::new(narrow).resume_token(&token(&tokens[0]));
    let error = refused.expect_err("it is 70000");
    assert!(matches!(error, keywalk::Error::Token(TokenError::Key)));
}

#[test]
fn queries_go_on_too() {
    let db = open("");
    fill(&db, 300);
    let sql = "SELECT t.id AS id, u.a FROM t CROSS JOIN t AS u ON u.id = t.id WHERE t.b > :least";
    let query = |least| {
        let query = Query::new(&db, sql, &[(":least", &least)]).expect("it is a query");
        query.key::<i64>(["ID"]).expect("it has the column")
    };
    let (keys, tokens) = walk(query(500_000), Order::Descending, 16);
    assert!(keys.len() > 100);
    for (at, text) in tokens.iter().enumerate().step_by(10) {
        assert_eq!(next(query(500_000), text, 7, 999), keys[at + 1..]);
        let any = Query::new(&db, sql, &[(":least", &500_000)]).expect("it is a query");
        let any = any.key::<AnyKey>(["id"]).expect("it has the column");
        assert_eq!(next(any, text, 7, 999).len(), keys.len() - at - 1);
    }
}

#[test]
fn walks_not_begun_done_live_and_within_a_range_go_on_as_what_they_are() {
    let db = open("");
    fill(&db, 10);
    let begun = Walk::new(by_id(&db)).range(3..8).items();
    let text = begun.token().expect("it is a table").to_string();
    assert_eq!(next(by_id(&db), &text, 2, 99), [3, 4, 5, 6, 7]);

    let mut ended = Walk::new(by_id(&db)).items();
    assert_eq!(ended.by_ref().count(), 10);
    let ended = ended.token().expect("it is a table");
    let mut live = Walk::new(by_id(&db)).live().items();
    assert_eq!(live.by_ref().count(), 10);
    let live = live.token().expect("it is a table");
    assert!(ended.is_done() && !live.is_done());
    db.execute("INSERT INTO t VALUES (11, 'z', 0)", [])
        .expect("it is new");
    assert_eq!(next(by_id(&db), &ended.to_string(), 2, 99), [0_i64; 0]);
    assert_eq!(next(by_id(&db), &live.to_string(), 2, 99), [11]);
    let again = Walk::new(by_id(&db)).chunk_size(1).resume_token(&live);
    let mut again = again.expect("it is of the table").items();
    again.next().expect("there is one").expect("it is fine");
    db.execute("INSERT INTO t VALUES (12, 'z', 1)", [])
        .expect("it is new");
    assert!(again.next().is_some(), "it is live still");
}
