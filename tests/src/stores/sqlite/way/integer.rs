//! Tables walked by integers.

use std::cmp::Reverse;

use keywalk_conformance::{BoxError, KeySpace};
use keywalk_sqlite::{Connect, Table};
use proptest::prop_oneof;
use proptest::sample::select;

use super::{Decoder, Filtered, Walked, Way, by_rowid, decode, sorted};

/// Walks by the rowid of a table without a primary key.
#[derive(Debug)]
pub struct Rowid;

impl Way<i64> for Rowid {
    type Walked = i64;
    type Source<C: Connect> = Walked<C, i64>;

    fn names() -> Vec<&'static str> {
        vec!["rowid"]
    }

    fn schema() -> String {
        "CREATE TABLE t (value INTEGER, hidden INTEGER DEFAULT 0)".to_owned()
    }

    fn source<C: Connect>(db: C) -> Result<Walked<C, i64>, BoxError> {
        let table = Table::new(db, "t").key::<i64>(["rowid"])?;
        Ok(table.map(decode as Decoder))
    }
}

/// Walks by a column that may hold NULL, and then by the primary key, which alone is unique.
#[derive(Debug)]
pub struct Nullable;

macro_rules! nullable {
    ($($first:ty, $into:expr;)+) => {$(
        impl Way<($first, i64)> for Nullable {
            type Walked = ($first, i64);
            type Source<C: Connect> = Walked<C, Self::Walked>;

            /// Keys in which the second column determines the first.
            fn keys() -> KeySpace<Self::Walked> {
                KeySpace::known().map(|b: i64| {
                    let a = b.rem_euclid(4);
                    ($into((a > 1).then_some(a)), b)
                })
            }

            fn schema() -> String {
                format!(
                    "CREATE TABLE t (a INTEGER, b INTEGER PRIMARY KEY, value INTEGER, hidden INTEGER DEFAULT 0);
                     CREATE INDEX by_a ON t ({})",
                    sorted::<Self::Walked>()
                )
            }

            fn source<C: Connect>(db: C) -> Result<Self::Source<C>, BoxError> {
                let table = Table::new(db, "t").key::<Self::Walked>(["a", "b"])?;
                Ok(table.map(decode as Decoder))
            }
        }
    )+};
}

nullable! {
    Option<i64>, std::convert::identity;
    Reverse<Option<i64>>, Reverse;
}

/// A filter that drops more consecutive rows than one fetch scans, so that the fetch returns how far it got.
#[derive(Debug)]
pub struct Sparse;

impl Way<i64> for Sparse {
    type Walked = i64;
    type Source<C: Connect> = Walked<C, i64>;
    const HIDES: bool = true;
    // Hundreds of rows are dropped, so not each can be an operation.
    const STEPS: i32 = 64;

    /// A few keys around the dropped rows and among them.
    fn keys() -> KeySpace<i64> {
        let ladder = [i64::MIN, 299, 300, 600, 901, i64::MAX];
        let known = KeySpace::known();
        KeySpace::new(
            prop_oneof![select(ladder.to_vec()), known.strategy().clone()],
            ladder,
        )
    }

    fn schema() -> String {
        by_rowid::<i64>(
            "INSERT INTO t (a, hidden)
             WITH n (a) AS (SELECT 300 UNION ALL SELECT a + 1 FROM n WHERE a < 900)
             SELECT a, 1 FROM n",
        )
    }

    fn source<C: Connect>(db: C) -> Result<Walked<C, i64>, BoxError> {
        <Filtered as Way<i64>>::source(db)
    }
}
