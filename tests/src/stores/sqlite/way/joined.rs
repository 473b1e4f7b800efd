//! A query.

use keywalk::Aspect;
use keywalk_conformance::BoxError;
use keywalk_sqlite::decode::Mapped;
use keywalk_sqlite::{Connect, Key, Query};

use super::{Decoder, Way, by_key, decode};
use crate::stores::sqlite::SqliteKey;

/// A query that joins the table to itself.
#[derive(Debug)]
pub struct Joined;

impl<K: SqliteKey + Key> Way<K> for Joined {
    type Walked = K;
    type Source<C: Connect> = Query<C, K, Mapped<Decoder>>;
    const HIDES: bool = true;
    const TOLD_BY: Aspect = Aspect::Relation;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Connect>(db: C) -> Result<Self::Source<C>, BoxError> {
        let names = <Self as Way<K>>::names();
        let sql = format!(
            "SELECT t.*, u.value AS same FROM t JOIN t AS u USING ({}) WHERE t.hidden = ?1",
            names.join(", ")
        );
        let query = Query::new(db, sql, [false])?.key::<K>(names)?;
        Ok(query.map(decode as Decoder))
    }
}
