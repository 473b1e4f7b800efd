//! The columns of keys.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_conformance::{KeySpace, KnownKey};
use keywalk_sqlite::KeyColumn;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A value of a key's column.
pub trait SqliteColumn: Ord + Clone + Debug + Send + 'static {
    /// The type that the adapter walks by; itself, unless that has no total order.
    type Walked: KeyColumn;

    /// How SQL declares the column.
    const DECLARED: &'static str;

    /// The keys to try, where it is the only column.
    fn keys() -> KeySpace<Self>;

    /// As the adapter's.
    fn walked(&self) -> Self::Walked;

    /// From the adapter's.
    fn of(walked: Self::Walked) -> Self;
}

macro_rules! columns {
    ($($column:ty: $declared:literal, $keys:expr;)+) => {$(
        impl SqliteColumn for $column {
            type Walked = Self;
            const DECLARED: &'static str = $declared;

            fn keys() -> KeySpace<Self> {
                $keys
            }

            fn walked(&self) -> Self {
                self.clone()
            }

            fn of(walked: Self) -> Self {
                walked
            }
        }
    )+};
}

columns! {
    i64: "INTEGER NOT NULL", KeySpace::known();
    u16: "INTEGER NOT NULL", KeySpace::known();
    String: "TEXT NOT NULL", KeySpace::known();
    Vec<u8>: "BLOB NOT NULL", KeySpace::known();
    Uuid: "BLOB NOT NULL", KeySpace::known();
    Hyphenated: "TEXT NOT NULL", KeySpace::known().map(Uuid::hyphenated);
}

impl<T: SqliteColumn + KnownKey> SqliteColumn for Reverse<T> {
    type Walked = Reverse<T::Walked>;
    const DECLARED: &'static str = T::DECLARED;

    fn keys() -> KeySpace<Self> {
        KeySpace::known()
    }

    fn walked(&self) -> Self::Walked {
        Reverse(self.0.walked())
    }

    fn of(walked: Self::Walked) -> Self {
        Reverse(T::of(walked.0))
    }
}
