//! Tables by keys without a total order.

use std::borrow::Borrow;

use keywalk_conformance::BoxError;
use keywalk_sqlite::{AnyKey, Table};
use rusqlite::Connection;

use super::{Decoder, Walked, Way, by_key, decode};
use crate::stores::sqlite::{Recast, SqliteKey};

/// By the primary key that the schema tells, as [`AnyKey`], which has no total order: keys of two
/// tables don't compare.
#[derive(Debug)]
pub struct Dynamic;

impl<K: SqliteKey> Way<K> for Dynamic {
    type Walked = AnyKey;
    type Source<C: Borrow<Connection>> = Recast<Walked<C, AnyKey>, K>;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Self::Source<C>, BoxError> {
        let table = Table::new(db, "t").map(decode as Decoder);
        let into = |table: &Walked<C, AnyKey>, key: &K| table.any_key(key.values());
        let from = |key: AnyKey| K::of_values(key.values());
        Ok(Recast::new(table, into, from))
    }
}

/// By text in the order of its collation, which only SQLite knows.
#[derive(Debug)]
pub struct ByCollation;

impl<K: SqliteKey> Way<K> for ByCollation {
    type Walked = K::Walked;
    type Source<C: Borrow<Connection>> = Recast<Walked<C, K::Walked>, K>;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Self::Source<C>, BoxError> {
        let table = Table::new(db, "t").key::<K::Walked>(<Self as Way<K>>::names())?;
        Ok(Recast::new(
            table.map(decode as Decoder),
            |_, key| Ok(key.walked()),
            |key| Some(K::of(key)),
        ))
    }
}
