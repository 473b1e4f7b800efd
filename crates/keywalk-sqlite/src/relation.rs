//! Relations: tables and queries, resolved under a schema.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use keywalk::{Fingerprint, FingerprintField, Order};
use keywalk_sql::{Definition, Dialect, FixedColumn, KeyColumn, Nulls, Quoted, Role, conditions};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::codec;
use crate::error::{Error, ErrorKind, has_too_many_parameters};
use crate::key::{ColumnLayout, KeyColumns, Layout};
use crate::plan::{Condition, PlanName};
use crate::schema::{Affinity, SchemaVersion};
use crate::sql::Params;
use crate::value::bind;

/// A table, or a query as a subselect, resolved and proven.
#[doc(hidden)]
#[expect(unnameable_types, reason = "a part of a sealed trait")]
#[derive(Debug)]
pub struct Relation {
    /// For messages: `table "items"` or `the query`.
    pub(crate) name: String,
    /// The definition as the caller wrote it.
    pub(crate) said: Definition,
    /// The text after FROM.
    pub(crate) from: String,
    /// A query's SELECT, with numbered parameters.
    pub(crate) query: Option<String>,
    /// Indexes that are sorted by the key. A statement prescribes one of them if SQLite, because of its statistics,
    /// would use an index with another order.
    pub(crate) indexes: Vec<String>,
    /// Indexes over a part of the table.
    pub(crate) partial_indexes: Vec<String>,
    /// Those of them that are sorted by the key and hold every row of the walk.
    pub(crate) implied_indexes: Vec<ImpliedIndex>,
    /// The selected columns as SQL. Key columns that aren't among them follow.
    pub(crate) select: String,
    /// The names of those columns.
    pub(crate) columns: Arc<[String]>,
    pub(crate) key: Vec<KeyPart>,
    /// Columns that are fixed to one value.
    pub(crate) fixed: Vec<FixedPart>,
    /// The conditions that rows must meet.
    pub(crate) filters: Vec<String>,
    /// The parameters of the filter or of the query.
    pub(crate) params: Params,
    /// The rowid of a table that has one that can be named.
    pub(crate) rowid: Option<Rowid>,
    /// True if the schema proves that no key repeats; otherwise each fetch checks.
    pub(crate) unique: bool,
    /// The version of the schema from which all this was read.
    pub(crate) stamp: SchemaVersion,
}

/// The rowid of a table.
#[derive(Debug)]
pub(crate) struct Rowid {
    pub(crate) name: String,
    /// As SQL, like a column.
    pub(crate) expression: String,
}

/// A partial index whose condition the filter implies.
#[derive(Debug)]
pub(crate) struct ImpliedIndex {
    pub(crate) name: String,
    /// The positions of the filters that imply it. SQLite uses the index only if they are in WHERE.
    pub(crate) filters: Vec<usize>,
}

/// A column of the key.
pub(crate) type KeyPart = KeyColumn<OwnColumn>;

/// What only this crate knows about a column of the key.
#[derive(Debug)]
pub(crate) struct OwnColumn {
    /// The column as plans name it, if known.
    pub(crate) in_plan: Option<PlanName>,
    pub(crate) layout: ColumnLayout,
    /// The collation of its text, if known.
    pub(crate) collation: Option<String>,
    /// True for a rowid that VACUUM may change: not an INTEGER PRIMARY KEY.
    pub(crate) is_unstable_rowid: bool,
    /// The conversion that SQLite applies to a value that is compared with it, as far as that is known.
    pub(crate) affinity: Affinity,
}

/// A leading column that is fixed to one value.
pub(crate) type FixedPart = FixedColumn<OwnFixed>;

#[derive(Debug)]
pub(crate) struct OwnFixed {
    pub(crate) in_plan: PlanName,
    pub(crate) value: Value,
}

/// The name of the subselect.
const QUERY: &str = "\"query\"";

impl Relation {
    /// Returns a query's SELECT as the text after FROM.
    pub(crate) fn subselect(sql: &str) -> String {
        format!("({sql}\n) AS {QUERY}")
    }

    /// Returns a column of a query as SQL, or all with `*`.
    pub(crate) fn in_query(column: impl fmt::Display) -> String {
        format!("{QUERY}.{column}")
    }

    /// Checks whether the key is the rowid alone.
    pub(crate) fn is_by_rowid(&self) -> bool {
        match self.key.as_slice() {
            [part] => {
                part.own.in_plan.as_ref().is_some_and(|name| name.is_rowid) && self.fixed.is_empty()
            }
            _ => false,
        }
    }

    /// Checks whether the order of keys is known and the walk includes every row of the table.
    pub(crate) fn is_bounded_by_keys(&self) -> bool {
        let is_ordered = |part: &KeyPart| !part.is_collated;
        self.unique && self.filters.is_empty() && self.key.iter().all(is_ordered)
    }

    /// Returns the columns in which a row's key may be NULL.
    pub(crate) fn nulls(&self) -> Nulls {
        let columns = self.key.iter().enumerate();
        let columns = columns.filter(|(_, part)| part.nullable && part.may_be_null);
        Nulls::at(columns.map(|(at, _)| at))
    }

    /// Returns the number of selected columns, without key columns that follow them.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Returns the condition that a plan shows for a search by these columns.
    pub(crate) fn condition(&self, role: Role, columns: Range<usize>, operator: char) -> Condition {
        let count = columns.len();
        let in_plan = |at: usize| match role {
            Role::Fixed => Some(self.fixed[at].own.in_plan.clone()),
            _ => self.key[at].own.in_plan.clone(),
        };
        Condition {
            columns: columns.map(in_plan).collect(),
            count,
            operator,
        }
    }

    /// Checks that positions taken under `before` are still valid: the key, its order and its rowids are unchanged.
    pub(crate) fn succeeds(&self, before: &Relation) -> Result<(), Error> {
        let same_order = self.key_columns() == before.key_columns()
            && self
                .key
                .iter()
                .zip(&before.key)
                .all(|(now, then)| !now.is_collated || now.own.collation == then.own.collation);
        if !same_order {
            return Err(Error::key_changed(&self.name));
        }
        if self.stamp != before.stamp && before.key.iter().any(|part| part.own.is_unstable_rowid) {
            return Err(Error::rowids_changed(&self.name));
        }
        Ok(())
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> Error {
        let kind = match self.said {
            Definition::Query(_) => ErrorKind::Query,
            Definition::Table { .. } => ErrorKind::Filter,
        };
        match has_too_many_parameters(&source) {
            true => Error::too_many_params(kind, &self.name, source),
            false => Error::sqlite(&self.name, source),
        }
    }

    /// Returns the columns of an index that would serve the walk, as CREATE INDEX declares them. A rowid that isn't
    /// an INTEGER PRIMARY KEY can't be declared: every index has it at its end, ascending.
    pub(crate) fn wanted_index(&self) -> String {
        let fixed = self.fixed.iter().map(|part| Quoted(&part.name).to_string());
        let rowid = self.key.last().filter(|part| part.own.is_unstable_rowid);
        // In the other direction the index is walked backward.
        let is_backward = rowid.is_some_and(|part| part.order == Order::Descending);
        let declared = &self.key[..self.key.len() - usize::from(rowid.is_some())];
        let key = declared.iter().map(|part| {
            let is_down = part.order == Order::Descending;
            let direction = if is_down != is_backward { " DESC" } else { "" };
            format!("{}{direction}", Quoted(&part.name))
        });
        let columns: Vec<String> = fixed.chain(key).collect();
        columns.join(", ")
    }

    pub(crate) fn key_columns(&self) -> KeyColumns {
        KeyColumns {
            from: self.from.clone(),
            names: self.key_names(),
            layouts: self.layouts(),
        }
    }

    fn layouts(&self) -> Vec<ColumnLayout> {
        self.key.iter().map(|part| part.own.layout).collect()
    }

    /// Returns the key's layout, for resolving again with whatever index the schema then has.
    pub(crate) fn layout(&self) -> Layout {
        Layout::Columns(self.layouts())
    }

    pub(crate) fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|part| part.name.clone()).collect()
    }

    /// Counts its rows.
    pub(crate) fn count(&self, db: &Connection) -> Result<u64, Error> {
        let given = self.params.len();
        let terms = conditions(
            Dialect::Sqlite,
            &self.key,
            &self.fixed,
            &self.filters,
            given,
        );
        let sql = format!("SELECT count(*) FROM {}{terms}", self.from);
        let count = || {
            let mut statement = db.prepare(&sql)?;
            let params = (0..given).map(|at| self.params.value(at));
            let fixed = self.fixed.iter().map(|part| bind(&part.own.value));
            for (number, value) in (1..).zip(params.chain(fixed)) {
                statement.raw_bind_parameter(number, value)?;
            }
            let mut rows = statement.raw_query();
            match rows.next()? {
                Some(row) => row.get(0).map(i64::unsigned_abs),
                None => Ok(0),
            }
        };
        count().map_err(|source| self.failed(source))
    }
}

const AFTER_A_CHANGE: &str = "if that is but another version of the schema, something in the schema has changed since, and a rowid may be another row's (VACUUM renumbers it, and counts as a change): begin a new walk, by an INTEGER PRIMARY KEY or another unique key if it is to outlive such changes";

impl Relation {
    /// Computes the fingerprint that tokens are bound to.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let fixed = self.fixed.iter();
        let fixed = fixed.map(|part| (part.name.as_str(), encoded(&part.own.value)));
        let params: Vec<_> = self.params.values().iter().map(encoded).collect();
        let (said, key) = (&self.said, self.key_text());
        let fingerprint = said.fingerprint("sqlite", &self.from, key, fixed.collect(), &params);
        match self.key.iter().any(|part| part.own.is_unstable_rowid) {
            true => fingerprint.cure(FingerprintField::Key, AFTER_A_CHANGE),
            false => fingerprint,
        }
    }

    /// Describes the key's columns. For a rowid that VACUUM may renumber, includes the schema version, which VACUUM
    /// increments.
    fn key_text(&self) -> String {
        let is_query = matches!(self.said, Definition::Query(_));
        let columns = self.key.iter().map(|part| column_text(part, is_query));
        let columns: Vec<String> = columns.collect();
        let mut text = columns.join(", ");
        if self.key.iter().any(|part| part.own.is_unstable_rowid)
            && let Some(version) = self.stamp.version()
        {
            text += &format!(", of schema version {version}");
        }
        text
    }
}

fn column_text(part: &KeyPart, is_query: bool) -> String {
    let name = match (part.own.is_unstable_rowid, is_query) {
        // Any of its three names is the same key.
        (true, _) => "rowid".to_owned(),
        // SQLite's name for a query's column without AS may change between releases.
        (false, true) => part.name.to_ascii_lowercase(),
        (false, false) => part.name.clone(),
    };
    part.describe(Dialect::Sqlite, &name)
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut encoded = Vec::new();
    codec::write(value.into(), &mut encoded);
    encoded
}
