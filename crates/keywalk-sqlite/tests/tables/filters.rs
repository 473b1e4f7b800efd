//! A filter means what it means in SQL.

use std::cmp::Reverse;

use keywalk::Walk;
use keywalk_sqlite::{Collated, DynKey, Table};
use rusqlite::{Connection, Params, ToSql, params, params_from_iter};

use crate::check::{Values, check};
use crate::db::{by, by_id, keys, open, query};

/// `t` by `id`, by `(c, id)` over an index, by `(c, x)` in different directions.
fn forty() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c INT NOT NULL, d TEXT, x INT NOT NULL);
         CREATE INDEX tc ON t (c); CREATE INDEX td ON t (d); CREATE UNIQUE INDEX tcx ON t (c, x DESC);
         CREATE TABLE u (id INTEGER PRIMARY KEY, y INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
             INSERT INTO t SELECT i, i % 7, nullif('d' || (i % 5), 'd4'), i * 37 % 150 - 75 FROM n;
         INSERT INTO u SELECT id, x FROM t WHERE id % 3 = 0;",
    )
}

fn filtered<K: Values, P: Params + Clone>(
    db: &Connection,
    condition: &str,
    params: P,
    key: &[&str],
    order: &str,
) {
    let source = by::<K>(db, key).filter(condition, params.clone());
    let sql = format!("SELECT * FROM t WHERE ({condition}\n) ORDER BY {order}");
    check(source.expect(condition), db, &sql, params, key);
}

/// A column that may hold NULL, unique under a condition.
fn mails(index: &str) -> Connection {
    open(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, \"mail box\" TEXT, x INT, gone INT NOT NULL);
         INSERT INTO t VALUES (1, 'b', 1, 0), (2, NULL, 1, 0), (3, 'a', NULL, 0), (4, NULL, 2, 0),
             (5, 'c', NULL, 0), (6, 'b', 3, 1), (7, NULL, 4, 1), (8, 'e', 5, 0), (9, 'd', 5, 0);
         {index}"
    ))
}

#[test]
fn a_filter_that_leaves_null_out_makes_a_key_of_a_column_and_a_partial_index_unique() {
    const SOME: &str = "gone = 0 AND \"mail box\" IS NOT NULL";
    for (index, filter) in [
        ("(\"mail box\") WHERE gone = 0", SOME),
        (
            "(\"mail box\") WHERE gone=0 -- and",
            "(GONE = 0 /* and */ and +t.[Mail Box] notnull) AND x <> 1",
        ),
        (
            "(\"mail box\") WHERE \"mail box\" NOT NULL AND gone = 0",
            "id > 1 AND `mail box` IS NOT NULL AND gone = 0",
        ),
        (
            "(\"mail box\") WHERE (gone = 0 OR id < 0)",
            "\"mail box\" IS NOT NULL AND ((gone = 0 OR id < 0))",
        ),
        ("(gone, \"mail box\", id)", SOME),
    ] {
        let db = mails(&format!("CREATE UNIQUE INDEX i ON t {index}"));
        let table = || Table::new(&db, "t").filter(filter, []).expect(filter);
        let sql = format!("SELECT * FROM t WHERE {filter} ORDER BY \"mail box\"");
        let (one, three) = (["mail box"], ["gone", "mail box", "id"]);
        let rows = if index.contains("(gone, ") {
            let table = table().key::<(i64, String, i64)>(three).expect(index);
            check(table, &db, &sql, [], &three)
        } else {
            check(
                table().key::<DynKey>(one).expect(index),
                &db,
                &sql,
                [],
                &one,
            );
            check(
                table().key::<String>(one).expect(index),
                &db,
                &sql,
                [],
                &one,
            )
        };
        assert!(rows > 1, "{index}");
        assert_eq!(
            table().key::<(i64,)>(["id"]).and_then(|t| t.count()).ok(),
            Some(rows as u64)
        );
    }
    let db = open(
        "CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY);
         INSERT INTO t VALUES (NULL), ('B'), ('a'), (NULL)",
    );
    let table = Table::new(&db, "t").filter("a IS NOT NULL", []).unwrap();
    let table = table.key::<Collated>(["a"]).unwrap();
    assert_eq!(table.count().unwrap(), 2);
    assert_eq!(
        check(
            table,
            &db,
            "SELECT * FROM t WHERE a NOTNULL ORDER BY a",
            [],
            &["a"]
        ),
        2
    );
}

#[test]
fn a_column_may_have_the_name_of_a_truth_value_or_of_the_current_date() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, c INT, \"true\" INT, \"false\" INT, current_date TEXT UNIQUE);
         CREATE INDEX partial ON t (c) WHERE \"false\" = 0; CREATE INDEX tc ON t (c);
         INSERT INTO t VALUES (1, NULL, 0, 1, 'x'), (2, 1, 1, 0, NULL), (3, 1, 0, 0, 'y'), (4, NULL, NULL, 5, 'z'),
             (5, 1, 7, 0, 'w');",
    );
    for (condition, rows) in [("c = 1", 3), ("c IS NULL", 2), ("c > 0 OR \"true\" = 0", 4)] {
        filtered::<i64, _>(&db, condition, [], &["id"], "id");
        let table = by::<(Option<i64>, i64)>(&db, &["c", "id"]).filter(condition, []);
        let sql = format!("SELECT * FROM t WHERE ({condition}) ORDER BY c, id");
        assert_eq!(
            check(table.expect(condition), &db, &sql, [], &["c", "id"]),
            rows
        );
    }
    // By the partial index: `c IS NOT NULL` isn't taken for a range of the caller's.
    db.execute_batch("DROP INDEX tc").expect("it is there");
    let some = "c IS NOT NULL AND \"false\" = 0";
    let table = Table::new(&db, "t").filter(some, []).expect(some);
    let table = table.key::<(i64, i64)>(["c", "id"]).expect(some);
    let sql = format!("SELECT * FROM t WHERE {some} ORDER BY c, id");
    assert_eq!(check(table, &db, &sql, [], &["c", "id"]), 3);
    // Without quotes it is the function, which proves nothing about the column.
    let table = Table::new(&db, "t").filter("current_date IS NOT NULL", []);
    assert!(
        table
            .expect("it is a condition")
            .key::<String>(["current_date"])
            .is_err()
    );
}

/// The rows that a filter lets pass, in the forms of statement that there are, are SQL's own.
fn passes<P: Params + Clone>(db: &Connection, condition: &str, params: P) {
    filtered::<i64, P>(db, condition, params.clone(), &["id"], "id");
    filtered::<(i64, i64), P>(db, condition, params.clone(), &["c", "id"], "c, id");
    filtered::<(i64, Reverse<i64>), P>(db, condition, params.clone(), &["c", "x"], "c, x DESC");
    let within = Table::new(db, "t").prefix_eq("c", 3);
    let within = within.and_then(|within| within.key::<Reverse<i64>>(["x"]));
    let within = within.and_then(|within| within.filter(condition, params.clone()));
    let sql = format!("SELECT * FROM t WHERE ({condition}\n) AND c = 3 ORDER BY x DESC");
    check(within.expect(condition), db, &sql, params, &["x"]);
}

#[test]
fn parameters_of_every_kind_have_their_values_in_every_form_of_statement() {
    let db = forty();
    passes(&db, "x > ? AND x < ?", [-20, 30]);
    passes(&db, "x > ?2 AND x < ?1", [30, -20]);
    passes(&db, "x > ?3 AND x < ?1", params![30, "unused", -20]);
    let named = &[(":high", &30), (":low", &-20)];
    passes(&db, "x > :low AND x < :high", named);
    let named = &[("@a", &-20), ("$b", &30)];
    passes(&db, "x > @a AND x < $b AND x <> @a", named);
    let named = &[(":a", &20), ("@b", &4), ("$c", &5)];
    passes(&db, "id = 1 OR x = :a OR id = @b OR id = $c", named);
    passes(&db, "d = ?", ["d3"]);
    passes(&db, "d = #a", &[("#a", &"d3")]);
    passes(&db, "d = ?1 OR d IS ?2", params!["d3", None::<String>]);
    let five = [1, 2, 3, 40, 50];
    passes(&db, "x IN (?, ?, ?) OR x BETWEEN ? AND ?", five);
    let comment = "x > ?1 -- and not ?2\n AND d <> '?3' AND d <> ':a'";
    passes(&db, comment, [0]);
    let four = params![40, 3, "unused", 20];
    passes(&db, "x = ?4 OR id = ?2 -- ?9\n", four);
    passes(&db, "ifnull(d, ?) = ?1", ["d1"]);
    let blob = params![vec![0xff_u8], f64::INFINITY, "40"];
    passes(&db, "x > ?1 OR x < ?2 AND x >= CAST(?3 AS INT)", blob);
    // A minus that begins no comment.
    passes(&db, "x - ?1 > ?2 -- ?3", [2, 3]);
}

/// SQLite takes 32,766, of which the walk needs a few; it has a result of no more than 2,000 columns.
#[test]
fn as_many_parameters_as_sqlite_takes_have_their_values() {
    let db = forty();
    let values: Vec<i64> = (30..32_780).collect();
    let plain = |count| format!("id IN ({})", vec!["?"; count].join(", "));
    let expected: Vec<i64> = (30..=40).collect();
    let sql = format!("SELECT id FROM t WHERE +{}", plain(values.len()));
    let walk = Walk::new(query::<i64>(&db, &sql, params_from_iter(&values), &["id"]));
    assert_eq!(keys(walk), expected);

    // SQLite itself looks a name up among all others.
    let few = &values[..2_500];
    let names: Vec<String> = few.iter().map(|value| format!(":p{value}")).collect();
    let named = names.iter().zip(few);
    let named: Vec<(&str, &dyn ToSql)> = named.map(|(name, value)| (&**name, value as _)).collect();
    let by_name = format!("id IN ({})", names.join(", "));
    for table in [
        by_id(&db).filter(plain(values.len()), params_from_iter(&values)),
        by_id(&db).filter(&*by_name, named.as_slice()),
    ] {
        assert_eq!(keys(Walk::new(table.unwrap())), expected);
    }
}

#[test]
fn conditions_keep_to_themselves_and_their_truth_is_sqls() {
    let db = forty();
    for condition in [
        "d = 'd1' OR x < 0",
        "1 OR 0",
        "x < 0 -- a comment at the end",
        "x < 0 --)",
        "x < 0 /* ) */",
        "x < 0\n-- ' \" ` [",
        "d = 'd1' AND x < 0 OR d = 'd2' AND x > 0",
        "NOT x < 0",
        "c = 3 OR id = 9",
        "NULL",
        "0",
        "1",
        "0.5",
        "'1'",
        "'abc'",
        "'0.5x'",
        "x'31'",
        "d",
        "x",
        "d > 'd1'",
        "c",
        "\"d\" = 'd1' AND \"T\".\"ID\" > 1",
    ] {
        passes(&db, condition, []);
    }
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, \"a`b\"\"c\" INT); INSERT INTO t VALUES (1, 7), (2, 8)",
    );
    filtered::<i64, _>(&db, "\"a`b\"\"c\" = 7", [], &["id"], "id");
}

#[test]
fn subqueries_and_conditions_on_the_key_itself_are_filters() {
    let db = forty();
    for condition in [
        "id IN (SELECT id FROM u)",
        "EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND y > 0)",
        "NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
        "x > (SELECT avg(x) FROM t)",
        "id IN (SELECT row_number() OVER (ORDER BY id) FROM u)",
        "(SELECT count(*) FROM u WHERE u.id <= t.id) = 3",
        "(SELECT y FROM u WHERE u.id = t.id ORDER BY y LIMIT 1) > 0",
        "id > 20",
        "id BETWEEN 5 AND 30 AND d = 'd2'",
        "id = 7",
        "id IN (1, 40, 7)",
        "c > 2 AND id < 30",
        "(c, id) > (3, 20)",
        "d LIKE 'd1%'",
        "d IN ('d1', 'd3')",
        "d IS NULL",
        "d IS NOT NULL AND c = 2",
        "c = 3 AND x < 10",
    ] {
        passes(&db, condition, []);
    }
    db.execute_batch("ANALYZE").unwrap();
    passes(&db, "d = 'd1' AND x > ?", [0]);
    passes(&db, "id > 20 AND d IN ('d1', 'd2')", []);
}

/// `id IS NOT NULL` names the rows that have a key; that the others are passed over must not
/// depend on how many they are.
#[test]
fn rows_that_the_filter_drops_need_no_key() {
    let db = open(
        "CREATE TABLE t (id TEXT PRIMARY KEY, v INT); INSERT INTO t VALUES ('a', 1), ('b', 2);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO t SELECT NULL, i FROM n",
    );
    for size in [1000, 1] {
        let table = by::<String>(&db, &["id"])
            .filter("id IS NOT NULL", [])
            .unwrap();
        let found = keys(Walk::new(table).chunk_size(size).unbounded());
        assert_eq!(found, ["a", "b"], "chunks of {size}");
    }
}
