use rusqlite::Connection;
use rusqlite::types::Type;

use crate::error::Problem;
use crate::name::{self, Named};
use crate::stamp::Stamp;

mod affinity;
mod catalog;

pub(crate) use affinity::Affinity;
pub(crate) use catalog::is_unique;
use catalog::{Found, find, list_indexes, read_columns, read_indexes, schemas, tables};

/// What the database says of a table.
#[derive(Debug)]
pub(crate) struct Schema {
    /// `main`, `temp` or the name of an attached database.
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) has_rowid: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
    /// The names of its indexes over a part of it.
    pub(crate) partial_indexes: Vec<String>,
    /// Of all text in the database.
    pub(crate) encoding: String,
    /// When it was read, or before: what changes after it will be seen.
    pub(crate) stamp: Stamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type that it is declared with; empty if with none.
    pub(crate) declared: String,
    pub(crate) affinity: Affinity,
    /// Whether the table is STRICT.
    pub(crate) is_strict: bool,
    pub(crate) not_null: bool,
    /// The position in the primary key, from 1; 0 if it isn't in it.
    pub(crate) primary: i64,
    pub(crate) collation: String,
    /// Another name of the rowid: an INTEGER PRIMARY KEY.
    pub(crate) is_rowid: bool,
}

/// An index that SQLite can search, without those of expressions and partial ones.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) columns: Vec<IndexColumn>,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
}

#[derive(Debug)]
pub(crate) struct IndexColumn {
    pub(crate) name: String,
    pub(crate) descending: bool,
    pub(crate) collation: String,
}

impl Column {
    /// The storage classes that its values can have, apart from NULL.
    pub(crate) fn holds(&self) -> &'static [Type] {
        match self.is_rowid {
            true => &[Type::Integer],
            false => self.affinity.holds(self.is_strict, &self.declared),
        }
    }
}

impl Index {
    /// The index's key columns behind those that are `fixed`, if it is sorted by just these
    /// `columns`. The rowid may stand at the end of any index, unnamed and ascending.
    pub(crate) fn sorted_by(
        &self,
        fixed: &[&Column],
        columns: &[&Column],
    ) -> Option<&[IndexColumn]> {
        let (head, rest) = self.columns.split_at_checked(fixed.len())?;
        let is_fixed = |name: &str| fixed.iter().any(|fixed| fixed.name == name);
        let mut wanted = columns.iter();
        let fits = head.iter().all(|column| is_fixed(&column.name))
            && rest.iter().all(|column| {
                wanted
                    .next()
                    .is_some_and(|wanted| wanted.name == column.name)
            })
            && wanted.all(|column| column.is_rowid);
        fits.then_some(rest)
    }
}

impl Schema {
    /// Reads what is known of `table`: in `schema`, or where SQLite would find it.
    pub(crate) fn read(
        db: &Connection,
        schema: Option<&str>,
        table: &str,
    ) -> Result<Self, Problem> {
        let failed = |source| Problem::Sqlite {
            relation: relation_name(table),
            source,
        };
        let stamp = Stamp::of_all(db).map_err(failed)?;
        let schemas: Vec<String> = stamp.schemas().map(str::to_owned).collect();
        let found = find(db, &schemas, schema, table).map_err(failed)?;
        let Some(Found {
            schema,
            table,
            kind,
            without_rowid,
            strict,
        }) = found
        else {
            return Err(match schema {
                Some(schema) if !schemas.iter().any(|known| name::same(known, schema)) => {
                    let schema = schema.to_owned();
                    Problem::NoSuchSchema { schema, schemas }
                }
                schema => Problem::NoSuchTable {
                    tables: tables(db, schema).map_err(failed)?,
                    schema: schema.map(str::to_owned),
                    table: table.to_owned(),
                },
            });
        };
        if kind != "table" && kind != "shadow" {
            let what = match kind.as_str() {
                "virtual" => "virtual table".to_owned(),
                _ => kind,
            };
            return Err(Problem::NotATable { table, what });
        }
        let (indexes, partial_indexes) = read_indexes(db, &schema, &table).map_err(failed)?;
        let mut columns = read_columns(db, &schema, &table, strict).map_err(failed)?;
        let has_rowid = !without_rowid;
        // A primary key of a rowid table that needs no index of its own is the rowid.
        if has_rowid && !indexes.iter().any(|index| index.primary) {
            for column in columns.iter_mut().filter(|column| column.primary > 0) {
                column.is_rowid = true;
            }
        }
        let encoding = encoding(db).map_err(failed)?;
        Ok(Schema {
            stamp: stamp.of(&schema),
            schema,
            table,
            has_rowid,
            columns,
            indexes,
            partial_indexes,
            encoding,
        })
    }

    /// The names of a table's indexes, none if there is no such table.
    pub(crate) fn indexes_of(
        db: &Connection,
        schema: Option<&str>,
        table: &str,
    ) -> rusqlite::Result<Vec<String>> {
        let found = find(db, &schemas(db)?, schema, table)?;
        let Some(found) = found else {
            return Ok(Vec::new());
        };
        let listed = list_indexes(db, &found.schema, &found.table)?;
        Ok(listed.into_iter().map(|index| index.name).collect())
    }

    pub(crate) fn relation(&self) -> String {
        relation_name(&self.table)
    }

    /// The columns of a key that is there without more being declared: the rowid, best under a name that
    /// keeps it, or the primary key; without those that are `fixed`. Empty if there is none, or none can be
    /// named.
    pub(crate) fn any_key(&self, fixed: &[&Column]) -> Vec<String> {
        let is_key = |column: &&Column| match self.has_rowid {
            true => column.is_rowid,
            false => column.primary > 0,
        };
        let mut key: Vec<&Column> = self.columns.iter().filter(is_key).collect();
        key.sort_by_key(|column| column.primary);
        if key.is_empty() && !fixed.iter().any(|fixed| fixed.is_rowid) {
            let is_free = |name: &&str| !self.columns.iter().any(|c| name::same(&c.name, name));
            let free = ROWID_NAMES.into_iter().find(is_free);
            return free.into_iter().map(str::to_owned).collect();
        }
        key.retain(|column| !fixed.iter().any(|fixed| fixed.name == column.name));
        key.into_iter().map(|column| column.name.clone()).collect()
    }

    /// What a column's text is ordered by where it isn't by its UTF-8 bytes. A rowid is no text.
    pub(crate) fn text_order(&self, column: &Column) -> Option<String> {
        let is_binary = name::same(&column.collation, "BINARY");
        if column.is_rowid || is_binary && self.encoding == UTF_8 {
            return None;
        }
        let collation = column.collation.to_ascii_uppercase();
        let mut order = format!("COLLATE {}", name::Quoted(&collation));
        if self.encoding != UTF_8 {
            order += &format!(" IN {}", self.encoding);
        }
        Some(order)
    }

    /// The column of that name; the rowid under one of its three names if no column has it.
    pub(crate) fn column(&self, wanted: &str) -> Result<Column, Problem> {
        if let Some(column) = self.columns.iter().find(|c| name::same(&c.name, wanted)) {
            return Ok(column.clone());
        }
        let is_rowid = ROWID_NAMES.iter().any(|n| name::same(n, wanted));
        if self.has_rowid && is_rowid {
            return Ok(Column {
                name: wanted.to_owned(),
                declared: String::new(),
                affinity: Affinity::Numeric,
                is_strict: false,
                not_null: true,
                primary: 0,
                collation: "BINARY".to_owned(),
                is_rowid: true,
            });
        }
        Err(Problem::NoSuchColumn {
            relation: self.relation(),
            column: wanted.to_owned(),
            columns: self.column_names(),
        })
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }
}

/// What SQLite knows the rowid by, where no column has the name.
const ROWID_NAMES: [&str; 3] = ["rowid", "oid", "_rowid_"];

pub(crate) const UTF_8: &str = "UTF-8";

/// How the database stores text; attached ones have the same.
pub(crate) fn encoding(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("PRAGMA encoding", [], |row| row.get(0))
}

pub(crate) fn relation_name(table: &str) -> String {
    format!("table {}", Named(table))
}
