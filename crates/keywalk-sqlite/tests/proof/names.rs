//! A name is a name and never SQL; and a table is looked for where SQLite looks.

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, ErrorKind, Query, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

const NAMES: [&str; 16] = [
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
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn keys(table: Table<&Connection, i64>, size: usize) -> Vec<i64> {
    Walk::new(table)
        .chunk_size(size)
        .into_iter()
        .map(|item| item.expect("the walk goes on").0)
        .collect()
}

#[test]
fn tables_and_columns_may_have_any_name() {
    let db = Connection::open_in_memory().unwrap();
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
                .columns(["other", name])
                .filter("\"other\" <> 'b'", [])
                .and_then(|table| table.key::<i64>([name]))
                .unwrap();
            for item in Walk::new(table).chunk_size(size) {
                let (key, row) = item.unwrap();
                assert_eq!(row.columns(), ["other", name]);
                assert_eq!(row.get(name), Some(&Value::Integer(key)));
            }
        }
    }
    let count: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(count, 16, "no name was run as SQL");
}

#[test]
fn a_table_named_like_what_a_plan_says_can_be_walked() {
    let db = Connection::open_in_memory().unwrap();
    for name in [
        " USING AUTOMATIC ",
        "USE TEMP B-TREE",
        "t USING INDEX x (a>?)",
    ] {
        db.execute_batch(&format!(
            "CREATE TABLE {0} (id INT NOT NULL UNIQUE); INSERT INTO {0} VALUES (2), (1)",
            quoted(name)
        ))
        .unwrap();
        let table = Table::new(&db, name).key::<i64>(["id"]).unwrap();
        assert_eq!(keys(table, 1), [1, 2], "{name}");
    }
}

#[test]
fn columns_of_any_name_make_composite_keys_and_prefixes() {
    for pair in NAMES.windows(2) {
        let db = Connection::open_in_memory().unwrap();
        let (a, b) = (quoted(pair[0]), quoted(pair[1]));
        db.execute_batch(&format!(
            "CREATE TABLE t ({a} INT NOT NULL, {b} INT NOT NULL, PRIMARY KEY ({a}, {b} DESC));
             INSERT INTO t VALUES (1, 1), (1, 2), (2, 1)"
        ))
        .unwrap();
        let found: Vec<Vec<Value>> = Walk::new(Table::new(&db, "t"))
            .chunk_size(1)
            .into_iter()
            .map(|item| item.unwrap().0.into_values())
            .collect();
        let expected = [(1, 2), (1, 1), (2, 1)].map(|(a, b)| vec![a.into(), b.into()]);
        assert_eq!(
            found,
            expected.map(|row: Vec<i64>| row.into_iter().map(Value::Integer).collect::<Vec<_>>())
        );
        let rest = Table::new(&db, "t")
            .within(pair[0], 1)
            .unwrap()
            .key::<AnyKey>([pair[1]])
            .unwrap();
        assert_eq!(
            Walk::new(rest).chunk_size(1).into_iter().count(),
            2,
            "{pair:?}"
        );
    }
}

#[test]
fn columns_of_a_query_may_have_any_name() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
        .unwrap();
    for name in NAMES {
        let sql = format!("SELECT id AS {} FROM t", quoted(name));
        let query = Query::new(&db, sql, [])
            .unwrap()
            .key::<i64>([name])
            .unwrap();
        assert_eq!(
            Walk::new(query).chunk_size(1).into_iter().count(),
            2,
            "{name}"
        );
    }
}

#[test]
fn the_case_of_a_name_does_not_matter() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE Items (Id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1)")
        .unwrap();
    let table = Table::new(&db, "iTEMS")
        .schema("MAIN")
        .key::<i64>(["iD"])
        .unwrap();
    assert_eq!(keys(table, 1), [1]);
}

#[test]
fn a_name_with_a_nul_in_it_is_not_found() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        .unwrap();
    let kind = |error: keywalk_sqlite::Error| error.kind();
    assert_eq!(
        Table::new(&db, "t\0")
            .key::<i64>(["id"])
            .map_err(kind)
            .err(),
        Some(ErrorKind::NoSuchTable)
    );
    assert_eq!(
        Table::new(&db, "t")
            .key::<i64>(["id\0"])
            .map_err(kind)
            .err(),
        Some(ErrorKind::NoSuchColumn)
    );
    let query = Query::new(&db, "SELECT id FROM t LIMIT 1\0", []);
    let first = query
        .and_then(|query| query.key::<i64>(["id"]))
        .map(|query| {
            Walk::new(query)
                .into_iter()
                .next()
                .map(|item| item.is_err())
        });
    assert!(matches!(first, Err(_) | Ok(Some(true))), "{first:?}");
}

/// `t` holds 1 in `main`, 2 in `temp` and 3 in an attached database, in that order of creation.
fn three_schemas() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "ATTACH ':memory:' AS \"far \"\"away\";
         CREATE TABLE main.t (id INTEGER PRIMARY KEY); INSERT INTO main.t VALUES (1);
         CREATE TABLE \"far \"\"away\".t (id INTEGER PRIMARY KEY);
         INSERT INTO \"far \"\"away\".t VALUES (3);
         CREATE TABLE \"far \"\"away\".only (id INTEGER PRIMARY KEY, n INT NOT NULL);
         CREATE UNIQUE INDEX \"far \"\"away\".i ON only (n);
         INSERT INTO \"far \"\"away\".only VALUES (4, 9), (5, 8);",
    )
    .expect("the schema is valid");
    db
}

#[test]
fn a_temporary_table_hides_one_of_main_and_that_one_of_an_attached_database() {
    let db = three_schemas();
    assert_eq!(keys(Table::new(&db, "t").key(["id"]).unwrap(), 1), [1]);
    db.execute_batch("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY); INSERT INTO temp.t VALUES (2)")
        .unwrap();
    assert_eq!(keys(Table::new(&db, "t").key(["id"]).unwrap(), 1), [2]);
    for (schema, key) in [("main", 1), ("temp", 2), ("far \"away", 3)] {
        let table = Table::new(&db, "t").schema(schema).key(["id"]).unwrap();
        assert_eq!(keys(table, 1), [key], "{schema}");
    }
    let error = Table::new(&db, "only")
        .schema("main")
        .key::<i64>(["id"])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
    assert!(
        error.to_string().contains("\"only\" in schema \"main\""),
        "{error}"
    );
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
    assert_eq!(
        keys(Table::new(&db, "only").key(["id"]).unwrap(), 1),
        [4, 5]
    );
    assert_eq!(keys(Table::new(&db, "only").key(["n"]).unwrap(), 1), [8, 9]);
}

#[test]
fn a_named_schema_holds_for_what_is_set_after_it_and_before_it() {
    let db = three_schemas();
    let filtered = Table::new(&db, "t")
        .filter("id > 2", [])
        .unwrap()
        .schema("far \"away");
    assert_eq!(keys(filtered.key(["id"]).unwrap(), 1), [3]);
    let named = Table::new(&db, "t")
        .key::<i64>(["id"])
        .unwrap()
        .schema("far \"away");
    assert_eq!(keys(named, 1), [3]);
}
