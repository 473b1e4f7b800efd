//! Dynamic keys: made by hand for a range, compared in the table's order, and refused by another table.

use keywalk::Walk;
use keywalk_sqlite::{DynKey, ErrorKind, Table};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql, params};

use crate::db::{assert_says, keys, open, outcome};

fn tables() -> Connection {
    open(
        "CREATE TABLE log (id INTEGER PRIMARY KEY, at TEXT NOT NULL UNIQUE);
         CREATE TABLE orders (tenant INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant, id));
         INSERT INTO log VALUES (1, 'a'), (2, 'b'), (3, 'c');
         INSERT INTO orders VALUES (1, 1), (1, 2), (2, 1)",
    )
}

/// What doesn't convert.
struct Unfit;

impl ToSql for Unfit {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Err(rusqlite::Error::ToSqlConversionFailure("unfit".into()))
    }
}

#[test]
fn values_of_several_types_are_given_as_rusqlite_takes_parameters() {
    let db = tables();
    let log = Table::new(&db, "log").key::<DynKey>(["at", "id"]).unwrap();
    let key = log.dyn_key(params!["b", 2]).unwrap();
    assert_eq!(key.values(), ["b".to_owned().into(), Value::Integer(2)]);
    let unfit = log.dyn_key([Unfit, Unfit]);
    let cause = unfit.as_ref().err().and_then(|error| error.sqlite_error());
    assert!(cause.is_some());
    let words = ["column \"at\" of table \"log\""];
    assert_says("a key", unfit, ErrorKind::Value, &words);
    let unfit = Table::new(&db, "log").prefix_eq("at", Unfit);
    assert_says("within", unfit, ErrorKind::Value, &words);
}

#[test]
fn a_key_made_by_hand_has_a_value_for_every_column() {
    let db = tables();
    let orders = Table::new(&db, "orders");
    for values in [
        vec![],
        vec![Value::Integer(1)],
        vec![Value::Integer(1), Value::Null],
        vec![Value::Integer(1), Value::Real(f64::NAN)],
        vec![Value::Integer(1); 3],
    ] {
        let name = format!("{values:?}");
        let words = [r#""tenant", "id""#, "isn't NULL"];
        assert_says(&name, orders.dyn_key(values), ErrorKind::Value, &words);
    }
}

#[test]
fn a_cursor_of_another_table_or_other_columns_is_refused() {
    let db = tables();
    let sources: [fn(&Connection) -> Table<&Connection>; 3] = [
        |db| Table::new(db, "log"),
        |db| Table::new(db, "log").key::<DynKey>(["at"]).unwrap(),
        |db| Table::new(db, "orders"),
    ];
    for (i, source) in sources.iter().enumerate() {
        for (j, other) in sources.iter().enumerate() {
            let mut items = Walk::new(source(&db)).chunk_size(1).items();
            items.next().unwrap().unwrap();
            let rest = outcome(Walk::new(other(&db)).resume(items.cursor()));
            match rest {
                Ok(rest) => assert_eq!((i, rest.len()), (j, 2)),
                Err(error) => assert_eq!((i != j, error.kind()), (true, ErrorKind::Value)),
            }
        }
    }
}

#[test]
fn dynamic_keys_compare_in_the_tables_order_and_bound_a_range_in_it() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b DESC));
         INSERT INTO t VALUES (1, 1), (1, 3), (2, 2), (3, 1), (3, 2)",
    );
    let table = || Table::new(&db, "t");
    let key = |a: i64, b: i64| table().dyn_key([a, b]).unwrap();
    assert!(key(1, 3) < key(1, 1) && key(1, 1) < key(2, 2) && key(2, 2) == key(2, 2));
    assert_eq!(key(1, 3).to_string(), "[1, 3]");
    let debug = format!("{:?}", key(1, 3));
    assert_eq!(debug, "DynKey([Integer(1), Integer(3)])");
    let within = || table().prefix_eq("a", 3).unwrap();
    let other = within().dyn_key([1]).unwrap();
    assert_eq!(key(1, 3).partial_cmp(&other), None);
    let rest = keys(Walk::new(within()).range(..other));
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].values(), [Value::Integer(2)]);
    let between = keys(Walk::new(table()).range(key(1, 2)..=key(3, 2)).descending());
    assert_eq!(between, [key(3, 2), key(2, 2), key(1, 1)]);
}

/// SQLite compares a number with a column of text as the text that it would be stored as.
#[test]
fn a_number_is_a_bound_of_a_text_key_as_the_text_that_sqlite_compares_with() {
    for declared in ["TEXT", "VARCHAR(9)", "CLOB COLLATE NOCASE"] {
        let db = open(&format!(
            "CREATE TABLE t (k {declared} NOT NULL PRIMARY KEY);
             INSERT INTO t VALUES ('1'), ('10'), (2), (5.5), ('a')"
        ));
        let table = || Table::new(&db, "t");
        for number in [Value::Integer(2), Value::Real(5.5), Value::Integer(100)] {
            let bound = table().dyn_key([number.clone()]).unwrap();
            for live in [false, true] {
                let walk = |walk: Walk<_>| {
                    let walk = walk.descending().chunk_size(2);
                    keys(if live { walk.unbounded() } else { walk }).len()
                };
                for (compared, found) in [
                    ("<", walk(Walk::new(table()).range(..bound.clone()))),
                    (">=", walk(Walk::new(table()).range(bound.clone()..))),
                ] {
                    let sql = format!("SELECT count(*) FROM t WHERE k {compared} ?1");
                    let count: u32 = db.query_row(&sql, [&number], |row| row.get(0)).unwrap();
                    assert_eq!(found, count as usize, "{declared} {compared} {number:?}");
                }
            }
        }
    }
}

/// Numbers are one key, whichever way they are stored.
#[test]
fn both_zeros_are_one_key() {
    for declared in ["REAL", "", "NUMERIC"] {
        let db = open(&format!(
            "CREATE TABLE t (k {declared} NOT NULL PRIMARY KEY); INSERT INTO t VALUES (-0.0), (-1), (1), (2)"
        ));
        let table = || Table::new(&db, "t");
        for zero in [Value::Real(-0.0), Value::Real(0.0), Value::Integer(0)] {
            let zero = table().dyn_key([zero]).unwrap();
            assert_eq!(keys(Walk::new(table()).range(zero.clone()..)).len(), 3);
            assert_eq!(keys(Walk::new(table()).range(..zero)).len(), 1);
        }
    }
}
