//! Filters and queries that can't be part of a walk are refused, and say what SQLite said.

use std::error::Error as StdError;

use keywalk::Walk;
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::Connection;

fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT, x INT); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
    )
    .expect("the schema is valid");
    db
}

fn query_refusal(db: &Connection, sql: &str) -> Error {
    Query::new(db, sql, [])
        .and_then(|query| query.key::<i64>(["id"]))
        .map_or_else(
            |error| error,
            |query| match Walk::new(query).into_iter().next() {
                Some(Err(keywalk::Error::Source(error))) => error,
                other => panic!("{sql} isn't refused: {other:?}"),
            },
        )
}

#[test]
fn a_filter_that_is_no_expression_is_refused() {
    let db = open();
    for condition in [
        "",
        " ",
        "-- nothing",
        "nosuch = 1",
        "x =",
        "1) OR (1",
        "1)",
        "(1",
        "1) UNION SELECT (2",
        "1; DROP TABLE t",
        "1;",
        "1 ORDER BY 1",
        "1 LIMIT 1",
        "SELECT 1",
        "1 /*",
        "x = 'a",
        "1, 2",
        "count(*) > 0",
        "u.id = 1",
        "1\0",
        "x = ?0",
    ] {
        let error = Table::new(&db, "t")
            .filter(condition, [])
            .expect_err(condition);
        assert_eq!(error.kind(), ErrorKind::Filter, "{condition}: {error}");
        assert_eq!(
            error.to_string(),
            "the filter on table \"t\" is not a SQL expression over its columns, \"id\", \"d\", \"x\"; write \
             what may follow WHERE, with strings in single quotes"
        );
        assert!(
            error.sqlite_error().is_some() && error.source().is_some(),
            "{condition}"
        );
    }
}

#[test]
fn a_filters_parameters_have_to_fit() {
    let db = open();
    let refused = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Filter);
        assert!(
            error.to_string().contains("doesn't go with its parameters"),
            "{error}"
        );
        assert!(error.sqlite_error().is_some());
    };
    refused(Table::new(&db, "t").filter("x = ?", []).unwrap_err());
    refused(Table::new(&db, "t").filter("x = 1", [1]).unwrap_err());
    refused(
        Table::new(&db, "t")
            .filter("x = ?1 OR x = ?2", [1])
            .unwrap_err(),
    );
    refused(Table::new(&db, "t").filter("x = ?1", [1, 2]).unwrap_err());
    refused(
        Table::new(&db, "t")
            .filter("x = :a", &[(":b", &1)])
            .unwrap_err(),
    );
}

#[test]
fn a_second_filter_is_refused_rather_than_dropped() {
    let db = open();
    let error = Table::new(&db, "t")
        .filter("x > 1", [])
        .and_then(|t| t.filter("x < 3", []))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Filter);
    assert!(
        error.to_string().contains("with AND in one filter"),
        "{error}"
    );
}

#[test]
fn a_column_fixed_to_null_is_refused() {
    let db = open();
    let error = Table::new(&db, "t").within("x", None::<i64>).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(
        error.to_string().contains("\"x\" of table \"t\""),
        "{error}"
    );
    assert!(error.to_string().contains("IS NULL"), "{error}");
    assert_eq!(
        Table::new(&db, "t")
            .within("x", f64::NAN)
            .unwrap_err()
            .kind(),
        ErrorKind::Value
    );
}

#[test]
fn a_query_that_is_not_one_plain_select_is_refused() {
    let db = open();
    for (sql, says) in [
        ("SELECT id FROM t ORDER BY id", "ORDER BY"),
        ("SELECT id FROM t LIMIT 5", "LIMIT"),
        ("SELECT id FROM t ORDER BY x LIMIT 5", "ORDER BY"),
        ("SELECT nosuch FROM t", "not valid SQL"),
        ("SELECT id FROM t; DELETE FROM t", "not valid SQL"),
        ("SELECT id FROM t) AS q, (SELECT 1", "not valid SQL"),
        ("DELETE FROM t RETURNING id", "only reads"),
        ("DELETE FROM t", "only reads"),
        ("UPDATE t SET x = 1", "only reads"),
        ("EXPLAIN SELECT id FROM t", "only reads"),
        ("", "only reads"),
        ("; -- SELECT id FROM t", "only reads"),
        (
            "SELECT t.id, u.id FROM t JOIN u ON u.id = t.id",
            "several columns named \"id\"",
        ),
    ] {
        let error = query_refusal(&db, sql);
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}: {error}");
        assert!(error.to_string().contains(says), "{sql}: {error}");
    }
    assert_eq!(
        db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)),
        Ok(3)
    );
}

#[test]
fn a_querys_parameters_have_to_fit() {
    let db = open();
    for error in [
        Query::new(&db, "SELECT id FROM t WHERE x = ?1", []).unwrap_err(),
        Query::new(&db, "SELECT id FROM t", [1]).unwrap_err(),
        Query::new(&db, "SELECT id FROM t WHERE x = :a", &[(":b", &1)]).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Query);
        assert!(error.to_string().contains("parameters"), "{error}");
        assert!(error.sqlite_error().is_some());
    }
}

#[test]
fn a_querys_key_is_checked() {
    let db = open();
    let key = |columns: &[&str]| {
        let query = Query::new(&db, "SELECT id, d FROM t", []).expect("it is a SELECT");
        query
            .key::<i64>(columns.iter().copied())
            .map(|_| "a key")
            .unwrap_err()
    };
    assert_eq!(key(&["nosuch"]).kind(), ErrorKind::NoSuchColumn);
    assert!(key(&["nosuch"]).to_string().contains("\"id\", \"d\""));
    assert_eq!(key(&["id", "d"]).kind(), ErrorKind::KeyColumns);
    assert_eq!(key(&[]).kind(), ErrorKind::KeyColumns);
    let query = Query::new(&db, "SELECT id, d FROM t", []).unwrap();
    let error = query.key::<keywalk_sqlite::Collated>(["d"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Collation);
    assert!(error.to_string().contains("use `String`"), "{error}");
}

#[test]
fn a_query_that_would_sort_group_or_scan_is_refused() {
    let db = open();
    for sql in [
        "SELECT x AS id FROM t",
        "SELECT id + 0 AS id FROM t",
        "SELECT max(id) AS id FROM t GROUP BY d",
        "SELECT count(*) AS id FROM t",
        "SELECT id, row_number() OVER () FROM t",
        "SELECT id FROM t UNION SELECT id FROM u",
        "SELECT id FROM t WHERE id = 1",
        "VALUES (1)",
    ] {
        let sql = sql.replace("VALUES (1)", "SELECT 1 AS id");
        let error = query_refusal(&db, &sql);
        assert_eq!(error.kind(), ErrorKind::NotSeekable, "{sql}: {error}");
        assert!(
            error
                .to_string()
                .starts_with("the query can't be searched by its key"),
            "{error}"
        );
    }
}

#[test]
fn a_query_with_a_range_of_its_own_over_the_key_is_refused() {
    let db = open();
    for condition in [
        "id > 1",
        "id >= 1",
        "id BETWEEN 1 AND 3",
        "id > x AND id > 0",
    ] {
        let error = query_refusal(&db, &format!("SELECT id, x FROM t WHERE {condition}"));
        assert_eq!(error.kind(), ErrorKind::NotSeekable, "{condition}");
        assert!(error.to_string().contains("`range`"), "{error}");
    }
}
