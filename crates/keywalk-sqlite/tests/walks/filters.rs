//! A filter means what it means in SQL.

use std::cmp::Reverse;
use std::ops::Bound;

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sqlite::{Error, Query, Table};
use proptest::prelude::*;
use rusqlite::{Connection, Params, ToSql, params, params_from_iter};

/// `t` by `id`, by `(c, id)` over an index, by `(c, x)` in different directions.
fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c INT NOT NULL, d TEXT, x INT NOT NULL);
         CREATE INDEX tc ON t (c); CREATE INDEX td ON t (d); CREATE UNIQUE INDEX tcx ON t (c, x DESC);
         CREATE TABLE u (id INTEGER PRIMARY KEY, y INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
             INSERT INTO t SELECT i, i % 7, nullif('d' || (i % 5), 'd4'), i * 37 % 150 - 75 FROM n;
         INSERT INTO u SELECT id, x FROM t WHERE id % 3 = 0;",
    )
    .expect("the schema is valid");
    db
}

fn ids<S, K>(walk: Walk<S>) -> Vec<i64>
where
    S: ChunkSource<Key = K, Item = (K, i64), Error = Error>,
{
    walk.into_iter()
        .map(|item| item.expect("the walk goes on").1)
        .collect()
}

fn id(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get("id")
}

/// The ids that a filter lets pass, in three forms of statement, compared with SQL's own.
fn check<P: Params + Clone>(db: &Connection, condition: &str, params: P) {
    let sql = |order: &str| -> Vec<i64> {
        db.prepare(&format!(
            "SELECT id FROM t WHERE ({condition}\n) ORDER BY {order}"
        ))
        .and_then(|mut statement| {
            statement
                .query_map(params.clone(), |row| row.get(0))?
                .collect()
        })
        .expect("SQLite takes the filter")
    };
    let table = || {
        Table::new(db, "t")
            .filter(condition, params.clone())
            .expect("the filter fits")
    };
    for size in [1, 7, 512] {
        let by_id = table().key::<i64>(["id"]).expect("it is the key").map(id);
        assert_eq!(
            ids(Walk::new(by_id).chunk_size(size)),
            sql("id"),
            "{condition}"
        );
        let by_c = table()
            .key::<(i64, i64)>(["c", "id"])
            .expect("it is a key")
            .map(id);
        assert_eq!(
            ids(Walk::new(by_c).chunk_size(size)),
            sql("c, id"),
            "{condition}"
        );
        type Mixed = (i64, Reverse<i64>);
        let mixed = table()
            .key::<Mixed>(["c", "x"])
            .expect("it is a key")
            .map(id);
        assert_eq!(
            ids(Walk::new(mixed).chunk_size(size)),
            sql("c, x DESC"),
            "{condition}"
        );
        let down = table().key::<i64>(["id"]).expect("it is the key").map(id);
        assert_eq!(
            ids(Walk::new(down).chunk_size(size).descending()),
            sql("id DESC"),
            "{condition}"
        );
        let within = table()
            .within("c", 3)
            .and_then(|t| t.key::<Reverse<i64>>(["x"]))
            .expect("a key");
        let mut expected = sql("x DESC");
        expected.retain(|id| id % 7 == 3);
        assert_eq!(
            ids(Walk::new(within.map(id)).chunk_size(size)),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn parameters_of_every_kind_have_their_values_in_every_form_of_statement() {
    let db = open();
    check(&db, "x > ? AND x < ?", [-20, 30]);
    check(&db, "x > ?2 AND x < ?1", [30, -20]);
    check(&db, "x > ?3 AND x < ?1", params![30, "unused", -20]);
    check(
        &db,
        "x > :low AND x < :high",
        &[(":high", &30), (":low", &-20)],
    );
    check(
        &db,
        "x > @a AND x < $b AND x <> @a",
        &[("@a", &-20), ("$b", &30)],
    );
    check(&db, "d = ?", ["d3"]);
    check(&db, "d = ?1 OR d IS ?2", params!["d3", None::<String>]);
    check(
        &db,
        "x IN (?, ?, ?) OR x BETWEEN ? AND ?",
        [1, 2, 3, 40, 50],
    );
    check(
        &db,
        "x > ?1 -- and not ?2\n AND d <> '?3' AND d <> ':a'",
        [0],
    );
    check(&db, "ifnull(d, ?) = ?1", ["d1"]);
    // A minus that begins no comment.
    check(&db, "x - ?1 > ?2 -- ?3", [2, 3]);
}

/// SQLite takes 32,766, of which the walk needs a few; it has a result of no more than 2,000 columns.
#[test]
fn as_many_parameters_as_sqlite_takes_have_their_values() {
    let db = open();
    let values: Vec<i64> = (100..32_850).collect();
    let plain = |count| format!("id IN ({})", vec!["?"; count].join(", "));
    let expected: Vec<i64> = (100..=150).collect();
    let sql = format!("SELECT id FROM t WHERE +{}", plain(values.len()));
    let query = Query::new(&db, sql, params_from_iter(&values)).unwrap();
    let query = query.key::<i64>(["id"]).unwrap();
    assert_eq!(ids(Walk::new(query.map(id))), expected);

    // SQLite itself looks a name up among all others.
    let few = &values[..2_500];
    let names: Vec<String> = few.iter().map(|value| format!(":p{value}")).collect();
    let named: Vec<(&str, &dyn ToSql)> = names
        .iter()
        .zip(few)
        .map(|(name, value)| (name.as_str(), value as _))
        .collect();
    let by_name = format!("id IN ({})", names.join(", "));
    let table = || Table::new(&db, "t");
    for table in [
        table().filter(plain(values.len()), params_from_iter(&values)),
        table().filter(&*by_name, named.as_slice()),
    ] {
        let table = table.unwrap().key::<i64>(["id"]).unwrap();
        assert_eq!(ids(Walk::new(table.map(id))), expected);
    }
}

#[test]
fn parameters_with_a_number_sign_have_their_values() {
    let db = open();
    check(&db, "d = #a", &[("#a", &"d3")]);
}

#[test]
fn conditions_keep_to_themselves() {
    let db = open();
    check(&db, "d = 'd1' OR x < 0", []);
    check(&db, "1 OR 0", []);
    check(&db, "x < 0 -- a comment at the end", []);
    check(&db, "x < 0 /* a comment */", []);
    check(&db, "d = 'd1' AND x < 0 OR d = 'd2' AND x > 0", []);
    check(&db, "NOT x < 0", []);
    check(&db, "c = 3 OR id = 9", []);
}

#[test]
fn truth_is_sqls() {
    let db = open();
    for condition in [
        "NULL", "0", "1", "0.5", "'1'", "'abc'", "'0.5x'", "x'31'", "d", "x", "d > 'd1'", "c",
    ] {
        check(&db, condition, []);
    }
}

#[test]
fn subqueries_and_conditions_on_the_key_itself_are_filters() {
    let db = open();
    for condition in [
        "id IN (SELECT id FROM u)",
        "EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND y > 0)",
        "NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
        "x > (SELECT avg(x) FROM t)",
        "(SELECT y FROM u WHERE u.id = t.id ORDER BY y LIMIT 1) > 0",
        "id > 20",
        "id BETWEEN 20 AND 120 AND d = 'd2'",
        "id = 7",
        "id IN (1, 150, 7)",
        "c > 2 AND id < 100",
        "(c, id) > (3, 50)",
        "d LIKE 'd1%'",
        "d IN ('d1', 'd3')",
        "d IS NULL",
        "d IS NOT NULL AND c = 2",
        "c = 3 AND x < 10",
    ] {
        check(&db, condition, []);
    }
    db.execute_batch("ANALYZE").unwrap();
    check(&db, "d = 'd1' AND x > ?", [0]);
    check(&db, "id > 20 AND d IN ('d1', 'd2')", []);
}

/// `id IS NOT NULL` names the rows that have a key; that the others are passed over must not
/// depend on how many they are.
#[test]
fn rows_that_the_filter_drops_need_no_key() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (id TEXT PRIMARY KEY, v INT); INSERT INTO t VALUES ('a', 1), ('b', 2);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO t SELECT NULL, i FROM n",
    )
    .unwrap();
    for size in [1000, 1] {
        let table = Table::new(&db, "t")
            .filter("id IS NOT NULL", [])
            .unwrap()
            .key::<String>(["id"])
            .unwrap();
        let keys: Result<Vec<_>, _> = Walk::new(table)
            .chunk_size(size)
            .live()
            .into_iter()
            .take(3)
            .map(|item| item.map(|item| item.0))
            .collect();
        assert_eq!(
            keys.ok(),
            Some(vec!["a".to_owned(), "b".to_owned()]),
            "chunks of {size}"
        );
    }
}

fn bound() -> impl Strategy<Value = Bound<(i64, i64)>> {
    let key = (-1..8_i64, -80..80_i64);
    prop_oneof![
        Just(Bound::Unbounded),
        key.clone().prop_map(Bound::Included),
        key.prop_map(Bound::Excluded),
    ]
}

const CONDITIONS: [&str; 7] = [
    "x % 3 = 0",
    "d = 'd1'",
    "d = 'd1' OR d = 'd2'",
    "x > 0",
    "c > 2",
    "0",
    "id IN (SELECT id FROM u)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filtered_walk_is_a_select_of_its_range(
        condition in prop::sample::select(&CONDITIONS[..]),
        size in 1..40_usize,
        lower in bound(),
        upper in bound(),
        descending: bool,
        live: bool,
        analyzed: bool,
    ) {
        let db = open();
        if analyzed {
            db.execute_batch("ANALYZE").expect("SQLite analyzes");
        }
        let rows: Vec<(i64, i64, i64)> = db
            .prepare(&format!("SELECT c, x, id FROM t WHERE {condition} ORDER BY c, x DESC"))
            .and_then(|mut statement| {
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                rows.collect()
            })
            .expect("SQLite answers");
        let key = |(c, x): (i64, i64)| (c, Reverse(x));
        let range = (lower.map(key), upper.map(key));
        let mut expected: Vec<i64> = rows
            .into_iter()
            .filter(|(c, x, _)| std::ops::RangeBounds::contains(&range, &key((*c, *x))))
            .map(|(_, _, id)| id)
            .collect();
        if descending {
            expected.reverse();
        }
        let table = Table::new(&db, "t").filter(condition, []).expect("the filter fits");
        let table = table.key::<(i64, Reverse<i64>)>(["c", "x"]).expect("it is a key").map(id);
        let order = if descending { Order::Descending } else { Order::Ascending };
        let walk = Walk::new(table).range(range).order(order).chunk_size(size);
        prop_assert_eq!(ids(if live { walk.live() } else { walk }), expected);
    }
}
