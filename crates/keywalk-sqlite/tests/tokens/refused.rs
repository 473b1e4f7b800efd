//! A token of anything else than what is walked is refused, and says in what it differs; none is
//! reinterpreted.

use std::cmp::Reverse;

use keywalk::{Aspect, ChunkSource, DurableSource, Error, Fingerprint, Token, TokenError, Walk};
use keywalk_sqlite::{Collated, ErrorKind, Query, Table};
use rusqlite::Connection;

use crate::db::open;

const SCHEMA: &str = "CREATE TABLE t (
        id INTEGER PRIMARY KEY, tenant INT NOT NULL, name TEXT NOT NULL, size INT NOT NULL);
    CREATE UNIQUE INDEX sizes ON t (size);
    CREATE UNIQUE INDEX names ON t (tenant, name);
    CREATE UNIQUE INDEX all_names ON t (name);
    CREATE TABLE t2 (id INTEGER PRIMARY KEY, tenant INT NOT NULL, name TEXT NOT NULL, size);
    CREATE TEMP TABLE t3 AS SELECT 1;
    ATTACH ':memory:' AS other;
    CREATE TABLE other.t (id INTEGER PRIMARY KEY, tenant INT NOT NULL, size);
    CREATE TABLE folded (name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
    INSERT INTO folded VALUES ('x'), ('y');
    INSERT INTO t VALUES (1, 1, 'a', 10), (2, 1, 'b', 20), (3, 2, 'c', 30), (4, 1, 'd', 40);
    INSERT INTO t2 SELECT * FROM t; INSERT INTO other.t SELECT id, tenant, size FROM t;";

fn t(db: &Connection) -> Table<&Connection> {
    Table::new(db, "t")
}

fn by_id(db: &Connection) -> Table<&Connection, i64> {
    t(db).key(["id"]).expect("it is a key")
}

fn filtered<'db>(db: &'db Connection, filter: &str, least: i64) -> Table<&'db Connection, i64> {
    by_id(db).filter(filter, [least]).expect("it is a filter")
}

fn of_tenant(db: &Connection, tenant: i64) -> Table<&Connection, String> {
    let tenant = t(db).within("tenant", tenant).expect("it is a column");
    tenant.key(["name"]).expect("it is a key")
}

fn query<'db>(db: &'db Connection, sql: &str, least: i64) -> Query<&'db Connection, i64> {
    let query = Query::new(db, sql, [least]).expect("it is a query");
    query.key(["id"]).expect("it has the column")
}

/// The token after the first item.
fn token<S: DurableSource<Error: std::fmt::Debug>>(source: S) -> Token {
    let mut items = Walk::new(source).items();
    items.next().expect("there are some").expect("it is fine");
    items.token().expect("the source says what it walks")
}

/// In what the source differs from the token's, before anything was fetched and after; and what it says.
fn refused<S: DurableSource<Error = keywalk_sqlite::Error>>(
    token: &Token,
    source: S,
) -> (Aspect, String) {
    let mut items = Walk::new(source).items();
    let before = token.cursor(items.source()).map(drop);
    if let Some(item) = items.next() {
        item.expect("it is fine");
    }
    let after = token.cursor(items.source()).map(drop);
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    match before {
        Err(Error::Token(TokenError::Source { aspect, here, .. })) => (aspect, here),
        other => panic!("it wasn't refused: {other:?}"),
    }
}

fn relation(token: &Token, source: impl DurableSource<Error = keywalk_sqlite::Error>) -> String {
    let (aspect, here) = refused(token, source);
    assert_eq!(aspect, Aspect::Relation);
    here
}

fn key(token: &Token, source: impl DurableSource<Error = keywalk_sqlite::Error>) -> String {
    let (aspect, here) = refused(token, source);
    assert_eq!(aspect, Aspect::Key);
    here
}

fn filter(token: &Token, source: impl DurableSource<Error = keywalk_sqlite::Error>) -> String {
    let (aspect, here) = refused(token, source);
    assert_eq!(aspect, Aspect::Filter);
    here
}

#[test]
fn of_another_table_or_schema() {
    let db = open(SCHEMA);
    let of_t = token(by_id(&db));
    let t2 = || Table::new(&db, "t2").key::<i64>(["id"]).expect("a key");
    let other = || t(&db).schema("other").key::<i64>(["id"]).expect("a key");
    assert_eq!(relation(&of_t, t2()), r#"table "main"."t2""#);
    assert_eq!(relation(&of_t, other()), r#"table "other"."t""#);
    assert_eq!(relation(&token(t2()), by_id(&db)), r#"table "main"."t""#);
    relation(&token(other()), by_id(&db));
    // The same name, now found elsewhere.
    db.execute_batch("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (7)")
        .expect("it is SQL");
    assert_eq!(relation(&of_t, by_id(&db)), r#"table "temp"."t""#);
    let main = t(&db).schema("MAIN").key::<i64>(["id"]).expect("a key");
    assert!(of_t.cursor(&main).is_ok());
}

#[test]
fn of_other_key_columns_directions_or_collations() {
    let db = open(SCHEMA);
    let of_id = token(by_id(&db));
    let by_size = || t(&db).key::<i64>(["size"]).expect("a key");
    let down = || t(&db).key::<Reverse<i64>>(["id"]).expect("a key");
    let two = t(&db).key::<(i64, i64)>(["size", "id"]).expect("a key");
    assert_eq!(key(&of_id, by_size()), r#""size" ASC"#);
    assert_eq!(key(&of_id, down()), r#""id" DESC"#);
    assert_eq!(key(&token(by_size()), by_id(&db)), r#""id" ASC"#);
    assert_eq!(key(&token(two), by_id(&db)), r#""id" ASC"#);
    assert_eq!(key(&token(down()), t(&db)), r#""id" ASC"#);

    let folded = || {
        Table::new(&db, "folded")
            .key::<Collated>(["name"])
            .expect("a key")
    };
    let of_folded = token(folded());
    db.execute_batch(
        "DROP TABLE folded; CREATE TABLE folded (name TEXT PRIMARY KEY NOT NULL);
         INSERT INTO folded VALUES ('x')",
    )
    .expect("it is SQL");
    assert_eq!(key(&of_folded, folded()), r#""name" ASC"#);
    let binary = token(folded());
    db.execute_batch(
        "DROP TABLE folded; CREATE TABLE folded (name TEXT NOT NULL COLLATE noCase PRIMARY KEY);
         INSERT INTO folded VALUES ('x')",
    )
    .expect("it is SQL");
    assert_eq!(key(&binary, folded()), r#""name" COLLATE "NOCASE" ASC"#);
    assert!(of_folded.cursor(&folded()).is_ok());
}

#[test]
fn of_text_in_another_encoding() {
    let texts = "CREATE TABLE t (name TEXT NOT NULL PRIMARY KEY); INSERT INTO t VALUES ('x')";
    let (eight, sixteen) = (
        open(texts),
        open(&format!("PRAGMA encoding = UTF16; {texts}")),
    );
    assert_eq!(key(&token(t(&sixteen)), t(&eight)), r#""name" ASC"#);
    let here = key(&token(t(&eight)), t(&sixteen));
    assert!(
        here.starts_with(r#""name" COLLATE "BINARY" IN UTF-16"#),
        "{here}"
    );
}

#[test]
fn of_another_filter_or_parameter_or_fixed_value() {
    let db = open(SCHEMA);
    let of_all = token(by_id(&db));
    let sizes = |least| filtered(&db, "size >= ?1", least);
    let of_10 = token(sizes(10));
    let shown = "(size >= ?1)";
    assert_eq!(filter(&of_all, sizes(10)), shown);
    assert_eq!(filter(&of_10, by_id(&db)), "");
    assert_eq!(filter(&of_10, sizes(11)), shown);
    assert_eq!(filter(&of_10, filtered(&db, "id >= ?1", 10)), "(id >= ?1)");
    assert!(of_10.cursor(&sizes(10)).is_ok());
    let with =
        |value: &dyn rusqlite::ToSql| by_id(&db).filter(" size >= ?1\n", [value]).expect("one");
    assert!(of_10.cursor(&with(&10)).is_ok());
    for other in [
        &10.0 as &dyn rusqlite::ToSql,
        &"10",
        &b"10".as_slice(),
        &None::<i64>,
    ] {
        assert_eq!(filter(&of_10, with(other)), shown);
    }

    let of_1 = token(of_tenant(&db, 1));
    assert_eq!(filter(&of_1, of_tenant(&db, 2)), r#""tenant" = ?"#);
    assert!(of_1.cursor(&of_tenant(&db, 1)).is_ok());
    let both = of_tenant(&db, 1).filter("size > ?", [5]).expect("a filter");
    assert_eq!(filter(&of_1, both), r#""tenant" = ? AND (size > ?)"#);
    let all = t(&db).key::<String>(["name"]).expect("a key");
    assert_eq!(filter(&of_1, all), "");
}

#[test]
fn of_a_query_and_not_its_table_or_of_another_query() {
    let db = open(SCHEMA);
    let sql = "SELECT * FROM t WHERE size + 0 >= :least";
    let of_query = token(query(&db, sql, 10));
    assert_eq!(relation(&of_query, by_id(&db)), r#"table "main"."t""#);
    let shown = relation(&token(by_id(&db)), query(&db, sql, 10));
    assert_eq!(shown, format!("query: {sql}"));
    assert_eq!(
        relation(&of_query, query(&db, sql, 11)),
        format!("query: {sql}")
    );
    relation(
        &of_query,
        query(&db, "SELECT * FROM t WHERE size + 0 > :least", 10),
    );
    let by_size = Query::new(&db, sql, [10]).and_then(|query| query.key::<i64>(["size"]));
    assert_eq!(key(&of_query, by_size.expect("a key")), r#""size" ASC"#);
    let same = query(
        &db,
        "\n SELECT * FROM t WHERE size + 0 >= :least ; -- all",
        10,
    );
    assert!(of_query.cursor(&same).is_ok());
}

/// As a source over another store has it.
struct Foreign;

impl ChunkSource for Foreign {
    type Key = i64;
    type Item = i64;
    type Error = std::convert::Infallible;

    fn fetch(
        &mut self,
        _: &keywalk::KeyRange<i64>,
        chunk: &mut keywalk::Chunk<i64>,
    ) -> Result<keywalk::Fetched<i64>, Self::Error> {
        chunk.push(1);
        Ok(keywalk::Fetched::More)
    }

    fn key_of(&self, item: &i64) -> i64 {
        *item
    }
}

impl DurableSource for Foreign {
    fn fingerprint(&self) -> Result<Fingerprint, Self::Error> {
        let other = Fingerprint::new("sled").relation(r#"table "main"."t""#);
        Ok(other.key(r#""id" ASC"#))
    }

    fn encode_key(&self, _: &i64, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&[0x15, 1]);
    }

    fn decode_key(&self, _: &[u8]) -> Result<Option<i64>, Self::Error> {
        Ok(Some(1))
    }
}

#[test]
fn of_another_store() {
    let db = open(SCHEMA);
    let (aspect, here) = refused(&token(Foreign), by_id(&db));
    assert_eq!((aspect, here.as_str()), (Aspect::Store, "sqlite"));
}

#[test]
fn of_a_primary_key_that_has_changed_since() {
    let table = "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
        INSERT INTO t VALUES (1, 1), (2, 2)";
    let db = open(table);
    let of_ab = token(t(&db));
    for changed in ["b, a", "a, b DESC", "a"] {
        let table = table.replace("(a, b)) W", &format!("({changed})) W"));
        db.execute_batch(&format!("DROP TABLE t; {table}"))
            .expect("it is SQL");
        key(&of_ab, t(&db));
    }
    db.execute_batch(&format!("DROP TABLE t; {table}"))
        .expect("it is SQL");
    assert!(of_ab.cursor(&t(&db)).is_ok());
}

#[test]
fn over_a_table_that_is_gone_is_the_error_of_the_table() {
    let db = open(SCHEMA);
    let of_t = token(by_id(&db));
    let table = by_id(&db);
    let any = t(&db);
    db.execute_batch("DROP TABLE main.t; DROP TABLE other.t")
        .expect("it is SQL");
    for refused in [of_t.cursor(&table).map(drop), of_t.cursor(&any).map(drop)] {
        match refused {
            Err(Error::Source(error)) => assert_eq!(error.kind(), ErrorKind::NoSuchTable),
            other => panic!("{other:?}"),
        }
    }
}

/// The message of the refusal tells what to do, and that is taken.
#[test]
fn what_the_message_tells_to_do_helps() {
    fn follow<S, T>(token: &Token, source: S, words: &[&str], right: T)
    where
        S: DurableSource<Error = keywalk_sqlite::Error>,
        T: DurableSource<Error = keywalk_sqlite::Error>,
    {
        let error = token.cursor(&source).map(drop).expect_err("it is another");
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "{word} isn't in {message}");
        }
        assert!(token.cursor(&right).is_ok(), "after {message}");
    }
    let db = open(SCHEMA);
    let of_one = token(of_tenant(&db, 1));
    let names = || t(&db).key::<String>(["name"]).expect("a key");
    let within = [
        "another filter",
        "the same `within` columns, with the same values",
    ];
    follow(&of_one, names(), &within, of_tenant(&db, 1));
    follow(&of_one, of_tenant(&db, 2), &within, of_tenant(&db, 1));
    follow(&token(names()), of_tenant(&db, 1), &within, names());
    let sized = || filtered(&db, "size > ?1", 10);
    follow(&token(sized()), by_id(&db), &["the same filter"], sized());

    let db =
        open("CREATE TABLE t (n INT NOT NULL UNIQUE, a INT); INSERT INTO t (n) VALUES (1), (2)");
    let by = |column: &str| t(&db).key::<i64>([column]).expect("a key");
    let (of_rowid, of_n) = (token(by("rowid")), token(by("n")));
    assert!(of_rowid.cursor(&by("rowid")).is_ok());
    db.execute_batch("CREATE TABLE unrelated (a)")
        .expect("it is SQL");
    let words = [
        "`\"rowid\" ASC, of schema version ",
        "something in the schema has changed since",
        "begin a new walk, by an INTEGER PRIMARY KEY or another unique key",
    ];
    let later = token(by("rowid"));
    let error = of_rowid
        .cursor(&by("rowid"))
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
    assert!(later.cursor(&by("rowid")).is_ok() && of_n.cursor(&by("n")).is_ok());
}
