//! G13: a walk's statements are few, search by the whole key, and are prepared once.

use std::cmp::Reverse;

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sqlite::{AnyKey, Error, Key, Query, Table};
use rusqlite::{Connection, StatementStatus, params_from_iter};

/// More rows than SQLite's samples: with statistics it would prepare a statement with a bare
/// parameter again at every fetch.
const ROWS: i64 = 10_500;

fn open(analyzed: bool) -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c INT NOT NULL, k TEXT NOT NULL UNIQUE, d INT NOT NULL);
         CREATE INDEX tc ON t (c); CREATE INDEX td ON t (d);
         CREATE TABLE p (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b));
         CREATE TABLE m (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC)) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO t SELECT i, i / 100, 'k' || i, i % 5 FROM n;
         INSERT INTO p SELECT id / 5000, id FROM t; INSERT INTO m SELECT a, b FROM p;"
    ))
    .expect("the schema is valid");
    if analyzed {
        db.execute_batch("ANALYZE").expect("SQLite analyzes");
    }
    db
}

fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect("it is a statement");
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().expect("SQLite explains") {
        steps.push(row.get(3).expect("the fourth column explains"));
    }
    steps
}

/// Walks in each way, and looks at the statements afterwards.
fn check<S: ChunkSource<Error = Error>>(
    db: &Connection,
    source: impl Fn() -> S,
    statements: impl Fn(&S) -> Vec<String>,
    rows: usize,
) {
    for order in [Order::Ascending, Order::Descending] {
        for live in [false, true] {
            db.flush_prepared_statement_cache();
            let walk = Walk::new(source()).chunk_size(100).order(order);
            let mut chunks = if live { walk.live() } else { walk }.chunks();
            let mut found = 0;
            while let Some(items) = chunks.next().expect("the walk goes on") {
                found += items.len();
            }
            assert_eq!(found, rows);
            let texts = statements(chunks.source());
            assert!((1..=4).contains(&texts.len()), "{texts:?}");
            for sql in &texts {
                let statement = db.prepare_cached(sql).expect("it is in the cache");
                let runs = statement.get_status(StatementStatus::Run);
                assert!(runs > 0, "it is the one that was walked with: {sql}");
                assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
                for step in plan(db, sql) {
                    let searches = step.starts_with("SEARCH ") || step.starts_with("SCAN ");
                    let merges = ["MERGE (UNION ALL)", "LEFT", "RIGHT"].contains(&step.as_str());
                    assert!(searches || merges, "{step}: {sql}");
                    assert!(
                        !step.starts_with("SCAN ") || !sql.contains("> +?"),
                        "{step}: {sql}"
                    );
                }
            }
        }
    }
}

fn check_table<'db, K: Key>(
    db: &'db Connection,
    source: impl Fn() -> Result<Table<&'db Connection, K>, Error>,
    rows: usize,
) {
    let source = || source().expect("the key is proven");
    check(
        db,
        source,
        |table| table.statements().map(str::to_owned).collect(),
        rows,
    );
}

#[test]
fn statements_are_few_search_and_are_prepared_once() {
    let all = ROWS as usize;
    for analyzed in [false, true] {
        let db = &open(analyzed);
        let t = || Table::new(db, "t");
        check_table(db, || t().key::<i64>(["id"]), all);
        check_table(db, || t().key::<Reverse<i64>>(["id"]), all);
        check_table(db, || t().key::<String>(["k"]), all);
        check_table(db, || t().key::<(i64, i64)>(["c", "id"]), all);
        check_table(
            db,
            || Table::new(db, "p").key::<(i64, i64)>(["a", "b"]),
            all,
        );
        check_table(
            db,
            || Table::new(db, "m").key::<(i64, Reverse<i64>)>(["a", "b"]),
            all,
        );
        check_table(db, || Ok(Table::new(db, "m")), all);
        check_table(
            db,
            || Table::new(db, "p").within("a", 1)?.key::<i64>(["b"]),
            5_000,
        );
        check_table(
            db,
            || Table::new(db, "m").within("a", 1)?.key::<AnyKey>(["b"]),
            5_000,
        );
    }
}

#[test]
fn statements_with_a_filter_are_prepared_once() {
    for analyzed in [false, true] {
        let db = &open(analyzed);
        let t = || Table::new(db, "t");
        let third = ROWS as usize / 5;
        check_table(db, || t().filter("d = ?", [3])?.key::<i64>(["id"]), third);
        check_table(
            db,
            || t().filter("d = :d", &[(":d", &3)])?.key::<i64>(["id"]),
            third,
        );
        check_table(
            db,
            || {
                t().filter("d > ? AND id <> ?2", [3, 7])?
                    .key::<(i64, i64)>(["c", "id"])
            },
            third,
        );
        let b = || {
            Table::new(db, "m")
                .filter("b % ? = 0", [5])?
                .key::<(i64, Reverse<i64>)>(["a", "b"])
        };
        check_table(db, b, third);
        check_table(
            db,
            || {
                Table::new(db, "p")
                    .filter("b % ?1 = 0", [5])?
                    .within("a", 1)?
                    .key::<i64>(["b"])
            },
            1_000,
        );
    }
}

#[test]
fn statements_of_a_query_are_prepared_once() {
    for analyzed in [false, true] {
        let db = &open(analyzed);
        for (sql, params, rows) in [
            ("SELECT id, k FROM t", None, ROWS as usize),
            (
                "SELECT id, k FROM t WHERE d = ?1",
                Some(3),
                ROWS as usize / 5,
            ),
            (
                "SELECT t.id, m.a FROM t JOIN m ON m.b = t.id AND m.a = 1 WHERE d = ?",
                Some(3),
                1_000,
            ),
        ] {
            let query = || {
                Query::new(db, sql, params_from_iter(params))
                    .and_then(|query| query.key::<i64>(["id"]))
                    .expect("it is a key")
            };
            check(
                db,
                query,
                |query| query.statements().map(str::to_owned).collect(),
                rows,
            );
        }
    }
}

#[test]
fn the_longest_key_in_mixed_directions_is_one_merge() {
    let db = open(false);
    db.execute_batch(
        "CREATE TABLE s (a INT, b INT, c INT, d INT, e INT, f INT, PRIMARY KEY (a, b DESC, c, d, e, f)) WITHOUT ROWID;
         INSERT INTO s SELECT id % 2, id / 2 % 2, id / 4 % 2, id / 8 % 2, id / 16 % 2, id FROM t",
    )
    .unwrap();
    check_table(&db, || Ok(Table::new(&db, "s")), ROWS as usize);
}

/// SQLite reads a table that it knows to be small from one end to the other.
#[test]
fn a_small_table_with_statistics_is_walked() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
        .unwrap();
    let mut refused = Vec::new();
    for rows in 1..=12 {
        db.execute("INSERT INTO t (name) VALUES ('name')", [])
            .unwrap();
        db.execute_batch("ANALYZE").unwrap();
        let keys = Walk::new(Table::new(&db, "t"))
            .into_iter()
            .take(rows)
            .filter(Result::is_ok);
        if keys.count() != rows {
            refused.push(rows);
        }
    }
    assert!(refused.is_empty(), "refused with {refused:?} rows");
}

/// An index of few rows looks smaller than the table, also to be sorted.
#[test]
fn a_small_table_with_statistics_is_walked_by_its_rowid_whatever_indexes_it_has() {
    for columns in [
        "v",
        "v, id",
        "v % 2, id",
        "id, v",
        "id",
        "id) WHERE (v % 2 = 0",
    ] {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!(
            "CREATE TABLE t (v INTEGER, id INTEGER PRIMARY KEY);
             CREATE INDEX i ON t ({columns})"
        ))
        .unwrap();
        for rows in 0..=12 {
            db.execute_batch("ANALYZE; DROP INDEX IF EXISTS later; CREATE INDEX later ON t (v)")
                .unwrap();
            for order in [Order::Ascending, Order::Descending] {
                let table = Table::new(&db, "t").columns(["v"]);
                let table = table.filter("v % 2 = 0", []).unwrap();
                let walk = Walk::new(table).order(order).live();
                let items: Result<Vec<_>, _> = walk.into_iter().collect();
                assert_eq!(items.expect(columns).len(), rows, "{columns}");
            }
            db.execute("INSERT INTO t (v) VALUES (8)", []).unwrap();
        }
    }
}

/// With one value of `c`, its index tells nothing, and SQLite searches the table by `id` instead.
#[test]
fn a_leading_column_of_few_values_with_statistics_is_walked() {
    for values in [1, 2, 3] {
        let db = open(false);
        db.execute("UPDATE t SET c = id % ?1", [values]).unwrap();
        db.execute_batch("ANALYZE").unwrap();
        let table = || Table::new(&db, "t");
        let whole = table().key::<(i64, i64)>(["c", "id"]).unwrap();
        let within = table().within("c", 0).unwrap().key::<i64>(["id"]).unwrap();
        let refused = [
            Walk::new(whole).into_iter().next().unwrap().is_err(),
            Walk::new(within).into_iter().next().unwrap().is_err(),
        ];
        assert_eq!(refused, [false, false], "{values} values");
    }
}
