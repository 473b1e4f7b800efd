//! What a query is walked as, under the schema as it is.

use std::sync::Arc;

use keywalk::Order;
use rusqlite::{Connection, Statement};

use super::QuerySpec;
use crate::error::Error;
use crate::key::{ColumnLayout, Comparison, Layout};
use crate::name::{Quoted, same};
use crate::proof::check_names;
use crate::relation::{KeyPart, Relation, Said};
use crate::schema::{self, Affinity, Stamp};
use crate::source::Spec;

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

impl QuerySpec {
    /// The key's columns, and the query as it was prepared to find them.
    fn key_parts<'db>(
        &self,
        db: &'db Connection,
        layout: Layout,
    ) -> Result<(Statement<'db>, Vec<KeyPart>), Error> {
        let encoding = schema::encoding(db).map_err(failed)?;
        let names: Vec<&str> = self.key.iter().map(String::as_str).collect();
        check_names(NAME, &names, &layout)?;
        let statement = db.prepare(&self.sql).map_err(failed)?;
        let layouts = match layout {
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
        let parts = self
            .key
            .iter()
            .zip(layouts)
            .map(|(name, layout)| match layout.comparison {
                Comparison::Store => Err(Error::collated_in_query(NAME, name)),
                Comparison::Bytes if encoding != schema::UTF_8 => {
                    Err(Error::column_encoding(NAME, name, &encoding))
                }
                _ => self.key_part(&statement, name, layout),
            })
            .collect::<Result<_, _>>()?;
        Ok((statement, parts))
    }

    fn key_part(
        &self,
        statement: &Statement<'_>,
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
                affinity: affinity(statement, name),
                at: None,
            }),
            (None, _) => Err(Error::no_such_column(NAME, name, &self.columns)),
            (Some(_), Some(_)) => Err(Error::ambiguous_column(name)),
        }
    }
}

/// As the column's declared type tells it: of an expression nothing is known.
fn affinity(statement: &Statement<'_>, name: &str) -> Affinity {
    // A list up to rusqlite 0.40, an iterator from 0.41 on.
    let columns = Vec::from_iter(statement.columns());
    let column = columns.iter().find(|column| same(column.name(), name));
    // As if in a STRICT table: hardly anyone declares ANY in another.
    column.map_or(Affinity::None, |column| {
        Affinity::of(column.decl_type().unwrap_or_default(), true)
    })
}

impl Spec for QuerySpec {
    fn set_key(
        &mut self,
        db: &Connection,
        columns: Vec<String>,
        layout: Layout,
    ) -> Result<(), Error> {
        self.key = columns;
        self.key_parts(db, layout)?;
        Ok(())
    }

    fn resolve_again(&self, db: &Connection, before: &Relation) -> Result<Relation, Error> {
        let relation = self.resolve(db, before.layout())?;
        relation.succeeds(before)?;
        Ok(relation)
    }

    fn resolve(&self, db: &Connection, layout: Layout) -> Result<Relation, Error> {
        let stamp = Stamp::of_all(db).map_err(failed)?;
        let (statement, key) = self.key_parts(db, layout)?;
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
}
