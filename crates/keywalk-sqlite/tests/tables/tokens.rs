//! What is in a token: one of anything else than what is walked is refused, and says in what it differs;
//! what decides neither which rows are walked nor their order isn't in it.

use std::cmp::Reverse;
use std::ops::Bound;

use keywalk::{
    ChunkSource, Error, Fingerprint, FingerprintField, ResumableSource, Token, TokenError, Walk,
};
use keywalk_sqlite::{Collated, Error as SqliteError, ErrorKind, FromRow, PerFetch, Table};
use rusqlite::{Connection, ToSql};

use crate::db::{by, by_id, keys, open, query};

const SCHEMA: &str = "CREATE TABLE t (
        id INTEGER PRIMARY KEY, tenant INT NOT NULL, name TEXT NOT NULL, size INT NOT NULL);
    CREATE UNIQUE INDEX sizes ON t (size);
    CREATE UNIQUE INDEX names ON t (tenant, name);
    CREATE UNIQUE INDEX all_names ON t (name);
    CREATE TABLE t2 (id INTEGER PRIMARY KEY, tenant INT NOT NULL, name TEXT NOT NULL, size);
    ATTACH ':memory:' AS other;
    CREATE TABLE other.t (id INTEGER PRIMARY KEY, tenant INT NOT NULL, size);
    INSERT INTO t VALUES (1, 1, 'a', 10), (2, 1, 'b', 20), (3, 2, 'c', 30), (4, 1, 'd', 40);
    INSERT INTO t2 SELECT * FROM t; INSERT INTO other.t SELECT id, tenant, size FROM t;";

fn t(db: &Connection) -> Table<&Connection> {
    Table::new(db, "t")
}

/// The token after the first item.
fn token<S: ChunkSource<Error: std::fmt::Debug> + ResumableSource>(source: S) -> Token {
    let mut items = Walk::new(source).items();
    items.next().expect("there are some").expect("it is fine");
    items.token().expect("the source says what it walks")
}

type Taken = Result<(), Error<SqliteError>>;

/// A source, by its token and by which tokens it takes.
struct Told<'db> {
    token: Token,
    takes: Box<dyn Fn(&Token) -> Taken + 'db>,
}

/// Before anything was fetched and after it takes the same.
fn told<'db, S: ChunkSource<Error = SqliteError> + ResumableSource + 'db>(
    make: impl Fn() -> S + 'db,
) -> Told<'db> {
    let token = token(make());
    let takes = move |token: &Token| {
        let mut items = Walk::new(make()).items();
        let before = token.cursor(items.source()).map(drop);
        items.next().expect("there are some").expect("it is fine");
        let after = token.cursor(items.source()).map(drop);
        assert_eq!(format!("{before:?}"), format!("{after:?}"));
        before
    };
    let takes = Box::new(takes);
    Told { token, takes }
}

impl Told<'_> {
    /// In what it differs from a token's source, and what it says of itself in that.
    fn refuses(&self, token: &Token) -> Option<(FingerprintField, String)> {
        match (self.takes)(token) {
            Ok(()) => None,
            Err(Error::Token(TokenError::Source { field, here, .. })) => Some((field, here)),
            Err(other) => panic!("{other}"),
        }
    }
}

fn filtered<'db>(db: &'db Connection, filter: &'static str, least: impl ToSql + 'db) -> Told<'db> {
    told(move || by_id(db).filter(filter, [&least]).expect("it is a filter"))
}

fn of_tenant(db: &Connection, tenant: i64) -> Table<&Connection, String> {
    let tenant = t(db).prefix_eq("tenant", tenant).expect("it is a column");
    tenant.key(["name"]).expect("it is a key")
}

/// A walk by `source` refuses a token `of` another, which differs from it in that; it takes its own.
fn differ(field: FingerprintField, of: &Told<'_>, source: &Told<'_>, here: &str) {
    let refused = source.refuses(&of.token);
    assert_eq!(refused, Some((field, here.to_owned())));
    assert_eq!(source.refuses(&source.token), None, "{here}");
}

#[test]
fn a_token_of_another_table_schema_or_query_is_refused() {
    let db = &open(SCHEMA);
    let relation = |of: &Told<'_>, source: &Told<'_>, here: &str| {
        differ(FingerprintField::Relation, of, source, here)
    };
    let id = || told(|| by_id(db));
    let by_least = |sql: &'static str, least| told(move || query::<i64>(db, sql, [least], &["id"]));
    let least = "SELECT * FROM t WHERE size + 0 >= :least";
    let more = "SELECT * FROM t WHERE size + 0 > :least";
    let t2 = told(|| Table::new(db, "t2").key::<i64>(["id"]).expect("a key"));
    let other = told(|| t(db).schema("other").key::<i64>(["id"]).expect("a key"));
    let of_least = by_least(least, 10);
    let shown = format!("query: {least}");
    relation(&id(), &t2, r#"table "main"."t2""#);
    relation(&id(), &other, r#"table "other"."t""#);
    relation(&t2, &id(), r#"table "main"."t""#);
    relation(&other, &id(), r#"table "main"."t""#);
    relation(&of_least, &id(), r#"table "main"."t""#);
    relation(&id(), &of_least, &shown);
    relation(&of_least, &by_least(least, 11), &shown);
    relation(&of_least, &by_least(more, 10), &format!("query: {more}"));
    let size = told(|| query::<i64>(db, least, [10], &["size"]));
    differ(FingerprintField::Key, &of_least, &size, r#""size" ASC"#);
    // The same name, now found elsewhere.
    let of_main = id();
    db.execute_batch("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (7)")
        .unwrap();
    relation(&of_main, &id(), r#"table "temp"."t""#);
    let main = told(|| t(db).schema("MAIN").key::<i64>(["id"]).expect("a key"));
    assert_eq!(main.refuses(&of_main.token), None);
}

#[test]
fn a_token_of_another_key_or_filter_is_refused() {
    let db = &open(SCHEMA);
    let key = |of: &Told<'_>, source: &Told<'_>, here: &str| {
        differ(FingerprintField::Key, of, source, here)
    };
    let id = told(|| by_id(db));
    let size = told(|| by::<i64>(db, &["size"]));
    let down = told(|| by::<Reverse<i64>>(db, &["id"]));
    let two = told(|| by::<(i64, i64)>(db, &["size", "id"]));
    key(&id, &size, r#""size" ASC"#);
    key(&id, &down, r#""id" DESC"#);
    key(&size, &id, r#""id" ASC"#);
    key(&two, &id, r#""id" ASC"#);
    key(&down, &told(|| t(db)), r#""id" ASC"#);

    let filter = |of: &Told<'_>, source: &Told<'_>, here: &str| {
        differ(FingerprintField::Filter, of, source, here)
    };
    let of_10 = filtered(db, "size >= ?1", 10);
    let shown = "(size >= ?1)";
    filter(&id, &of_10, shown);
    filter(&of_10, &id, "");
    filter(&of_10, &filtered(db, "size >= ?1", 11), shown);
    filter(&of_10, &filtered(db, "size >= ?1", 10.0), shown);
    filter(&of_10, &filtered(db, "id >= ?1", 1), "(id >= ?1)");
    let of_1 = told(|| of_tenant(db, 1));
    filter(&of_1, &told(|| of_tenant(db, 2)), r#""tenant" = ?"#);
    let both = told(|| of_tenant(db, 1).filter("size > ?", [5]).expect("a filter"));
    filter(&of_1, &both, r#""tenant" = ? AND (size > ?)"#);
    filter(&of_1, &told(|| by::<String>(db, &["name"])), "");
}

/// The table, recreated, by its own key; and what is said of the key.
#[test]
fn a_token_of_another_order_is_refused() {
    let text = |more: &str| {
        format!(
            "CREATE TABLE t (name TEXT NOT NULL {more} PRIMARY KEY); INSERT INTO t VALUES ('x')"
        )
    };
    let pair = |key: &str| {
        format!(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY ({key})) WITHOUT ROWID;
             INSERT INTO t VALUES (1, 1), (2, 2)"
        )
    };
    let sixteen = format!("PRAGMA encoding = UTF16le; {}", text(""));
    for (of, here, says) in [
        (text("COLLATE NOCASE"), text(""), Some(r#""name" ASC"#)),
        (
            text(""),
            text("COLLATE noCase"),
            Some(r#""name" COLLATE "NOCASE" ASC"#),
        ),
        (text("COLLATE NOCASE"), text("COLLATE noCase"), None),
        (sixteen.clone(), text(""), Some(r#""name" ASC"#)),
        (
            text(""),
            sixteen,
            Some(r#""name" COLLATE "BINARY" IN UTF-16le ASC"#),
        ),
        (pair("a, b"), pair("b, a"), Some(r#""b" ASC, "a" ASC"#)),
        (
            pair("a, b"),
            pair("a, b DESC"),
            Some(r#""a" ASC, "b" DESC"#),
        ),
        (pair("a, b"), pair("a"), Some(r#""a" ASC"#)),
        (pair("a, b"), pair("a, b"), None),
    ] {
        let (before, after) = (open(&of), open(&here));
        let refused = told(|| t(&after)).refuses(&token(t(&before)));
        let expected = says.map(|says| (FingerprintField::Key, says.to_owned()));
        assert_eq!(refused, expected, "{of}; {here}");
    }
    let folded = open(&text("COLLATE NOCASE"));
    let typed = || told(|| by::<Collated>(&folded, &["name"]));
    assert_eq!(typed().token, token(t(&folded)));
}

#[test]
fn a_token_of_another_store_or_of_a_table_that_is_gone_is_refused_as_that() {
    let db = open(SCHEMA);
    let of_t = token(by_id(&db));
    let other = Fingerprint::new("sled").relation(r#"table "main"."t""#);
    let refused = of_t.check(&other.key(r#""id" ASC"#));
    let is_of_store = |error| {
        matches!(
            error,
            TokenError::Source {
                field: FingerprintField::Store,
                ..
            }
        )
    };
    assert!(refused.is_err_and(is_of_store));
    let (table, any) = (by_id(&db), t(&db));
    db.execute_batch("DROP TABLE main.t; DROP TABLE other.t")
        .unwrap();
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
    let db = &open(SCHEMA);
    let one = || told(|| of_tenant(db, 1));
    let names = || told(|| by::<String>(db, &["name"]));
    let sized = || filtered(db, "size > ?1", 1);
    let within = [
        "another filter",
        "the same `prefix_eq` columns, with the same values",
    ];
    for (right, wrong, words) in [
        (one(), names(), &within[..]),
        (one(), told(|| of_tenant(db, 2)), &within),
        (names(), one(), &within),
        (sized(), told(|| by_id(db)), &["the same filter"]),
    ] {
        let message = (wrong.takes)(&right.token).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        assert!((right.takes)(&right.token).is_ok(), "after {message}");
    }
    let db =
        &open("CREATE TABLE t (n INT NOT NULL UNIQUE, a INT); INSERT INTO t (n) VALUES (1), (2)");
    let [rowid, n] = [["rowid"], ["n"]].map(|key| told(move || by::<i64>(db, &key)));
    assert!((rowid.takes)(&rowid.token).is_ok());
    db.execute_batch("CREATE TABLE unrelated (a)").unwrap();
    let message = (rowid.takes)(&rowid.token).unwrap_err().to_string();
    for word in [
        "`\"rowid\" ASC, of schema version ",
        "something in the schema has changed since",
        "begin a new walk, by an INTEGER PRIMARY KEY or another unique key",
    ] {
        assert!(message.contains(word), "{message}");
    }
    assert!((rowid.takes)(&token(by::<i64>(db, &["rowid"]))).is_ok());
    assert!((n.takes)(&n.token).is_ok());
}

const TRIPLES: &str = "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, id INT NOT NULL, x TEXT,
        PRIMARY KEY (a, b, id)) WITHOUT ROWID;
    INSERT INTO t VALUES (1, 2, 3, 'x'), (1, 2, 4, 'y'), (1, 3, 5, 'z')";

#[derive(Debug)]
struct Nothing;

impl FromRow for Nothing {
    fn from_row(_: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Nothing)
    }
}

#[test]
fn columns_decoding_types_and_blanks_do_not_matter() {
    let db = open(TRIPLES);
    let t = || Table::new(&db, "t");
    let of_all = token(t());
    for same in [
        token(Table::new(&db, "T")),
        token(t().columns(["x"])),
        token(t().columns([""; 0])),
        token(t().map(|_| Ok(()))),
        token(t().map_into(|_, _: &mut u8| Ok(()))),
        token(t().decode::<Nothing>()),
        token(t().schema("Main")),
        token(by::<(u8, i32, i64)>(&db, &["A", "b", "id"])),
    ] {
        assert_eq!(same, of_all);
    }
    let within = |columns: [(&str, i64); 2]| {
        let fixed = columns.into_iter().fold(t(), |table, (column, value)| {
            table.prefix_eq(column, value).expect("it is a column")
        });
        move |filter: &str| token(fixed.filter(filter, ["q"]).expect("a filter"))
    };
    let first = within([("a", 1), ("b", 2)])("x <> ?");
    assert_eq!(within([("B", 2), ("a", 1)])("x <> ?"), first);
    assert_eq!(within([("a", 1), ("b", 2)])("\n x <> ? "), first);
    assert_ne!(within([("a", 1), ("b", 3)])("x <> ?"), first);
    let of = |sql: &str| query::<(i64, i64)>(&db, sql, [1], &["b", "ID"]);
    let first = token(of("SELECT * FROM t WHERE a = ?1"));
    let mapped = of("SELECT * FROM t WHERE a = ?1").map(|_| Ok(()));
    assert_eq!(token(mapped), first);
    assert_eq!(token(of("\n SELECT * FROM t WHERE a = ?1 ; -- all")), first);
    assert_ne!(token(of("SELECT * FROM  t WHERE a = ?1")), first);
}

#[test]
fn connections_files_indexes_and_rows_do_not_matter() {
    let more = "CREATE INDEX i ON t (x); CREATE INDEX j ON t (id, b, a);
        INSERT INTO t VALUES (1, 2, 99, ''), (0, 0, 0, ''); ALTER TABLE t ADD COLUMN y; ANALYZE";
    let dir = tempfile::tempdir().unwrap();
    let file = Connection::open(dir.path().join("other.db")).unwrap();
    file.execute_batch(TRIPLES).unwrap();
    let of = |db: Connection| {
        let table = Table::new(db, "t").key(["a", "b", "id"]).expect("a key");
        let range = (1_i64, 2_i64, 3_i64)..=(1, 3, 5);
        let mut items = Walk::new(table).range(range).unbounded().items();
        items.next().expect("there are some").expect("it is fine");
        items.token().expect("it is a table")
    };
    let first = of(open(TRIPLES));
    assert_eq!(of(file), first);
    assert_eq!(of(open(&format!("{TRIPLES}; {more}"))), first);
}

/// Values are distinguished from one another, and from those beside them.
#[test]
fn values_that_look_alike_are_not() {
    let db = open(TRIPLES);
    let values: [&dyn ToSql; 12] = [
        &1,
        &1.0,
        &"1",
        &b"1".as_slice(),
        &None::<i64>,
        &"",
        &b"".as_slice(),
        &0,
        &0.0,
        &-0.0,
        &"1\0",
        &"\x001",
    ];
    let mut tokens = Vec::new();
    for a in values {
        for b in values {
            let filtered = Table::new(&db, "t").filter("?1 IS NOT ?2 OR x <> ''", [a, b]);
            tokens.push(token(filtered.expect("a filter")).to_string());
        }
    }
    let count = tokens.len();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), count);
}

/// The keys that are left from each item on, by tokens that another type of key wrote.
#[test]
fn a_token_of_one_type_of_key_is_one_of_the_others_that_order_alike() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (-1), (0), (300), (70000);
         CREATE TABLE u (a TEXT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC));
         INSERT INTO u VALUES ('', 1), ('x', 2), ('x', 1)",
    );
    let narrow = || by::<i32>(&db, &["ID"]);
    let typed = || {
        Table::new(&db, "u")
            .key::<(String, Reverse<u8>)>(["a", "b"])
            .expect("a key")
    };
    for (table, count) in [("t", 4), ("u", 3)] {
        for taken in 1..=count {
            let mut items = Walk::new(Table::new(&db, table)).chunk_size(2).items();
            assert_eq!(items.by_ref().take(taken).count(), taken);
            let token = items.token().unwrap();
            let any = Walk::new(Table::new(&db, table))
                .resume_token(&token)
                .unwrap();
            assert_eq!(keys(any).len(), count - taken);
            if table == "t" {
                let rest = [-1, 0, 300, 70_000][taken..].to_vec();
                let walk = Walk::new(narrow()).resume_token(&token);
                assert_eq!(keys(walk.unwrap()), rest);
                let rest: Vec<i64> = rest.into_iter().map(i64::from).collect();
                let walk = Walk::new(by_id(&db)).resume_token(&token);
                assert_eq!(keys(walk.unwrap()), rest);
            } else {
                let all = keys(Walk::new(typed()));
                let rest = keys(Walk::new(typed()).resume_token(&token).unwrap());
                assert_eq!(rest, all[taken..]);
            }
        }
    }
    assert_eq!(token(narrow()), token(by_id(&db)));
    assert_eq!(token(typed()), token(Table::new(&db, "u")));
    // A key that the type doesn't hold is refused.
    let past = (Bound::Excluded(0), Bound::Unbounded);
    let of_large = Walk::new(by_id(&db)).range(past).descending();
    let mut items = of_large.items();
    items.next().unwrap().unwrap();
    let refused = Walk::new(by::<u8>(&db, &["id"])).resume_token(&items.token().unwrap());
    assert!(matches!(refused, Err(Error::Token(TokenError::Key))));
}

/// Which isn't listed among the connection's databases before it is used.
#[test]
fn a_token_of_the_table_of_temp_is_one_over_a_connection_that_has_not_used_it() {
    let fresh = PerFetch(|| Connection::open_in_memory().map(Box::new));
    let table = Table::new(fresh, "sqlite_temp_schema").key::<i64>(["rowid"]);
    let db = open("CREATE TEMP TABLE u (id INT); DROP TABLE u");
    let used = Table::new(&db, "sqlite_temp_schema").key::<i64>(["rowid"]);
    let key = |fingerprint: Fingerprint| format!("{fingerprint:?}");
    let (fresh, used) = (table.unwrap().fingerprint(), used.unwrap().fingerprint());
    assert!(key(fresh.unwrap()).contains("of schema version 0"));
    assert!(key(used.unwrap()).contains("of schema version 2"));
}
