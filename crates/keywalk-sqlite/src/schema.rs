use rusqlite::{Connection, OptionalExtension};

use crate::error::Problem;
use crate::name::{self, Named};

/// What the database says of a table.
#[derive(Debug)]
pub(crate) struct Schema {
    /// `main`, `temp` or the name of an attached database.
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) has_rowid: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
    /// Of all text in the database.
    pub(crate) encoding: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) not_null: bool,
    /// The position in the primary key, from 1; 0 if it isn't in it.
    pub(crate) primary: i64,
    pub(crate) collation: String,
    /// Whether SQLite compares the column's text as numbers where it looks like them.
    pub(crate) is_numeric: bool,
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
        let found = find(db, schema, table).map_err(failed)?;
        let Some((schema, table, kind, without_rowid)) = found else {
            return Err(Problem::NoSuchTable {
                schema: schema.map(str::to_owned),
                table: table.to_owned(),
            });
        };
        if kind != "table" && kind != "shadow" {
            let what = match kind.as_str() {
                "virtual" => "virtual table".to_owned(),
                _ => kind,
            };
            return Err(Problem::NotATable { table, what });
        }
        let indexes = read_indexes(db, &schema, &table).map_err(failed)?;
        let mut columns = read_columns(db, &schema, &table).map_err(failed)?;
        let has_rowid = !without_rowid;
        // A primary key of a rowid table that needs no index of its own is the rowid.
        if has_rowid && !indexes.iter().any(|index| index.primary) {
            for column in columns.iter_mut().filter(|column| column.primary > 0) {
                column.is_rowid = true;
            }
        }
        let encoding = encoding(db).map_err(failed)?;
        Ok(Schema {
            schema,
            table,
            has_rowid,
            columns,
            indexes,
            encoding,
        })
    }

    /// The names of the table's partial indexes.
    pub(crate) fn partial_indexes(&self, db: &Connection) -> Result<Vec<String>, Problem> {
        let read = || -> rusqlite::Result<Vec<String>> {
            db.prepare("SELECT name FROM pragma_index_list(?1, ?2) WHERE partial")?
                .query_map((&self.table, &self.schema), |row| row.get(0))?
                .collect()
        };
        read().map_err(|source| Problem::Sqlite {
            relation: self.relation(),
            source,
        })
    }

    pub(crate) fn relation(&self) -> String {
        relation_name(&self.table)
    }

    /// The column of that name; the rowid under one of its three names if no column has it.
    pub(crate) fn column(&self, wanted: &str) -> Result<Column, Problem> {
        if let Some(column) = self.columns.iter().find(|c| name::same(&c.name, wanted)) {
            return Ok(column.clone());
        }
        let is_rowid = ["rowid", "oid", "_rowid_"]
            .iter()
            .any(|n| name::same(n, wanted));
        if self.has_rowid && is_rowid {
            return Ok(Column {
                name: wanted.to_owned(),
                not_null: true,
                primary: 0,
                collation: "BINARY".to_owned(),
                is_numeric: true,
                is_rowid: true,
            });
        }
        Err(Problem::NoSuchColumn {
            relation: self.relation(),
            column: wanted.to_owned(),
            columns: self.columns.iter().map(|c| c.name.clone()).collect(),
        })
    }
}

pub(crate) const UTF_8: &str = "UTF-8";

/// How the database stores text; attached ones have the same.
pub(crate) fn encoding(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("PRAGMA encoding", [], |row| row.get(0))
}

pub(crate) fn relation_name(table: &str) -> String {
    format!("table {}", Named(table))
}

type Found = (String, String, String, bool);

/// Looks where SQLite looks: in `temp`, in `main`, then in the attached databases in their order.
fn find(db: &Connection, schema: Option<&str>, table: &str) -> rusqlite::Result<Option<Found>> {
    db.query_row(
        "SELECT l.schema, l.name, l.type, l.wr
         FROM pragma_table_list(?1) AS l JOIN pragma_database_list AS d ON d.name = l.schema
         WHERE l.name = ?1 COLLATE NOCASE AND (?2 IS NULL OR l.schema = ?2 COLLATE NOCASE)
         ORDER BY l.schema <> 'temp', d.seq LIMIT 1",
        (table, schema),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )
    .optional()
}

fn read_columns(db: &Connection, schema: &str, table: &str) -> rusqlite::Result<Vec<Column>> {
    // Hidden columns (1) are those of virtual tables; 2 and 3 are generated ones.
    let mut statement = db.prepare(
        "SELECT name, \"notnull\", pk FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1 ORDER BY cid",
    )?;
    let mut columns = statement
        .query_map((table, schema), |row| {
            Ok(Column {
                name: row.get(0)?,
                not_null: row.get(1)?,
                primary: row.get(2)?,
                collation: String::new(),
                is_numeric: false,
                is_rowid: false,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for column in &mut columns {
        let (declared, collation, _, _, _) =
            db.column_metadata(Some(schema), table, &column.name)?;
        column.is_numeric =
            declared.is_some_and(|declared| is_numeric(&declared.to_string_lossy()));
        column.collation = match collation {
            Some(collation) => collation.to_string_lossy().into_owned(),
            None => "BINARY".to_owned(),
        };
    }
    Ok(columns)
}

/// The affinity of a declared type (<https://www.sqlite.org/datatype3.html>, section 3.1), as far as
/// it turns text that looks like a number into one.
fn is_numeric(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    let has = |word: &&str| declared.contains(*word);
    has(&"INT") || !(declared.is_empty() || ["CHAR", "CLOB", "TEXT", "BLOB"].iter().any(has))
}

fn read_indexes(db: &Connection, schema: &str, table: &str) -> rusqlite::Result<Vec<Index>> {
    let mut statement = db.prepare(
        "SELECT name, \"unique\", origin = 'pk' FROM pragma_index_list(?1, ?2) WHERE NOT partial",
    )?;
    let found = statement
        .query_map((table, schema), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<Vec<(String, bool, bool)>>>()?;
    let mut statement = db.prepare(
        "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1, ?2) WHERE key ORDER BY seqno",
    )?;
    let mut indexes = Vec::new();
    for (name, unique, primary) in found {
        let columns = statement
            .query_map((&name, schema), |row| {
                // An expression has no name.
                let name: Option<String> = row.get(0)?;
                Ok(match name {
                    Some(name) => Some(IndexColumn {
                        name,
                        descending: row.get(1)?,
                        collation: row.get(2)?,
                    }),
                    None => None,
                })
            })?
            .collect::<rusqlite::Result<Option<Vec<_>>>>()?;
        if let Some(columns) = columns {
            indexes.push(Index {
                name,
                columns,
                unique,
                primary,
            });
        }
    }
    Ok(indexes)
}
