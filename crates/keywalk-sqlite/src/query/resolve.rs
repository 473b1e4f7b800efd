//! What a query is walked as, under the schema as it is.

use std::sync::Arc;

use keywalk::Order;
use rusqlite::{Connection, Statement};

use super::Query;
use crate::connect::{Connect, lend};
use crate::decode::Decode;
use crate::error::Error;
use crate::fetcher::Fetcher;
use crate::key::{ColumnLayout, Comparison, Key, Layout};
use crate::name::{Quoted, same};
use crate::proof::check_names;
use crate::relation::{KeyPart, Relation, Said};
use crate::schema::{self, Affinity};
use crate::stamp::Stamp;

pub(super) const NAME: &str = "the query";

/// The names of a statement's columns.
pub(super) fn column_names(statement: &Statement<'_>) -> Arc<[String]> {
    // A list up to rusqlite 0.40, an iterator from 0.41 on.
    let names = Vec::from_iter(statement.column_names());
    names.into_iter().map(str::to_owned).collect()
}

pub(super) fn failed(source: rusqlite::Error) -> Error {
    Error::sqlite(NAME, source)
}

impl<C: Connect, K: Key, D> Query<C, K, D> {
    pub(super) fn key_parts(&self, db: &Connection) -> Result<Vec<KeyPart>, Error> {
        let encoding = schema::encoding(db).map_err(failed)?;
        let layouts = match K::layout() {
            Layout::Columns(layouts) => layouts,
            Layout::FromSchema => {
                let layout = ColumnLayout {
                    order: Order::Ascending,
                    comparison: Comparison::Bytes,
                    stored: None,
                };
                vec![layout; self.key.len()]
            }
        };
        let names: Vec<&str> = self.key.iter().map(String::as_str).collect();
        check_names(NAME, &names, &K::layout())?;
        self.key
            .iter()
            .zip(layouts)
            .map(|(name, layout)| match layout.comparison {
                Comparison::Store => Err(Error::collated_in_query(NAME, name)),
                Comparison::Bytes if encoding != schema::UTF_8 => {
                    Err(Error::column_encoding(NAME, name, &encoding))
                }
                _ => self.key_part(db, name, layout),
            })
            .collect()
    }

    fn key_part(
        &self,
        db: &Connection,
        name: &str,
        layout: ColumnLayout,
    ) -> Result<KeyPart, Error> {
        let mut columns = self.columns.iter().filter(|column| same(column, name));
        match (columns.next(), columns.next()) {
            (Some(column), None) => Ok(KeyPart {
                collation: None,
                is_fleeting: false,
                name: column.clone(),
                // The collation of a query's column isn't known; where it is another one, its index
                // can't be searched with this, which the plan shows.
                expression: Relation::in_query(format_args!("{} COLLATE BINARY", Quoted(name))),
                in_plan: None,
                text_order: None,
                layout,
                is_numeric: self.is_numeric(db, name).map_err(failed)?,
                at: None,
            }),
            (None, _) => Err(Error::no_such_column(NAME, name, &self.columns)),
            (Some(_), Some(_)) => Err(Error::ambiguous_column(name)),
        }
    }

    /// Whether SQLite compares the column's text as numbers where it looks like them, as far as its
    /// declared type tells.
    fn is_numeric(&self, db: &Connection, name: &str) -> rusqlite::Result<bool> {
        let statement = db.prepare(&self.sql)?;
        // A list up to rusqlite 0.40, an iterator from 0.41 on.
        let columns = Vec::from_iter(statement.columns());
        let column = columns.iter().find(|column| same(column.name(), name));
        // As if in a STRICT table: hardly anyone declares ANY in another.
        let affinity = column.map(|c| Affinity::of(c.decl_type().unwrap_or_default(), true));
        Ok(affinity.is_some_and(Affinity::is_numeric))
    }

    /// What is walked, under the schema as it is.
    pub(crate) fn resolve(&self, db: &Connection) -> Result<Relation, Error> {
        let stamp = Stamp::of_all(db).map_err(failed)?;
        let key = self.key_parts(db)?;
        let statement = db.prepare(&self.sql).map_err(failed)?;
        if column_names(&statement) != self.columns {
            return Err(Error::columns_changed(NAME));
        }
        Ok(Relation {
            name: NAME.to_owned(),
            said: Said::Query(self.text.trim_start().to_owned()),
            from: Relation::subselect(&self.sql),
            query: Some(self.sql.clone()),
            select: Relation::in_query("*"),
            columns: Arc::clone(&self.columns),
            key,
            fixed: Vec::new(),
            filters: Vec::new(),
            indexes: Vec::new(),
            partial_indexes: Vec::new(),
            params: self.params.clone(),
            unique: false,
            nullable: true,
            stamp,
        })
    }

    /// The relation that `before` is under a schema that has changed.
    fn resolve_again(&self, db: &Connection, before: &Relation) -> Result<Relation, Error> {
        let relation = self.resolve(db)?;
        relation.succeeds(before)?;
        Ok(relation)
    }
}

impl<C: Connect, K: Key, D: Decode> Query<C, K, D> {
    /// The parts that answer; proves the query's plan first if that wasn't done, or again if the
    /// schema has changed. If it can't be, the parts stay as they were, for the schema may change back.
    pub(crate) fn parts(
        &mut self,
        has_changed: bool,
    ) -> Result<(C::Lent<'_>, &mut Fetcher, &mut D), Error> {
        let db = lend(&self.db)?;
        if let Some(fetcher) = self.known.fetcher.as_ref().filter(|_| has_changed) {
            let relation = self.resolve_again(&db, fetcher.relation())?;
            self.known.fetcher = Some(Fetcher::new(&db, relation)?);
        }
        let fetcher = match self.known.fetcher.take() {
            Some(fetcher) => fetcher,
            None => {
                let relation = match self.known.before() {
                    Some(before) => self.resolve_again(&db, before)?,
                    None => self.resolve(&db)?,
                };
                self.decode.columns(&self.columns);
                Fetcher::new(&db, relation)?
            }
        };
        Ok((db, self.known.fetcher.insert(fetcher), &mut self.decode))
    }
}
