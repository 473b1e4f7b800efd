//! Key types of tables, and their columns.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::Order;
use keywalk_conformance::{KeySpace, KnownKey};
use keywalk_sqlite::SqlKeyColumn;
use rusqlite::types::{ToSqlOutput, Value};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A key type, and the columns that store it.
pub trait SqliteKey: Ord + Clone + Debug + Send + 'static {
    /// The SQL declaration of the columns, and their order in an index.
    fn columns() -> Vec<(String, Order)>;

    /// Returns the values of the columns.
    fn values(&self) -> Vec<Value>;

    /// Returns the keys to test with.
    fn keys() -> KeySpace<Self>;
}

/// The type of one key column.
pub trait SqliteColumn: Ord + Clone + Debug + Send + 'static {
    /// The SQL declaration of the column, without NOT NULL.
    const DECLARED: &'static str;

    /// Whether the column may hold NULL.
    const MAY_BE_NULL: bool = false;

    /// The column's order in an index.
    const ORDER: Order = Order::Ascending;

    /// Returns the keys to test with if this is the only column.
    fn keys() -> KeySpace<Self>;

    /// Returns the value of the column.
    fn value(&self) -> Value;
}

macro_rules! columns {
    ($($column:ty: $declared:literal, $keys:expr;)+) => {$(
        impl SqliteColumn for $column {
            const DECLARED: &'static str = $declared;

            fn keys() -> KeySpace<Self> {
                $keys
            }

            fn value(&self) -> Value {
                match SqlKeyColumn::bind(self) {
                    ToSqlOutput::Borrowed(value) => value.try_into().unwrap_or(Value::Null),
                    ToSqlOutput::Owned(value) => value,
                    _ => Value::Null,
                }
            }
        }
    )+};
}

columns! {
    i64: "INTEGER", KeySpace::known();
    u16: "INTEGER", KeySpace::known();
    String: "TEXT", KeySpace::known();
    Vec<u8>: "BLOB", KeySpace::known();
    Uuid: "BLOB", KeySpace::known();
    Hyphenated: "TEXT", KeySpace::known().map(Uuid::hyphenated);
}

impl<T: SqliteColumn + KnownKey> SqliteColumn for Reverse<T> {
    const DECLARED: &'static str = T::DECLARED;
    const MAY_BE_NULL: bool = T::MAY_BE_NULL;
    const ORDER: Order = Order::Descending;

    fn keys() -> KeySpace<Self> {
        KeySpace::known()
    }

    fn value(&self) -> Value {
        self.0.value()
    }
}

impl<T: SqliteColumn + KnownKey> SqliteColumn for Option<T> {
    const DECLARED: &'static str = T::DECLARED;
    const MAY_BE_NULL: bool = true;

    fn keys() -> KeySpace<Self> {
        KeySpace::known()
    }

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::value)
    }
}

fn column<T: SqliteColumn>() -> (String, Order) {
    let not_null = if T::MAY_BE_NULL { "" } else { " NOT NULL" };
    (format!("{}{not_null}", T::DECLARED), T::ORDER)
}

impl<T: SqliteColumn> SqliteKey for T {
    fn columns() -> Vec<(String, Order)> {
        vec![column::<T>()]
    }

    fn values(&self) -> Vec<Value> {
        vec![self.value()]
    }

    fn keys() -> KeySpace<Self> {
        T::keys()
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:tt),+);)+) => {$(
        impl<$($column: SqliteColumn + KnownKey),+> SqliteKey for ($($column,)+) {
            fn columns() -> Vec<(String, Order)> {
                vec![$(column::<$column>()),+]
            }

            fn values(&self) -> Vec<Value> {
                vec![$(self.$at.value()),+]
            }

            fn keys() -> KeySpace<Self> {
                KeySpace::known()
            }
        }
    )+};
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
}
