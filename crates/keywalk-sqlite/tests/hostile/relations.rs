//! Everything that a schema can hold.

use std::collections::HashMap;

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, ErrorKind, Query, Table};
use rusqlite::types::Value;

use crate::walked::{ORDERS, assert_says, column, integers, keys, open, outcome};

/// A table or virtual table of these names would be asked instead of SQLite, and answer what its rows
/// say: that `a` is the whole primary key, for one.
#[test]
fn a_table_in_the_place_of_a_pragma_does_not_answer_for_the_schema() {
    for (name, columns) in [
        ("pragma_table_list", "schema, name, type, wr"),
        ("pragma_table_xinfo", "name, \"notnull\", pk, hidden"),
        ("pragma_index_list", "name, \"unique\", origin, partial"),
        ("pragma_index_xinfo", "name, \"desc\", coll, \"key\""),
        ("pragma_database_list", "seq, name"),
    ] {
        for create in ["TABLE {} ({})", "VIRTUAL TABLE {} USING fts4({})"] {
            let db = open(
                "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b));
                 INSERT INTO t VALUES (1, 1), (1, 2), (2, 1), (2, 2)",
            );
            let create = create.replacen("{}", name, 1).replacen("{}", columns, 1);
            db.execute_batch(&format!("CREATE {create}")).unwrap();
            let refused = Table::new(&db, "t").key::<i64>(["a"]);
            assert_says(refused, &[ErrorKind::NotUnique], &["\"a\"", "\"t\""]);
            let walk = Walk::new(Table::new(&db, "t")).chunk_size(1);
            assert_eq!(keys(walk).len(), 4, "{create}");
            let query = Query::new(&db, "SELECT a, b FROM t", []).unwrap();
            let query = query.key::<(i64, i64)>(["a", "b"]).unwrap();
            assert_eq!(keys(Walk::new(query).chunk_size(1)).len(), 4, "{create}");
        }
    }
}

/// Virtual tables of the modules that the bundled SQLite has.
const VIRTUAL: &str = "CREATE VIRTUAL TABLE f USING fts5(body);
    INSERT INTO f (rowid, body) VALUES (3, 'three'), (-1, 'minus one');
    CREATE VIRTUAL TABLE r USING rtree(id, low, high); INSERT INTO r VALUES (7, 1, 2), (5, 1, 2)";

#[test]
fn a_virtual_table_is_refused_as_a_table_and_as_a_query() {
    let db = open(VIRTUAL);
    for name in ["f", "r"] {
        let quoted = format!("\"{name}\"");
        let words = [quoted.as_str(), "virtual table", "`Query`"];
        let by_rowid = Table::new(&db, name).key::<i64>(["rowid"]);
        assert_says(by_rowid, &[ErrorKind::NotATable], &words);
        assert_says(
            outcome(Walk::new(Table::new(&db, name))),
            &[ErrorKind::NotATable],
            &words,
        );
        let query = Query::new(&db, format!("SELECT rowid AS k FROM {name}"), []).unwrap();
        let walk = Walk::new(query.key::<i64>(["k"]).unwrap());
        assert_says(outcome(walk), &[ErrorKind::NotSeekable], &["VIRTUAL TABLE"]);
    }
}

#[test]
fn the_shadow_tables_of_a_virtual_table_are_walked() {
    let db = open(VIRTUAL);
    let content = Table::new(&db, "f_content").map(|row| row.get::<_, String>("c0"));
    let texts: Vec<String> = Walk::new(content)
        .chunk_size(1)
        .items()
        .map(|item| item.unwrap().1)
        .collect();
    assert_eq!(texts, ["minus one", "three"]);
    let by_rowid = Table::new(&db, "r_rowid").key::<i64>(["rowid"]).unwrap();
    assert_eq!(keys(Walk::new(by_rowid).chunk_size(1)), [5, 7]);
    // Its key is of an integer and a blob.
    assert_eq!(
        keys(Walk::new(Table::new(&db, "f_idx"))).len(),
        column(&db, "SELECT segid FROM f_idx").len()
    );
}

#[test]
fn the_schemas_own_tables_are_walked_by_their_rowid() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v INT); CREATE INDEX i ON t (v);
         INSERT INTO t (v) VALUES (1), (2); CREATE VIEW w AS SELECT 1; ANALYZE;
         CREATE TEMP TABLE x (y)",
    );
    for (name, schema) in [
        ("sqlite_schema", "main"),
        ("sqlite_master", "main"),
        ("SQLITE_SCHEMA", "main"),
        ("sqlite_temp_schema", "temp"),
        ("sqlite_sequence", "main"),
        ("sqlite_stat1", "main"),
    ] {
        let expected = integers(&db, &format!("SELECT rowid FROM {name} ORDER BY 1"));
        assert!(!expected.is_empty());
        for table in [Table::new(&db, name), Table::new(&db, name).schema(schema)] {
            let table = table.key::<i64>(["rowid"]).unwrap();
            assert_eq!(keys(Walk::new(table).chunk_size(1)), expected, "{name}");
        }
        let refused = outcome(Walk::new(Table::new(&db, name)));
        assert_says(refused, &[ErrorKind::NoPrimaryKey], &["rowid"]);
    }
}

#[test]
fn a_strict_table_is_walked_and_its_columns_of_any_type_hold_text_that_looks_like_numbers() {
    let db = open(
        "CREATE TABLE t (k ANY NOT NULL PRIMARY KEY, n INT NOT NULL UNIQUE) STRICT;
         INSERT INTO t VALUES ('5', 1), (5, 2), ('6', 3), (5.5, 4), (x'00', 5), ('1e3', 6), (' 7', 7);
         CREATE TABLE u (k ANY, PRIMARY KEY (k)) STRICT, WITHOUT ROWID; INSERT INTO u SELECT k FROM t",
    );
    for order in ORDERS {
        for size in 1..=7 {
            for table in ["t", "u"] {
                let walk = Walk::new(Table::new(&db, table))
                    .chunk_size(size)
                    .order(order);
                let found = keys(walk).into_iter().flat_map(AnyKey::into_values);
                let mut expected = column(&db, &format!("SELECT k FROM {table} ORDER BY k"));
                if order == keywalk::Order::Descending {
                    expected.reverse();
                }
                assert_eq!(found.collect::<Vec<_>>(), expected, "chunks of {size}");
            }
        }
    }
    let five = Table::new(&db, "t").any_key(["5".to_owned()]).unwrap();
    assert_eq!(keys(Walk::new(Table::new(&db, "t")).range(five..)).len(), 3);
    let by_n = Table::new(&db, "t").key::<i64>(["n"]).unwrap();
    assert_eq!(keys(Walk::new(by_n).chunk_size(3)), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn generated_columns_are_read_like_any_other() {
    let db = open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, twice INT AS (id * 2) STORED, text TEXT AS ('n' || id),
             neg INT NOT NULL AS (-id) VIRTUAL);
         CREATE UNIQUE INDEX i ON t (neg); INSERT INTO t (id) VALUES (1), (2), (3)",
    );
    let mut expected = HashMap::new();
    for id in 1..=3_i64 {
        let row = vec![
            id.into(),
            (2 * id).into(),
            format!("n{id}").into(),
            (-id).into(),
        ];
        expected.insert(id, row);
    }
    for size in 1..=4 {
        let by_neg = Table::new(&db, "t").key::<i64>(["neg"]).unwrap();
        let by_neg = Walk::new(by_neg)
            .chunk_size(size)
            .items()
            .map(Result::unwrap);
        let rows: Vec<(i64, Vec<Value>)> =
            by_neg.map(|(key, row)| (-key, row.into_values())).collect();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [3, 2, 1]);
        assert!(rows.into_iter().all(|(id, row)| row == expected[&id]));
    }
}

#[test]
fn an_index_over_an_expression_or_a_part_of_the_rows_makes_nothing_unique() {
    for index in [
        "UNIQUE INDEX i ON t (abs(a))",
        "UNIQUE INDEX i ON t (a, abs(b))",
        "UNIQUE INDEX i ON t (a + 0)",
        "UNIQUE INDEX i ON t (a) WHERE b IS NOT NULL",
        "UNIQUE INDEX i ON t (a) WHERE 1",
        "INDEX i ON t (a)",
    ] {
        let db = open(&format!(
            "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL); CREATE {index}; CREATE INDEX j ON t (a);
             INSERT INTO t VALUES (1, 1), (2, 2)"
        ));
        let refused = Table::new(&db, "t").key::<i64>(["a"]);
        assert_says(refused, &[ErrorKind::NotUnique], &["\"a\"", "rowid"]);
        let with_rowid = Table::new(&db, "t")
            .key::<(i64, i64)>(["a", "rowid"])
            .unwrap();
        assert_eq!(keys(Walk::new(with_rowid).chunk_size(1)), [(1, 1), (2, 2)]);
    }
}
