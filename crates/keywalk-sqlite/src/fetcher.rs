use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};

use crate::decode::Decode;
use crate::error::Error;
use crate::key::{Key, KeyColumns};
use crate::params::Param;
use crate::reader::Reader;
use crate::relation::Relation;
use crate::seek::FarBound;
use crate::seek::{Answer, Edge, Shape};
use crate::statements::{Doubt, Proven, Runs, Statements};
use crate::value::{Shown, bind};

mod first_key;

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
    pub(crate) fn new(db: &Connection, relation: Relation) -> Result<Self, Error> {
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

    /// Goes on over a connection that may be another one than before.
    pub(crate) fn move_on(&mut self) {
        self.statements.move_on();
    }

    pub(crate) fn relation(&self) -> &Relation {
        &self.relation
    }

    pub(crate) fn columns(&self) -> &Arc<KeyColumns> {
        &self.columns
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
        if chunk.is_full() {
            return Ok(Fetched::More);
        }
        self.check_keys(range)?;
        let exact = Shape::of(range, Answer::Rows);
        if self.relation.is_bounded_by_keys() && exact.far != Edge::Open {
            // To compare keys here takes a tenth of what SQLite takes to compare each row's columns.
            let endless = Shape {
                far: Edge::Open,
                ..exact
            };
            let far = Some(FarBound::Compared);
            let before = chunk.len();
            match self.fetch_by(db, endless, far, range, decode, chunk) {
                // Perhaps of a row past the far bound: where a key can't be read, SQLite can tell.
                Err(error) if error.is_of_key() => match &chunk.as_slice()[before..] {
                    [] => {}
                    [.., (last, _)] => return self.after(db, last, range),
                },
                answer => return answer,
            }
        }
        self.fetch_by(db, exact, None, range, decode, chunk)
    }

    /// Fetches by the statement for `shape`, whose far bound is looked for as it says, or by `far`.
    fn fetch_by<K: Key, D: Decode>(
        &mut self,
        db: &Connection,
        shape: Shape,
        far: Option<FarBound>,
        range: &KeyRange<K>,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<Fetched<K>, Error> {
        let relation = &self.relation;
        let failed = |source| relation.failed(source);
        let statement = self.statements.get(db, relation, shape);
        let (proven, mut statement) = statement.map_err(|p| or_changed(db, relation, p))?;
        let far = far.unwrap_or(proven.far);
        let reader = Reader::new(relation, far, &self.columns, &self.key_at);
        bind_all(&mut statement, proven, relation, range).map_err(failed)?;
        let mut stretch = chunk.limit().max(STRETCH);
        let before = Runs::of(&statement);
        // Dropping the rows resets the statement, and with it ends its read transaction.
        let mut rows = statement.raw_query();
        let first = rows.next();
        let first = first.map_err(|source| or_changed(db, relation, failed(source)))?;
        let Some(mut row) = first else {
            drop(rows);
            check_schema(db, relation, proven, &statement, before)?;
            return Ok(Fetched::End);
        };
        check_schema(db, relation, proven, row.as_ref(), before)?;
        let filter_at = proven.filters.then_some(self.filter_at);
        loop {
            let passes = match filter_at {
                None => true,
                Some(at) => {
                    stretch -= 1;
                    row.get(at).map_err(failed)?
                }
            };
            if passes {
                if !reader.push(row, range, decode, chunk)? {
                    return Ok(Fetched::End);
                }
                if chunk.is_full() {
                    break;
                }
                if stretch == 0 {
                    return Ok(Fetched::More);
                }
            } else if stretch == 0 {
                // A dropped row needs no key; the stretch ends at the first one that has one.
                match reader.key(row) {
                    Err(_) => stretch = 1,
                    Ok(key) if reader.is_beyond(row, range, &key)? => return Ok(Fetched::End),
                    Ok(key) => return Ok(Fetched::ScannedTo(key)),
                }
            }
            row = match rows.next().map_err(failed)? {
                Some(row) => row,
                None => return Ok(Fetched::End),
            };
        }
        // The next fetch starts past the last key, and would not see it again.
        if !relation.unique
            && let Some(row) = rows.next().map_err(failed)?
        {
            reader.check_next(range, chunk, row)?;
        }
        Ok(Fetched::More)
    }

    /// The range's keys are keys of this relation, and compare as its rows do.
    fn check_keys<K: Key>(&self, range: &KeyRange<K>) -> Result<(), Error> {
        for bound in [range.near(), range.far()] {
            let (Bound::Included(key) | Bound::Excluded(key)) = bound else {
                continue;
            };
            if !key.is_of(&self.columns) {
                return Err(Error::key_of_other_columns(
                    &self.relation.name,
                    &self.relation.key_names(),
                ));
            }
            for (at, part) in self.relation.key.iter().enumerate() {
                if part.affinity.is_numeric()
                    && let ToSqlOutput::Borrowed(value @ ValueRef::Text(text)) = key.bind_column(at)
                    && looks_like_a_number(text)
                {
                    return Err(Error::numeric_bound(
                        &self.relation.name,
                        &part.name,
                        &Shown(value).to_string(),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A problem that a statement has from its start; or, if the schema isn't any longer the one that it
/// was written for, that.
fn or_changed(db: &Connection, relation: &Relation, error: Error) -> Error {
    match relation.stamp.is_stale(db) {
        Ok(true) => Error::changed_again(&relation.name),
        _ => error,
    }
}

/// Once a statement runs, and with it a read transaction: that its plan and the schema are those that
/// were proven.
fn check_schema(
    db: &Connection,
    relation: &Relation,
    proven: &mut Proven,
    statement: &Statement<'_>,
    before: Runs,
) -> Result<(), Error> {
    let is_stale = || {
        let stale = relation.stamp.is_stale(db);
        stale.map_err(|source| relation.failed(source))
    };
    let now = Runs::of(statement);
    let is_another = match proven.doubt(before, now) {
        Doubt::None => false,
        Doubt::RunByOthers => is_stale()?,
        Doubt::PreparedAnew => true,
    };
    if is_another {
        return Err(Error::changed_again(&relation.name));
    }
    proven.trust(now);
    Ok(())
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
            Bound::Included(key) | Bound::Excluded(key) => key.bind_column(column),
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
