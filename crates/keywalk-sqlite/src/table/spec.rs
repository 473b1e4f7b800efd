use std::fmt;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Params as RusqliteParams, ToSql};

use crate::conjuncts::conjuncts;
use crate::error::{Error, ErrorKind, has_too_many_parameters, is_of_store};
use crate::key::{AnyKey, Key, Layout};
use crate::name::{Quoted, same};
use crate::params::Params;
use crate::plan::PlanName;
use crate::proof::{self, ProvenKey};
use crate::relation::{FixedPart, KeyPart, Relation, Said};
use crate::schema::{Affinity, Column, Schema};
use crate::source::Spec;
use crate::tokens::{has_parameter_zero, with_backticks};
use crate::value::{as_stored, as_text};

/// What the caller said of a table.
#[derive(Clone)]
pub struct TableSpec {
    pub(super) schema: Option<String>,
    pub(super) table: String,
    pub(super) key: Option<Vec<String>>,
    pub(super) within: Vec<(Column, Value)>,
    pub(super) columns: Option<Vec<String>>,
    pub(super) filter: Option<Filter>,
}

/// A condition on the rows.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// As it was written.
    text: String,
    /// With numbered parameters, cut at its ANDs.
    parts: Vec<String>,
    params: Params,
}

impl TableSpec {
    pub(super) fn new(table: String) -> Self {
        TableSpec {
            schema: None,
            table,
            key: None,
            within: Vec::new(),
            columns: None,
            filter: None,
        }
    }

    fn read_schema(&self, db: &Connection) -> Result<Schema, Error> {
        Schema::read(db, self.schema.as_deref(), &self.table)
    }

    /// Fixes a column to a value.
    pub(super) fn fix(
        &mut self,
        db: &Connection,
        column: &str,
        value: impl ToSql,
    ) -> Result<(), Error> {
        let schema = self.read_schema(db)?;
        let column = schema.column(column)?;
        let relation = schema.relation();
        if self
            .within
            .iter()
            .any(|(fixed, _)| fixed.name == column.name)
        {
            return Err(Error::repeated_column(&relation, &column.name));
        }
        if self.key.iter().flatten().any(|key| same(key, &column.name)) {
            return Err(Error::fixed_column(&relation, &column.name));
        }
        let value = as_stored(db, value)
            .map_err(|source| Error::given_value(&relation, &column.name, source))?;
        if value == Value::Null {
            return Err(Error::fixed_to_null(&relation, &column.name));
        }
        self.within.push((column, value));
        Ok(())
    }

    /// Sets the filter.
    pub(super) fn filter(
        &mut self,
        db: &Connection,
        condition: String,
        params: impl RusqliteParams,
    ) -> Result<(), Error> {
        let schema = self.read_schema(db)?;
        let relation = schema.relation();
        let has_zero = has_parameter_zero(&condition);
        // A store that fails meanwhile says nothing of the filter.
        let because =
            |refused: &dyn Fn(rusqlite::Error) -> Error, source| match is_of_store(&source) {
                false if !has_zero && has_too_many_parameters(&source) => {
                    Error::too_many_params(ErrorKind::Filter, &relation, source)
                }
                true => Error::sqlite(&relation, source),
                false => refused(source),
            };
        if self.filter.is_some() {
            return Err(Error::second_filter(&relation));
        }
        let from = from(&schema);
        let text = condition.trim().to_owned();
        let condition = with_backticks(&condition);
        // Bare, so that its own brackets match; and in brackets, so that nothing follows it.
        let bare = format!("SELECT 1 FROM {from} WHERE {condition}");
        let bracketed = format!("SELECT ({condition}\n) FROM {from}");
        let invalid = |source| Error::bad_filter(&relation, &schema.column_names(), source);
        let unfit = |source| Error::filter_params(&relation, source);
        let statement = db
            .prepare(&bare)
            .and_then(|statement| db.prepare(&bracketed).map(|_| statement))
            .map_err(|source| because(&invalid, source))?;
        let (condition, params) = Params::capture(db, &condition, &statement, params)
            .map_err(|source| because(&unfit, source))?;
        let parts = conjuncts(&condition);
        let is_expression = |part: &String| {
            db.prepare(&format!("SELECT ({part}\n) FROM {from}"))
                .is_ok()
        };
        let parts = match parts.iter().all(is_expression) {
            true => parts,
            false => vec![condition],
        };
        self.filter = Some(Filter {
            text,
            parts,
            params,
        });
        Ok(())
    }

    /// Proves what the schema can prove.
    fn prove(&self, schema: &Schema, layout: Layout) -> Result<ProvenKey, Error> {
        let fixed = self.fixed(schema)?;
        let fixed: Vec<&Column> = fixed.iter().collect();
        proof::prove(schema, self.key.as_deref(), &fixed, layout)
    }

    /// The columns that are fixed, as the schema has them now.
    fn fixed(&self, schema: &Schema) -> Result<Vec<Column>, Error> {
        self.within
            .iter()
            .map(|(column, _)| schema.column(&column.name))
            .collect()
    }

    /// A dynamic key of these values.
    pub(super) fn any_key(
        &self,
        db: &Connection,
        given: impl IntoIterator<Item = impl ToSql>,
    ) -> Result<AnyKey, Error> {
        let relation = self.resolve(db, AnyKey::layout())?;
        let mut parts = relation.key.iter();
        let mut values = Vec::new();
        for value in given {
            let part = parts.next();
            let name = part.map_or("", |part| &part.name);
            let value = as_stored(db, value)
                .map_err(|source| Error::given_value(&relation.name, name, source))?;
            let is_text = part.is_some_and(|part| part.affinity == Affinity::Text);
            values.push(match is_text {
                true => as_text(db, &value).map_err(|source| relation.failed(source))?,
                false => value,
            });
        }
        let key = AnyKey::new(values, Arc::new(relation.key_columns()));
        key.ok_or_else(|| Error::incomplete_key(&relation.name, &relation.key_names()))
    }
}

/// Prints the table's name, and no data.
impl fmt::Debug for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.table)
            .finish_non_exhaustive()
    }
}

impl Spec for TableSpec {
    fn set_key(
        &mut self,
        db: &Connection,
        columns: Vec<String>,
        layout: Layout,
    ) -> Result<(), Error> {
        self.key = Some(columns);
        self.prove(&self.read_schema(db)?, layout)?;
        Ok(())
    }

    fn resolve_again(&self, db: &Connection, before: &Relation) -> Result<Relation, Error> {
        let mut spec = self.clone();
        spec.schema = before.stamp.schemas().next().map(str::to_owned);
        spec.key = Some(before.key_names());
        spec.columns = Some(before.columns.to_vec());
        let relation = spec.resolve(db, before.layout())?;
        relation.succeeds(before)?;
        Ok(relation)
    }

    fn resolve(&self, db: &Connection, layout: Layout) -> Result<Relation, Error> {
        let schema = self.read_schema(db)?;
        let key = self.prove(&schema, layout)?;
        let columns = match &self.columns {
            None => schema.columns.iter().map(|c| c.name.clone()).collect(),
            Some(named) => named
                .iter()
                .map(|name| schema.column(name).map(|column| column.name))
                .collect::<Result<Arc<[_]>, _>>()?,
        };
        let qualifier = qualifier(&schema.table);
        let expression = |column: &str| format!("{}.{}", Quoted(qualifier), Quoted(column));
        let in_plan = |column: &Column| PlanName {
            name: column.name.clone(),
            is_rowid: column.is_rowid,
        };
        let nullable = key.may_hold_null;
        let fixed_columns = self.fixed(&schema)?;
        let fixed_columns: Vec<&Column> = fixed_columns.iter().collect();
        let key_columns: Vec<&Column> = key.columns.iter().map(|(column, _)| column).collect();
        let indexes = schema
            .indexes
            .iter()
            .filter(|index| index.sorted_by(&fixed_columns, &key_columns).is_some())
            .map(|index| index.name.clone())
            .collect();
        let at = |name: &str| columns.iter().position(|column| same(column, name));
        let key = key
            .columns
            .into_iter()
            .map(|(column, layout)| KeyPart {
                expression: expression(&column.name),
                in_plan: Some(in_plan(&column)),
                layout,
                text_order: schema.text_order(&column),
                collation: Some(column.collation),
                is_fleeting: column.is_rowid && column.primary == 0,
                affinity: column.affinity,
                at: at(&column.name),
                name: column.name,
            })
            .collect();
        let fixed = self.within.iter().map(|(column, value)| FixedPart {
            name: column.name.clone(),
            expression: expression(&column.name),
            in_plan: in_plan(column),
            value: value.clone(),
        });
        let (text, filters, params) = match self.filter.clone() {
            Some(filter) => (Some(filter.text), filter.parts, filter.params),
            None => (None, Vec::new(), Params::default()),
        };
        let select: Vec<String> = columns.iter().map(|column| expression(column)).collect();
        Ok(Relation {
            name: schema.relation(),
            said: Said::Table { filter: text },
            from: from(&schema),
            query: None,
            indexes,
            partial_indexes: schema.partial_indexes,
            select: select.join(", "),
            columns,
            key,
            fixed: fixed.collect(),
            filters,
            params,
            unique: true,
            nullable,
            stamp: schema.stamp,
        })
    }
}

/// What columns of this table are qualified with: SQLite before 3.45 knows columns of the schema's own
/// tables by these tables' old names only.
fn qualifier(table: &str) -> &str {
    match table {
        "sqlite_schema" => "sqlite_master",
        "sqlite_temp_schema" => "sqlite_temp_master",
        table => table,
    }
}

fn from(schema: &Schema) -> String {
    format!("{}.{}", Quoted(&schema.schema), Quoted(&schema.table))
}
