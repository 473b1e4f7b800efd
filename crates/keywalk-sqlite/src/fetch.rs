//! Fetches chunks: chooses the statement, checks that it still is the proven one, and decodes its rows.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Chunk, Fetched, KeyRange, LastKey, Order};
use keywalk_sql::{
    Answer, BoundKind, Dialect, FarBound, Nulls, Param, RangeShape, SeekForm, key_positions,
    row_width,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, Statement};

use crate::codec;
use crate::decode::Decode;
use crate::error::{Error, ErrorKind};
use crate::key::{KeyColumns, KeyRow, SqlKey, Unreadable};
use crate::relation::Relation;
use crate::sql::same;
use crate::statements::{Proven, StatementCounters, Statements, nulls_of};
use crate::value::{Shown, bind};

/// The minimum number of rows that a fetch reads before it reports its position, if its filter drops them one by one.
const STRETCH: usize = 512;

/// Fetches from a relation over the connection that each call lends.
#[derive(Debug)]
pub(crate) struct Fetcher {
    relation: Relation,
    statements: Statements,
    columns: Arc<KeyColumns>,
    key_at: Vec<usize>,
    filter_at: usize,
    /// True if the fetch enforces the far bound by comparing keys. It then reads one row past the bound. With a filter
    /// or a query, that row could be far away.
    bounds_by_keys: bool,
    /// True if a bound may contain NULL.
    takes_null: bool,
}

impl Fetcher {
    pub(crate) fn new(db: &Connection, relation: Relation) -> Result<Self, Error> {
        Ok(Fetcher {
            statements: Statements::new(db, &relation)?,
            columns: Arc::new(relation.key_columns()),
            key_at: key_positions(&relation.key, relation.width()),
            filter_at: row_width(&relation.key, relation.width()),
            bounds_by_keys: relation.is_bounded_by_keys(),
            takes_null: relation.key.iter().any(|part| part.nullable),
            relation,
        })
    }

    /// Returns the SQL of the statements that were run.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.statements.texts()
    }

    /// Continues over a connection that may be another one than before.
    pub(crate) fn move_on(&mut self) {
        self.statements.move_on();
    }

    pub(crate) fn relation(&self) -> &Relation {
        &self.relation
    }

    pub(crate) fn columns(&self) -> &Arc<KeyColumns> {
        &self.columns
    }

    /// Fetches a chunk; see [`ChunkSource::fetch`](keywalk::ChunkSource::fetch).
    pub(crate) fn fetch<K: SqlKey, D: Decode>(
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
        let exact = self.shape(range, Answer::Rows);
        if self.bounds_by_keys && exact.far != BoundKind::Open {
            // Comparing keys here takes a tenth of the time that SQLite takes to compare each row's columns.
            let endless = RangeShape {
                far: BoundKind::Open,
                far_nulls: Nulls::NONE,
                ..exact
            };
            let far = Some(FarBound::Compared);
            let before = chunk.len();
            match self.fetch_by(db, endless, far, range, decode, chunk) {
                // The row may be past the far bound. Its key can't be read and compared here, so SQLite decides.
                Err(error) if error.is_of_key() => match &chunk.as_slice()[before..] {
                    [] => {}
                    [.., (last, _)] => return self.after(db, last, range),
                },
                answer => return answer,
            }
        }
        self.fetch_by(db, exact, None, range, decode, chunk)
    }

    /// Fetches with the statement for `shape`. `far`, if given, overrides how the statement enforces the far bound.
    fn fetch_by<K: SqlKey, D: Decode>(
        &mut self,
        db: &Connection,
        shape: RangeShape,
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
        let reader = Reader {
            relation,
            far,
            columns: &self.columns,
            key_at: &self.key_at,
        };
        bind_all(&mut statement, proven, relation, range).map_err(failed)?;
        let mut stretch = chunk.limit().max(STRETCH);
        let before = StatementCounters::of(&statement);
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
                // A dropped row may have an unreadable key. The scanned span ends at the first row whose key is
                // readable.
                match reader.key(row) {
                    Err(_) => stretch = 1,
                    Ok(key) if reader.is_after_end(row, range, &key)? => return Ok(Fetched::End),
                    Ok(key) => return Ok(Fetched::ScannedTo(key)),
                }
            }
            row = match rows.next().map_err(failed)? {
                Some(row) => row,
                None => return Ok(Fetched::End),
            };
        }
        // Checks for a repeated key here: the next fetch starts after the last key, so it would not see a repeat.
        if !relation.unique
            && let Some(row) = rows.next().map_err(failed)?
        {
            reader.check_next(range, chunk, row)?;
        }
        Ok(Fetched::More)
    }

    /// Reads the key at the far end from the index alone.
    pub(crate) fn last_key<K: SqlKey>(
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
    fn first_key<K: SqlKey>(
        &mut self,
        db: &Connection,
        range: &KeyRange<K>,
    ) -> Result<LastKey<K>, Error> {
        let relation = &self.relation;
        let failed = |source| relation.failed(source);
        let shape = self.shape(range, Answer::FirstKey);
        let changed = |problem| or_changed(db, relation, problem);
        let statement = self.statements.get(db, relation, shape);
        let (proven, mut statement) = statement.map_err(changed)?;
        if proven.filters {
            return Ok(LastKey::Unknown);
        }
        bind_all(&mut statement, proven, relation, range).map_err(failed)?;
        let reader = Reader {
            relation,
            far: proven.far,
            columns: &self.columns,
            key_at: &Vec::from_iter(0..relation.key.len()),
        };
        let before = StatementCounters::of(&statement);
        let mut rows = statement.raw_query();
        let row = rows.next().map_err(|source| changed(failed(source)))?;
        let Some(row) = row else {
            drop(rows);
            check_schema(db, relation, proven, &statement, before)?;
            return Ok(LastKey::Empty);
        };
        check_schema(db, relation, proven, row.as_ref(), before)?;
        let key = reader.key(row)?;
        Ok(if reader.is_after_end(row, range, &key)? {
            LastKey::Empty
        } else {
            LastKey::Known(key)
        })
    }

    /// Passes the key of each row of the range to `each`, and whether the filter keeps the row, until it returns `false`.
    /// Reads the index, and the row only for a filter. A key that isn't asked for isn't decoded, and one that can't be
    /// read is `None`: the filter may drop its row, and otherwise the walk reports it.
    pub(crate) fn each_key<K: SqlKey>(
        &mut self,
        db: &Connection,
        range: &KeyRange<K>,
        mut each: impl FnMut(&dyn Fn() -> Option<K>, bool) -> bool,
    ) -> Result<(), Error> {
        if range.is_empty() {
            return Ok(());
        }
        self.check_keys(range)?;
        let relation = &self.relation;
        let failed = |source| relation.failed(source);
        let changed = |problem| or_changed(db, relation, problem);
        let shape = self.shape(range, Answer::Keys);
        let statement = self.statements.get(db, relation, shape);
        let (proven, mut statement) = statement.map_err(changed)?;
        bind_all(&mut statement, proven, relation, range).map_err(failed)?;
        let reader = Reader {
            relation,
            far: proven.far,
            columns: &self.columns,
            key_at: &Vec::from_iter(0..relation.key.len()),
        };
        let filter_at = proven.filters.then_some(relation.key.len());
        let before = StatementCounters::of(&statement);
        let mut rows = statement.raw_query();
        let first = rows.next().map_err(|source| changed(failed(source)))?;
        let Some(mut row) = first else {
            drop(rows);
            return check_schema(db, relation, proven, &statement, before);
        };
        check_schema(db, relation, proven, row.as_ref(), before)?;
        loop {
            if proven.far != FarBound::Ended
                && let Ok(key) = reader.key(row)
                && reader.is_after_end(row, range, &key)?
            {
                return Ok(());
            }
            let is_kept = match filter_at {
                None => true,
                Some(at) => row.get(at).map_err(failed)?,
            };
            if !each(&|| reader.key(row).ok(), is_kept) {
                return Ok(());
            }
            row = match rows.next().map_err(failed)? {
                Some(row) => row,
                None => return Ok(()),
            };
        }
    }

    /// Writes conditions for both bounds, with their parameters, numbered after those that are `given`.
    pub(crate) fn bounds<K: SqlKey>(
        &self,
        range: &KeyRange<K>,
        given: usize,
    ) -> (String, Vec<Param>) {
        let statement = keywalk_sql::Statement {
            dialect: Dialect::Sqlite,
            key: &self.relation.key,
            fixed: &self.relation.fixed,
            select: "",
            width: 0,
            filters: &[],
            served: &[],
            given,
            form: SeekForm::RowValue,
            shape: self.shape(range, Answer::Keys),
        };
        statement.bounds()
    }

    /// Returns the kind of statement for this range.
    fn shape<K: SqlKey>(&self, range: &KeyRange<K>, answer: Answer) -> RangeShape {
        let shape = RangeShape::of(range, answer);
        match self.takes_null {
            false => shape,
            true => RangeShape {
                near_nulls: nulls_of(range.start()),
                far_nulls: nulls_of(range.end()),
                ..shape
            },
        }
    }

    /// Asks SQLite whether the range has a row after the chunk's last key. Used when the next row's key couldn't be
    /// read. The chunk's own rows aren't read again, since they are already decoded.
    fn after<K: SqlKey>(
        &mut self,
        db: &Connection,
        last: &K,
        range: &KeyRange<K>,
    ) -> Result<Fetched<K>, Error> {
        let mut rest = range.clone();
        rest.start_after(last.clone());
        match self.first_key(db, &rest) {
            Ok(LastKey::Empty) => Ok(Fetched::End),
            Ok(_) => Ok(Fetched::More),
            // The chunk is valid under the previous schema; the next fetch meets the new one.
            Err(error) if error.kind() == ErrorKind::Changed => Ok(Fetched::More),
            Err(error) => Err(error),
        }
    }

    /// Checks that the range's keys belong to this relation and compare as its rows do.
    fn check_keys<K: SqlKey>(&self, range: &KeyRange<K>) -> Result<(), Error> {
        for bound in [range.start(), range.end()] {
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
                if !part.own.affinity.is_numeric() {
                    continue;
                }
                let bound = key.bind_column(at);
                if let value @ ValueRef::Text(text) = codec::lent(&bound)
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

/// If the schema has changed since the statement was written, returns the error for that; otherwise `error`.
fn or_changed(db: &Connection, relation: &Relation, error: Error) -> Error {
    match relation.stamp.is_stale(db) {
        Ok(true) => Error::changed_again(&relation.name),
        _ => error,
    }
}

/// Checks that the plan and the schema are those that were proven. Call it after the statement's first step, inside its
/// read transaction if there is a row. `before`: the counters before that step.
fn check_schema(
    db: &Connection,
    relation: &Relation,
    proven: &mut Proven,
    statement: &Statement<'_>,
    before: StatementCounters,
) -> Result<(), Error> {
    let now = StatementCounters::of(statement);
    let is_stale = || {
        let stale = relation.stamp.is_stale(db);
        stale.map_err(|source| relation.failed(source))
    };
    // First condition: SQLite prepared the statement again, because the schema or its statistics changed. The plan may
    // be another one. Second: another walk ran the statement, and may have met a change; or it was never run.
    if now.reprepared != proven.runs.unwrap_or(before).reprepared
        || proven.runs != Some(before) && is_stale()?
    {
        return Err(Error::changed_again(&relation.name));
    }
    proven.runs = Some(now);
    Ok(())
}

/// Checks for text that a column of numeric affinity never contains, because SQLite stores it as a number.
fn looks_like_a_number(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.contains(|c: char| c.is_ascii_digit()) && text.trim().parse::<f64>().is_ok()
    })
}

fn bind_all<K: SqlKey>(
    statement: &mut Statement<'_>,
    proven: &Proven,
    relation: &Relation,
    range: &KeyRange<K>,
) -> rusqlite::Result<()> {
    bind_params(statement, &proven.params, relation, range)
}

/// Binds the values of parameters by their meanings; parameter 1 comes first.
pub(crate) fn bind_params<K: SqlKey>(
    statement: &mut Statement<'_>,
    params: &[Param],
    relation: &Relation,
    range: &KeyRange<K>,
) -> rusqlite::Result<()> {
    fn column<K: SqlKey>(bound: Bound<&K>, column: usize) -> ToSqlOutput<'_> {
        match bound {
            Bound::Included(key) | Bound::Excluded(key) => key.bind_column(column),
            // Never used: the statement has no parameter for an open end.
            Bound::Unbounded => ToSqlOutput::Borrowed(ValueRef::Null),
        }
    }
    for (number, param) in (1..).zip(params) {
        let value = match *param {
            Param::Given(at) => relation.params.value(at),
            Param::Fixed(at) => bind(&relation.fixed[at].own.value),
            Param::Near(at) => column(range.start(), at),
            Param::Far(at) => column(range.end(), at),
        };
        statement.raw_bind_parameter(number, value)?;
    }
    Ok(())
}

/// Turns rows into keys and items.
struct Reader<'a> {
    relation: &'a Relation,
    far: FarBound,
    columns: &'a Arc<KeyColumns>,
    key_at: &'a [usize],
}

impl Reader<'_> {
    fn key<K: SqlKey>(&self, row: &Row<'_>) -> Result<K, Error> {
        let key_row = self.key_row(row);
        K::read_row(&key_row).map_err(|unreadable| self.unreadable(row, unreadable))
    }

    /// Adds the row's item to the chunk. Returns `false` if the row lies past the range's far bound, which not every
    /// statement enforces.
    #[inline]
    fn push<K: SqlKey, D: Decode>(
        &self,
        row: &Row<'_>,
        range: &KeyRange<K>,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<bool, Error> {
        if let Some((key, item)) = chunk.spare() {
            let key_row = self.key_row(row);
            key.reread_row(&key_row)
                .map_err(|unreadable| self.unreadable(row, unreadable))?;
            if self.is_after_end(row, range, key)? {
                return Ok(false);
            }
            decode
                .refill(row, item)
                .map_err(|source| self.undecodable(key, source))?;
            chunk.push_spare();
        } else {
            let key = self.key(row)?;
            if self.is_after_end(row, range, &key)? {
                return Ok(false);
            }
            let item = decode
                .decode(row)
                .map_err(|source| self.undecodable(&key, source))?;
            chunk.push((key, item));
        }
        self.check_last(range, chunk)?;
        Ok(true)
    }

    /// Checks whether the statement returned a row past the range's far bound.
    #[inline]
    fn is_after_end<K: SqlKey>(
        &self,
        row: &Row<'_>,
        range: &KeyRange<K>,
        key: &K,
    ) -> Result<bool, Error> {
        match self.far {
            FarBound::Ended => Ok(false),
            FarBound::Compared => Ok(range.is_after_end(key)),
            FarBound::Reported => {
                let last = row.as_ref().column_count() - 1;
                row.get(last)
                    .map(|within: bool| !within)
                    .map_err(|source| self.relation.failed(source))
            }
        }
    }

    /// Checks that the chunk's last item comes after the one before it.
    #[inline]
    fn check_last<K: SqlKey, T>(
        &self,
        range: &KeyRange<K>,
        chunk: &Chunk<(K, T)>,
    ) -> Result<(), Error> {
        match chunk.as_slice() {
            [.., (before, _), (key, _)] => self.check_order(range, before, key),
            _ => Ok(()),
        }
    }

    /// Checks that the row comes after the chunk's last item.
    fn check_next<K: SqlKey, T>(
        &self,
        range: &KeyRange<K>,
        chunk: &Chunk<(K, T)>,
        row: &Row<'_>,
    ) -> Result<(), Error> {
        match chunk.as_slice() {
            [.., (last, _)] => self.check_order(range, last, &self.key(row)?),
            _ => Ok(()),
        }
    }

    #[inline]
    fn check_order<K: SqlKey>(
        &self,
        range: &KeyRange<K>,
        before: &K,
        key: &K,
    ) -> Result<(), Error> {
        let comes_after = match range.order() {
            Order::Ascending => before < key,
            Order::Descending => before > key,
        };
        match comes_after {
            true => Ok(()),
            false => self.check_unordered(before, key),
        }
    }

    /// Checks two keys that aren't known to be in order.
    #[inline(never)]
    fn check_unordered<K: SqlKey>(&self, before: &K, key: &K) -> Result<(), Error> {
        let relation = &self.relation;
        match before.partial_cmp(key) {
            // Only SQLite knows.
            None => Ok(()),
            Some(Ordering::Equal) if !relation.unique => Err(Error::repeated_key(&self.shown(key))),
            // Only damage causes this, or an inconsistent collation.
            Some(_) => {
                let (before, key) = (self.shown(before), self.shown(key));
                Err(Error::out_of_order(&relation.name, &before, &key))
            }
        }
    }

    #[inline]
    fn key_row<'r, 'stmt>(&'r self, row: &'r Row<'stmt>) -> KeyRow<'r, 'stmt> {
        KeyRow {
            row,
            at: self.key_at,
            columns: self.columns,
        }
    }

    #[cold]
    fn unreadable(&self, row: &Row<'_>, unreadable: Unreadable) -> Error {
        let Unreadable { column, error } = unreadable;
        let value = row.get_ref(self.key_at[column]).unwrap_or(ValueRef::Null);
        let (relation, name) = (&self.relation.name, &self.relation.key[column].name);
        match value {
            ValueRef::Null => Error::null_key(relation, name),
            value => Error::bad_key(relation, name, &Shown(value).to_string(), error),
        }
    }

    #[cold]
    fn undecodable<K: SqlKey>(&self, key: &K, source: rusqlite::Error) -> Error {
        let relation = &self.relation.name;
        let columns = &self.relation.columns;
        match &source {
            // The column isn't selected. (A selected column can cause this error too, if an authorizer hides its name.)
            rusqlite::Error::InvalidColumnName(name) if !columns.iter().any(|c| same(c, name)) => {
                Error::not_read(relation, columns, source)
            }
            _ => Error::bad_row(relation, &self.shown(key), source),
        }
    }

    fn shown<K: SqlKey>(&self, key: &K) -> String {
        let columns: Vec<String> = (0..self.relation.key.len())
            .map(|column| match key.bind_column(column) {
                ToSqlOutput::Borrowed(value) => Shown(value).to_string(),
                ToSqlOutput::Owned(value) => Shown((&value).into()).to_string(),
                _ => "?".to_owned(),
            })
            .collect();
        columns.join(", ")
    }
}
