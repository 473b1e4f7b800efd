//! Messages are one line of bounded length, whatever names and values a schema holds.

use std::error::Error as StdError;

use keywalk_sqlite::{AnyKey, Error, ErrorKind, Query, Table};
use rusqlite::Connection;

/// The message, and that it is fit for a log.
fn message(error: &Error) -> String {
    let message = error.to_string();
    assert!(message.len() < 1_000, "{} bytes", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
    message
}

#[test]
fn long_names_are_cut() {
    let db = Connection::open_in_memory().unwrap();
    let name = "é".repeat(100_000);
    db.execute_batch(&format!(
        "CREATE TABLE \"{name}\" (\"{name}\" INT NOT NULL)"
    ))
    .unwrap();
    let missing = Table::new(&db, name.clone() + "!").key::<i64>(["id"]);
    let cut = format!("\"{}... (200001 bytes)\"", "é".repeat(80));
    assert!(message(&missing.unwrap_err()).contains(&cut));
    for column in [name.clone(), name.clone() + "!"] {
        let refused = Table::new(&db, name.as_str()).key::<i64>([column]);
        assert!(message(&refused.unwrap_err()).contains("é... (20000"));
    }
}

#[test]
fn a_name_of_80_characters_is_whole() {
    let db = Connection::open_in_memory().unwrap();
    let name = "é".repeat(80);
    let missing = Table::new(&db, name.as_str()).key::<i64>(["id"]);
    assert!(message(&missing.unwrap_err()).contains(&format!("\"{name}\"")));
}

#[test]
fn of_many_columns_the_first_are_named() {
    let db = Connection::open_in_memory().unwrap();
    for (columns, end) in [
        (20, "\"c19\""),
        (21, "\"c19\" and 1 more"),
        (900, "\"c19\" and 880 more"),
    ] {
        let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
        db.execute_batch(&format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t ({})",
            names.join(", ")
        ))
        .unwrap();
        let refused = Table::new(&db, "t").key::<i64>(["nothing"]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NoSuchColumn);
        let message = message(&refused);
        assert!(message.ends_with(end), "{message}");
        assert!(
            message.contains("columns are \"c0\", \"c1\", "),
            "{message}"
        );
    }
}

#[test]
fn a_name_that_a_terminal_would_act_on_is_escaped() {
    let db = Connection::open_in_memory().unwrap();
    let name = "two\nlines\u{1b}[2J\u{202e}";
    let shown = r#""two\nlines\u{1b}[2J\u{202e}""#;
    db.execute_batch(&format!(
        "CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY, \"{name}\" INT NOT NULL);
         INSERT INTO \"{name}\" VALUES (1, 1)"
    ))
    .unwrap();
    let refused = Table::new(&db, name).key::<i64>(["nothing"]).unwrap_err();
    assert_eq!(message(&refused).matches(shown).count(), 2, "{refused}");
    let table = Table::new(&db, name).key::<(i64, i64)>([name, "id"]);
    let refused = keywalk::Walk::new(table.unwrap()).into_iter().next();
    let Some(Err(keywalk::Error::Source(refused))) = refused else {
        panic!("{:?}", refused.map(|item| item.is_ok()));
    };
    let says = format!("make one on ({shown}, \"id\")");
    assert!(message(&refused).contains(&says), "{refused}");
}

#[test]
fn a_long_plan_is_cut() {
    let db = Connection::open_in_memory().unwrap();
    let column = "c".repeat(2_000);
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {column} INT NOT NULL);
         CREATE INDEX i ON t({column})"
    ))
    .unwrap();
    let sql = format!("SELECT -id AS k FROM t WHERE {column} = 1");
    let query = Query::new(&db, sql, []).and_then(|query| query.key::<i64>(["k"]));
    let refused = keywalk::Walk::new(query.unwrap()).into_iter().next();
    let Some(Err(keywalk::Error::Source(refused))) = refused else {
        panic!("{:?}", refused.map(|item| item.is_ok()));
    };
    assert_eq!(refused.kind(), ErrorKind::NotSeekable);
    let message = refused.to_string();
    assert!(message.len() < 3_000, "{message}");
}

#[test]
fn a_key_of_no_columns_is_told_from_one_whose_columns_are_all_fixed() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        .unwrap();
    let nothing: [&str; 0] = [];
    let refused = Table::new(&db, "t").key::<AnyKey>(nothing).unwrap_err();
    assert!(message(&refused).contains("names no column"), "{refused}");
    let fixed = Table::new(&db, "t").within("id", 1).unwrap();
    let refused = fixed.key::<AnyKey>(nothing).unwrap_err();
    assert!(message(&refused).contains("fixes all of them"), "{refused}");
}

#[test]
fn debug_of_a_table_or_query_shows_names_and_no_data() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (77)")
        .unwrap();
    assert_eq!(
        format!("{:?}", Table::new(&db, "t")),
        "Table { name: \"t\", .. }"
    );
    let query = Query::new(&db, "SELECT id, 77 AS seven FROM t", []).unwrap();
    assert_eq!(
        format!("{query:?}"),
        "Query { columns: [\"id\", \"seven\"], .. }"
    );
}

#[test]
fn errors_are_send_sync_and_static() {
    fn is_error<E: StdError + Send + Sync + 'static>() {}
    is_error::<Error>();
    is_error::<keywalk::Error<Error>>();
}
