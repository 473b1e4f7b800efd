//! The schema changes under a walk: it goes on in the same order by a key that is proven again, or says
//! what is missing; and so it is with a token that was taken before.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;

use keywalk::{
    ChunkSource, Error, Items, KeyRange, Order, ResumableSource, Token, TokenError, Walk,
};
use keywalk_sqlite::{
    Collated, DynKey, Error as SqliteError, ErrorKind, PerFetch, Query, SqlKey, Table,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::check::{Boxed, RowSource};
use crate::db::{assert_says, by_id, integers, keys, open, open_file, outcome, query};

type Made<'db, K> = Result<Boxed<'db, K>, SqliteError>;

type Make<K> = for<'db> fn(&'db Connection) -> Made<'db, K>;

type Walking<'db, K> = Items<Boxed<'db, K>>;

/// The keys that come, and what ends them if that isn't the end.
fn rest<K: SqlKey>(items: &mut Walking<'_, K>) -> String {
    let mut came = Vec::new();
    while let Some(item) = items.next() {
        match item {
            Ok((key, _)) => came.push(items.source().key_text(&key)),
            Err(error) => {
                assert!(items.next().is_none(), "it is fused");
                came.push(told(error));
            }
        }
    }
    came.join(" ")
}

fn resumed<'db, K: SqlKey>(
    source: Made<'db, K>,
    token: &Token,
) -> Result<Walking<'db, K>, Error<SqliteError>> {
    Ok(Walk::new(source?)
        .chunk_size(1)
        .resume_token(token)?
        .items())
}

fn told(error: Error<SqliteError>) -> String {
    match error {
        Error::Source(error) => format!("{:?}", error.kind()),
        Error::Token(TokenError::Source { field, .. }) => format!("another {field}"),
        other => panic!("{other}"),
    }
}

/// A walk that stands after two items.
fn after_two<K: SqlKey, S: RowSource<K>>(source: S) -> Items<S> {
    let mut items = Walk::new(source).chunk_size(1).items();
    for _ in 0..2 {
        items.next().expect("there are more").expect("it is fine");
    }
    items
}

/// What ends the walk.
fn ending<K: SqlKey, S: RowSource<K>>(items: &mut Items<S>) -> String {
    items.find_map(Result::err).map_or_else(String::new, told)
}

fn change(db: &Connection, sql: &str) {
    db.execute_batch(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// After two items the schema changes. What comes is told of the walk that runs, of one that begins after
/// it from a token of before, and of one that had read that token already.
fn after<K: SqlKey>(schema: &str, make: Make<K>, sql: &str) -> [String; 3] {
    let db = open(schema);
    let mut items = after_two(make(&db).expect("it is a key"));
    let token: Token = items.token().expect("the source says what it walks");
    change(&db, sql);
    assert_eq!(items.token().ok().as_ref(), Some(&token), "{sql}");
    let running = rest(&mut items);
    if !running.ends_with(char::is_alphabetic) {
        let same = token.cursor(items.source());
        assert!(same.is_ok(), "its tokens stay the same: {sql}");
    }
    let later = resumed(make(&db), &token).map_or_else(told, |mut items| rest(&mut items));

    let db = open(schema);
    let mut items = resumed(make(&db), &token).expect("the same schema has the same tokens");
    change(&db, sql);
    [running, later, rest(&mut items)]
}

const ITEMS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size INT);
    INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30), (4, 'd', 40)";

/// The table, recreated, where nothing makes its key unique: the third row would be lost, whose key is at the
/// walk's position.
const NOT_UNIQUE: &str = "DROP TABLE t; CREATE TABLE t (id INT NOT NULL, name, size);
    CREATE INDEX i ON t(id);
    INSERT INTO t VALUES (2, 'a', 0), (2, 'b', 0), (3, 'c', 0), (3, 'd', 0)";

fn made<'db, K: SqlKey + 'db>(
    table: Result<Table<&'db Connection, K>, SqliteError>,
) -> Made<'db, K> {
    Ok(Box::new(table?))
}

fn items(db: &Connection) -> Made<'_, i64> {
    made(Table::new(db, "t").key(["id"]))
}

/// What comes of all these changes.
fn gives<K: SqlKey>(schema: &str, make: Make<K>, expected: [&str; 3], changes: &[&str]) {
    for sql in changes {
        assert_eq!(after(schema, make, sql), expected, "{sql}");
    }
}

#[test]
fn a_walk_by_a_primary_key_goes_on_or_names_what_is_gone() {
    let goes_on = [
        "ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'x'",
        "CREATE INDEX by_name ON t(name, size)",
        "CREATE TABLE other (id)",
        "VACUUM",
        "ANALYZE",
        "DROP TABLE t; CREATE TABLE T (size INT, more, id INTEGER NOT NULL PRIMARY KEY, name TEXT);
         ALTER TABLE T RENAME TO u; ALTER TABLE u RENAME TO t; INSERT INTO t(id) VALUES (1), (3), (4)",
    ];
    gives(ITEMS, items, ["3 4"; 3], &goes_on);
    // It comes to hide the walked one; the second makes the walk look at the schema of its table again.
    let hidden = "CREATE TEMP TABLE t (id INTEGER PRIMARY KEY); INSERT INTO temp.t VALUES (7);
        CREATE TABLE main.x (y)";
    let elsewhere = ["3 4", "another table or query", "3 4"];
    gives(ITEMS, items, elsewhere, &[hidden]);
    let gone = ["DROP TABLE t", "ALTER TABLE t RENAME TO u"];
    gives(ITEMS, items, ["NoSuchTable"; 3], &gone);
    let view = "DROP TABLE t; CREATE VIEW t AS SELECT 1 AS id";
    gives(ITEMS, items, ["NotATable"; 3], &[view]);
    let renamed = "ALTER TABLE t RENAME COLUMN id TO key";
    gives(ITEMS, items, ["NoSuchColumn"; 3], &[renamed]);
    // SQLite takes a name in double quotes for a string if there is no such column.
    let missing = [
        "ALTER TABLE t RENAME COLUMN name TO u",
        "ALTER TABLE t DROP COLUMN size",
    ];
    gives(ITEMS, items, MISSED, &missing);
    let nullable = "DROP TABLE t; CREATE TABLE t (id INT UNIQUE, name, size)";
    gives(ITEMS, items, ["Nullable"; 3], &[nullable]);
    let not_unique = [
        "DROP TABLE t; CREATE TABLE t (id INT NOT NULL, name, size)",
        NOT_UNIQUE,
        &format!("{NOT_UNIQUE}; DELETE FROM t"),
    ];
    gives(ITEMS, items, ["NotUnique"; 3], &not_unique);
}

const MISSED: [&str; 3] = ["NoSuchColumn", "3 4", "NoSuchColumn"];

#[test]
fn columns_that_the_walk_does_not_read_come_and_go_and_those_that_it_reads_are_missed() {
    let columns: Make<i64> = |db| made(Table::new(db, "t").columns(["size"]).key(["id"]));
    let filtered: Make<i64> = |db| {
        let table = Table::new(db, "t").columns(["id"]);
        made(table.filter("\"size\" > 5", [])?.key(["id"]))
    };
    let others = [
        "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 7; ALTER TABLE t RENAME COLUMN c TO d",
        "ALTER TABLE t DROP COLUMN name",
    ];
    gives(ITEMS, columns, ["3 4"; 3], &others);
    gives(ITEMS, filtered, ["3 4"; 3], &others);
    let dropped = "ALTER TABLE t DROP COLUMN size";
    gives(ITEMS, columns, ["NoSuchColumn"; 3], &[dropped]);
    // As a string "size" would be above every number: each row would pass.
    let renamed = "ALTER TABLE t RENAME COLUMN size TO w";
    gives(ITEMS, filtered, ["Sqlite", "Filter", "Sqlite"], &[renamed]);
}

const ENDED: [&str; 3] = ["Changed", "another key", "Changed"];

#[test]
fn a_rowid_that_vacuum_may_renumber_is_good_for_one_schema() {
    let rowids = "CREATE TABLE t (name TEXT NOT NULL); CREATE INDEX names ON t (name);
        INSERT INTO t VALUES ('a'), ('b'), ('c'), ('d'); DELETE FROM t WHERE name = 'a'";
    let rowid: Make<i64> = |db| made(Table::new(db, "t").key(["rowid"]));
    let oid: Make<i64> = |db| made(Table::new(db, "t").key(["OID"]));
    let any: Make<DynKey> = |db| made(Table::new(db, "t").key(["rowid"]));
    let changes = ["VACUUM", "CREATE TABLE other (id)"];
    let kept = ["INSERT INTO t VALUES ('e')"];
    for make in [rowid, oid] {
        gives(rowids, make, ["4"; 3], &kept);
        gives(rowids, make, ENDED, &changes);
    }
    gives(rowids, any, ["4"; 3], &kept);
    gives(rowids, any, ENDED, &changes);
    let last: Make<(String, i64)> = |db| made(Table::new(db, "t").key(["name", "rowid"]));
    let more = "INSERT INTO t VALUES ('A')";
    gives(rowids, last, ["('d', 4)"; 3], &[more]);
    gives(rowids, last, ENDED, &["VACUUM"]);
}

#[test]
fn a_cursor_over_an_integer_primary_key_outlives_vacuum_under_each_of_its_names() {
    for name in ["id", "rowid", "oid", "_rowid_"] {
        let db = open(&format!("{ITEMS}; DELETE FROM t WHERE id = 2"));
        let table = || Table::new(&db, "t").key::<i64>([name]).unwrap();
        let mut items = Walk::new(table()).chunk_size(1).items();
        assert_eq!(items.next().unwrap().unwrap().0, 1);
        change(&db, "VACUUM");
        let rest = keys(Walk::new(table()).resume(items.cursor()));
        assert_eq!(rest, [3, 4], "{name}");
    }
}

fn names(collation: &str) -> String {
    format!(
        "CREATE TABLE t (name TEXT COLLATE {collation} NOT NULL PRIMARY KEY) WITHOUT ROWID;
         INSERT INTO t VALUES ('a'), ('B'), ('c'), ('D')"
    )
}

fn pairs(key: &str) -> String {
    format!(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY ({key})) WITHOUT ROWID;
         INSERT INTO t VALUES (1, 4), (2, 3), (3, 2), (4, 1)"
    )
}

#[test]
fn an_order_that_has_changed_ends_the_walk() {
    let recreated = |schema: String| format!("DROP TABLE t; {schema}");
    let collated: Make<Collated> = |db| made(Table::new(db, "t").key(["name"]));
    let text: Make<String> = |db| made(Table::new(db, "t").key(["name"]));
    let any: Make<DynKey> = |db| made(Ok(Table::new(db, "t")));
    gives(
        &names("NOCASE"),
        collated,
        ENDED,
        &[&recreated(names("BINARY"))],
    );
    gives(&names("NOCASE"), any, ENDED, &[&recreated(names("RTRIM"))]);
    let binary = names("BINARY");
    gives(
        &binary,
        text,
        ["Collation"; 3],
        &[&recreated(names("NOCASE"))],
    );
    // A key of the schema stays the key that it was.
    let (before, rest) = (pairs("a, b"), "(3, 2) (4, 1)");
    gives(&before, any, [rest; 3], &[&recreated(pairs("a, b"))]);
    let turned = recreated(pairs("b, a"));
    let refused = ["NotSeekable", "another key", "NotSeekable"];
    gives(&before, any, refused, &[&turned]);
    let indexed = format!("{turned}; CREATE UNIQUE INDEX i ON t(a, b)");
    gives(&before, any, [rest, "another key", rest], &[&indexed]);
}

#[test]
fn a_view_under_a_query_may_change_but_not_its_columns() {
    let schema = format!("{ITEMS}; CREATE VIEW v AS SELECT id, name FROM t");
    let all: Make<i64> = |db| {
        Ok(Box::new(
            Query::new(db, "SELECT * FROM v", [])?.key(["id"])?,
        ))
    };
    let changed = ["Changed", "3 4", "Changed"];
    for (view, expected) in [
        ("id, upper(name) AS name FROM t WHERE size > 30", ["4"; 3]),
        ("id, size FROM t", changed),
        ("id, size, name FROM t", changed),
        ("name, id FROM t", changed),
        ("size AS id, name FROM t", ["NotSeekable"; 3]),
        ("id, name FROM gone", ["Sqlite", "Query", "Sqlite"]),
    ] {
        let sql = format!("DROP VIEW v; CREATE VIEW v AS SELECT {view}");
        gives(&schema, all, expected, &[&sql]);
    }
    // A row's values would be read from the wrong columns, the key's too.
    let all: Make<i64> = |db| {
        Ok(Box::new(
            Query::new(db, "SELECT * FROM t", [])?.key(["id"])?,
        ))
    };
    let more = "ALTER TABLE t ADD COLUMN more INT DEFAULT 7";
    gives(ITEMS, all, changed, &[more]);
    let db = open(ITEMS);
    let mut before = Walk::new(all(&db).unwrap()).items();
    change(&db, more);
    assert_eq!(rest(&mut before), "Changed");
}

#[test]
fn an_index_that_the_key_needs_may_go_and_come_back() {
    let db = open(
        "CREATE TABLE t (id INT NOT NULL, name TEXT); CREATE UNIQUE INDEX i ON t(id);
         INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
    );
    let mut items = after_two(by_id(&db));
    change(&db, "DROP INDEX i");
    assert_eq!(ending(&mut items), "NotUnique");
    change(&db, "CREATE UNIQUE INDEX other ON t(id)");
    let cursor = items.cursor();
    assert_eq!(keys(Walk::new(items.into_source()).resume(cursor)), [3, 4]);
}

#[test]
fn a_walk_that_failed_before_its_first_row_may_be_asked_again() {
    let db = open(ITEMS);
    let token = Walk::new(by_id(&db)).range(2..).items().token().unwrap();
    let mut table = by_id(&db);
    let walk = Walk::new(&mut table).resume_token(&token).unwrap();
    change(&db, "ALTER TABLE t RENAME TO u");
    assert!(outcome(walk).is_err());
    change(&db, "ALTER TABLE u RENAME TO t");
    let again = Walk::new(&mut table).resume_token(&token);
    assert_eq!(keys(again.unwrap()), [2, 3, 4]);
}

#[test]
fn rows_keep_the_columns_that_they_had_at_the_start() {
    let db = open(ITEMS);
    let mut items = after_two(by_id(&db));
    change(
        &db,
        "DROP TABLE t; CREATE TABLE t (new, size INT, name TEXT, id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES ('new', 30, 'c', 3)",
    );
    let (_, row) = items.next().unwrap().unwrap();
    assert_eq!(row.columns(), ["id", "name", "size"]);
    let c = Value::from("c".to_owned());
    assert_eq!(row.values(), [3.into(), c, 30.into()]);
}

#[test]
fn a_walk_whose_rowids_changed_is_over_for_its_source_and_a_new_one_is_fine() {
    let db = open("CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('a'), ('b'), ('c'), ('d')");
    change(&db, "DELETE FROM t WHERE name = 'a'");
    let by_rowid = || Table::new(&db, "t").key::<i64>(["rowid"]).unwrap();
    let mut items = after_two(by_rowid());
    change(&db, "VACUUM");
    assert!(items.find_map(Result::err).is_some());
    let cursor = items.cursor();
    let again = outcome(Walk::new(items.into_source()).resume(cursor));
    assert_says("again", again, ErrorKind::Changed, &[]);
    assert_eq!(keys(Walk::new(by_rowid())), [1, 2, 3]);
}

#[test]
fn a_rowid_of_another_database_file_is_told_by_its_schema_alone() {
    let (dir, db, _) = open_file("CREATE TABLE t (name TEXT NOT NULL); INSERT INTO t VALUES ('a')");
    let by_rowid = |db| {
        Table::new(db, "t")
            .key::<i64>(["rowid"])
            .expect("it is a key")
    };
    let token = Walk::new(by_rowid(&db)).items().token().unwrap();
    let copy = dir.path().join("copy.db");
    db.execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    let copy = Connection::open(&copy).unwrap();
    let refused = token.cursor(&by_rowid(&copy)).map(drop).unwrap_err();
    assert_eq!(told(refused), "another key");
}

/// SQLite prepares a statements again by itself, once: the second walk must not take that as its own. And
/// there may be no cache of statements, nor the change be this connection's.
#[test]
fn a_change_is_seen_by_any_connection() {
    for (another_made, another_met, is_cached) in [
        (false, true, true),
        (false, false, false),
        (true, false, true),
        (true, true, false),
    ] {
        let (_dir, db, other) = open_file(ITEMS);
        if !is_cached {
            db.set_prepared_statement_cache_capacity(0);
        }
        let mut all = vec![after_two(by_id(&db))];
        all.extend(another_met.then(|| after_two(by_id(&db))));
        change(if another_made { &other } else { &db }, NOT_UNIQUE);
        for mut items in all.into_iter().rev() {
            assert_eq!(ending(&mut items), "NotUnique");
        }
    }
}

/// Another connection's statement ran as often as the walk's own did, under another schema.
#[test]
fn a_change_is_seen_by_each_connection_of_a_pool() {
    let (_dir, one, other) = open_file(ITEMS);
    let (pool, turn) = ([one, other], Cell::new(0));
    let get = PerFetch(|| Ok::<_, Infallible>(&pool[turn.get()]));
    let table = Table::new(get, "t").key::<i64>(["id"]).unwrap();
    let mut items = after_two(table);
    change(&pool[0], NOT_UNIQUE);
    for sql in items.source().executed_sql() {
        let mut statement = pool[1].prepare_cached(sql).unwrap();
        statement.raw_query().next().unwrap();
    }
    turn.set(1);
    assert_eq!(ending(&mut items), "NotUnique");
}

/// A connection reads statistics when it reads the schema, whose version they don't change.
#[test]
fn a_plan_is_proven_over_each_connection_of_a_pool() {
    let (dir, db, other) = open_file(
        "CREATE TABLE t (id INT NOT NULL, name TEXT); CREATE UNIQUE INDEX i ON t(id);
         INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'); ANALYZE",
    );
    drop(other);
    let pool = RefCell::new(db);
    let get = PerFetch(|| Ok::<_, Infallible>(pool.borrow()));
    let table = Table::new(get, "t").key::<i64>(["id"]).unwrap();
    let mut items = after_two(table);
    change(
        &pool.borrow(),
        "UPDATE sqlite_stat1 SET stat = stat || ' unordered'",
    );
    pool.replace(Connection::open(dir.path().join("t.db")).unwrap());
    assert_eq!(ending(&mut items), "NotSeekable");
}

#[test]
fn the_last_key_is_asked_of_the_schema_as_it_is() {
    let db = open(ITEMS);
    let mut table = by_id(&db);
    // Another walk over the source has proven the table.
    assert_eq!(keys(Walk::new(&mut table)), [1, 2, 3, 4]);
    change(&db, NOT_UNIQUE);
    let error = table.last_key(&KeyRange::all(Order::Ascending)).map(|_| ());
    assert_says("last", error, ErrorKind::NotUnique, &[]);
}

/// By the statistics SQLite would begin with the users, and sort.
#[test]
fn a_join_goes_on_when_statistics_change_and_from_its_tokens() {
    let db = open(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, country INT);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT NOT NULL);
         CREATE INDEX by_country ON users (country); CREATE INDEX by_user ON posts (user_id);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO posts SELECT i, i % 100 FROM n;
         INSERT INTO users SELECT id, id % 50 FROM posts WHERE id <= 100",
    );
    let sql =
        "SELECT posts.id FROM posts JOIN users ON users.id = posts.user_id WHERE users.country = 1";
    let posts = || query::<i64>(&db, sql, [], &["id"]);
    let mut items = Walk::new(posts()).chunk_size(10).items();
    assert_eq!(items.by_ref().take(10).count(), 10);
    let token = items.token().unwrap();
    change(&db, "ANALYZE; PRAGMA optimize");
    let after: Vec<i64> = items.map(|item| item.unwrap().0).collect();
    assert_eq!(after.len(), 50);
    let resumed = Walk::new(posts()).resume_token(&token);
    assert_eq!(keys(resumed.unwrap()), after);
}

#[test]
fn a_database_that_is_detached_under_the_walk_is_missed_until_it_is_back() {
    let (dir, db, _) = open_file(ITEMS);
    let path = dir.path().join("t.db");
    let main = Connection::open_in_memory().unwrap();
    let attach = format!("ATTACH '{}' AS far", path.display());
    change(&main, &attach);
    let far = || Table::new(&main, "t").schema("far").key(["id"]).unwrap();
    for size in [1, 2] {
        let mut items = Walk::new(far()).chunk_size(size).items();
        let mut found: Vec<i64> = items.by_ref().take(2).map(|item| item.unwrap().0).collect();
        change(&main, "DETACH far");
        let error = items.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("\"t\""), "{error}");
        assert!(items.next().is_none());
        change(&main, &attach);
        found.extend(keys(Walk::new(far()).resume(items.cursor())));
        assert_eq!(found, integers(&db, "SELECT id FROM t"), "chunks of {size}");
    }
}
