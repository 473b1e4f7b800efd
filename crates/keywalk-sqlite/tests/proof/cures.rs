//! What the messages tell to do works.

use std::cmp::Reverse;

use keywalk::Walk;
use keywalk_sqlite::{Collated, DynKey, ErrorKind, Query, Real, Table};
use rusqlite::Connection;
use rusqlite::limits::Limit;

use crate::support::{Call, Keys, all, assert_says, by, open, query, walked, within};

/// What is refused, what the message says, and what comes once that is followed.
struct Cure {
    schema: &'static str,
    refused: Call,
    kind: ErrorKind,
    says: &'static str,
    /// What is done to the database,
    sql: &'static str,
    /// and what is walked then; the same again if it is none.
    instead: Option<Call>,
    keys: &'static [&'static str],
}

/// In a schema: what is refused => how, and what it says; what is done, what is walked then => the keys.
macro_rules! cures {
    ($($schema:expr; $refused:expr => $kind:ident: $says:expr;
        $sql:literal, $instead:expr => $keys:expr;)+) => {
        &[$(Cure {
            schema: $schema,
            refused: $refused,
            kind: ErrorKind::$kind,
            says: $says,
            sql: $sql,
            instead: $instead,
            keys: &$keys,
        }),+]
    };
}

/// The same again is walked.
const SAME: Option<Call> = None;

const TWO: &str =
    "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL); INSERT INTO t VALUES (1, 2), (1, 1)";
const UNIQUE: &str = "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b));
                      INSERT INTO t VALUES (1, 2), (2, 1)";
const VIEW: &str = "CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (7);
                    CREATE VIEW t AS SELECT id FROM u";
const SCHEMAS: &str = "ATTACH ':memory:' AS past; CREATE TABLE past.t (id INTEGER PRIMARY KEY);
                       INSERT INTO past.t VALUES (7)";
const ONE_BY_ID: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)";
const TWO_BY_ID: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (2), (1)";
const NUMBERS: &str = "CREATE TABLE t (k INT NOT NULL UNIQUE, n INT);
                       INSERT INTO t VALUES (1, 7), (5, NULL), ('x', 9)";

const CURES: &[Cure] = cures! {
    SCHEMAS; |db| walked(Table::new(db, "past.t"))
        => NoSuchTable: r#""past.t" | (a schema is named by `schema`)"#;
        "", Some(|db| walked(Table::new(db, "t").schema("past"))) => ["7"];
    VIEW; |db| walked(Table::new(db, "t")) => NotATable: "or the view's SELECT as a `Query`";
        "", Some(|db| query::<i64>(db, "SELECT id FROM u", &["id"])) => ["7"];
    "CREATE TABLE t (a INT UNIQUE NOT NULL); INSERT INTO t VALUES (7)"; |db| walked(Table::new(db, "t"))
        => NoPrimaryKey: r#""t" | name the columns of a UNIQUE index over NOT NULL columns | rowid"#;
        "", Some(|db| by::<DynKey>(db, &["a"])) => ["7"];
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL); CREATE INDEX i ON t (a);
     INSERT INTO t VALUES (1, 5), (2, 5)"; |db| by::<i64>(db, &["a"])
        => NotUnique: "add the columns of its primary key";
        "", Some(|db| by::<(i64, i64)>(db, &["a", "id"])) => ["(5, 1)", "(5, 2)"];
    // A primary key that has a collation of its own.
    "CREATE TABLE t (a TEXT, PRIMARY KEY (a COLLATE NOCASE)) WITHOUT ROWID;
     INSERT INTO t VALUES ('b'), ('a'), ('C')"; |db| walked(Table::new(db, "t"))
        => NotUnique: r#"make a UNIQUE index on ("a")"#;
        "CREATE UNIQUE INDEX i ON t (\"a\")", SAME => ["'C'", "'a'", "'b'"];
    "CREATE TABLE t (a TEXT, PRIMARY KEY (a COLLATE NOCASE)); INSERT INTO t VALUES ('b')";
        |db| by::<String>(db, &["a"]) => NotUnique: r#", or walk by the key "rowid""#;
        "", Some(|db| by::<i64>(db, &["rowid"])) => ["1"];
    "CREATE TABLE t (a TEXT NOT NULL COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES ('B'), ('a')";
        |db| by::<String>(db, &["a"]) => Collation: r#""a" | table "t" | NOCASE | use `Collated`"#;
        "", Some(|db| by::<Collated>(db, &["a"])) => ["'a'", "'B'"];
    "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('a')";
        |db| by::<String>(db, &["a"]) => Collation: "UTF-16le | use `Collated`";
        "", Some(|db| by::<Collated>(db, &["a"])) => ["'a'"];
    TWO; |db| walked(Table::new(db, "t").prefix_eq("a", None::<i64>)?)
        => Value: "use a filter with IS NULL";
        "", Some(|db| walked(Table::new(db, "t").filter("a IS NULL", [])?.key::<i64>(["rowid"])?)) => [];
    // Every index has the rowid at its end, where it can't be declared.
    TWO; |db| by::<(i64, i64)>(db, &["a", "rowid"]) => NotSeekable: r#"make one on ("a")"#;
        "CREATE INDEX i ON t (\"a\")", SAME => ["(1, 1)", "(1, 2)"];
    TWO; |db| by::<(Reverse<i64>, i64)>(db, &["b", "rowid"]) => NotSeekable: r#"make one on ("b" DESC)"#;
        "CREATE INDEX i ON t (\"b\" DESC)", SAME => ["(2, 1)", "(1, 2)"];
    TWO; |db| by::<(i64, i64, Reverse<i64>)>(db, &["a", "b", "rowid"])
        => NotSeekable: r#"make one on ("a" DESC, "b" DESC)"#;
        "CREATE INDEX i ON t (\"a\" DESC, \"b\" DESC)", SAME => ["(1, 1, 2)", "(1, 2, 1)"];
    TWO; |db| within(db, &["rowid"]) => NotSeekable: r#"make one on ("a")"#;
        "CREATE INDEX i ON t (\"a\")", SAME => ["1", "2"];
    TWO; |db| by::<(i64, i64)>(db, &["rowid", "b"]) => KeyColumns: "leave those columns out";
        "", Some(|db| by::<i64>(db, &["rowid"])) => ["1", "2"];
    UNIQUE; |db| by::<(i64, Reverse<i64>)>(db, &["b", "a"]) => NotSeekable: r#"make one on ("b", "a" DESC)"#;
        "CREATE INDEX i ON t (\"b\", \"a\" DESC)", SAME => ["(1, 2)", "(2, 1)"];
    "CREATE TABLE t (k REAL NOT NULL UNIQUE); INSERT INTO t VALUES (0.5), (-2)"; |db| by::<i64>(db, &["k"])
        => KeyColumns: "; use `Real` or `DynKey`";
        "", Some(|db| by::<Real>(db, &["k"])) => ["-2.0", "0.5"];
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 5)";
        |db| walked(Table::new(db, "t").filter("a > 1", [])?.filter("a < 9", [])?)
        => Filter: "join the conditions with AND in one filter";
        "", Some(|db| walked(Table::new(db, "t").filter("a > 1 AND a < 9", [])?)) => ["1"];
    // More than SQLite takes; and so many that the walk's own are too many.
    ONE_BY_ID; |db| of_ids(db, 32_767) => Filter: IN_JSON; "", Some(of_ids_in_json) => ["1"];
    ONE_BY_ID; |db| of_ids(db, 32_766) => Filter: IN_JSON; "", Some(of_ids_in_json) => ["1"];
    ONE_BY_ID; |db| {
            let sql = format!("SELECT id FROM t WHERE +id IN ({})", question_marks(32_766));
            walked(Query::new(db, sql, rusqlite::params_from_iter(vec![1; 32_766]))?.key::<i64>(["id"])?)
        } => Query: IN_JSON; "", Some(of_ids_in_json) => ["1"];
    TWO_BY_ID; |db| query::<i64>(db, "VALUES (2), (1)", &["column1"]) => Query: "put them in a table";
        "CREATE TEMPORARY TABLE v (k INTEGER PRIMARY KEY); INSERT INTO v VALUES (2), (1)",
        Some(|db| walked(Table::new(db, "v"))) => ["1", "2"];
    TWO_BY_ID; |db| query::<i64>(db, "SELECT id FROM t ORDER BY id", &["id"])
        => Query: "without an ORDER BY or LIMIT";
        "", Some(|db| query::<i64>(db, "SELECT id FROM t", &["id"])) => ["1", "2"];
    TWO_BY_ID; |db| query::<i64>(db, "SELECT id, id + 0 AS id FROM t", &["id"])
        => Query: "its own name with AS";
        "", Some(|db| query::<i64>(db, "SELECT id, id + 0 AS other FROM t", &["id"])) => ["1", "2"];
    "CREATE TABLE t (a INT NOT NULL, b INT); CREATE INDEX i ON t (a, b);
     INSERT INTO t VALUES (1, 1), (1, 1), (1, 2)";
        |db| query::<i64>(db, "SELECT a, b FROM t", &["a"]) => RepeatedKey: "walk it by a key that is unique";
        "DELETE FROM t WHERE rowid = 1",
        Some(|db| query::<(i64, i64)>(db, "SELECT a, b FROM t", &["a", "b"])) => ["(1, 1)", "(1, 2)"];
    "CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES (NULL), ('a')"; |db| by::<String>(db, &["k"])
        => Value: r#"leave it out by a condition +"k" IS NOT NULL"#;
        "", Some(|db| query::<String>(db, "SELECT k FROM t WHERE +\"k\" IS NOT NULL", &["k"])) => ["'a'"];
    "CREATE TABLE t (k INT PRIMARY KEY NOT NULL); INSERT INTO t VALUES (1), ('x')"; |db| by::<i64>(db, &["k"])
        => Value: "change the row, or the key's type";
        "", Some(|db| by::<DynKey>(db, &["k"])) => ["1", "'x'"];
    NUMBERS; |db| all(Walk::new(Table::new(db, "t").key::<String>(["k"])?).range("5".to_owned()..))
        => Value: "or bound the walk by a number as a `DynKey`";
        "", Some(|db| {
            let table = Table::new(db, "t").key::<DynKey>(["k"])?;
            let five = table.dyn_key([5])?;
            all(Walk::new(table).range(five..))
        }) => ["5", "'x'"];
    NUMBERS; |db| walked(Table::new(db, "t").key::<DynKey>(["k"])?.map(|row| row.get::<_, i64>("n")))
        => Value: "an `Option` where a column may be NULL";
        "", Some(|db| {
            let table = Table::new(db, "t").key::<DynKey>(["k"])?;
            walked(table.map(|row| row.get::<_, Option<i64>>("n")))
        }) => ["1", "5", "'x'"];
    NUMBERS; |db| query::<DynKey>(db, "SELECT k FROM t WHERE k > 1", &["k"])
        => NotSeekable: "leave that condition out and give the walk a `range`";
        "DELETE FROM t WHERE k = 'x'",
        Some(|db| {
            let query = Query::new(db, "SELECT k FROM t", [])?.key::<i64>(["k"])?;
            all(Walk::new(query).range(2..))
        }) => ["5"];
    "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 5)";
        |db| within(db, &["a", "b"]) => KeyColumns: r#""a" | `prefix_eq` | leave one of the two out"#;
        "", Some(|db| within(db, &["b"])) => ["5"];
    "CREATE TABLE t (a INT UNIQUE); INSERT INTO t VALUES (5)"; |db| by::<i64>(db, &["a"])
        => Nullable: "declare it NOT NULL";
        "DROP TABLE t; CREATE TABLE t (a INT UNIQUE NOT NULL); INSERT INTO t VALUES (5)", SAME => ["5"];
    NULLS; |db| by::<String>(db, &["k"]) => Nullable: r#"by a `filter` "k" IS NOT NULL before the `key`"#;
        "", Some(|db| walked(Table::new(db, "t").filter("k IS NOT NULL", [])?.key::<String>(["k"])?))
        => ["'a'", "'b'", "'c'"];
    NULLS; |db| by::<String>(db, &["k"]) => Nullable: "`Option<T>` as its type in a key that ends in the primary key";
        "", Some(|db| by::<(Option<String>, i64)>(db, &["k", "id"]))
        => ["(NULL, 2)", "(NULL, 4)", "('a', 3)", "('b', 1)", "('c', 5)"];
    NULLS; |db| by::<Option<String>>(db, &["k"]) => NotUnique: r#"end the key with "id""#;
        "DELETE FROM t WHERE id > 2", Some(|db| by::<(Option<String>, i64)>(db, &["k", "id"]))
        => ["(NULL, 2)", "('b', 1)"];
    "CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES (NULL), ('a')"; |db| by::<String>(db, &["k"])
        => Value: "or use `Option<T>` as the column's type";
        "", Some(|db| by::<(Option<String>, i64)>(db, &["k", "rowid"])) => ["(NULL, 1)", "('a', 2)"];
    // Without the plus SQLite takes it for a range.
    NULLS; |db| query::<String>(db, "SELECT * FROM t WHERE k IS NOT NULL", &["k"])
        => NotSeekable: "+column IS NOT NULL";
        "", Some(|db| query::<String>(db, "SELECT * FROM t WHERE +k IS NOT NULL", &["k"]))
        => ["'a'", "'b'", "'c'"];
    MONTHS; |db| query::<i64>(db, "SELECT id FROM jan UNION ALL SELECT id FROM feb", &["id"])
        => NotSeekable: "part 2 of its UNION ALL can't | make an index | plan is: SCAN feb; USE TEMP B-TREE";
        "CREATE INDEX i ON feb (id)", SAME => ["1", "2", "3"];
    MONTHS; |db| query::<i64>(db, "SELECT id, note FROM jan UNION ALL SELECT id, NULL FROM mar", &["id"])
        => NotSeekable: "a column of part 2 has another type than in part 1; write CAST | CO-ROUTINE";
        "", Some(|db| query::<i64>(db, "SELECT id, note FROM jan UNION ALL SELECT id, CAST(NULL AS TEXT) FROM mar",
                                   &["id"])) => ["1", "3", "4"];
    SEARCH; |db| matching(db, "SELECT rowid AS id, body FROM search WHERE body MATCH ?1")
        => NotSeekable: "no virtual table";
        "", Some(|db| matching(db, "SELECT p.id, p.body FROM posts p CROSS JOIN search s ON s.rowid = p.id
                                    WHERE s.body MATCH ?1")) => ["1", "5"];
};

const MONTHS: &str = "CREATE TABLE jan (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO jan VALUES (3, 'c'), (1, 'a');
                      CREATE TABLE feb (id INT NOT NULL); INSERT INTO feb VALUES (2);
                      CREATE TABLE mar (id INTEGER PRIMARY KEY); INSERT INTO mar VALUES (4)";

const NULLS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE);
                     INSERT INTO t (k) VALUES ('b'), (NULL), ('a'), (NULL), ('c')";

const SEARCH: &str = "CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
                      INSERT INTO posts VALUES (1, 'one apple'), (2, 'a pear'), (5, 'two apple trees');
                      CREATE VIRTUAL TABLE search USING fts5(body, content = posts, content_rowid = id);
                      INSERT INTO search (search) VALUES ('rebuild')";

fn matching(db: &Connection, sql: &str) -> Keys {
    walked(Query::new(db, sql, ["apple"])?.key::<i64>(["id"])?)
}

const IN_JSON: &str = "IN (SELECT value FROM json_each(?1))";

fn question_marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn of_ids(db: &Connection, count: usize) -> Keys {
    let filter = format!("+id IN ({})", question_marks(count));
    let params = rusqlite::params_from_iter(vec![1; count]);
    walked(Table::new(db, "t").filter(filter, params)?)
}

fn of_ids_in_json(db: &Connection) -> Keys {
    let filter = format!("+id {IN_JSON}");
    walked(Table::new(db, "t").filter(filter, ["[1, 2]"])?)
}

#[test]
fn a_cure_that_is_followed_helps() {
    for cure in CURES {
        let db = open(cure.schema);
        // A distribution's library may take more.
        db.set_limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
            .expect("a limit");
        let error = (cure.refused)(&db).expect_err(cure.says).error;
        assert_says(cure.schema, &error, cure.kind, cure.says);
        db.execute_batch(cure.sql).expect(cure.sql);
        let again = cure.instead.unwrap_or(cure.refused);
        let keys = again(&db).unwrap_or_else(|failed| panic!("after {}: {failed:?}", cure.says));
        assert_eq!(keys, cure.keys, "after {}", cure.says);
    }
}

/// Users, of whom every second has posts, with statistics.
fn users() -> Connection {
    open(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, born INT);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT NOT NULL);
         CREATE INDEX by_user ON posts (user_id);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO posts SELECT i, i % 40 * 2 FROM n;
         INSERT INTO users SELECT id, id % 7 FROM posts WHERE id < 90; ANALYZE; PRAGMA optimize",
    )
}

fn assert_not_seekable(what: &str, keys: Keys, says: &str) {
    let error = keys.expect_err(what).error;
    assert_says(what, &error, ErrorKind::NotSeekable, says);
}

#[test]
fn what_would_be_sorted_or_grouped_is_walked_as_a_table_whose_filter_asks_for_the_rest() {
    let db = users();
    for sql in [
        "SELECT DISTINCT users.id FROM users JOIN posts ON posts.user_id = users.id",
        "SELECT user_id AS id, count(*) FROM posts GROUP BY user_id HAVING user_id > 0",
        "SELECT abs(users.id) AS id FROM users WHERE id IN (SELECT user_id FROM posts)",
    ] {
        assert_not_seekable(sql, query::<i64>(&db, sql, &["id"]), "by EXISTS or IN");
    }
    let expected: Vec<String> = (1..40).map(|half| (half * 2).to_string()).collect();
    for filter in [
        "EXISTS (SELECT 1 FROM posts WHERE posts.user_id = users.id)",
        "id IN (SELECT user_id FROM posts)",
    ] {
        let table = Table::new(&db, "users").filter(filter, []).unwrap();
        assert_eq!(walked(table).unwrap(), expected, "{filter}");
    }
}

#[test]
fn a_table_that_is_joined_without_an_index_is_joined_by_one() {
    let db = users();
    db.execute_batch(
        "CREATE TABLE notes (user_id INT, note TEXT); INSERT INTO notes SELECT id, 'x' FROM users",
    )
    .unwrap();
    let sql = "SELECT users.id, note FROM users JOIN notes ON notes.user_id = users.id";
    let refused = query::<i64>(&db, sql, &["id"]);
    assert_not_seekable(sql, refused, "an index on the columns that join");
    db.execute_batch("CREATE INDEX by_note ON notes (user_id); ANALYZE")
        .unwrap();
    assert_eq!(query::<i64>(&db, sql, &["id"]).unwrap().len(), 89);
}

#[test]
fn statistics_of_smaller_tables_are_replaced_by_analyze() {
    let db = users();
    db.execute_batch(
        "UPDATE sqlite_stat1 SET stat = '1 1'; DROP TABLE IF EXISTS sqlite_stat4;
         ANALYZE sqlite_schema",
    )
    .unwrap();
    let sql = "SELECT users.id AS user, posts.id FROM users JOIN posts ON posts.user_id = users.id";
    let by_both = || query::<(i64, i64)>(&db, sql, &["user", "id"]);
    assert_not_seekable(sql, by_both(), "run ANALYZE");
    db.execute_batch("ANALYZE").unwrap();
    assert_eq!(by_both().unwrap().len(), 1_950);
}

/// SQLite knows the rowid by three names, and a column may have any of them.
#[test]
fn the_key_that_is_told_is_the_rowid_by_a_name_that_no_column_has() {
    for (columns, told) in [
        ("a", Some("rowid")),
        ("oid", Some("rowid")),
        ("RowID", Some("oid")),
        ("rowid, Oid", Some("_rowid_")),
        ("rowid, oid, _rowid_", None),
    ] {
        let db = open(&format!(
            "CREATE TABLE t ({columns}); INSERT INTO t DEFAULT VALUES"
        ));
        let error = walked(Table::new(&db, "t")).expect_err(columns).error;
        assert_eq!(error.kind(), ErrorKind::NoPrimaryKey);
        let hint = told.map(|name| format!(", or walk by the key \"{name}\""));
        let end = hint.as_deref().unwrap_or("NOT NULL columns");
        assert!(error.to_string().ends_with(end), "{columns}: {error}");
        if let Some(name) = told {
            assert_eq!(by::<DynKey>(&db, &[name]).unwrap().len(), 1);
        }
    }
    let db = open("CREATE TABLE t (a)");
    let fixed = Table::new(&db, "t").prefix_eq("oid", 1).unwrap();
    let message = fixed.key::<i64>(["a"]).err().unwrap().to_string();
    assert!(!message.contains("rowid"), "{message}");
}
