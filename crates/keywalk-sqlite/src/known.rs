use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::fetcher::Fetcher;
use crate::key::KeyColumns;
use crate::relation::Relation;

/// What a table or query has found out of the database: nothing at first.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What it was before the first fetch, when a token was read or made. The first fetch sees that it
    /// still is: a position isn't walked from under a schema that it wasn't checked against.
    before: OnceLock<Relation>,
    /// Made by the first fetch.
    pub(crate) fetcher: Option<Fetcher>,
}

impl Known {
    /// What is walked; resolved if it wasn't yet.
    pub(crate) fn relation(
        &self,
        resolve: impl FnOnce() -> Result<Relation, Error>,
    ) -> Result<&Relation, Error> {
        match (&self.fetcher, self.before.get()) {
            (Some(fetcher), _) => Ok(fetcher.relation()),
            (None, Some(relation)) => Ok(relation),
            (None, None) => {
                let relation = resolve()?;
                Ok(self.before.get_or_init(|| relation))
            }
        }
    }

    pub(crate) fn key_columns(
        &self,
        resolve: impl FnOnce() -> Result<Relation, Error>,
    ) -> Result<Arc<KeyColumns>, Error> {
        match &self.fetcher {
            Some(fetcher) => Ok(Arc::clone(fetcher.columns())),
            None => Ok(Arc::new(self.relation(resolve)?.key_columns())),
        }
    }

    /// What the first fetch must find to be walkable as it was.
    pub(crate) fn before(&self) -> Option<&Relation> {
        self.before.get()
    }
}
