//! Names and conditions that would be more than that.

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Error, ErrorKind, Query, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::walked::{assert_says, column, keys, open, outcome};

const INJECTIONS: [&str; 24] = [
    "t\" --",
    "t\"; DROP TABLE t; --",
    "t; DROP TABLE t",
    "t' OR '1'='1",
    "t`; DROP TABLE t; --",
    "t]; DROP TABLE t; --",
    "t\" UNION SELECT 1, 2 FROM \"t",
    "(SELECT 1)",
    "main.t",
    "\"main\".\"t\"",
    "t WHERE 1",
    "t, u",
    "id, v",
    "id\" OR \"1\"=\"1",
    "id\"), (\"v",
    "id DESC",
    "*",
    "'id'",
    "\"id\"",
    "?1",
    "id\0",
    "\0",
    "id -- ",
    "id /*",
];

fn two() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL); CREATE TABLE u (x);
         CREATE UNIQUE INDEX i ON t (v, id); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    )
}

/// The schema and the rows, and how much was changed by whom.
fn state(db: &Connection) -> (Vec<Value>, Vec<Value>, u64) {
    let schema = column(db, "SELECT sql FROM sqlite_schema ORDER BY 1");
    (schema, column(db, "SELECT id FROM t"), db.total_changes())
}

#[test]
fn a_name_that_would_be_sql_is_a_name_that_is_not_there() {
    let db = two();
    let before = state(&db);
    let names = [ErrorKind::NoSuchTable, ErrorKind::NoSuchColumn];
    for name in INJECTIONS {
        let t = || Table::new(&db, "t");
        let walked = |table| outcome(Walk::new(table));
        assert_says(walked(Table::new(&db, name)), &names[..1], &[]);
        assert_says(Table::new(&db, name).key::<i64>(["id"]), &names[..1], &[]);
        assert_says(walked(t().schema(name)), &names[..1], &[]);
        assert_says(t().key::<AnyKey>([name]), &names[1..], &[]);
        assert_says(t().key::<AnyKey>(["id", name]), &names[1..], &[]);
        assert_says(t().within(name, 1), &names[1..], &[]);
        assert_says(walked(t().columns([name])), &names[1..], &[]);
        assert_says(walked(t().columns(["id", name])), &names[1..], &[]);
        let query = Query::new(&db, "SELECT id, v FROM t", []).unwrap();
        assert_says(query.key::<AnyKey>([name]), &names[1..], &[]);
    }
    assert_eq!(state(&db), before);
}

#[test]
fn a_value_is_a_value_whatever_it_says() {
    let db = two();
    for text in INJECTIONS {
        db.execute("INSERT INTO t (v) VALUES (?1)", [text]).unwrap();
    }
    let before = state(&db);
    for text in INJECTIONS {
        let filtered = Table::new(&db, "t").filter("v = ?", [text]).unwrap();
        assert_eq!(keys(Walk::new(filtered)).len(), 1, "{text}");
        let within = Table::new(&db, "t").within("v", text).unwrap();
        assert_eq!(keys(Walk::new(within.key::<i64>(["id"]).unwrap())).len(), 1);
        let by_v = Table::new(&db, "t")
            .key::<(String, i64)>(["v", "id"])
            .unwrap();
        let from = (text.to_owned(), i64::MIN)..=(text.to_owned(), i64::MAX);
        assert_eq!(keys(Walk::new(by_v).range(from).chunk_size(1)).len(), 1);
    }
    assert_eq!(state(&db), before);
}

#[test]
fn a_filter_can_not_end_the_condition_that_it_stands_in() {
    let db = two();
    let before = state(&db);
    for condition in [
        "1) OR (1",
        "1)) OR ((1",
        "1; DROP TABLE t",
        "1); DROP TABLE t; --",
        "1) UNION SELECT 1, 2 FROM u --",
        "1 UNION SELECT 1",
        "1) ORDER BY (1",
        "1 /*",
        "1 */",
        "1 /* */ */",
        "'') OR (''",
        "\") OR (\"",
        "1\0) OR (1",
        "CASE WHEN 1 THEN 1",
        "1 END",
        "DELETE FROM t",
        "(DELETE FROM t)",
        "(INSERT INTO t VALUES (9, 'z') RETURNING 1)",
        "EXISTS (DELETE FROM t RETURNING 1)",
        "PRAGMA user_version = 5",
    ] {
        let refused = Table::new(&db, "t").filter(condition, []);
        assert_says(refused, &[ErrorKind::Filter], &["\"t\"", "SQL expression"]);
    }
    for condition in [
        "id = 2 -- ",
        "id = 2 --)",
        "id = 2 /* ) */",
        "id = 2\n-- ' \" ` [",
    ] {
        let table = Table::new(&db, "t").filter(condition, []).unwrap();
        let found = keys(Walk::new(table.key::<i64>(["id"]).unwrap()).chunk_size(1));
        assert_eq!(found, [2], "{condition}");
    }
    assert_eq!(state(&db), before);
}

fn filtered(db: &Connection, condition: &str) -> Result<Vec<i64>, Error> {
    let table = Table::new(db, "t").filter(condition, [])?;
    outcome(Walk::new(table.key(["id"])?).chunk_size(1))
}

/// SQLite takes `"x"` for a string where there is no column `x`, as misspelt or renamed ones are.
#[test]
fn a_column_that_does_not_exist_is_never_a_string_in_a_filter() {
    let db = two();
    for condition in [
        "\"nosuch\" = 'a'",
        "\"nosuch\"",
        "v = \"a\"",
        "v = 'a' AND \"no\"\"such\" > 0",
        "id IN (SELECT id FROM t WHERE \"nosuch\" > 0)",
        "\"no`such\" > 0",
        "\"\" > 0",
    ] {
        let words = ["\"t\"", "no such column"];
        assert_says(filtered(&db, condition), &[ErrorKind::Filter], &words);
    }
    assert_eq!(
        filtered(&db, "\"v\" = 'a' AND \"T\".\"ID\" = 1").unwrap(),
        [1]
    );
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, \"a`b\"\"c\" INT); INSERT INTO t VALUES (1, 7)",
    );
    assert_eq!(filtered(&db, "\"a`b\"\"c\" = 7").unwrap(), [1]);
}

/// As a string `"v"` would be above every number: each row would pass.
#[test]
fn a_filters_column_that_is_renamed_under_the_walk_is_missed() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 9), (2, 9), (3, 0)",
    );
    let table = Table::new(&db, "t")
        .filter("\"v\" > 5", [])
        .unwrap()
        .columns(["id"]);
    let mut items = Walk::new(table).chunk_size(1).live().items();
    assert!(items.next().unwrap().is_ok());
    db.execute_batch("ALTER TABLE t RENAME COLUMN v TO w")
        .unwrap();
    let Some(Err(keywalk::Error::Source(error))) = items.next() else {
        panic!("the column isn't missed");
    };
    assert!(error.to_string().contains("table \"t\""), "{error}");
    assert!(items.next().is_none());
}

/// In a query's own SQL it is what SQLite says; a string can't be searched by, so it is no key.
#[test]
fn a_string_in_double_quotes_is_no_key_of_a_query() {
    let db = two();
    let query = Query::new(&db, "SELECT \"nosuch\" AS id, v FROM t", []).unwrap();
    let walk = Walk::new(query.key::<String>(["id"]).unwrap());
    assert_says(outcome(walk), &[ErrorKind::NotSeekable], &["the query"]);
}
