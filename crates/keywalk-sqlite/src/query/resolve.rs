//! What a query is walked as, under the schema as it is.

use std::borrow::Borrow;
use std::sync::Arc;

use keywalk::Order;
use rusqlite::Connection;

use super::Query;
use crate::decode::Decode;
use crate::error::{Change, CollationProblem, Error, KeyProblem, Problem, QueryProblem};
use crate::fetcher::Fetcher;
use crate::key::{ColumnLayout, Comparison, Key, Layout};
use crate::name::{Quoted, same};
use crate::relation::{KeyPart, Relation, Said};
use crate::schema::{self, Affinity};
use crate::stamp::Stamp;

const NAME: &str = "the query";

pub(super) fn failed(source: rusqlite::Error) -> Problem {
    Problem::Sqlite {
        relation: NAME.to_owned(),
        source,
    }
}

impl<C: Borrow<Connection>, K: Key, D> Query<C, K, D> {
    pub(super) fn key_parts(&self) -> Result<Vec<KeyPart>, Problem> {
        let encoding = schema::encoding(self.db.borrow()).map_err(failed)?;
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
        if let Some(why) = KeyProblem::of(&names, &K::layout()) {
            return Err(Problem::KeyColumns {
                relation: NAME.to_owned(),
                why,
            });
        }
        self.key
            .iter()
            .zip(layouts)
            .map(|(name, layout)| {
                let why = match layout.comparison {
                    Comparison::Store => Some(CollationProblem::InQuery),
                    Comparison::Bytes if encoding != schema::UTF_8 => {
                        Some(CollationProblem::Encoding(encoding.clone()))
                    }
                    _ => None,
                };
                match why {
                    Some(why) => Err(Problem::Collation {
                        relation: NAME.to_owned(),
                        column: name.clone(),
                        why,
                    }),
                    None => self.key_part(name, layout),
                }
            })
            .collect()
    }

    fn key_part(&self, name: &str, layout: ColumnLayout) -> Result<KeyPart, Problem> {
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
                is_numeric: self.is_numeric(name).map_err(failed)?,
                at: None,
            }),
            (None, _) => Err(Problem::NoSuchColumn {
                relation: NAME.to_owned(),
                column: name.to_owned(),
                columns: self.columns.to_vec(),
            }),
            (Some(_), Some(_)) => Err(Problem::Query {
                why: QueryProblem::Ambiguous(name.to_owned()),
            }),
        }
    }

    /// Whether SQLite compares the column's text as numbers where it looks like them, as far as its
    /// declared type tells.
    fn is_numeric(&self, name: &str) -> rusqlite::Result<bool> {
        let statement = self.db.borrow().prepare(&self.sql)?;
        let column = statement.columns().find(|column| same(column.name(), name));
        // As if in a STRICT table: hardly anyone declares ANY in another.
        let affinity = column.map(|c| Affinity::of(c.decl_type().unwrap_or_default(), true));
        Ok(affinity.is_some_and(Affinity::is_numeric))
    }

    /// What is walked, under the schema as it is.
    pub(crate) fn resolve(&self) -> Result<Relation, Problem> {
        let db = self.db.borrow();
        let stamp = Stamp::of_all(db).map_err(failed)?;
        let key = self.key_parts()?;
        let statement = db.prepare(&self.sql).map_err(failed)?;
        if !statement.column_names().eq(self.columns.iter()) {
            return Err(Problem::Changed {
                relation: NAME.to_owned(),
                why: Change::Columns,
            });
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
    fn resolve_again(&self, before: &Relation) -> Result<Relation, Problem> {
        let relation = self.resolve()?;
        relation.succeeds(before)?;
        Ok(relation)
    }
}

impl<C: Borrow<Connection>, K: Key, D: Decode> Query<C, K, D> {
    /// The parts that answer; proves the query's plan first if that wasn't done.
    pub(crate) fn parts(&mut self) -> Result<(&Connection, &mut Fetcher, &mut D), Error> {
        let fetcher = match self.known.fetcher.take() {
            Some(fetcher) => fetcher,
            None => {
                let relation = match self.known.before() {
                    Some(before) => self.resolve_again(before)?,
                    None => self.resolve()?,
                };
                self.decode.columns(&self.columns);
                Fetcher::new(self.db.borrow(), relation)?
            }
        };
        let fetcher = self.known.fetcher.insert(fetcher);
        Ok((self.db.borrow(), fetcher, &mut self.decode))
    }

    /// Proves the query's plan again, under a schema that has changed. If it can't be, the parts stay
    /// as they were, for the schema may change back.
    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        if let Some(fetcher) = &self.known.fetcher {
            let relation = self.resolve_again(fetcher.relation())?;
            self.known.fetcher = Some(Fetcher::new(self.db.borrow(), relation)?);
        }
        Ok(())
    }
}
