//! Names, conditions and schemas that would be more than that, or less: refused, and what is wrong is
//! named; whatever they hold, they are never run.

use keywalk::Walk;
use keywalk_sqlite::{DynKey, Error, ErrorKind, Query, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::{assert_says, by, column, integers, keys, open, outcome, query};

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
    for name in INJECTIONS {
        let t = || Table::new(&db, "t");
        let walked = |table| outcome(Walk::new(table)).map(drop);
        let query = Query::new(&db, "SELECT id, v FROM t", []).unwrap();
        for refused in [
            walked(Table::new(&db, name)),
            Table::new(&db, name).key::<i64>(["id"]).map(drop),
            walked(t().schema(name)),
        ] {
            assert_says(name, refused, ErrorKind::NoSuchTable, &[]);
        }
        for refused in [
            t().key::<DynKey>([name]).map(drop),
            t().key::<DynKey>(["id", name]).map(drop),
            t().prefix_eq(name, 1).map(drop),
            walked(t().columns([name])),
            walked(t().columns(["id", name])),
            query.key::<DynKey>([name]).map(drop),
        ] {
            assert_says(name, refused, ErrorKind::NoSuchColumn, &[]);
        }
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
        let within = Table::new(&db, "t").prefix_eq("v", text).unwrap();
        assert_eq!(keys(Walk::new(within.key::<i64>(["id"]).unwrap())).len(), 1);
        let only = (text.to_owned(), i64::MIN)..=(text.to_owned(), i64::MAX);
        let walk = Walk::new(by::<(String, i64)>(&db, &["v", "id"])).range(only);
        assert_eq!(keys(walk.chunk_size(1)).len(), 1, "{text}");
    }
    assert_eq!(state(&db), before);
}

/// In one place of a SELECT an aggregate is allowed, in the other it isn't; a filter may come to stand in
/// either. And SQLite takes `"x"` for a string where there is no column `x`, as misspelt or renamed ones are.
#[test]
fn a_filter_is_one_condition_over_the_columns_of_its_table() {
    let db = two();
    let before = state(&db);
    let more = [
        "1)) OR ((1",
        "1); DROP TABLE t; --",
        "1) UNION SELECT 1, 2 FROM u --",
        "1 UNION SELECT 1",
        "1) ORDER BY (1",
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
    ];
    let misuse = [
        "max(v) = v",
        "(SELECT sum(t.v)) > 0",
        "(SELECT max(v) FROM u) > 0 OR (SELECT group_concat(t.id)) <> ''",
        "row_number() OVER () > 1",
        "sum(v) OVER (ORDER BY id) > 10",
        "id > 0 AND total(v) > 1",
    ];
    let missing = [
        "\"nosuch\" = 'a'",
        "\"nosuch\"",
        "v = \"a\"",
        "v = 'a' AND \"no\"\"such\" > 0",
        "id IN (SELECT id FROM t WHERE \"nosuch\" > 0)",
        "\"no`such\" > 0",
        "\"\" > 0",
    ];
    for (conditions, says) in [
        (&more[..], "SQL expression"),
        (&misuse, "misuse of"),
        (&missing, "no such column"),
    ] {
        for condition in conditions {
            let refused = Table::new(&db, "t").filter(*condition, []);
            assert_says(condition, refused, ErrorKind::Filter, &["\"t\"", says]);
        }
    }
    assert_eq!(state(&db), before);
}

type Triple = (i64, i64, i64);

const TRIPLE: [&str; 3] = ["a", "b", "c"];

fn triple(db: &Connection) -> Result<(), Error> {
    Table::new(db, "t").key::<Triple>(TRIPLE).map(drop)
}

fn any_triple(db: &Connection) -> Result<(), Error> {
    Table::new(db, "t").key::<DynKey>(TRIPLE).map(drop)
}

fn within_a(db: &Connection) -> Result<(), Error> {
    outcome(Walk::new(Table::new(db, "t").prefix_eq("a", 1)?)).map(drop)
}

fn b_within_a(db: &Connection) -> Result<(), Error> {
    Table::new(db, "t")
        .prefix_eq("a", "x")?
        .key::<i64>(["b"])
        .map(drop)
}

fn newest_within_a(db: &Connection) -> Result<(), Error> {
    type Newest = (std::cmp::Reverse<i64>, i64);
    let table = Table::new(db, "t").prefix_eq("a", 1)?;
    outcome(Walk::new(table.key::<Newest>(["b", "c"])?)).map(drop)
}

#[test]
fn a_key_that_its_schema_does_not_prove_is_refused() {
    let nulls = "a INT, b INT, c INT, UNIQUE (a, b, c)";
    // NOT NULL on some columns leaves the others.
    let b_null = "a INT NOT NULL, b INT, c INT NOT NULL, PRIMARY KEY (a, b, c)";
    // Of ('x', 1) and ('X', 1) one would be lost.
    let collated = "a TEXT COLLATE NOCASE NOT NULL, b INT NOT NULL);
        CREATE INDEX i ON t (a, b); CREATE UNIQUE INDEX u ON t (a COLLATE BINARY, b";
    let indexed =
        "a INT NOT NULL, b INT NOT NULL, c INTEGER PRIMARY KEY); CREATE INDEX i ON t (a, b, c";
    let first = r#"column "a" of table "t""#;
    let cure = r#"("a", "b" DESC, "c")"#;
    let refused: [(_, fn(&Connection) -> _, _, _); 6] = [
        (nulls, triple, ErrorKind::Nullable, first),
        (nulls, any_triple, ErrorKind::Nullable, first),
        (b_null, triple, ErrorKind::Nullable, "\"b\""),
        (b_null, within_a, ErrorKind::Nullable, "\"b\""),
        (collated, b_within_a, ErrorKind::NotUnique, "\"b\""),
        (indexed, newest_within_a, ErrorKind::NotSeekable, cure),
    ];
    for (schema, refused, kind, says) in refused {
        let db = open(&format!("CREATE TABLE t ({schema})"));
        assert_says(schema, refused(&db), kind, &[says]);
    }
    // Where a primary key is NOT NULL, declared so or not.
    let db = open("CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (a, b, c)) WITHOUT ROWID");
    assert!(triple(&db).is_ok() && any_triple(&db).is_ok());
}

#[test]
fn an_index_over_an_expression_or_a_part_of_the_rows_makes_nothing_unique() {
    for index in [
        "UNIQUE INDEX i ON t (abs(a))",
        "UNIQUE INDEX i ON t (a, abs(b))",
        "UNIQUE INDEX i ON t (a + 0)",
        "UNIQUE INDEX i ON t (a) WHERE b IS NOT NULL",
        "UNIQUE INDEX i ON t (a) WHERE 1",
        "INDEX i ON t (a)",
    ] {
        let db = open(&format!(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL); CREATE {index}; CREATE INDEX j ON t (a);
             INSERT INTO t VALUES (1, 1), (2, 2)"
        ));
        let refused = Table::new(&db, "t").key::<i64>(["a"]);
        assert_says(index, refused, ErrorKind::NotUnique, &["\"a\"", "rowid"]);
        let with_rowid = by::<(i64, i64)>(&db, &["a", "rowid"]);
        assert_eq!(keys(Walk::new(with_rowid).chunk_size(1)), [(1, 1), (2, 2)]);
    }
}

/// A table or virtual table of these names would be asked instead of SQLite, and answer what its rows
/// say: that `a` is the whole primary key, for one.
#[test]
fn a_table_in_the_place_of_a_pragma_does_not_answer_for_the_schema() {
    for (name, columns) in [
        ("pragma_table_list", "schema, name, type, wr"),
        ("pragma_table_xinfo", "name, \"notnull\", pk, hidden"),
        ("pragma_index_list", "name, \"unique\", origin, partial"),
        ("pragma_index_xinfo", "name, \"desc\", coll, \"key\""),
        ("pragma_database_list", "seq, name"),
    ] {
        for create in [
            format!("CREATE TABLE {name} ({columns})"),
            format!("CREATE VIRTUAL TABLE {name} USING fts4({columns})"),
        ] {
            let db = open(&format!(
                "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b));
                 INSERT INTO t VALUES (1, 1), (1, 2), (2, 1), (2, 2); {create}"
            ));
            let refused = Table::new(&db, "t").key::<i64>(["a"]);
            assert_says(&create, refused, ErrorKind::NotUnique, &["\"a\"", "\"t\""]);
            let walk = Walk::new(Table::new(&db, "t")).chunk_size(1);
            assert_eq!(keys(walk).len(), 4, "{create}");
            let query = query::<(i64, i64)>(&db, "SELECT a, b FROM t", [], &["a", "b"]);
            assert_eq!(keys(Walk::new(query).chunk_size(1)).len(), 4, "{create}");
        }
    }
}

/// Of the modules that the bundled SQLite has.
#[test]
fn a_virtual_table_is_refused_and_its_shadow_tables_are_walked() {
    let db = open(
        "CREATE VIRTUAL TABLE f USING fts5(body);
         INSERT INTO f (rowid, body) VALUES (3, 'three'), (-1, 'minus one');
         CREATE VIRTUAL TABLE r USING rtree(id, low, high); INSERT INTO r VALUES (7, 1, 2), (5, 1, 2)",
    );
    for name in ["f", "r"] {
        let quoted = format!("\"{name}\"");
        let words = [quoted.as_str(), "virtual table", "`Query`"];
        let by_rowid = Table::new(&db, name).key::<i64>(["rowid"]);
        assert_says(name, by_rowid, ErrorKind::NotATable, &words);
        let walked = outcome(Walk::new(Table::new(&db, name)));
        assert_says(name, walked, ErrorKind::NotATable, &words);
        let sql = format!("SELECT rowid AS k FROM {name}");
        let walked = outcome(Walk::new(query::<i64>(&db, &sql, [], &["k"])));
        assert_says(name, walked, ErrorKind::NotSeekable, &["VIRTUAL TABLE"]);
    }
    let content = Table::new(&db, "f_content").map(|row| row.get::<_, String>("c0"));
    let texts = Walk::new(content).chunk_size(1).items();
    let texts: Vec<String> = texts.map(|item| item.unwrap().1).collect();
    assert_eq!(texts, ["minus one", "three"]);
    let by_rowid = Table::new(&db, "r_rowid").key::<i64>(["rowid"]).unwrap();
    assert_eq!(keys(Walk::new(by_rowid).chunk_size(1)), [5, 7]);
    // Its key is of an integer and a blob.
    let count = column(&db, "SELECT segid FROM f_idx").len();
    assert_eq!(keys(Walk::new(Table::new(&db, "f_idx"))).len(), count);
}

#[test]
fn the_schemas_own_tables_are_walked_by_their_rowid() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v INT); CREATE INDEX i ON t (v);
         INSERT INTO t (v) VALUES (1), (2); CREATE VIEW w AS SELECT 1; ANALYZE;
         CREATE TEMP TABLE x (y)",
    );
    for (name, schema) in [
        ("sqlite_schema", "main"),
        ("sqlite_master", "main"),
        ("SQLITE_SCHEMA", "main"),
        ("sqlite_temp_schema", "temp"),
        ("sqlite_sequence", "main"),
        ("sqlite_stat1", "main"),
    ] {
        let expected = integers(&db, &format!("SELECT rowid FROM {name} ORDER BY 1"));
        assert!(!expected.is_empty());
        for table in [Table::new(&db, name), Table::new(&db, name).schema(schema)] {
            let table = table.key::<i64>(["rowid"]).unwrap();
            assert_eq!(keys(Walk::new(table).chunk_size(1)), expected, "{name}");
        }
        let refused = outcome(Walk::new(Table::new(&db, name)));
        assert_says(name, refused, ErrorKind::NoPrimaryKey, &["rowid"]);
    }
}
