//! Proves that columns are the key of a table: unique, never NULL where the type has none, and searched by an index.

use keywalk::Order;
use keywalk_sql::{Conjunct, Nulls};

use super::Filter;
use crate::error::Error;
use crate::key::{ColumnLayout, Layout, TextOrder};
use crate::schema::{Column, Index, IndexColumn, Schema, UTF_8};
use crate::sql::same;

/// The key of a table.
#[derive(Debug)]
pub(super) struct ProvenKey {
    pub(super) columns: Vec<ProvenColumn>,
}

#[derive(Debug)]
pub(super) struct ProvenColumn {
    pub(super) column: Column,
    pub(super) layout: ColumnLayout,
    /// True if a row of the walk may hold NULL in it.
    pub(super) may_be_null: bool,
    /// True if only the filter keeps NULL out.
    pub(super) excludes_null: bool,
}

/// Finds the key of a table and proves it: the `named` columns, or the primary key without the columns that are
/// `fixed` to one value.
pub(super) fn prove(
    schema: &Schema,
    named: Option<&[String]>,
    fixed: &[&Column],
    layout: Layout,
    filter: Option<&Filter>,
) -> Result<ProvenKey, Error> {
    let names = match named {
        Some(named) => named.to_vec(),
        None => primary_key(schema, fixed)?,
    };
    let columns = names
        .iter()
        .map(|name| schema.column(name))
        .collect::<Result<Vec<_>, _>>()?;
    check_columns(schema, &columns, fixed, &layout)?;
    let is_dynamic = matches!(layout, Layout::FromSchema);
    let types = match layout {
        Layout::Columns(types) => types,
        Layout::FromSchema => types_from_schema(schema, &columns, fixed, filter),
    };
    for (column, layout) in columns.iter().zip(&types) {
        check_type(schema, column, *layout)?;
    }
    let columns = check_null(schema, columns, &types, fixed, filter)?;
    check_unique(schema, &columns, fixed, filter, is_dynamic)?;
    for ProvenColumn { column, layout, .. } in &columns {
        check_collation(schema, column, *layout)?;
    }
    Ok(ProvenKey { columns })
}

/// Returns the partial indexes whose conditions the filter implies, with these conditions.
pub(super) fn implied<'a>(
    schema: &'a Schema,
    filter: Option<&Filter>,
) -> impl Iterator<Item = &'a (Index, Vec<Conjunct>)> {
    let indexes = schema.conditional.iter();
    indexes.filter(move |(_, conditions)| filter.is_some_and(|filter| filter.implies(conditions)))
}

fn check_columns(
    schema: &Schema,
    columns: &[Column],
    fixed: &[&Column],
    layout: &Layout,
) -> Result<(), Error> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let fixed_column = names
        .iter()
        .find(|name| fixed.iter().any(|fixed| fixed.name == **name));
    // Unlike other rowids, an INTEGER PRIMARY KEY can come first in an index.
    let rowid = columns.iter().rev().skip(1);
    let mut rowid = rowid.filter(|column| column.is_rowid && column.primary == 0);
    let relation = schema.relation();
    if let Some(column) = fixed_column {
        return Err(Error::fixed_column(&relation, column));
    }
    if names.is_empty() && !fixed.is_empty() {
        return Err(Error::all_columns_fixed(&relation));
    }
    check_names(&relation, &names, layout)?;
    match rowid.next() {
        Some(column) => Err(Error::columns_after_rowid(&relation, &column.name)),
        None => Ok(()),
    }
}

/// Checks that each of the layout's columns has a name, and that no name is repeated.
pub(crate) fn check_names(relation: &str, names: &[&str], layout: &Layout) -> Result<(), Error> {
    let is_repeated = |at: usize| names[..at].iter().any(|n| same(n, names[at]));
    match layout {
        _ if names.is_empty() => Err(Error::no_key_columns(relation)),
        Layout::Columns(types) if types.len() != names.len() => {
            let (expected, named) = (types.len(), names.len());
            Err(Error::key_column_count(relation, expected, named))
        }
        _ => match (0..names.len()).find(|at| is_repeated(*at)) {
            Some(at) => Err(Error::repeated_column(relation, names[at])),
            None => Ok(()),
        },
    }
}

fn primary_key(schema: &Schema, fixed: &[&Column]) -> Result<Vec<String>, Error> {
    let mut primary: Vec<&Column> = schema.columns.iter().filter(|c| c.primary > 0).collect();
    if primary.is_empty() {
        return Err(Error::no_primary_key(&schema.table, &schema.dyn_key(fixed)));
    }
    primary.sort_by_key(|column| column.primary);
    Ok(primary
        .into_iter()
        .map(|column| column.name.clone())
        .filter(|column| !fixed.iter().any(|f| f.name == *column))
        .collect())
}

/// Returns the columns' directions in the index that holds just these columns, so that the index is walked as it is.
/// The primary key's index comes first, then a unique one, then any.
fn types_from_schema(
    schema: &Schema,
    columns: &[Column],
    fixed: &[&Column],
    filter: Option<&Filter>,
) -> Vec<ColumnLayout> {
    let wanted: Vec<&Column> = columns.iter().collect();
    let is_rowid_alone = fixed.is_empty() && columns.len() == 1 && columns[0].is_rowid;
    let partial = implied(schema, filter).map(|(index, _)| index);
    let sorted = partial
        .chain(&schema.indexes)
        .filter(|_| !is_rowid_alone)
        .filter_map(|index| Some((index, index.sorted_by(fixed, &wanted)?)))
        .max_by_key(|(index, _)| (index.primary, index.unique))
        .map(|(_, columns)| columns);
    let directions: Vec<bool> = sorted
        .into_iter()
        .flatten()
        .map(|column| column.descending)
        .collect();
    let text_is_utf8 = schema.encoding == UTF_8;
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| ColumnLayout {
            order: match directions.get(at) {
                Some(true) => Order::Descending,
                _ => Order::Ascending,
            },
            comparison: if same(&column.collation, "BINARY") && text_is_utf8 {
                TextOrder::Binary
            } else {
                TextOrder::Collation
            },
            stored: None,
            nullable: at < Nulls::MOST_COLUMNS
                && !column.is_not_null(schema)
                && !is_lone_primary_key(schema, columns, fixed),
        })
        .collect()
}

/// Checks that the column can hold a value of the key's type.
fn check_type(schema: &Schema, column: &Column, layout: ColumnLayout) -> Result<(), Error> {
    match layout.stored {
        Some(stored) if !column.holds().contains(&stored) => Err(Error::key_column_type(
            &schema.relation(),
            &column.name,
            &column.declared,
            stored,
            column.holds(),
        )),
        _ => Ok(()),
    }
}

/// Checks whether the key is a primary key of one column. If such a column isn't declared NOT NULL, that is only an
/// oversight, and the walk notices a NULL when it reaches it.
fn is_lone_primary_key(schema: &Schema, columns: &[Column], fixed: &[&Column]) -> bool {
    let primary = schema.columns.iter().filter(|column| column.primary > 0);
    columns.len() == 1 && fixed.is_empty() && columns[0].primary > 0 && primary.count() == 1
}

/// Checks the key for NULL: its column, the filter or its type has to allow for it.
fn check_null(
    schema: &Schema,
    columns: Vec<Column>,
    types: &[ColumnLayout],
    fixed: &[&Column],
    filter: Option<&Filter>,
) -> Result<Vec<ProvenColumn>, Error> {
    let is_primary = is_lone_primary_key(schema, &columns, fixed);
    let check = |(column, layout): (Column, &ColumnLayout)| {
        let may_be_null = !column.is_not_null(schema);
        let is_filtered = filter.is_some_and(|filter| filter.excludes_null(&column.name));
        let excludes_null = may_be_null && is_filtered;
        let may_be_null = may_be_null && !excludes_null;
        let is_accepted = is_primary && layout.comparison != TextOrder::Collation;
        if may_be_null && !layout.nullable && !is_accepted {
            let other_key = schema.dyn_key(fixed);
            return Err(Error::nullable(&schema.table, &column.name, &other_key));
        }
        Ok(ProvenColumn {
            column,
            layout: *layout,
            may_be_null,
            excludes_null,
        })
    };
    columns.into_iter().zip(types).map(check).collect()
}

/// Checks that the key, with the fixed columns, contains something unique: the rowid, or the columns of a unique
/// index. The collations must be the same: a key that is unique under BINARY may repeat under NOCASE. Rows with NULL
/// may repeat in any unique index.
fn check_unique(
    schema: &Schema,
    key: &[ProvenColumn],
    fixed: &[&Column],
    filter: Option<&Filter>,
    is_dynamic: bool,
) -> Result<(), Error> {
    // A NULL that the key's type doesn't have is an error when the walk reaches it.
    let has_null = |key: &ProvenColumn| key.may_be_null && key.layout.nullable;
    let is_over_key = |index: &Index, has_collation: bool, has_nulls: bool| {
        let is_column = |c: &Column, wanted: &IndexColumn| {
            c.name == wanted.name && (!has_collation || same(&c.collation, &wanted.collation))
        };
        index.unique
            && index.columns.iter().all(|wanted| {
                let of_key = |key: &ProvenColumn| {
                    is_column(&key.column, wanted) && (has_nulls || !has_null(key))
                };
                key.iter().any(of_key) || fixed.iter().any(|c| is_column(c, wanted))
            })
    };
    let has = |has_collation, has_nulls| {
        let partial = implied(schema, filter).map(|(index, _)| index);
        let mut indexes = partial.chain(&schema.indexes);
        indexes.any(|index| is_over_key(index, has_collation, has_nulls))
    };
    if key.iter().any(|key| key.column.is_rowid) || has(true, false) {
        return Ok(());
    }
    let names: Vec<String> = key.iter().map(|key| key.column.name.clone()).collect();
    // Don't suggest the key that was just refused.
    let mut other_key = schema.dyn_key(fixed);
    if other_key == names {
        other_key.clear();
    }
    let table = &schema.table;
    if let Some(null) = key.iter().find(|key| has_null(key))
        && has(true, true)
    {
        let column = &null.column.name;
        return Err(match is_dynamic {
            true => Error::nullable(table, column, &other_key),
            false => Error::null_repeats(table, column, &other_key),
        });
    }
    let refused = match has(false, true) {
        true => Error::unique_otherwise,
        false => Error::not_unique,
    };
    Err(refused(table, &names, &other_key))
}

fn check_collation(schema: &Schema, column: &Column, layout: ColumnLayout) -> Result<(), Error> {
    if layout.comparison != TextOrder::Binary {
        return Ok(());
    }
    let (name, collation) = (&column.name, &column.collation);
    if !same(collation, "BINARY") {
        return Err(Error::column_collation(&schema.relation(), name, collation));
    }
    match schema.encoding.as_str() {
        UTF_8 => Ok(()),
        encoding => Err(Error::column_encoding(&schema.relation(), name, encoding)),
    }
}
