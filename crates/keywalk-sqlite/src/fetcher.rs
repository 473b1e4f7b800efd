use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, LastKey};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};

use crate::decode::Decode;
use crate::error::{Error, Problem};
use crate::form::FarBound;
use crate::key::{Key, KeyColumns};
use crate::params::Param;
use crate::reader::Reader;
use crate::relation::Relation;
use crate::shape::{Answer, Shape};
use crate::statements::{Proven, Statements};
use crate::value::{Shown, bind};

/// How many rows a fetch looks at, at least, before it says how far it got, where its filter drops
/// them one by one.
const STRETCH: usize = 512;

/// Answers a walk's questions about a relation, over a connection that it is lent.
#[derive(Debug)]
pub(crate) struct Fetcher {
    relation: Relation,
    statements: Statements,
    columns: Arc<KeyColumns>,
    key_at: Vec<usize>,
    filter_at: usize,
}

impl Fetcher {
    pub(crate) fn new(db: &Connection, relation: Relation) -> Result<Self, Problem> {
        Ok(Fetcher {
            statements: Statements::new(db, &relation)?,
            columns: Arc::new(relation.key_columns()),
            key_at: relation.key_positions(Answer::Rows),
            filter_at: relation.filter_position(),
            relation,
        })
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.statements.texts()
    }

    pub(crate) fn fetch<K: Key, D: Decode>(
        &mut self,
        db: &Connection,
        range: &KeyRange<K>,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<Fetched<K>, Error> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        self.check_keys(range)?;
        let relation = &self.relation;
        let failed = |source| relation.failed(source);
        let shape = Shape::of(range, Answer::Rows);
        let (proven, mut statement) = self.statements.get(db, relation, shape)?;
        let reader = Reader::new(relation, proven.far, &self.columns, &self.key_at);
        bind_all(&mut statement, proven, relation, range).map_err(failed)?;
        let filters = proven.filters;
        let told = proven.far == FarBound::Told;
        let width = self.filter_at + usize::from(filters) + usize::from(told);
        let mut stretch = chunk.limit().max(STRETCH);
        // Dropping the rows resets the statement, and with it ends its read transaction.
        let mut rows = statement.raw_query();
        while !chunk.is_full() {
            let Some(row) = rows.next().map_err(failed)? else {
                return Ok(Fetched::End);
            };
            // A schema that changed since the last fetch may have moved a query's columns.
            if chunk.is_empty() && row.as_ref().column_count() != width {
                return Err(relation.changed().into());
            }
            if filters {
                let passes: bool = row.get(self.filter_at).map_err(failed)?;
                stretch = stretch.saturating_sub(1);
                if !passes {
                    // A dropped row needs no key; the stretch then ends at one that has one.
                    if stretch > 0 {
                        continue;
                    }
                    match reader.key(row) {
                        Err(_) => continue,
                        Ok(key) if reader.is_beyond(row, range, &key)? => return Ok(Fetched::End),
                        Ok(key) => return Ok(Fetched::ScannedTo(key)),
                    }
                }
            }
            if !reader.push(row, range, decode, chunk)? {
                return Ok(Fetched::End);
            }
            if !relation.unique {
                reader.check_distinct(chunk)?;
            }
            if stretch == 0 {
                return Ok(Fetched::More);
            }
        }
        // The next fetch starts past the last key, and would not see it again.
        if !relation.unique
            && let Some(row) = rows.next().map_err(failed)?
        {
            reader.check_past(chunk, row)?;
        }
        Ok(Fetched::More)
    }

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
        let relation = &self.relation;
        let failed = |source| relation.failed(source);
        let backward = range.reversed();
        let shape = Shape::of(&backward, Answer::FirstKey);
        let (proven, mut statement) = self.statements.get(db, relation, shape)?;
        if proven.filters {
            return Ok(LastKey::Unknown);
        }
        bind_all(&mut statement, proven, relation, &backward).map_err(failed)?;
        let at = relation.key_positions(Answer::FirstKey);
        let reader = Reader::new(relation, proven.far, &self.columns, &at);
        let mut rows = statement.raw_query();
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(LastKey::Empty);
        };
        let key = reader.key(row)?;
        Ok(if reader.is_beyond(row, &backward, &key)? {
            LastKey::Empty
        } else {
            LastKey::Is(key)
        })
    }

    /// The range's keys are keys of this relation, and compare as its rows do.
    fn check_keys<K: Key>(&self, range: &KeyRange<K>) -> Result<(), Problem> {
        for bound in [range.near(), range.far()] {
            let (Bound::Included(key) | Bound::Excluded(key)) = bound else {
                continue;
            };
            if !key.is_of(&self.columns) {
                return Err(Problem::ForeignKey {
                    relation: self.relation.name.clone(),
                    columns: self.relation.key_names(),
                });
            }
            for (at, part) in self.relation.key.iter().enumerate() {
                if part.is_numeric
                    && let ToSqlOutput::Borrowed(value @ ValueRef::Text(text)) = key.bind(at)
                    && looks_like_a_number(text)
                {
                    return Err(Problem::NumericBound {
                        relation: self.relation.name.clone(),
                        column: part.name.clone(),
                        value: Shown(value).to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// No row holds such text in a column of numeric affinity: it was stored as the number.
fn looks_like_a_number(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.contains(|c: char| c.is_ascii_digit()) && text.trim().parse::<f64>().is_ok()
    })
}

fn bind_all<K: Key>(
    statement: &mut Statement<'_>,
    proven: &Proven,
    relation: &Relation,
    range: &KeyRange<K>,
) -> rusqlite::Result<()> {
    fn column<K: Key>(bound: Bound<&K>, column: usize) -> ToSqlOutput<'_> {
        match bound {
            Bound::Included(key) | Bound::Excluded(key) => key.bind(column),
            // Never asked for: the statement has no parameter for an open end.
            Bound::Unbounded => ToSqlOutput::Borrowed(ValueRef::Null),
        }
    }
    for (number, param) in (1..).zip(&proven.params) {
        let value = match *param {
            Param::Given(at) => relation.params.value(at),
            Param::Fixed(at) => bind(&relation.fixed[at].value),
            Param::Near(at) => column(range.near(), at),
            Param::Far(at) => column(range.far(), at),
        };
        statement.raw_bind_parameter(number, value)?;
    }
    Ok(())
}
