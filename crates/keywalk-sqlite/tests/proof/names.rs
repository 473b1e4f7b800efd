//! A name is a name and never SQL; and a table is looked for where SQLite looks.

use keywalk::Walk;
use keywalk_sqlite::{DynKey, ErrorKind, SqlKey, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::support::{by, open, query, walked};

/// Also what a plan says.
const NAMES: [&str; 19] = [
    "plain",
    "with space",
    "quote\"inside",
    "\"",
    "'single'",
    "select",
    "order by",
    "`tick`",
    "[bracket]",
    "emoji 🦀",
    "t; DROP TABLE plain; --",
    "x\" WHERE 1=0 --",
    "a,b",
    "c)",
    "?1",
    "",
    " USING AUTOMATIC ",
    "USE TEMP B-TREE",
    "t USING INDEX x (a>?)",
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn keys<K: SqlKey>(table: Table<&Connection, K>, size: usize) -> Vec<K> {
    let walk = Walk::new(table).chunk_size(size).into_iter();
    walk.map(|item| item.expect("the walk goes on").0).collect()
}

#[test]
fn tables_and_columns_may_have_any_name() {
    let db = open("");
    for name in NAMES {
        let name_sql = quoted(name);
        db.execute_batch(&format!(
            "CREATE TABLE {name_sql} ({name_sql} INT NOT NULL UNIQUE, \"other\" TEXT);
             INSERT INTO {name_sql} VALUES (3, 'c'), (1, 'a'), (2, 'b')"
        ))
        .unwrap();
        for size in [1, 512] {
            let table = Table::new(&db, name).key::<i64>([name]).unwrap();
            assert_eq!(keys(table, size), [1, 2, 3], "{name}");
            let table = Table::new(&db, name)
                .schema("main")
                .columns(["other", name]);
            let table = table.filter("\"other\" <> 'b'", []).unwrap();
            for item in Walk::new(table.key::<i64>([name]).unwrap()).chunk_size(size) {
                let (key, row) = item.unwrap();
                assert_eq!(row.columns(), ["other", name]);
                assert_eq!(row.get(name), Some(&Value::Integer(key)));
            }
        }
    }
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
    let count = db.query_row(count, [], |row| row.get(0));
    assert_eq!(count, Ok(NAMES.len() as i64), "no name was run as SQL");
}

#[test]
fn columns_of_any_name_make_composite_keys_prefixes_and_queries() {
    for pair in NAMES.windows(2) {
        let (a, b) = (quoted(pair[0]), quoted(pair[1]));
        let db = open(&format!(
            "CREATE TABLE t ({a} INT NOT NULL, {b} INT NOT NULL, PRIMARY KEY ({a}, {b} DESC));
             INSERT INTO t VALUES (1, 1), (1, 2), (2, 1)"
        ));
        let all = walked(Table::new(&db, "t")).unwrap();
        assert_eq!(all, ["(1, 2)", "(1, 1)", "(2, 1)"], "{pair:?}");
        let rest = Table::new(&db, "t").prefix_eq(pair[0], 1).unwrap();
        let rest = walked(rest.key::<DynKey>([pair[1]]).unwrap()).unwrap();
        assert_eq!(rest, ["2", "1"], "{pair:?}");
        let sql = format!("SELECT rowid AS {b} FROM t");
        assert_eq!(
            query::<i64>(&db, &sql, &[pair[1]]).unwrap(),
            ["1", "2", "3"],
            "{pair:?}"
        );
    }
}

#[test]
fn the_case_of_a_name_does_not_matter() {
    let db = open("CREATE TABLE Items (Id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1)");
    let table = Table::new(&db, "iTEMS").schema("MAIN").key::<i64>(["iD"]);
    assert_eq!(walked(table.unwrap()).unwrap(), ["1"]);
}

/// `t` holds 1 in `main`, 2 in `temp` and 3 in an attached database, in that order of creation.
fn three_schemas() -> Connection {
    open(
        "ATTACH ':memory:' AS \"far \"\"away\";
         CREATE TABLE main.t (id INTEGER PRIMARY KEY); INSERT INTO main.t VALUES (1);
         CREATE TABLE \"far \"\"away\".t (id INTEGER PRIMARY KEY);
         INSERT INTO \"far \"\"away\".t VALUES (3);
         CREATE TABLE \"far \"\"away\".only (id INTEGER PRIMARY KEY, n INT NOT NULL);
         CREATE UNIQUE INDEX \"far \"\"away\".i ON only (n);
         INSERT INTO \"far \"\"away\".only VALUES (4, 9), (5, 8);",
    )
}

#[test]
fn a_temporary_table_hides_one_of_main_and_that_one_of_an_attached_database() {
    let db = three_schemas();
    assert_eq!(by::<i64>(&db, &["id"]).unwrap(), ["1"]);
    db.execute_batch("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY); INSERT INTO temp.t VALUES (2)")
        .unwrap();
    assert_eq!(by::<i64>(&db, &["id"]).unwrap(), ["2"]);
    for (schema, key) in [("main", 1), ("temp", 2), ("far \"away", 3)] {
        let table = Table::new(&db, "t").schema(schema).key::<i64>(["id"]);
        assert_eq!(keys(table.unwrap(), 1), [key], "{schema}");
    }
}

#[test]
fn a_temporary_view_hides_a_table_and_is_refused() {
    let db = three_schemas();
    db.execute_batch("CREATE TEMP VIEW t AS SELECT 7 AS id")
        .unwrap();
    let error = Table::new(&db, "t").key::<i64>(["id"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotATable);
}

#[test]
fn a_table_of_an_attached_database_is_found_by_its_name_alone() {
    let db = three_schemas();
    for (column, expected) in [("id", [4, 5]), ("n", [8, 9])] {
        let table = Table::new(&db, "only").key::<i64>([column]).unwrap();
        assert_eq!(keys(table, 1), expected, "{column}");
    }
}

#[test]
fn a_named_schema_holds_for_what_is_set_after_it_and_before_it() {
    let db = three_schemas();
    let filtered = Table::new(&db, "t")
        .filter("id > 2", [])
        .unwrap()
        .schema("far \"away");
    assert_eq!(keys(filtered.key::<i64>(["id"]).unwrap(), 1), [3]);
    let named = Table::new(&db, "t")
        .key::<i64>(["id"])
        .unwrap()
        .schema("far \"away");
    assert_eq!(keys(named, 1), [3]);
}
