//! A walk's statements are few, search by the whole key, and are prepared once.

use std::cmp::Reverse;
use std::mem::take;
use std::sync::{Arc, Mutex};

use keywalk::{ChunkSource, Walk};
use keywalk_sqlite::{DynKey, Error, Query, SqlKey, Table};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, StatementStatus};

use super::{Mixed, Pair};
use crate::faults::ORDERS;

/// More rows than SQLite's samples: with statistics it would prepare a statement with a bare
/// parameter again at every fetch.
const ROWS: u32 = 10_500;

fn open(analyzed: bool) -> Connection {
    let schema = "
         CREATE TABLE t (id INTEGER PRIMARY KEY, c INT NOT NULL, k TEXT NOT NULL UNIQUE, d INT NOT NULL);
         CREATE INDEX tc ON t (c); CREATE INDEX td ON t (d);
         CREATE TABLE p (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b));
         CREATE TABLE m (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC)) WITHOUT ROWID;
         INSERT INTO t SELECT i, i / 100, 'k' || i, i % 5 FROM n;
         INSERT INTO p SELECT id / 5000, id FROM t; INSERT INTO m SELECT a, b FROM p";
    super::open(ROWS, schema, analyzed)
}

fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
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
    source: impl Fn() -> Result<S, Error>,
    statements: impl Fn(&S) -> Vec<String>,
    rows: u32,
) {
    for (order, live) in ORDERS
        .into_iter()
        .flat_map(|order| [(order, false), (order, true)])
    {
        db.flush_prepared_statement_cache();
        let walk = Walk::new(source().expect("the key is proven"));
        let walk = walk.chunk_size(100).order(order);
        let mut chunks = if live { walk.unbounded() } else { walk }.chunks();
        let mut found = 0;
        while let Some(items) = chunks.next().expect("the walk goes on") {
            found += items.len();
        }
        assert_eq!(found, rows as usize);
        let texts = statements(chunks.source());
        assert!((1..=4).contains(&texts.len()), "{texts:?}");
        for sql in &texts {
            let statement = db.prepare_cached(sql).expect("it is in the cache");
            let runs = statement.get_status(StatementStatus::Run);
            assert!(runs > 0, "it is the one that was walked with: {sql}");
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
            for step in plan(db, sql) {
                let scans = step.starts_with("SCAN ");
                let merges = ["MERGE (UNION ALL)", "LEFT", "RIGHT"].contains(&step.as_str());
                assert!(
                    scans || step.starts_with("SEARCH ") || merges,
                    "{step}: {sql}"
                );
                assert!(!scans || !sql.contains("> +?"), "{step}: {sql}");
            }
        }
    }
}

fn check_table<'db, K: SqlKey>(
    db: &'db Connection,
    rows: u32,
    source: impl Fn() -> Result<Table<&'db Connection, K>, Error>,
) {
    let statements = |table: &Table<_, K>| table.executed_sql().map(str::to_owned).collect();
    check(db, source, statements, rows);
}

#[test]
fn statements_of_a_table_are_few_search_and_are_prepared_once() {
    for analyzed in [false, true] {
        let db = &open(analyzed);
        let [t, p, m] = ["t", "p", "m"].map(|name| move || Table::new(db, name));
        check_table(db, ROWS, || t().key::<i64>(["id"]));
        check_table(db, ROWS, || t().key::<Reverse<i64>>(["id"]));
        check_table(db, ROWS, || t().key::<String>(["k"]));
        check_table(db, ROWS, || t().key::<Pair>(["c", "id"]));
        check_table(db, ROWS, || p().key::<Pair>(["a", "b"]));
        check_table(db, ROWS, || m().key::<Mixed>(["a", "b"]));
        check_table(db, ROWS, || Ok(m()));
        check_table(db, 5_000, || p().prefix_eq("a", 1)?.key::<i64>(["b"]));
        check_table(db, 5_000, || m().prefix_eq("a", 1)?.key::<DynKey>(["b"]));

        let fifth = ROWS / 5;
        check_table(db, fifth, || t().filter("d = ?", [3])?.key::<i64>(["id"]));
        let named = &[(":d", &3)];
        check_table(db, fifth, || {
            t().filter("d = :d", named)?.key::<i64>(["id"])
        });
        let two = || t().filter("d > ? AND id <> ?2", [3, 7]);
        check_table(db, fifth, || two()?.key::<Pair>(["c", "id"]));
        let of_five = || m().filter("b % ? = 0", [5]);
        check_table(db, fifth, || of_five()?.key::<Mixed>(["a", "b"]));
        let within = || p().filter("b % ?1 = 0", [5])?.prefix_eq("a", 1);
        check_table(db, 1_000, || within()?.key::<i64>(["b"]));
    }
}

#[test]
fn statements_of_a_query_are_prepared_once() {
    for analyzed in [false, true] {
        let db = &open(analyzed);
        for (sql, params, rows) in [
            ("SELECT id, k FROM t", &[][..], ROWS),
            ("SELECT id, k FROM t WHERE d = ?1", &[3], ROWS / 5),
            (
                "SELECT t.id, m.a FROM t JOIN m ON m.b = t.id AND m.a = 1 WHERE d = ?",
                &[3],
                1_000,
            ),
            (
                "SELECT id, 1 FROM t WHERE d < ?1 UNION ALL SELECT id, 2 FROM t WHERE d > ?1
                 UNION ALL SELECT id, 3 FROM t WHERE d = ?1",
                &[3],
                ROWS,
            ),
        ] {
            let params = || rusqlite::params_from_iter(params);
            let query = || Query::new(db, sql, params())?.key::<i64>(["id"]);
            let statements =
                |query: &Query<_, _>| query.executed_sql().map(str::to_owned).collect();
            check(db, query, statements, rows);
        }
    }
}

#[test]
fn the_longest_key_in_mixed_directions_is_one_merge() {
    let db = open(false);
    db.execute_batch(
        "CREATE TABLE s (a INT, b INT, c INT, d INT, e INT, f INT,
                         PRIMARY KEY (a, b DESC, c, d, e, f)) WITHOUT ROWID;
         INSERT INTO s SELECT id % 2, id / 2 % 2, id / 4 % 2, id / 8 % 2, id / 16 % 2, id FROM t",
    )
    .unwrap();
    check_table(&db, ROWS, || Ok(Table::new(&db, "s")));
}

/// SQLite reads a table that it knows to be small from one end to the other; and an index of few rows looks
/// smaller than the table, also to be sorted.
#[test]
fn a_small_table_with_statistics_is_walked_by_its_rowid_whatever_indexes_it_has() {
    for index in [
        "",
        "CREATE INDEX i ON t (v)",
        "CREATE INDEX i ON t (v, id)",
        "CREATE INDEX i ON t (v % 2, id)",
        "CREATE INDEX i ON t (id, v)",
        "CREATE INDEX i ON t (id)",
        "CREATE INDEX i ON t (id) WHERE (v % 2 = 0)",
    ] {
        let schema = format!("CREATE TABLE t (v INTEGER, id INTEGER PRIMARY KEY); {index}");
        let db = super::open(0, &schema, false);
        for rows in 0..=12 {
            db.execute_batch("ANALYZE").unwrap();
            if !index.is_empty() {
                let later = "DROP INDEX IF EXISTS later; CREATE INDEX later ON t (v)";
                db.execute_batch(later).unwrap();
            }
            for order in ORDERS {
                let plain = Walk::new(Table::new(&db, "t")).order(order);
                let filtered = Table::new(&db, "t").columns(["v"]);
                let filtered = filtered.filter("v % 2 = 0", []).unwrap();
                let live = Walk::new(filtered).order(order).unbounded();
                for walk in [plain, live] {
                    let items: Result<Vec<_>, _> = walk.into_iter().collect();
                    assert_eq!(items.expect(index).len(), rows, "{index}");
                }
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
        let whole = table().key::<Pair>(["c", "id"]).unwrap();
        let within = table()
            .prefix_eq("c", 0)
            .unwrap()
            .key::<i64>(["id"])
            .unwrap();
        assert!(
            Walk::new(whole).into_iter().next().unwrap().is_ok(),
            "{values} values"
        );
        assert!(
            Walk::new(within).into_iter().next().unwrap().is_ok(),
            "{values} values"
        );
    }
}

#[test]
fn nothing_is_asked_of_the_schema_twice_by_a_key_or_by_the_first_fetch() {
    let mut db = open(false);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let hear = move |context: AuthContext<'_>| {
        if let AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } = context.action
        {
            let pragma = (pragma_name.to_owned(), pragma_value.map(str::to_owned));
            let database = context.database_name.map(str::to_owned);
            heard.lock().unwrap().push((pragma, database));
        }
        Authorization::Allow
    };
    db.authorizer(Some(hear)).unwrap();
    let asked = || {
        let mut asked = take(&mut *asked.lock().unwrap());
        asked.sort();
        assert!(asked.is_sorted_by(|a, b| a < b), "{asked:?}");
        asked.len()
    };
    let table = Table::new(&db, "t");
    table.dyn_key([1]).unwrap();
    let by_any_key = asked();
    let table = table.key::<Pair>(["c", "id"]).unwrap();
    assert!(
        by_any_key >= 8 && asked() >= 7,
        "the table, its columns, each index"
    );
    let mut items = Walk::new(table).items();
    items.next().unwrap().unwrap();
    assert!(asked() >= 7);

    let query = Query::new(&db, "SELECT id, k FROM t", []).unwrap();
    let mut items = Walk::new(query.key::<i64>(["id"]).unwrap()).items();
    assert_eq!(asked(), 1, "its encoding");
    items.next().unwrap().unwrap();
    assert_eq!(asked(), 2, "that and its databases");
}
