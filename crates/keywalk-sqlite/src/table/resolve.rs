//! What a table is walked as, under the schema as it is.

use rusqlite::Connection;

use super::Table;
use crate::connect::{Connect, lend};
use crate::decode::Decode;
use crate::error::Error;
use crate::fetcher::Fetcher;
use crate::key::Key;
use crate::relation::Relation;

impl<C: Connect, K: Key, D> Table<C, K, D> {
    /// What is walked, under the schema as it is.
    pub(crate) fn resolve(&self, db: &Connection) -> Result<Relation, Error> {
        self.spec.resolve(db, K::layout())
    }
}

impl<C: Connect, K: Key, D: Decode> Table<C, K, D> {
    /// The parts that answer; proves the table first if that wasn't done, or again if the schema has
    /// changed. If it can't be, the parts stay as they were, for the schema may change back.
    pub(crate) fn parts(
        &mut self,
        has_changed: bool,
    ) -> Result<(C::Lent<'_>, &mut Fetcher, &mut D), Error> {
        let db = lend(&self.db)?;
        if let Some(fetcher) = self.known.fetcher.as_ref().filter(|_| has_changed) {
            let relation = self.spec.resolve_again(&db, fetcher.relation())?;
            self.known.fetcher = Some(Fetcher::new(&db, relation)?);
        }
        let fetcher = match self.known.fetcher.take() {
            Some(fetcher) => fetcher,
            None => {
                let relation = match self.known.before() {
                    Some(before) => self.spec.resolve_again(&db, before)?,
                    None => self.spec.resolve(&db, K::layout())?,
                };
                self.decode.columns(&relation.columns);
                Fetcher::new(&db, relation)?
            }
        };
        Ok((db, self.known.fetcher.insert(fetcher), &mut self.decode))
    }
}
