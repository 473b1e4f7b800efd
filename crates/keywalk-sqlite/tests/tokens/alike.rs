//! What decides neither which rows are walked nor their order isn't in a token: with other columns, other
//! indexes, another file, it is the same.

use keywalk::{DurableSource, Token, Walk};
use keywalk_sqlite::{Error, FromRow, Query, Table};
use rusqlite::Connection;

use crate::db::open;

const SCHEMA: &str = "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, id INT NOT NULL, x TEXT,
        PRIMARY KEY (a, b, id)) WITHOUT ROWID;
    INSERT INTO t VALUES (1, 2, 3, 'x'), (1, 2, 4, 'y'), (1, 3, 5, 'z')";

fn token_by<S: DurableSource<Error = Error>>(source: S, chunk: usize) -> Token {
    let mut items = Walk::new(source).chunk_size(chunk).items();
    items.next().expect("there are some").expect("it is fine");
    items.token().expect("the source says what it walks")
}

fn token<S: DurableSource<Error = Error>>(source: S) -> Token {
    token_by(source, 2)
}

#[derive(Debug)]
struct Nothing;

impl FromRow for Nothing {
    fn from_row(_: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Nothing)
    }
}

#[test]
fn columns_decoding_and_chunks_do_not_matter() {
    let db = open(SCHEMA);
    let t = || Table::new(&db, "t");
    let token_of_all = token(t());
    assert_eq!(token_by(t(), 1), token_of_all);
    assert_eq!(token_by(Table::new(&db, "T"), 99), token_of_all);
    assert_eq!(token(t().columns(["x"])), token_of_all);
    assert_eq!(token(t().columns([""; 0])), token_of_all);
    assert_eq!(token(t().map(|_| Ok(()))), token_of_all);
    assert_eq!(token(t().fill(|_, _: &mut u8| Ok(()))), token_of_all);
    assert_eq!(token(t().decode::<Nothing>()), token_of_all);
    assert_eq!(token(t().schema("Main")), token_of_all);
    let query = || {
        let query = Query::new(&db, "SELECT * FROM t WHERE a = ?1", [1]).expect("a query");
        query.key::<(i64, i64)>(["b", "ID"]).expect("it has them")
    };
    assert_eq!(token(query().map(|_| Ok(()))), token(query()));
}

#[test]
fn connections_files_indexes_and_rows_do_not_matter() {
    let dir = tempfile::tempdir().expect("there is a place for it");
    let file = Connection::open(dir.path().join("other.db")).expect("it is writable");
    file.execute_batch(SCHEMA).expect("it is SQL");
    let db = open(SCHEMA);
    let (min, max) = ((1_i64, 2_i64, 3_i64), (1_i64, 3_i64, 5_i64));
    let of = |db: Connection| {
        let table = Table::new(db, "t").key(["a", "b", "id"]).expect("a key");
        let mut items = Walk::new(table).range(min..=max).live().items();
        items.next().expect("there are some").expect("it is fine");
        items.token().expect("it is a table")
    };
    let first = of(db);
    assert_eq!(of(file), first);
    let more = "CREATE INDEX i ON t (x); CREATE INDEX j ON t (id, b, a);
        INSERT INTO t VALUES (1, 2, 99, ''), (0, 0, 0, ''); ALTER TABLE t ADD COLUMN y; ANALYZE";
    assert_eq!(of(open(&format!("{SCHEMA}; {more}"))), first);
}

#[test]
fn the_order_of_fixed_columns_and_the_blanks_around_sql_do_not_matter() {
    let db = open(SCHEMA);
    let within = |columns: [(&str, i64); 2]| {
        columns
            .into_iter()
            .fold(Table::new(&db, "t"), |table, (column, value)| {
                table.within(column, value).expect("it is a column")
            })
    };
    let of = |table: Table<_>| token(table.filter("x <> ?", ["q"]).expect("a filter"));
    let first = of(within([("a", 1), ("b", 2)]));
    assert_eq!(of(within([("B", 2), ("a", 1)])), first);
    assert_ne!(of(within([("a", 1), ("b", 3)])), first);
    let blanks = within([("a", 1), ("b", 2)]).filter("\n x <> ? ", ["q"]);
    assert_eq!(token(blanks.expect("a filter")), first);
    let query = |sql: &str| {
        let query = Query::new(&db, sql, []).expect("a query");
        query
            .key::<(i64, i64, i64)>(["a", "b", "id"])
            .expect("it has them")
    };
    let first = token(query("SELECT * FROM t"));
    assert_eq!(token(query(" SELECT * FROM t ; -- all")), first);
    assert_ne!(token(query("SELECT * FROM  t")), first);
}

/// Values are told apart from one another, and from those beside them.
#[test]
fn values_that_look_alike_are_not() {
    let db = open(SCHEMA);
    let of = |a: &dyn rusqlite::ToSql, b: &dyn rusqlite::ToSql| {
        let filter = "?1 IS NOT ?2 OR x <> ''";
        token(
            Table::new(&db, "t")
                .filter(filter, [a, b])
                .expect("a filter"),
        )
    };
    let values: [&dyn rusqlite::ToSql; 12] = [
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
            tokens.push(of(a, b).to_string());
        }
    }
    let count = tokens.len();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), count);
}
