//! The keys of tables.

use std::fmt::Debug;

use keywalk::Order;
use keywalk_conformance::{KeySpace, KnownKey};
use keywalk_sqlite::{Key, KeyColumn};
use rusqlite::types::{ToSqlOutput, Value};

use super::SqliteColumn;

/// A key, and the columns that it is stored in.
pub trait SqliteKey: Ord + Clone + Debug + Send + 'static {
    /// The type that the adapter walks by; itself, unless that has no total order.
    type Walked: Key;

    /// How SQL declares the columns, and in which order an index has them.
    fn columns() -> Vec<(&'static str, Order)>;

    /// What the columns hold.
    fn values(&self) -> Vec<Value>;

    /// The key that the columns hold; `None` if they hold another type's.
    fn of_values(values: &[Value]) -> Option<Self>;

    /// The keys to try.
    fn keys() -> KeySpace<Self>;

    /// As the adapter's.
    fn walked(&self) -> Self::Walked;

    /// From the adapter's.
    fn of(walked: Self::Walked) -> Self;
}

fn column<T: SqliteColumn>() -> (&'static str, Order) {
    (T::DECLARED, T::Walked::ORDER)
}

fn value<T: SqliteColumn>(column: &T) -> Value {
    match KeyColumn::bind(&column.walked()) {
        ToSqlOutput::Borrowed(value) => value.try_into().unwrap_or(Value::Null),
        ToSqlOutput::Owned(value) => value,
        _ => Value::Null,
    }
}

fn of_value<T: SqliteColumn>(value: &Value) -> Option<T> {
    <T::Walked as KeyColumn>::read(value.into()).ok().map(T::of)
}

impl<T: SqliteColumn> SqliteKey for T {
    type Walked = T::Walked;

    fn columns() -> Vec<(&'static str, Order)> {
        vec![column::<T>()]
    }

    fn values(&self) -> Vec<Value> {
        vec![value(self)]
    }

    fn of_values(values: &[Value]) -> Option<Self> {
        let [only] = values else { return None };
        of_value(only)
    }

    fn keys() -> KeySpace<Self> {
        T::keys()
    }

    fn walked(&self) -> Self::Walked {
        SqliteColumn::walked(self)
    }

    fn of(walked: Self::Walked) -> Self {
        T::of(walked)
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:tt $name:ident),+);)+) => {$(
        impl<$($column: SqliteColumn + KnownKey),+> SqliteKey for ($($column,)+) {
            type Walked = ($($column::Walked,)+);

            fn columns() -> Vec<(&'static str, Order)> {
                vec![$(column::<$column>()),+]
            }

            fn values(&self) -> Vec<Value> {
                vec![$(value(&self.$at)),+]
            }

            fn of_values(values: &[Value]) -> Option<Self> {
                let [$($name),+] = values else { return None };
                Some(($(of_value($name)?,)+))
            }

            fn keys() -> KeySpace<Self> {
                KeySpace::known()
            }

            fn walked(&self) -> Self::Walked {
                ($(self.$at.walked(),)+)
            }

            fn of(walked: Self::Walked) -> Self {
                ($($column::of(walked.$at),)+)
            }
        }
    )+};
}

tuples! {
    (A 0 a, B 1 b);
    (A 0 a, B 1 b, C 2 c);
}
