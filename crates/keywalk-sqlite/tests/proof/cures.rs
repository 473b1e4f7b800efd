//! What the messages tell to do works.

use std::cmp::Reverse;

use keywalk::{ChunkSource, DurableSource, Walk};
use keywalk_sqlite::{AnyKey, Collated, Error, ErrorKind, Key, Query, Table};
use rusqlite::Connection;
use rusqlite::limits::Limit;

use crate::db::open;

fn keys<K, T, S>(source: S) -> Vec<K>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    let walk = Walk::new(source).chunk_size(1);
    let key = |item: Result<_, _>| item.map(|(key, _)| key).expect("the walk goes on");
    walk.into_iter().map(key).collect()
}

#[test]
fn a_full_text_table_is_walked_behind_the_table_of_its_content() {
    let db = open(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT);
         INSERT INTO posts VALUES (1, 'one apple'), (2, 'a pear'), (5, 'two apple trees');
         CREATE VIRTUAL TABLE search USING fts5(body, content = posts, content_rowid = id);
         INSERT INTO search (search) VALUES ('rebuild')",
    );
    let by_id = |sql: &str| {
        Query::new(&db, sql, ["apple"])
            .unwrap()
            .key::<i64>(["id"])
            .unwrap()
    };
    let behind = "SELECT p.id, p.body FROM posts p CROSS JOIN search s ON s.rowid = p.id
                  WHERE s.body MATCH ?1";
    assert_eq!(keys(by_id(behind)), [1, 5]);
    let first = "SELECT rowid AS id, body FROM search WHERE body MATCH ?1";
    let refused = Walk::new(by_id(first)).into_iter().next();
    let Some(Err(keywalk::Error::Source(error))) = refused else {
        panic!("not refused");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
    assert!(error.to_string().contains("no virtual table"), "{error}");
}

#[test]
fn a_unique_column_that_may_hold_null_is_walked_by_a_query_without_the_nulls() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE);
         INSERT INTO t (k) VALUES ('b'), (NULL), ('a'), (NULL), ('c')",
    );
    let by_k = |sql: &str| {
        Query::new(&db, sql, [])
            .unwrap()
            .key::<String>(["k"])
            .unwrap()
    };
    assert_eq!(
        keys(by_k("SELECT * FROM t WHERE +k IS NOT NULL")),
        ["a", "b", "c"]
    );
    // Without the plus SQLite takes it for a range.
    let range = by_k("SELECT * FROM t WHERE k IS NOT NULL");
    let Some(Err(keywalk::Error::Source(error))) = Walk::new(range).into_iter().next() else {
        panic!("not refused");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
    assert!(error.to_string().contains("+column IS NOT NULL"), "{error}");
}

fn refusal(source: impl ChunkSource<Error = Error, Item: std::fmt::Debug>) -> String {
    let Some(Err(keywalk::Error::Source(error))) = Walk::new(source).into_iter().next() else {
        panic!("not refused");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable);
    error.to_string()
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

#[test]
fn what_would_be_sorted_or_grouped_is_walked_as_a_table_whose_filter_asks_for_the_rest() {
    let db = users();
    for sql in [
        "SELECT DISTINCT users.id FROM users JOIN posts ON posts.user_id = users.id",
        "SELECT user_id AS id, count(*) FROM posts GROUP BY user_id HAVING user_id > 0",
        "SELECT abs(users.id) AS id FROM users WHERE id IN (SELECT user_id FROM posts)",
    ] {
        let query = Query::new(&db, sql, []).unwrap();
        let message = refusal(query.key::<i64>(["id"]).unwrap());
        assert!(message.contains("by EXISTS or IN"), "{message}");
    }
    for filter in [
        "EXISTS (SELECT 1 FROM posts WHERE posts.user_id = users.id)",
        "id IN (SELECT user_id FROM posts)",
    ] {
        let table = Table::new(&db, "users").filter(filter, []).unwrap();
        let found: Vec<i64> = keys(table.key::<i64>(["id"]).unwrap());
        assert_eq!(found, (1..40).map(|half| half * 2).collect::<Vec<_>>());
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
    let query = || {
        Query::new(&db, sql, [])
            .unwrap()
            .key::<i64>(["id"])
            .unwrap()
    };
    let message = refusal(query());
    assert!(
        message.contains("an index on the columns that join"),
        "{message}"
    );
    db.execute_batch("CREATE INDEX by_note ON notes (user_id); ANALYZE")
        .unwrap();
    assert_eq!(keys(query()).len(), 89);
}

#[test]
fn statistics_of_smaller_tables_are_replaced_by_analyze() {
    let db = users();
    db.execute_batch(
        "UPDATE sqlite_stat1 SET stat = '1 1'; DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema",
    )
    .unwrap();
    let sql = "SELECT users.id AS user, posts.id FROM users JOIN posts ON posts.user_id = users.id";
    let query = || {
        let query = Query::new(&db, sql, []).unwrap();
        query.key::<(i64, i64)>(["user", "id"]).unwrap()
    };
    let message = refusal(query());
    assert!(message.contains("run ANALYZE"), "{message}");
    db.execute_batch("ANALYZE").unwrap();
    assert_eq!(keys(query()).len(), 1_950);
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
        let refused = Walk::new(Table::new(&db, "t")).into_iter().next();
        let Some(Err(keywalk::Error::Source(error))) = refused else {
            panic!("not refused");
        };
        assert_eq!(error.kind(), ErrorKind::NoPrimaryKey);
        let message = error.to_string();
        let hint = told.map(|name| format!(", or walk by the key \"{name}\""));
        assert!(
            message.ends_with(hint.as_deref().unwrap_or("NOT NULL columns")),
            "{columns}: {message}"
        );
        if let Some(name) = told {
            let table = Table::new(&db, "t").key::<AnyKey>([name]).unwrap();
            assert_eq!(keys(table).len(), 1);
        }
    }
    let db = open("CREATE TABLE t (a)");
    let fixed = Table::new(&db, "t").within("oid", 1).unwrap();
    let message = fixed.key::<i64>(["a"]).err().unwrap().to_string();
    assert!(!message.contains("rowid"), "{message}");
}

/// The keys in words, or the first error.
fn walked<K, T, S>(source: Result<S, Error>) -> Result<Vec<String>, Error>
where
    S: DurableSource<Key = K, Item = (K, T), Error = Error>,
{
    all(Walk::new(source?))
}

fn all<K, T, S>(walk: Walk<S>) -> Result<Vec<String>, Error>
where
    S: DurableSource<Key = K, Item = (K, T), Error = Error>,
{
    let mut items = walk.chunk_size(2).items();
    let mut keys = Vec::new();
    while let Some(item) = items.next() {
        match item {
            Ok((key, _)) => keys.push(items.source().key_text(&key)),
            Err(keywalk::Error::Source(error)) => return Err(error),
            Err(error) => panic!("{error}"),
        }
    }
    Ok(keys)
}

fn by<K: Key>(db: &Connection, columns: &[&str]) -> Result<Vec<String>, Error> {
    walked(Table::new(db, "t").key::<K>(columns.iter().copied()))
}

fn within(db: &Connection, columns: &[&str]) -> Result<Vec<String>, Error> {
    let table = Table::new(db, "t").within("a", 1)?;
    walked(table.key::<AnyKey>(columns.iter().copied()))
}

fn query<K: Key>(db: &Connection, sql: &str, columns: &[&str]) -> Result<Vec<String>, Error> {
    walked(Query::new(db, sql, []).and_then(|q| q.key::<K>(columns.iter().copied())))
}

type Walked = fn(&Connection) -> Result<Vec<String>, Error>;

/// What is refused, what the message says, and what comes once that is followed.
struct Cure {
    schema: &'static str,
    refused: Walked,
    kind: ErrorKind,
    says: &'static str,
    /// What is done to the database,
    sql: &'static str,
    /// and what is walked then; the same again if it is none.
    instead: Option<Walked>,
    keys: &'static [&'static str],
}

const TWO: &str =
    "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL); INSERT INTO t VALUES (1, 2), (1, 1)";
const TEXT: &str = "CREATE TABLE t (a TEXT NOT NULL COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES ('B'), ('a')";

const ONE_BY_ID: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)";
const IN_JSON: &str = "IN (SELECT value FROM json_each(?1))";

fn question_marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn of_ids(db: &Connection, count: usize) -> Result<Vec<String>, Error> {
    let filter = format!("+id IN ({})", question_marks(count));
    walked(Table::new(db, "t").filter(filter, rusqlite::params_from_iter(vec![1; count])))
}

fn of_ids_in_json(db: &Connection) -> Result<Vec<String>, Error> {
    let filter = format!("+id {IN_JSON}");
    walked(Table::new(db, "t").filter(filter, ["[1, 2]"]))
}

const NUMBERS: &str = "CREATE TABLE t (k INT NOT NULL UNIQUE, n INT); INSERT INTO t VALUES (1, 7), (5, NULL), ('x', 9)";

const CURES: &[Cure] = &[
    Cure {
        schema: "ATTACH ':memory:' AS past; CREATE TABLE past.t (id INTEGER PRIMARY KEY); INSERT INTO past.t VALUES (7)",
        refused: |db| walked(Ok(Table::new(db, "past.t"))),
        kind: ErrorKind::NoSuchTable,
        says: "(a schema is named by `schema`)",
        sql: "",
        instead: Some(|db| walked(Ok(Table::new(db, "t").schema("past")))),
        keys: &["7"],
    },
    Cure {
        schema: "CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (7); CREATE VIEW t AS SELECT id FROM u",
        refused: |db| walked(Ok(Table::new(db, "t"))),
        kind: ErrorKind::NotATable,
        says: "or the view's SELECT as a `Query`",
        sql: "",
        instead: Some(|db| query::<i64>(db, "SELECT id FROM u", &["id"])),
        keys: &["7"],
    },
    Cure {
        schema: "CREATE TABLE t (a INT UNIQUE NOT NULL); INSERT INTO t VALUES (7)",
        refused: |db| walked(Ok(Table::new(db, "t"))),
        kind: ErrorKind::NoPrimaryKey,
        says: "name the columns of a UNIQUE index over NOT NULL columns",
        sql: "",
        instead: Some(|db| by::<AnyKey>(db, &["a"])),
        keys: &["7"],
    },
    Cure {
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 5), (2, 5)",
        refused: |db| by::<i64>(db, &["a"]),
        kind: ErrorKind::NotUnique,
        says: "add the columns of its primary key",
        sql: "",
        instead: Some(|db| by::<(i64, i64)>(db, &["a", "id"])),
        keys: &["(5, 1)", "(5, 2)"],
    },
    // A primary key that has a collation of its own.
    Cure {
        schema: "CREATE TABLE t (a TEXT, PRIMARY KEY (a COLLATE NOCASE)) WITHOUT ROWID; INSERT INTO t VALUES ('b'), ('a'), ('C')",
        refused: |db| walked(Ok(Table::new(db, "t"))),
        kind: ErrorKind::NotUnique,
        says: "make a UNIQUE index on (\"a\")",
        sql: "CREATE UNIQUE INDEX i ON t (\"a\")",
        instead: None,
        keys: &["'C'", "'a'", "'b'"],
    },
    Cure {
        schema: "CREATE TABLE t (a TEXT, PRIMARY KEY (a COLLATE NOCASE)); INSERT INTO t VALUES ('b')",
        refused: |db| by::<String>(db, &["a"]),
        kind: ErrorKind::NotUnique,
        says: ", or walk by the key \"rowid\"",
        sql: "",
        instead: Some(|db| by::<i64>(db, &["rowid"])),
        keys: &["1"],
    },
    Cure {
        schema: TEXT,
        refused: |db| by::<String>(db, &["a"]),
        kind: ErrorKind::Collation,
        says: "use `Collated`",
        sql: "",
        instead: Some(|db| by::<Collated>(db, &["a"])),
        keys: &["'a'", "'B'"],
    },
    Cure {
        schema: TWO,
        refused: |db| walked(Table::new(db, "t").within("a", None::<i64>)),
        kind: ErrorKind::Value,
        says: "use a filter with IS NULL",
        sql: "",
        instead: Some(|db| {
            walked(
                Table::new(db, "t")
                    .filter("a IS NULL", [])?
                    .key::<i64>(["rowid"]),
            )
        }),
        keys: &[],
    },
    // Every index has the rowid at its end, where it can't be declared.
    Cure {
        schema: TWO,
        refused: |db| by::<(i64, i64)>(db, &["a", "rowid"]),
        kind: ErrorKind::NotSeekable,
        says: "make one on (\"a\")",
        sql: "CREATE INDEX i ON t (\"a\")",
        instead: None,
        keys: &["(1, 1)", "(1, 2)"],
    },
    Cure {
        schema: TWO,
        refused: |db| by::<(Reverse<i64>, i64)>(db, &["b", "rowid"]),
        kind: ErrorKind::NotSeekable,
        says: "make one on (\"b\" DESC)",
        sql: "CREATE INDEX i ON t (\"b\" DESC)",
        instead: None,
        keys: &["(2, 1)", "(1, 2)"],
    },
    Cure {
        schema: TWO,
        refused: |db| by::<(i64, i64, Reverse<i64>)>(db, &["a", "b", "rowid"]),
        kind: ErrorKind::NotSeekable,
        says: "make one on (\"a\" DESC, \"b\" DESC)",
        sql: "CREATE INDEX i ON t (\"a\" DESC, \"b\" DESC)",
        instead: None,
        keys: &["(1, 1, 2)", "(1, 2, 1)"],
    },
    Cure {
        schema: TWO,
        refused: |db| within(db, &["rowid"]),
        kind: ErrorKind::NotSeekable,
        says: "make one on (\"a\")",
        sql: "CREATE INDEX i ON t (\"a\")",
        instead: None,
        keys: &["1", "2"],
    },
    Cure {
        schema: TWO,
        refused: |db| by::<(i64, i64)>(db, &["rowid", "b"]),
        kind: ErrorKind::KeyColumns,
        says: "leave those columns out",
        sql: "",
        instead: Some(|db| by::<i64>(db, &["rowid"])),
        keys: &["1", "2"],
    },
    Cure {
        schema: "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b)); INSERT INTO t VALUES (1, 2), (2, 1)",
        refused: |db| by::<(i64, Reverse<i64>)>(db, &["b", "a"]),
        kind: ErrorKind::NotSeekable,
        says: "make one on (\"b\", \"a\" DESC)",
        sql: "CREATE INDEX i ON t (\"b\", \"a\" DESC)",
        instead: None,
        keys: &["(1, 2)", "(2, 1)"],
    },
    Cure {
        schema: "CREATE TABLE t (k REAL NOT NULL UNIQUE); INSERT INTO t VALUES (0.5), (-2)",
        refused: |db| by::<i64>(db, &["k"]),
        kind: ErrorKind::KeyColumns,
        says: "use `AnyKey`",
        sql: "",
        instead: Some(|db| by::<AnyKey>(db, &["k"])),
        keys: &["-2.0", "0.5"],
    },
    Cure {
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 5)",
        refused: |db| walked(Table::new(db, "t").filter("a > 1", [])?.filter("a < 9", [])),
        kind: ErrorKind::Filter,
        says: "join the conditions with AND",
        sql: "",
        instead: Some(|db| walked(Table::new(db, "t").filter("a > 1 AND a < 9", []))),
        keys: &["1"],
    },
    // More than SQLite takes; and so many that the walk's own are too many.
    Cure {
        schema: ONE_BY_ID,
        refused: |db| of_ids(db, 32_767),
        kind: ErrorKind::Filter,
        says: IN_JSON,
        sql: "",
        instead: Some(of_ids_in_json),
        keys: &["1"],
    },
    Cure {
        schema: ONE_BY_ID,
        refused: |db| of_ids(db, 32_766),
        kind: ErrorKind::Filter,
        says: IN_JSON,
        sql: "",
        instead: Some(of_ids_in_json),
        keys: &["1"],
    },
    Cure {
        schema: ONE_BY_ID,
        refused: |db| {
            let sql = format!("SELECT id FROM t WHERE +id IN ({})", question_marks(32_766));
            let query = Query::new(db, sql, rusqlite::params_from_iter(vec![1; 32_766]))?;
            walked(query.key::<i64>(["id"]))
        },
        kind: ErrorKind::Query,
        says: IN_JSON,
        sql: "",
        instead: Some(of_ids_in_json),
        keys: &["1"],
    },
    Cure {
        schema: TEXT,
        refused: |db| query::<i64>(db, "VALUES (2), (1)", &["column1"]),
        kind: ErrorKind::Query,
        says: "put them in a table",
        sql: "CREATE TEMPORARY TABLE v (k INTEGER PRIMARY KEY); INSERT INTO v VALUES (2), (1)",
        instead: Some(|db| walked(Ok(Table::new(db, "v")))),
        keys: &["1", "2"],
    },
    Cure {
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (2), (1)",
        refused: |db| query::<i64>(db, "SELECT id FROM t ORDER BY id", &["id"]),
        kind: ErrorKind::Query,
        says: "without an ORDER BY or LIMIT",
        sql: "",
        instead: Some(|db| query::<i64>(db, "SELECT id FROM t", &["id"])),
        keys: &["1", "2"],
    },
    Cure {
        schema: "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (2), (1)",
        refused: |db| query::<i64>(db, "SELECT id, id + 0 AS id FROM t", &["id"]),
        kind: ErrorKind::Query,
        says: "its own name with AS",
        sql: "",
        instead: Some(|db| query::<i64>(db, "SELECT id, id + 0 AS other FROM t", &["id"])),
        keys: &["1", "2"],
    },
    Cure {
        schema: "CREATE TABLE t (a INT NOT NULL, b INT); CREATE INDEX i ON t (a, b); INSERT INTO t VALUES (1, 1), (1, 1), (1, 2)",
        refused: |db| query::<i64>(db, "SELECT a, b FROM t", &["a"]),
        kind: ErrorKind::RepeatedKey,
        says: "walk it by a key that is unique",
        sql: "DELETE FROM t WHERE rowid = 1",
        instead: Some(|db| query::<(i64, i64)>(db, "SELECT a, b FROM t", &["a", "b"])),
        keys: &["(1, 1)", "(1, 2)"],
    },
    Cure {
        schema: "CREATE TABLE t (k TEXT PRIMARY KEY); INSERT INTO t VALUES (NULL), ('a')",
        refused: |db| by::<String>(db, &["k"]),
        kind: ErrorKind::Value,
        says: "leave it out by a condition +\"k\" IS NOT NULL",
        sql: "",
        instead: Some(|db| query::<String>(db, "SELECT k FROM t WHERE +\"k\" IS NOT NULL", &["k"])),
        keys: &["'a'"],
    },
    Cure {
        schema: "CREATE TABLE t (k INT PRIMARY KEY NOT NULL); INSERT INTO t VALUES (1), ('x')",
        refused: |db| by::<i64>(db, &["k"]),
        kind: ErrorKind::Value,
        says: "change the row, or the key's type",
        sql: "",
        instead: Some(|db| by::<AnyKey>(db, &["k"])),
        keys: &["1", "'x'"],
    },
    Cure {
        schema: NUMBERS,
        refused: |db| {
            all(Walk::new(Table::new(db, "t").key::<String>(["k"])?).range("5".to_owned()..))
        },
        kind: ErrorKind::Value,
        says: "or bound the walk by a number as an `AnyKey`",
        sql: "",
        instead: Some(|db| {
            let table = Table::new(db, "t").key::<AnyKey>(["k"])?;
            let five = table.any_key([5])?;
            all(Walk::new(table).range(five..))
        }),
        keys: &["5", "'x'"],
    },
    Cure {
        schema: NUMBERS,
        refused: |db| {
            let table = Table::new(db, "t").key::<AnyKey>(["k"])?;
            walked(Ok(table.map(|row| row.get::<_, i64>("n"))))
        },
        kind: ErrorKind::Value,
        says: "an `Option` where a column may be NULL",
        sql: "",
        instead: Some(|db| {
            let table = Table::new(db, "t").key::<AnyKey>(["k"])?;
            walked(Ok(table.map(|row| row.get::<_, Option<i64>>("n"))))
        }),
        keys: &["1", "5", "'x'"],
    },
    Cure {
        schema: NUMBERS,
        refused: |db| query::<AnyKey>(db, "SELECT k FROM t WHERE k > 1", &["k"]),
        kind: ErrorKind::NotSeekable,
        says: "leave that condition out and give the walk a `range`",
        sql: "DELETE FROM t WHERE k = 'x'",
        instead: Some(|db| {
            let query = Query::new(db, "SELECT k FROM t", [])?.key::<i64>(["k"])?;
            all(Walk::new(query).range(2..))
        }),
        keys: &["5"],
    },
    Cure {
        schema: "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 5)",
        refused: |db| within(db, &["a", "b"]),
        kind: ErrorKind::KeyColumns,
        says: "leave one of the two out",
        sql: "",
        instead: Some(|db| within(db, &["b"])),
        keys: &["5"],
    },
    Cure {
        schema: "CREATE TABLE t (a INT UNIQUE); INSERT INTO t VALUES (5)",
        refused: |db| by::<i64>(db, &["a"]),
        kind: ErrorKind::Nullable,
        says: "declare it NOT NULL",
        sql: "DROP TABLE t; CREATE TABLE t (a INT UNIQUE NOT NULL); INSERT INTO t VALUES (5)",
        instead: None,
        keys: &["5"],
    },
];

#[test]
fn a_cure_that_is_followed_helps() {
    for cure in CURES {
        let db = open(cure.schema);
        // A distribution's library may take more.
        db.set_limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
            .expect("a limit");
        let error = (cure.refused)(&db).expect_err(cure.says);
        assert_eq!(error.kind(), cure.kind, "{error}");
        assert!(error.to_string().contains(cure.says), "{error}");
        db.execute_batch(cure.sql).expect(cure.sql);
        let again = cure.instead.unwrap_or(cure.refused);
        let keys = again(&db).unwrap_or_else(|error| panic!("after {}: {error}", cure.says));
        assert_eq!(keys, cure.keys, "after {}", cure.says);
    }
}
