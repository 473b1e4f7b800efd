//! Which columns a table is walked by, and that they are a key: proven by the schema.

use keywalk::Order;

use crate::error::Error;
use crate::key::{ColumnLayout, Comparison, Layout};
use crate::name;
use crate::schema::{Column, Index, Schema, UTF_8};

/// The key of a table.
#[derive(Debug)]
pub(crate) struct ProvenKey {
    pub(crate) columns: Vec<(Column, ColumnLayout)>,
    /// SQLite lets a primary key hold NULL, unless it is declared NOT NULL.
    pub(crate) may_hold_null: bool,
}

/// Finds the key of `table`: the columns that are `named`, or its primary key, without those that
/// are `fixed` to one value.
pub(crate) fn prove(
    schema: &Schema,
    named: Option<&[String]>,
    fixed: &[&Column],
    layout: Layout,
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
    let types = match layout {
        Layout::Columns(types) => types,
        Layout::FromSchema => types_from_schema(schema, &columns, fixed),
    };
    for (column, layout) in columns.iter().zip(&types) {
        check_type(schema, column, *layout)?;
    }
    let may_hold_null = check_null(schema, &columns, &types, fixed)?;
    check_unique(schema, &columns, fixed)?;
    for (column, layout) in columns.iter().zip(&types) {
        check_collation(schema, column, *layout)?;
    }
    Ok(ProvenKey {
        columns: columns.into_iter().zip(types).collect(),
        may_hold_null,
    })
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
    // An INTEGER PRIMARY KEY can stand first in an index.
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

/// Checks that there is a name for each of the layout's columns, and none twice.
pub(crate) fn check_names(relation: &str, names: &[&str], layout: &Layout) -> Result<(), Error> {
    let is_repeated = |at: usize| names[..at].iter().any(|n| name::same(n, names[at]));
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
        return Err(Error::no_primary_key(&schema.table, &schema.any_key(fixed)));
    }
    primary.sort_by_key(|column| column.primary);
    Ok(primary
        .into_iter()
        .map(|column| column.name.clone())
        .filter(|column| !fixed.iter().any(|f| f.name == *column))
        .collect())
}

/// The directions of the index that holds just these columns, so that it can be walked as it is: the
/// primary key's, a unique one's, or any.
fn types_from_schema(schema: &Schema, columns: &[Column], fixed: &[&Column]) -> Vec<ColumnLayout> {
    let wanted: Vec<&Column> = columns.iter().collect();
    let is_rowid_alone = fixed.is_empty() && columns.len() == 1 && columns[0].is_rowid;
    let sorted = schema
        .indexes
        .iter()
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
            comparison: if name::same(&column.collation, "BINARY") && text_is_utf8 {
                Comparison::Bytes
            } else {
                Comparison::Store
            },
            stored: None,
        })
        .collect()
}

/// The column can hold a value of the key's type.
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

/// Whether the key may hold NULL. That is let pass for a primary key of one column, where it is only
/// a slip of the declaration, and where the walk can see a NULL when it comes to it.
fn check_null(
    schema: &Schema,
    columns: &[Column],
    types: &[ColumnLayout],
    fixed: &[&Column],
) -> Result<bool, Error> {
    let is_safe = |column: &&Column| {
        column.not_null || column.is_rowid || (!schema.has_rowid && column.primary > 0)
    };
    let Some(column) = columns.iter().find(|column| !is_safe(column)) else {
        return Ok(false);
    };
    let is_whole_primary_key = columns.len() == 1
        && fixed.is_empty()
        && column.primary > 0
        && schema.columns.iter().filter(|c| c.primary > 0).count() == 1;
    if is_whole_primary_key && types[0].comparison != Comparison::Store {
        return Ok(true);
    }
    Err(Error::nullable(
        &schema.table,
        &column.name,
        &schema.any_key(fixed),
    ))
}

/// The key, with the fixed columns, holds all of what is unique: the rowid, or the columns of a
/// unique index. Not the other way round: a unique index under NOCASE says more than one under
/// BINARY, so the collations must be the same.
fn check_unique(schema: &Schema, columns: &[Column], fixed: &[&Column]) -> Result<(), Error> {
    let is_over_key = |index: &Index, has_collation: &dyn Fn(&Column, &str) -> bool| {
        index.unique
            && index.columns.iter().all(|wanted| {
                let mut key = columns.iter().chain(fixed.iter().copied());
                key.any(|c| c.name == wanted.name && has_collation(c, &wanted.collation))
            })
    };
    let own = |column: &Column, collation: &str| name::same(&column.collation, collation);
    let has = |has_collation: &dyn Fn(&Column, &str) -> bool| {
        let mut indexes = schema.indexes.iter();
        indexes.any(|index| is_over_key(index, has_collation))
    };
    if columns.iter().any(|column| column.is_rowid) || has(&own) {
        return Ok(());
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    // A key that is refused is no cure.
    let mut other_key = schema.any_key(fixed);
    if other_key == names {
        other_key.clear();
    }
    let refused = match has(&|_, _| true) {
        true => Error::unique_otherwise,
        false => Error::not_unique,
    };
    Err(refused(&schema.table, &names, &other_key))
}

fn check_collation(schema: &Schema, column: &Column, layout: ColumnLayout) -> Result<(), Error> {
    if layout.comparison != Comparison::Bytes {
        return Ok(());
    }
    let (name, collation) = (&column.name, &column.collation);
    if !name::same(collation, "BINARY") {
        return Err(Error::column_collation(&schema.relation(), name, collation));
    }
    match schema.encoding.as_str() {
        UTF_8 => Ok(()),
        encoding => Err(Error::column_encoding(&schema.relation(), name, encoding)),
    }
}
