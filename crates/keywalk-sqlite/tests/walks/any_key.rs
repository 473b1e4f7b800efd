//! Dynamic keys: made by hand for a range, and refused by another table.

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Error, ErrorKind, Table};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql, params};

fn tables() -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(
        "CREATE TABLE log (id INTEGER PRIMARY KEY, at TEXT NOT NULL UNIQUE);
         CREATE TABLE orders (tenant INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant, id));
         INSERT INTO log VALUES (1, 'a'), (2, 'b'), (3, 'c');
         INSERT INTO orders VALUES (1, 1), (1, 2), (2, 1);",
    )?;
    Ok(db)
}

fn kind<T>(result: Result<T, keywalk::Error<Error>>) -> Option<ErrorKind> {
    match result {
        Err(keywalk::Error::Source(error)) => Some(error.kind()),
        _ => None,
    }
}

#[test]
fn a_range_takes_keys_made_by_hand() {
    let db = tables().unwrap();
    let orders = Table::new(&db, "orders");
    let from = orders.any_key([1, 2]).unwrap();
    let keys: Vec<Vec<Value>> = Walk::new(orders)
        .range(from..)
        .items()
        .map(|item| item.unwrap().0.into_values())
        .collect();
    let expected = [[1, 2], [2, 1]].map(|key| key.map(Value::Integer).to_vec());
    assert_eq!(keys, expected);
}

#[test]
fn values_of_several_types_are_given_as_rusqlite_takes_parameters() {
    let db = tables().unwrap();
    let log = || Table::new(&db, "log").key::<AnyKey>(["at", "id"]).unwrap();
    let key = log().any_key(params!["b", 2]).unwrap();
    let expected = [Value::Text("b".to_owned()), Value::Integer(2)];
    assert_eq!(key.values(), expected);
    let unfit = log().any_key([Unfit, Unfit]).unwrap_err();
    assert_eq!(unfit.kind(), ErrorKind::Value);
    assert!(
        unfit.to_string().contains("column \"at\" of table \"log\""),
        "{unfit}"
    );
    assert!(unfit.sqlite_error().is_some());
    let unfit = Table::new(&db, "log").within("at", Unfit).unwrap_err();
    assert_eq!(unfit.kind(), ErrorKind::Value);
}

/// What doesn't convert.
struct Unfit;

impl ToSql for Unfit {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Err(rusqlite::Error::ToSqlConversionFailure("unfit".into()))
    }
}

#[test]
fn a_key_made_by_hand_has_a_value_for_every_column() {
    let db = tables().unwrap();
    let orders = Table::new(&db, "orders");
    for values in [
        vec![],
        vec![Value::Integer(1)],
        vec![Value::Integer(1), Value::Null],
        vec![Value::Integer(1); 3],
    ] {
        let error = orders.any_key(values).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.to_string().contains(r#""tenant", "id""#), "{error}");
    }
}

#[test]
fn a_cursor_of_another_table_or_other_columns_is_refused() {
    let db = tables().unwrap();
    let sources: [fn(&Connection) -> Table<&Connection>; 3] = [
        |db| Table::new(db, "log"),
        |db| Table::new(db, "log").key::<AnyKey>(["at"]).unwrap(),
        |db| Table::new(db, "orders"),
    ];
    for (i, source) in sources.iter().enumerate() {
        for (j, other) in sources.iter().enumerate() {
            let mut items = Walk::new(source(&db)).chunk_size(1).items();
            items.next().unwrap().unwrap();
            let mut rest = Walk::new(other(&db)).resume(items.cursor()).items();
            let next = rest.next().unwrap();
            if i == j {
                assert!(next.is_ok());
            } else {
                assert_eq!(kind(next), Some(ErrorKind::Value), "{i} {j}");
                assert!(rest.next().is_none());
            }
        }
    }
}

#[test]
fn the_same_key_of_another_source_over_the_table_is_taken() {
    let db = tables().unwrap();
    let key = Table::new(&db, "log").any_key([2]).unwrap();
    let count = Walk::new(Table::new(&db, "log"))
        .range(key..)
        .items()
        .count();
    assert_eq!(count, 2);
}
