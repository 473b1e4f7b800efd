//! Which columns a table is walked by, and that they are a key: proven by the schema.

use keywalk::Order;

use crate::error::{CollationProblem, KeyProblem, Problem};
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
) -> Result<ProvenKey, Problem> {
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
) -> Result<(), Problem> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let fixed_column = names
        .iter()
        .find(|name| fixed.iter().any(|fixed| fixed.name == **name));
    // An INTEGER PRIMARY KEY can stand first in an index.
    let rowid = columns.iter().rev().skip(1);
    let mut rowid = rowid.filter(|column| column.is_rowid && column.primary == 0);
    let why = match (fixed_column, KeyProblem::of(&names, layout)) {
        (Some(column), _) => KeyProblem::Fixed((*column).to_owned()),
        (None, Some(KeyProblem::None)) if !fixed.is_empty() => KeyProblem::AllFixed,
        (None, Some(why)) => why,
        (None, None) => match rowid.next() {
            Some(column) => KeyProblem::AfterRowid(column.name.clone()),
            None => return Ok(()),
        },
    };
    Err(Problem::KeyColumns {
        relation: schema.relation(),
        why,
    })
}

fn primary_key(schema: &Schema, fixed: &[&Column]) -> Result<Vec<String>, Problem> {
    let mut primary: Vec<&Column> = schema.columns.iter().filter(|c| c.primary > 0).collect();
    if primary.is_empty() {
        return Err(Problem::NoPrimaryKey {
            table: schema.table.clone(),
            other_key: schema.any_key(fixed),
        });
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
fn check_type(schema: &Schema, column: &Column, layout: ColumnLayout) -> Result<(), Problem> {
    match layout.stored {
        Some(stored) if !column.holds().contains(&stored) => Err(Problem::KeyColumns {
            relation: schema.relation(),
            why: KeyProblem::Type {
                column: column.name.clone(),
                declared: column.declared.clone(),
                stored,
                holds: column.holds(),
            },
        }),
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
) -> Result<bool, Problem> {
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
    Err(Problem::Nullable {
        table: schema.table.clone(),
        column: column.name.clone(),
        other_key: schema.any_key(fixed),
    })
}

/// The key, with the fixed columns, holds all of what is unique: the rowid, or the columns of a
/// unique index. Not the other way round: a unique index under NOCASE says more than one under
/// BINARY, so the collations must be the same.
fn check_unique(schema: &Schema, columns: &[Column], fixed: &[&Column]) -> Result<(), Problem> {
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
    Err(Problem::NotUnique {
        table: schema.table.clone(),
        columns: names,
        by_collation: has(&|_, _| true),
        other_key,
    })
}

fn check_collation(schema: &Schema, column: &Column, layout: ColumnLayout) -> Result<(), Problem> {
    if layout.comparison != Comparison::Bytes {
        return Ok(());
    }
    let why = if !name::same(&column.collation, "BINARY") {
        CollationProblem::Collation(column.collation.clone())
    } else if schema.encoding != UTF_8 {
        CollationProblem::Encoding(schema.encoding.clone())
    } else {
        return Ok(());
    };
    Err(Problem::Collation {
        relation: schema.relation(),
        column: column.name.clone(),
        why,
    })
}
