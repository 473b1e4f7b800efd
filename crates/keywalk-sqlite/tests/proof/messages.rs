//! Messages are one line of bounded length, whatever names and values a schema holds.

use std::error::Error as StdError;

use keywalk_sqlite::{Error, ErrorKind, Query, Table};

use crate::support::{open, query, walked};

/// The message, and that it is fit for a log.
fn message(error: &Error) -> String {
    let message = error.to_string();
    assert!(message.len() < 1_000, "{} bytes", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
    message
}

#[test]
fn long_names_are_cut_and_those_of_80_characters_are_whole() {
    let name = "é".repeat(100_000);
    let db = open(&format!(
        "CREATE TABLE \"{name}\" (\"{name}\" INT NOT NULL)"
    ));
    let refusal = |table: &str, column: &str| {
        let refused = Table::new(&db, table).key::<i64>([column]).unwrap_err();
        message(&refused)
    };
    let cut = format!("\"{}... (200001 bytes)\"", "é".repeat(80));
    assert!(refusal(&(name.clone() + "!"), "id").contains(&cut));
    for column in [name.clone(), name.clone() + "!"] {
        assert!(refusal(&name, &column).contains("é... (20000"));
    }
    let whole = "é".repeat(80);
    assert!(refusal(&whole, "id").contains(&format!("\"{whole}\"")));
}

#[test]
fn of_many_columns_the_first_are_named() {
    for (columns, end) in [
        (20, "\"c19\""),
        (21, "\"c19\" and 1 more"),
        (900, "\"c19\" and 880 more"),
    ] {
        let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
        let db = open(&format!("CREATE TABLE t ({})", names.join(", ")));
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
    let name = "two\nlines\u{1b}[2J\u{202e}";
    let shown = r#""two\nlines\u{1b}[2J\u{202e}""#;
    let db = open(&format!(
        "CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY, \"{name}\" INT NOT NULL);
         INSERT INTO \"{name}\" VALUES (1, 1)"
    ));
    let refused = Table::new(&db, name).key::<i64>(["nothing"]).unwrap_err();
    assert_eq!(message(&refused).matches(shown).count(), 2, "{refused}");
    let table = Table::new(&db, name).key::<(i64, i64)>([name, "id"]);
    let refused = walked(table.unwrap()).unwrap_err().error;
    let says = format!("make one on ({shown}, \"id\")");
    assert!(message(&refused).contains(&says), "{refused}");
}

#[test]
fn a_long_plan_is_cut() {
    let column = "c".repeat(2_000);
    let db = open(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {column} INT NOT NULL); CREATE INDEX i ON t({column})"
    ));
    let sql = format!("SELECT -id AS k FROM t WHERE {column} = 1");
    let refused = query::<i64>(&db, &sql, &["k"]).unwrap_err().error;
    assert_eq!(refused.kind(), ErrorKind::NotSeekable);
    let message = refused.to_string();
    assert!(message.len() < 3_000, "{message}");
}

#[test]
fn debug_of_a_table_or_query_shows_names_and_no_data() {
    let db = open("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (77)");
    let table = format!("{:?}", Table::new(&db, "t"));
    assert_eq!(table, "Table { name: \"t\", .. }");
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
