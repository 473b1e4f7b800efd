//! What can't be walked safely is refused before the first row, and the message says what is wrong.

use std::cmp::Reverse;

use keywalk::Walk;
use keywalk_sqlite::{Collated, DynKey, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::support::{Call, Keys, all, assert_refused, by, open, query, walked};

/// Tests: in a schema (or in each of several), calls, and how each is refused.
macro_rules! refusals {
    ($($(#[$about:meta])* $name:ident {
        $($schema:expr => { $($call:expr => $kind:ident $(of $sqlite:ident)?: $says:expr;)+ })+
    })+) => {$(
        $(#[$about])*
        #[test]
        fn $name() {$({
            let db = open($schema);
            $(
                let call: Call = $call;
                let is_sqlites = false $(|| stringify!($sqlite) == "SQLite")?;
                assert_refused(stringify!($call), call(&db), ErrorKind::$kind, is_sqlites, $says);
            )+
        })+}
    )+};
}

const PAIR: &str =
    "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 1)";

refusals! {
    a_key_names_each_of_its_types_columns_once {
        PAIR => {
            |db| by::<i64>(db, &["a", "b"]) => KeyColumns: r#"table "t" | 1 column | 2 were named"#;
            |db| by::<(i64, i64)>(db, &["a"]) => KeyColumns: "2 column | 1 were named";
            |db| by::<(i64, i64)>(db, &["a", "A"]) => KeyColumns: r#""a" twice"#;
            |db| by::<i64>(db, &[]) => KeyColumns: "names no column";
            |db| by::<DynKey>(db, &[]) => KeyColumns: "names no column";
            |db| walked(Table::new(db, "t").prefix_eq("a", 1)?.prefix_eq("A", 2)?) => KeyColumns: r#""a" twice"#;
            |db| walked(Table::new(db, "t").prefix_eq("a", 1)?.prefix_eq("b", 1)?)
                => KeyColumns: "no column left | fixes all of them";
            |db| walked(Table::new(db, "t").prefix_eq("a", 1)?.prefix_eq("b", 1)?.key::<DynKey>([""; 0])?)
                => KeyColumns: "fixes all of them";
        }
    }

    a_key_that_nothing_makes_unique_is_refused {
        PAIR => { |db| by::<i64>(db, &["a"]) => NotUnique: r#"walk by the key "a", "b""#; }
        not_unique("CREATE INDEX i ON t (a)") => { BY_A => NotUnique: NOT_UNIQUE; }
        not_unique("CREATE UNIQUE INDEX i ON t (a) WHERE b > 0") => { BY_A => NotUnique: NOT_UNIQUE; }
        not_unique("CREATE UNIQUE INDEX i ON t (abs(a)); CREATE INDEX j ON t (a)")
            => { BY_A => NotUnique: NOT_UNIQUE; }
        not_unique("CREATE UNIQUE INDEX i ON t (a, b)") => { BY_A => NotUnique: NOT_UNIQUE; }
        not_unique("CREATE UNIQUE INDEX i ON t (a COLLATE NOCASE); CREATE INDEX j ON t (a)")
            => { BY_A => NotUnique: NOT_UNIQUE; }
    }

    a_column_that_may_hold_null_is_not_unique_by_its_index_alone {
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT UNIQUE, b INT NOT NULL, c TEXT UNIQUE);
         CREATE UNIQUE INDEX i ON t (b, a)" => {
            |db| by::<Option<i64>>(db, &["a"])
                => NotUnique: r#""a" of table "t" | a UNIQUE index allows | end the key with "id" | a `filter` "a" IS NOT NULL"#;
            |db| by::<(i64, Option<i64>)>(db, &["b", "a"]) => NotUnique: r#""a" | end the key with "id""#;
            |db| by::<DynKey>(db, &["b", "a"]) => Nullable: r#""a" | `Option<T>`"#;
            // The filter says something else.
            |db| by_a_where(db, "b IS NOT NULL") => Nullable: r#""a""#;
            |db| by_a_where(db, "a IS NOT NULL OR b = 1") => Nullable: r#""a""#;
            |db| by_a_where(db, "NOT a IS NOT NULL") => Nullable: r#""a""#;
            |db| by_a_where(db, "'a' IS NOT NULL") => Nullable: r#""a""#;
            |db| by_a_where(db, "-a IS NOT NULL") => Nullable: r#""a""#;
            |db| by_a_where(db, "a IS NOT NULL IS NOT NULL") => Nullable: r#""a""#;
            |db| by_a_where(db, "'a IS NOT NULL' -- AND a IS NOT NULL") => Nullable: r#""a""#;
        }
    }

    a_partial_unique_index_needs_a_filter_with_its_whole_condition {
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL, b INT, c TEXT);
         CREATE UNIQUE INDEX i ON t (a) WHERE b = 1 AND c = 'X'" => {
            |db| by_a_where(db, "b = 1") => NotUnique: r#""a""#;
            |db| by_a_where(db, "b = 1 AND c = 'x'") => NotUnique: r#""a""#;
            |db| by_a_where(db, "b = 1 AND c = 'X' OR a") => NotUnique: r#""a""#;
            |db| by_a_where(db, "b = 1 AND NOT c = 'X'") => NotUnique: r#""a""#;
            |db| by_a_where(db, "b = 1 AND a = 'X'") => NotUnique: r#""a""#;
        }
    }

    a_key_column_that_may_hold_null_is_refused {
        "CREATE TABLE t (a INT UNIQUE, b INT, c INT NOT NULL, PRIMARY KEY (b, c));
         INSERT INTO t VALUES (1, 1, 1)" => {
            |db| by::<i64>(db, &["a"])
                => Nullable: r#""a" | table "t" | NOT NULL | +"a" IS NOT NULL | rowid"#;
            |db| by::<(i64, i64)>(db, &["b", "c"]) => Nullable: r#""b""#;
            |db| walked(Table::new(db, "t")) => Nullable: r#""b""#;
        }
    }

    a_lone_primary_key_without_not_null_is_refused_where_sqlite_alone_compares_it {
        "CREATE TABLE t (a TEXT PRIMARY KEY); INSERT INTO t VALUES ('a')" => {
            |db| by::<Collated>(db, &["a"]) => Nullable: r#""a" | NOT NULL"#;
        }
        "CREATE TABLE t (a TEXT PRIMARY KEY COLLATE NOCASE); INSERT INTO t VALUES ('a')" => {
            |db| by::<Collated>(db, &["a"]) => Nullable: r#""a" | NOT NULL"#;
            |db| by::<DynKey>(db, &["a"]) => Nullable: r#""a" | NOT NULL"#;
        }
    }

    a_querys_text_in_another_encoding_needs_another_type {
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY);
         INSERT INTO t VALUES ('a')" => {
            |db| query::<String>(db, "SELECT a FROM t", &["a"]) => Collation: "UTF-16le | the query";
        }
    }

    a_key_without_an_index_in_its_order_is_refused {
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, UNIQUE (a, b));
         INSERT INTO t VALUES (1, 1, 1)" => {
            |db| by::<(i64, i64)>(db, &["b", "a"])
                => NotSeekable: r#"table "t" | "b", "a" | make one on | the plan is"#;
            |db| by::<(i64, Reverse<i64>)>(db, &["a", "b"]) => NotSeekable: r#""a", "b""#;
            |db| by::<(i64, i64)>(db, &["c", "rowid"]) => NotSeekable: "make one on";
            |db| walked(Table::new(db, "t").prefix_eq("b", 1)?.key::<i64>(["a"])?) => NotSeekable: r#""b", "a""#;
        }
    }

    a_table_that_does_not_exist_is_named_beside_those_that_do {
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIRTUAL TABLE f USING fts5(text);
         ATTACH ':memory:' AS o; CREATE TABLE o.far (id INTEGER PRIMARY KEY); ANALYZE" => {
            |db| walked(Table::new(db, "u").key::<i64>(["id"])?)
                => NoSuchTable: r#"no table "u"; | are "f", "far", "t""#;
            |db| walked(Table::new(db, "far").schema("main").key::<i64>(["id"])?)
                => NoSuchTable: r#""far" in schema "main" | are "f", "t""#;
            |db| walked(Table::new(db, "t").schema("elsewhere").key::<i64>(["id"])?)
                => NoSuchTable: r#"no schema "elsewhere" | are "main", "o""#;
            |db| walked(Table::new(db, "u")) => NoSuchTable: r#""u""#;
            |db| walked(Table::new(db, "t\0").key::<i64>(["id"])?) => NoSuchTable: "no table";
        }
    }

    /// SQLite makes a database of a file that isn't there.
    a_database_without_any_table_may_be_the_wrong_one {
        "" => { |db| walked(Table::new(db, "u")) => NoSuchTable: r#""u", nor any other | right database"#; }
    }

    views_and_virtual_tables_are_refused_as_tables {
        "CREATE TABLE u (id INTEGER PRIMARY KEY); CREATE VIEW t AS SELECT id FROM u;
         CREATE VIRTUAL TABLE f USING fts5(text); CREATE VIRTUAL TABLE r USING rtree(id, a, b);" => {
            |db| walked(Table::new(db, "t").key::<i64>(["rowid"])?)
                => NotATable: r#""t" | view | `Query` | the view's SELECT"#;
            |db| walked(Table::new(db, "f").key::<i64>(["rowid"])?)
                => NotATable: r#""f" | virtual table | `Query` | CROSS JOIN"#;
            |db| walked(Table::new(db, "r").key::<i64>(["rowid"])?)
                => NotATable: r#""r" | virtual table | `Query` | CROSS JOIN"#;
        }
    }

    a_column_that_does_not_exist_is_never_taken_for_a_string {
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')" => {
            |db| by::<i64>(db, &["nosuch"]) => NoSuchColumn: NO_SUCH_COLUMN;
            |db| by::<DynKey>(db, &["id", "nosuch"]) => NoSuchColumn: NO_SUCH_COLUMN;
            |db| walked(Table::new(db, "t").prefix_eq("nosuch", 1)?) => NoSuchColumn: NO_SUCH_COLUMN;
            |db| walked(Table::new(db, "t").columns(["v", "nosuch"])) => NoSuchColumn: NO_SUCH_COLUMN;
            |db| by::<i64>(db, &["id\0"]) => NoSuchColumn: r#""id", "v""#;
        }
        "CREATE TABLE t (id INT PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES (1)" => {
            |db| by::<i64>(db, &["rowid"]) => NoSuchColumn: r#""rowid" | "id""#;
        }
    }

    a_value_that_sqlite_stores_as_null_fixes_no_column {
        THREE => {
            |db| walked(Table::new(db, "t").prefix_eq("x", None::<i64>)?)
                => Value: r#""x" of table "t" | IS NULL"#;
            |db| walked(Table::new(db, "t").prefix_eq("x", f64::NAN)?) => Value: r#""x" of table "t""#;
        }
    }

    parameters_have_to_fit {
        THREE => {
            |db| walked(Table::new(db, "t").filter("x = ?", [])?) => Filter of SQLite: PARAMETERS;
            |db| walked(Table::new(db, "t").filter("x = 1", [1])?) => Filter of SQLite: PARAMETERS;
            |db| walked(Table::new(db, "t").filter("x = ?1 OR x = ?2", [1])?) => Filter of SQLite: PARAMETERS;
            |db| walked(Table::new(db, "t").filter("x = ?1", [1, 2])?) => Filter of SQLite: PARAMETERS;
            |db| walked(Table::new(db, "t").filter("x = :a", &[(":b", &1)])?) => Filter of SQLite: PARAMETERS;
            |db| walked(Query::new(db, "SELECT id FROM t WHERE x = ?1", [])?.key::<i64>(["id"])?)
                => Query of SQLite: "parameters";
            |db| walked(Query::new(db, "SELECT id FROM t", [1])?.key::<i64>(["id"])?)
                => Query of SQLite: "parameters";
            |db| walked(Query::new(db, "SELECT id FROM t WHERE x = :a", &[(":b", &1)])?.key::<i64>(["id"])?)
                => Query of SQLite: "parameters";
        }
    }

    a_querys_key_is_checked {
        THREE => {
            |db| query::<i64>(db, "SELECT id, d FROM t", &["nosuch"]) => NoSuchColumn: r#""id", "d""#;
            |db| query::<i64>(db, "SELECT id, d FROM t", &["id", "d"]) => KeyColumns: "2 were named";
            |db| query::<i64>(db, "SELECT id, d FROM t", &[]) => KeyColumns: "no column";
            |db| query::<Collated>(db, "SELECT id, d FROM t", &["d"]) => Collation: "use `String`";
        }
    }
}

fn by_a_where(db: &Connection, filter: &str) -> Keys {
    walked(Table::new(db, "t").filter(filter, [])?.key::<i64>(["a"])?)
}

const BY_A: Call = |db| by::<String>(db, &["a"]);
const NOT_UNIQUE: &str = r#""a" | table "t" | UNIQUE index | walk by the key "id""#;
const NO_SUCH_COLUMN: &str = r#"table "t" | "nosuch" | "id", "v""#;
const PARAMETERS: &str = "doesn't go with its parameters";

fn not_unique(index: &str) -> &str {
    Box::leak(
        format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL); {index};
             INSERT INTO t VALUES (1, 'a', 1)"
        )
        .into_boxed_str(),
    )
}

const THREE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT, x INT);
                     CREATE TABLE u (id INTEGER PRIMARY KEY);
                     INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)";

#[test]
fn a_lone_primary_key_without_not_null_is_let_pass_where_its_bytes_are_compared() {
    let db = open("CREATE TABLE t (a TEXT PRIMARY KEY); INSERT INTO t VALUES ('a')");
    assert_eq!(by::<String>(&db, &["a"]).unwrap(), ["'a'"]);
    assert_eq!(by::<DynKey>(&db, &["a"]).unwrap(), ["'a'"]);
}

/// One lookup finds the row of the leading columns, and there is no other with them.
#[test]
fn a_key_that_begins_with_all_of_a_unique_index_is_walked_by_it() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, UNIQUE (a, b));
         INSERT INTO t VALUES (1, 1, 1), (1, 2, 0), (2, 0, 3)",
    );
    let keys = by::<(i64, i64, i64)>(&db, &["a", "b", "c"]).unwrap();
    assert_eq!(keys, ["(1, 1, 1)", "(1, 2, 0)", "(2, 0, 3)"]);
}

#[test]
fn an_index_that_is_dropped_before_the_first_fetch_is_missed() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL); CREATE UNIQUE INDEX i ON t (a); INSERT INTO t VALUES (1)",
    );
    let table = |column| Table::new(&db, "t").key::<i64>([column]).unwrap();
    let (by_a, by_rowid) = (table("a"), table("rowid"));
    db.execute_batch("DROP INDEX i").unwrap();
    assert_refused("by a", walked(by_a), ErrorKind::NotUnique, false, r#""a""#);
    db.execute_batch("DROP TABLE t").unwrap();
    let gone = walked(by_rowid);
    assert_refused("by rowid", gone, ErrorKind::NoSuchTable, false, r#""t""#);
}

#[test]
fn a_filter_that_is_no_expression_is_refused() {
    let db = open(THREE);
    let conditions = [
        " ",
        "",
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
    ];
    for condition in conditions {
        let error = Table::new(&db, "t")
            .filter(condition, [])
            .expect_err(condition);
        assert_refused(
            condition,
            Err(error.into()),
            ErrorKind::Filter,
            true,
            "the filter on table \"t\" is not a SQL expression over its columns, \"id\", \"d\", \"x\"; write \
             what may follow WHERE, with strings in single quotes",
        );
    }
}

#[test]
fn a_query_that_is_not_one_plain_select_is_refused() {
    let db = open(THREE);
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
        let error = query::<i64>(&db, sql, &["id"]).expect_err(sql).error;
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}: {error}");
        assert!(error.to_string().contains(says), "{sql}: {error}");
    }
    assert!(query::<i64>(&db, "SELECT id FROM t LIMIT 1\0", &["id"]).is_err());
    let count = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    assert_eq!(count, Ok(3));
}

#[test]
fn a_query_that_would_sort_group_or_scan_or_has_a_range_of_its_own_over_the_key_is_refused() {
    let db = open(THREE);
    let searched = "the query can't be searched by its key";
    for (sql, says) in [
        ("SELECT x AS id FROM t", searched),
        ("SELECT id + 0 AS id FROM t", searched),
        ("SELECT max(id) AS id FROM t GROUP BY d", searched),
        ("SELECT count(*) AS id FROM t", searched),
        ("SELECT id, row_number() OVER () FROM t", searched),
        ("SELECT id FROM t UNION SELECT id FROM u", searched),
        ("SELECT id FROM u UNION ALL SELECT x FROM t", "part 2 of"),
        (
            "SELECT t.id, u.id AS v FROM u CROSS JOIN t UNION ALL SELECT id, id FROM u",
            "part 1 of",
        ),
        (
            "SELECT id FROM u UNION ALL SELECT id FROM t -- all\nUNION ALL SELECT DISTINCT id FROM t",
            "because part 3 isn't",
        ),
        (
            "SELECT max(id) AS id FROM u UNION ALL SELECT id FROM t",
            "because part 1 isn't",
        ),
        (
            "SELECT id FROM u UNION ALL SELECT d FROM t",
            "a column of part 2 has another type",
        ),
        (
            "SELECT id FROM u UNION ALL SELECT 5",
            "because part 2 isn't",
        ),
        (
            "WITH x AS (SELECT 1) SELECT id FROM u UNION ALL SELECT 5",
            "because each part has",
        ),
        (
            "SELECT id FROM t UNION ALL SELECT id FROM u WHERE id > 1",
            "`range`",
        ),
        ("SELECT id FROM t WHERE id = 1", searched),
        ("SELECT 1 AS id", searched),
        ("SELECT id, x FROM t WHERE id > 1", "`range`"),
        ("SELECT id, x FROM t WHERE id >= 1", "`range`"),
        ("SELECT id, x FROM t WHERE id BETWEEN 1 AND 3", "`range`"),
        ("SELECT id, x FROM t WHERE id > x AND id > 0", "`range`"),
    ] {
        let refused = query::<i64>(&db, sql, &["id"]);
        assert_refused(sql, refused, ErrorKind::NotSeekable, false, says);
    }
}

/// A table with two indexes, of which the statistics say this.
fn analyzed(stat: &str) -> Connection {
    let db = open(
        "CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, a INT NOT NULL, b INT NOT NULL) WITHOUT ROWID;
         CREATE INDEX i ON t (a, id); CREATE TABLE u (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES ('x', 1, 1), ('y', 2, 2); ANALYZE;
         CREATE TABLE v (id INTEGER PRIMARY KEY, a INT NOT NULL); INSERT INTO v VALUES (1, 1)",
    );
    db.execute("UPDATE sqlite_stat1 SET stat = ?1 WHERE tbl = 't'", [stat])
        .and_then(|_| db.execute_batch("ANALYZE sqlite_schema"))
        .expect("statistics are a table");
    db
}

#[test]
fn where_the_keys_own_index_may_be_called_unordered_analyze_is_a_cure_too() {
    let db = analyzed("5000 1 1 unordered");
    let by_a = || by::<(i64, String)>(&db, &["a", "id"]);
    let says = r#"table "t" | sqlite_stat1 | unordered | run ANALYZE"#;
    assert_refused("by a", by_a(), ErrorKind::NotSeekable, false, says);
    let by_id = walked(Table::new(&db, "t"));
    assert_refused("by id", by_id, ErrorKind::NotSeekable, false, says);
    db.execute_batch("ANALYZE").unwrap();
    assert_eq!(by_a().unwrap(), ["(1, 'x')", "(2, 'y')"]);
    assert_eq!(walked(Table::new(&db, "t")).unwrap(), ["'x'", "'y'"]);
}

#[test]
fn statistics_of_another_index_or_table_are_not_to_blame() {
    let db = analyzed("5000 1 1 unordered");
    let table = |name, key: [&str; 2]| all(Walk::new(Table::new(&db, name).key::<DynKey>(key)?));
    for (keys, says) in [
        (table("v", ["a", "id"]), r#"make one on ("a", "id")"#),
        (table("t", ["b", "id"]), r#"make one on ("b", "id")"#),
        (
            query::<i64>(&db, "SELECT a AS b, id FROM v", &["b"]),
            "by the columns of one index",
        ),
    ] {
        let message = keys.expect_err(says).error.to_string();
        assert!(message.contains(says), "{message}");
        assert!(!message.contains("sqlite_stat1"), "{message}");
    }
}
