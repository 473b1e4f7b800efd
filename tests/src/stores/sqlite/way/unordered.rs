//! Tables walked by keys without a total order.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use keywalk::Fingerprint;
use keywalk_conformance::BoxError;
use keywalk_sqlite::{Collated, Connect, DynKey, Error, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{Decoder, Walked, Way, by_key, decode, filtered};
use crate::stores::sqlite::{NoCase, Recast, SqliteKey};

type Mixed = (i64, Reverse<String>);

/// Walks by the primary key from the schema, as [`DynKey`]. It has no total order, because keys of two tables don't
/// compare.
#[derive(Debug)]
pub struct Dynamic;

/// Making a key reads the schema, which is the same in every test, so a thread makes each key once.
fn dyn_key<C: Connect>(table: &Walked<C, DynKey>, key: &Mixed) -> Result<DynKey, Error> {
    thread_local!(static MADE: RefCell<BTreeMap<Mixed, DynKey>> = RefCell::default());
    if let Some(made) = MADE.with_borrow(|made| made.get(key).cloned()) {
        return Ok(made);
    }
    let made = table.dyn_key(key.values())?;
    MADE.with_borrow_mut(|all| all.insert(key.clone(), made.clone()));
    Ok(made)
}

impl Way<Mixed> for Dynamic {
    type Walked = DynKey;
    type Source<C: Connect> = Recast<Walked<C, DynKey>, Mixed>;

    fn schema() -> String {
        by_key::<Mixed>()
    }

    fn source<C: Connect>(db: C) -> Result<Self::Source<C>, BoxError> {
        let table = Table::new(db, "t").map(decode as Decoder);
        Ok(Recast::new(
            table,
            dyn_key,
            |key| match <[Value; 2]>::try_from(key.into_values()) {
                Ok([Value::Integer(number), Value::Text(text)]) => Some((number, Reverse(text))),
                _ => None,
            },
        ))
    }

    fn filtered(db: &Connection) -> Result<Fingerprint, BoxError> {
        filtered::<Mixed>(db, Self::names())
    }
}

type TextAndNumber = (NoCase, Reverse<i64>);

/// Walks by text in the order of its collation, which only SQLite knows.
#[derive(Debug)]
pub struct ByCollation;

impl Way<TextAndNumber> for ByCollation {
    type Walked = (Collated, Reverse<i64>);
    type Source<C: Connect> = Recast<Walked<C, Self::Walked>, TextAndNumber>;

    fn schema() -> String {
        by_key::<TextAndNumber>()
    }

    fn source<C: Connect>(db: C) -> Result<Self::Source<C>, BoxError> {
        let table = Table::new(db, "t").key::<Self::Walked>(Self::names())?;
        Ok(Recast::new(
            table.map(decode as Decoder),
            |_, (text, number)| Ok((Collated(text.text.clone()), *number)),
            |(text, number)| Some((NoCase::new(text.0), number)),
        ))
    }
}
