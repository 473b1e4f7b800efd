//! What a table is walked as, under the schema as it is.

use std::borrow::Borrow;

use rusqlite::Connection;

use super::Table;
use crate::decode::Decode;
use crate::error::{Error, Problem};
use crate::fetcher::Fetcher;
use crate::key::Key;
use crate::relation::Relation;

impl<C: Borrow<Connection>, K: Key, D> Table<C, K, D> {
    /// What is walked, under the schema as it is.
    pub(crate) fn resolve(&self) -> Result<Relation, Problem> {
        self.spec.resolve(self.db.borrow(), K::layout())
    }
}

impl<C: Borrow<Connection>, K: Key, D: Decode> Table<C, K, D> {
    /// The parts that answer; proves the table first if that wasn't done.
    pub(crate) fn parts(&mut self) -> Result<(&Connection, &mut Fetcher, &mut D), Error> {
        let db = self.db.borrow();
        let fetcher = match self.known.fetcher.take() {
            Some(fetcher) => fetcher,
            None => {
                let relation = match self.known.before() {
                    Some(before) => self.spec.resolve_again(db, before)?,
                    None => self.spec.resolve(db, K::layout())?,
                };
                self.decode.columns(&relation.columns);
                Fetcher::new(db, relation)?
            }
        };
        let fetcher = self.known.fetcher.insert(fetcher);
        Ok((db, fetcher, &mut self.decode))
    }

    /// Proves the table again, under a schema that has changed. If it can't be, the parts stay as they
    /// were, for the schema may change back.
    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        if let Some(fetcher) = &mut self.known.fetcher {
            let db = self.db.borrow();
            let relation = self.spec.resolve_again(db, fetcher.relation())?;
            *fetcher = Fetcher::new(db, relation)?;
        }
        Ok(())
    }
}
