//! Questions that the index alone answers.

use keywalk::{Fetched, KeyRange, LastKey};
use rusqlite::Connection;

use super::{Fetcher, bind_all, check_schema, or_changed};
use crate::ErrorKind;
use crate::error::Error;
use crate::key::Key;
use crate::reader::Reader;
use crate::seek::{Answer, Shape};
use crate::statements::Runs;

impl Fetcher {
    /// Reads the key at the far end from the index alone.
    pub(crate) fn last_key<K: Key>(
        &mut self,
        db: &Connection,
        range: &KeyRange<K>,
    ) -> Result<LastKey<K>, Error> {
        if !self.statements.serves_all(&self.relation) {
            return Ok(LastKey::Unknown);
        }
        self.check_keys(range)?;
        self.first_key(db, &range.reversed())
    }

    /// Reads the key at the near end from the index alone.
    fn first_key<K: Key>(
        &mut self,
        db: &Connection,
        range: &KeyRange<K>,
    ) -> Result<LastKey<K>, Error> {
        let relation = &self.relation;
        let failed = |source| relation.failed(source);
        let shape = Shape::of(range, Answer::FirstKey);
        let changed = |problem| or_changed(db, relation, problem);
        let statement = self.statements.get(db, relation, shape);
        let (proven, mut statement) = statement.map_err(changed)?;
        if proven.filters {
            return Ok(LastKey::Unknown);
        }
        bind_all(&mut statement, proven, relation, range).map_err(failed)?;
        let at = relation.key_positions(Answer::FirstKey);
        let reader = Reader::new(relation, proven.far, &self.columns, &at);
        let before = Runs::of(&statement);
        let mut rows = statement.raw_query();
        let row = rows.next().map_err(|source| changed(failed(source)))?;
        let Some(row) = row else {
            drop(rows);
            check_schema(db, relation, proven, &statement, before)?;
            return Ok(LastKey::Empty);
        };
        check_schema(db, relation, proven, row.as_ref(), before)?;
        let key = reader.key(row)?;
        Ok(if reader.is_beyond(row, range, &key)? {
            LastKey::Empty
        } else {
            LastKey::Is(key)
        })
    }

    /// What there is after a chunk's last key in the range, where the key of the row there can't be read. The
    /// chunk's own rows aren't read again: the decoding has seen them.
    pub(super) fn after<K: Key>(
        &mut self,
        db: &Connection,
        last: &K,
        range: &KeyRange<K>,
    ) -> Result<Fetched<K>, Error> {
        let mut rest = range.clone();
        rest.advance_past(last.clone());
        match self.first_key(db, &rest) {
            Ok(LastKey::Empty) => Ok(Fetched::End),
            Ok(_) => Ok(Fetched::More),
            // The chunk is what it was under the schema before; the next fetch meets this one.
            Err(error) if error.kind() == ErrorKind::Changed => Ok(Fetched::More),
            Err(error) => Err(error),
        }
    }
}
