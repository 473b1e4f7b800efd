//! What the database says of its tables.

use rusqlite::{Connection, Row};

use super::{Affinity, Column, Index, IndexColumn};
use crate::name::{self, Quoted};

/// Asks a pragma about something, in one schema or in all. Not the virtual table of the pragma's
/// name: a database may hold a table of that name, which would answer what it likes.
fn pragma<T>(
    db: &Connection,
    schema: Option<&str>,
    pragma: &str,
    of: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let sql = match schema {
        Some(schema) => format!("PRAGMA {}.{pragma}({})", Quoted(schema), Quoted(of)),
        None => format!("PRAGMA {pragma}({})", Quoted(of)),
    };
    db.prepare(&sql)?.query_map([], read)?.collect()
}

pub(super) struct Found {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) kind: String,
    pub(super) without_rowid: bool,
    pub(super) strict: bool,
}

/// The connection's databases: `main`, `temp` if it is used, those that are attached.
pub(super) fn schemas(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA database_list")?;
    statement.query_map([], |row| row.get(1))?.collect()
}

/// The tables that someone has made, in this schema or in all.
pub(super) fn tables(db: &Connection, schema: Option<&str>) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA table_list")?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let listed = statement.query_map([], read)?;
    let mut tables = Vec::new();
    for listed in listed {
        let (of, table, kind): (String, String, String) = listed?;
        let is_asked_for = schema.is_none_or(|schema| name::same(schema, &of));
        if is_asked_for && kind != "shadow" && !table.starts_with("sqlite_") {
            tables.push(table);
        }
    }
    tables.sort();
    Ok(tables)
}

/// Looks where SQLite looks: in `temp`, in `main`, then in the attached databases in their order.
pub(super) fn find(
    db: &Connection,
    schemas: &[String],
    schema: Option<&str>,
    table: &str,
) -> rusqlite::Result<Option<Found>> {
    // Nothing has such a name, and SQL ends there.
    if table.contains('\0') {
        return Ok(None);
    }
    let read = |row: &Row<'_>| {
        Ok(Found {
            schema: row.get(0)?,
            table: row.get(1)?,
            kind: row.get(2)?,
            without_rowid: row.get(4)?,
            strict: row.get(5)?,
        })
    };
    // The schema's own tables are listed under their new names, and known by the old ones.
    let is = |name| name::same(table, name);
    let known_as = match () {
        () if is("sqlite_schema") => "sqlite_master",
        () if is("sqlite_temp_schema") => "sqlite_temp_master",
        () => table,
    };
    let mut found = pragma(db, None, "table_list", known_as, read)?;
    found.retain(|found| schema.is_none_or(|schema| name::same(schema, &found.schema)));
    Ok(found.into_iter().min_by_key(|found| {
        let at = schemas.iter().position(|schema| *schema == found.schema);
        (found.schema != "temp", at)
    }))
}

/// Whether this is an index of so many columns, unique, wherever one has the name.
pub(crate) fn is_unique(db: &Connection, index: &str, columns: usize) -> rusqlite::Result<bool> {
    let mut found = false;
    for schema in schemas(db)? {
        let entries = Quoted(&schema);
        let sql = format!(
            "SELECT tbl_name FROM {entries}.sqlite_master WHERE type = 'index' AND name = ?1"
        );
        let tables: Vec<String> = db
            .prepare(&sql)?
            .query_map([index], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for table in tables {
            let read = |row: &Row<'_>| Ok((row.get::<_, String>(1)?, row.get::<_, bool>(2)?));
            let listed = pragma(db, Some(&schema), "index_list", &table, read)?;
            let is_unique = listed.contains(&(index.to_owned(), true));
            let of = pragma(db, Some(&schema), "index_info", index, |_| Ok(()))?;
            if !is_unique || of.len() != columns {
                return Ok(false);
            }
            found = true;
        }
    }
    Ok(found)
}

pub(super) fn read_columns(
    db: &Connection,
    schema: &str,
    table: &str,
    strict: bool,
) -> rusqlite::Result<Vec<Column>> {
    let read = |row: &Row<'_>| {
        let column = Column {
            name: row.get(1)?,
            declared: String::new(),
            affinity: Affinity::None,
            is_strict: strict,
            not_null: row.get(3)?,
            primary: row.get(5)?,
            collation: String::new(),
            is_rowid: false,
        };
        Ok((column, row.get(6)?))
    };
    let columns: Vec<(Column, i64)> = pragma(db, Some(schema), "table_xinfo", table, read)?;
    columns
        .into_iter()
        // Hidden columns (1) are those of virtual tables; 2 and 3 are generated ones.
        .filter(|(_, hidden)| *hidden != 1)
        .map(|(mut column, _)| {
            let (declared, collation, _, _, _) =
                db.column_metadata(Some(schema), table, &column.name)?;
            let declared = declared.map(|declared| declared.to_string_lossy().into_owned());
            column.declared = declared.unwrap_or_default();
            column.affinity = Affinity::of(&column.declared, strict);
            column.collation = match collation {
                Some(collation) => collation.to_string_lossy().into_owned(),
                None => "BINARY".to_owned(),
            };
            Ok(column)
        })
        .collect()
}

pub(super) struct Listed {
    pub(super) name: String,
    unique: bool,
    primary: bool,
    partial: bool,
}

pub(super) fn list_indexes(
    db: &Connection,
    schema: &str,
    table: &str,
) -> rusqlite::Result<Vec<Listed>> {
    pragma(db, Some(schema), "index_list", table, |row| {
        let origin: String = row.get(3)?;
        Ok(Listed {
            name: row.get(1)?,
            unique: row.get(2)?,
            primary: origin == "pk",
            partial: row.get(4)?,
        })
    })
}

/// The indexes that SQLite can search, and the names of the partial ones.
pub(super) fn read_indexes(
    db: &Connection,
    schema: &str,
    table: &str,
) -> rusqlite::Result<(Vec<Index>, Vec<String>)> {
    let (mut indexes, mut partial) = (Vec::new(), Vec::new());
    for listed in list_indexes(db, schema, table)? {
        if listed.partial {
            partial.push(listed.name);
            continue;
        }
        let read = |row: &Row<'_>| {
            let is_key: bool = row.get(5)?;
            // An expression has no name.
            let name: Option<String> = row.get(2)?;
            let (descending, collation) = (row.get(3)?, row.get(4)?);
            let column = name.map(|name| IndexColumn {
                name,
                descending,
                collation,
            });
            Ok(is_key.then_some(column))
        };
        let columns = pragma(db, Some(schema), "index_xinfo", &listed.name, read)?;
        if let Some(columns) = columns.into_iter().flatten().collect() {
            indexes.push(Index {
                name: listed.name,
                columns,
                unique: listed.unique,
                primary: listed.primary,
            });
        }
    }
    Ok((indexes, partial))
}
