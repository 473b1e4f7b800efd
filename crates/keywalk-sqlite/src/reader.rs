use std::sync::Arc;

use std::cmp::Ordering;

use keywalk::{Chunk, KeyRange, Order};
use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::decode::Decode;
use crate::error::Error;
use crate::key::{Key, KeyColumns, KeyRow, Unreadable};
use crate::name::same;
use crate::relation::Relation;
use crate::seek::FarBound;
use crate::value::Shown;

/// Turns rows into keys and items.
pub(crate) struct Reader<'a> {
    relation: &'a Relation,
    far: FarBound,
    columns: &'a Arc<KeyColumns>,
    key_at: &'a [usize],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        relation: &'a Relation,
        far: FarBound,
        columns: &'a Arc<KeyColumns>,
        key_at: &'a [usize],
    ) -> Self {
        Reader {
            relation,
            far,
            columns,
            key_at,
        }
    }

    pub(crate) fn key<K: Key>(&self, row: &Row<'_>) -> Result<K, Error> {
        let key_row = self.key_row(row);
        K::read_row(&key_row).map_err(|unreadable| self.unreadable(row, unreadable))
    }

    /// Adds the row's item to the chunk. `false` if the row lies past the range's far bound, which
    /// not every form of statement looks for.
    #[inline]
    pub(crate) fn push<K: Key, D: Decode>(
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
            if self.is_beyond(row, range, key)? {
                return Ok(false);
            }
            decode
                .refill(row, item)
                .map_err(|source| self.undecodable(key, source))?;
            chunk.push_spare();
        } else {
            let key = self.key(row)?;
            if self.is_beyond(row, range, &key)? {
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

    /// Whether the statement gave a row past the range's far bound.
    #[inline]
    pub(crate) fn is_beyond<K: Key>(
        &self,
        row: &Row<'_>,
        range: &KeyRange<K>,
        key: &K,
    ) -> Result<bool, Error> {
        match self.far {
            FarBound::Ended => Ok(false),
            FarBound::Compared => Ok(range.is_beyond(key)),
            FarBound::Told => {
                let last = row.as_ref().column_count() - 1;
                row.get(last)
                    .map(|within: bool| !within)
                    .map_err(|source| self.relation.failed(source))
            }
        }
    }

    /// The chunk's last item comes after the one before it.
    #[inline]
    fn check_last<K: Key, T>(
        &self,
        range: &KeyRange<K>,
        chunk: &Chunk<(K, T)>,
    ) -> Result<(), Error> {
        match chunk.as_slice() {
            [.., (before, _), (key, _)] => self.check_order(range, before, key),
            _ => Ok(()),
        }
    }

    /// The row comes after the chunk's last item.
    pub(crate) fn check_next<K: Key, T>(
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
    fn check_order<K: Key>(&self, range: &KeyRange<K>, before: &K, key: &K) -> Result<(), Error> {
        let comes_after = match range.order() {
            Order::Ascending => before < key,
            Order::Descending => before > key,
        };
        match comes_after {
            true => Ok(()),
            false => self.check_unordered(before, key),
        }
    }

    /// Of two keys that aren't known to be in order.
    #[inline(never)]
    fn check_unordered<K: Key>(&self, before: &K, key: &K) -> Result<(), Error> {
        let relation = &self.relation;
        match before.partial_cmp(key) {
            // Only SQLite knows.
            None => Ok(()),
            Some(Ordering::Equal) if !relation.unique => Err(Error::repeated_key(&self.shown(key))),
            // Nothing but damage, or a collation that contradicts itself.
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
    fn undecodable<K: Key>(&self, key: &K, source: rusqlite::Error) -> Error {
        let relation = &self.relation.name;
        let columns = &self.relation.columns;
        match &source {
            // SQLite may have hidden it all the same.
            rusqlite::Error::InvalidColumnName(name) if !columns.iter().any(|c| same(c, name)) => {
                Error::not_read(relation, columns, source)
            }
            _ => Error::bad_row(relation, &self.shown(key), source),
        }
    }

    fn shown<K: Key>(&self, key: &K) -> String {
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
