//! Reads the schema of tables, and detects changes to it.

use keywalk_sql::{Conjunct, Dialect, Named, Quoted};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use crate::error::{Error, is_of_store};
use crate::sql::{index_condition, same};

/// The schema of a table.
#[derive(Debug)]
pub(crate) struct Schema {
    /// `main`, `temp` or the name of an attached database.
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) has_rowid: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
    /// The names of its partial indexes.
    pub(crate) partial_indexes: Vec<String>,
    /// Those of them over columns, with their conditions.
    pub(crate) conditional: Vec<(Index, Vec<Conjunct>)>,
    /// The encoding of all text in the database.
    pub(crate) encoding: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The declared type; empty if there is none.
    pub(crate) declared: String,
    pub(crate) affinity: Affinity,
    /// True if the table is STRICT.
    pub(crate) is_strict: bool,
    pub(crate) not_null: bool,
    /// The position in the primary key, from 1; 0 if it isn't part of it.
    pub(crate) primary: i64,
    pub(crate) collation: String,
    /// True for an alias of the rowid: an INTEGER PRIMARY KEY.
    pub(crate) is_rowid: bool,
}

/// An index that SQLite can search. Excludes those over expressions.
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
    /// Checks whether the schema keeps NULL out.
    pub(crate) fn is_not_null(&self, schema: &Schema) -> bool {
        self.not_null || self.is_rowid || (!schema.has_rowid && self.primary > 0)
    }

    /// Returns the storage classes that its values can have, apart from NULL.
    pub(crate) fn holds(&self) -> &'static [Type] {
        match self.is_rowid {
            true => &[Type::Integer],
            false => self.affinity.holds(self.is_strict, &self.declared),
        }
    }
}

impl Index {
    /// Returns the index's key columns after the `fixed` ones, if it is sorted by exactly these `columns`. The rowid
    /// may be at the end of any index, unnamed and ascending.
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
    /// Reads the schema of `table`: in `schema`, or where SQLite would find it among the connection's `schemas`.
    pub(crate) fn read(
        db: &Connection,
        schemas: &[String],
        schema: Option<&str>,
        table: &str,
    ) -> Result<Self, Error> {
        let failed = |source| Error::sqlite(&relation_name(table), source);
        let found = find(db, schemas, schema, table).map_err(failed)?;
        let Some(Found {
            schema,
            table,
            kind,
            without_rowid,
            strict,
        }) = found
        else {
            return Err(match schema {
                Some(schema) if !schemas.iter().any(|known| same(known, schema)) => {
                    Error::no_such_schema(schema, schemas)
                }
                schema => {
                    let tables = tables(db, schema).map_err(failed)?;
                    Error::no_such_table(schema, table, &tables)
                }
            });
        };
        if kind != "table" && kind != "shadow" {
            let what = match kind.as_str() {
                "virtual" => "virtual table",
                kind => kind,
            };
            return Err(Error::not_a_table(&table, what));
        }
        let mut columns = read_columns(db, &schema, &table, strict).map_err(failed)?;
        let Indexes {
            whole: indexes,
            partial: partial_indexes,
            conditional,
        } = read_indexes(db, &schema, &table, &columns).map_err(failed)?;
        let has_rowid = !without_rowid;
        // If the primary key of a rowid table has no index of its own, it is the rowid.
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
            partial_indexes,
            conditional,
            encoding,
        })
    }

    /// Returns the names of a table's indexes; none if there is no such table.
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

    /// Returns the columns of a key for an error to suggest, without those that are `fixed`: the rowid, preferably
    /// under a stable name, or the primary key. Empty if there is none, or none can be named.
    pub(crate) fn dyn_key(&self, fixed: &[&Column]) -> Vec<String> {
        let is_key = |column: &&Column| match self.has_rowid {
            true => column.is_rowid,
            false => column.primary > 0,
        };
        let mut key: Vec<&Column> = self.columns.iter().filter(is_key).collect();
        key.sort_by_key(|column| column.primary);
        if key.is_empty() && !fixed.iter().any(|fixed| fixed.is_rowid) {
            return self.rowid().into_iter().collect();
        }
        key.retain(|column| !fixed.iter().any(|fixed| fixed.name == column.name));
        key.into_iter().map(|column| column.name.clone()).collect()
    }

    /// Returns a name of the rowid, if there is one.
    pub(crate) fn rowid(&self) -> Option<String> {
        let mut columns = self.columns.iter();
        if let Some(column) = columns.find(|column| column.is_rowid) {
            return Some(column.name.clone());
        }
        let is_free = |name: &&str| !self.columns.iter().any(|c| same(&c.name, name));
        let free = ROWID_NAMES.into_iter().find(is_free);
        free.filter(|_| self.has_rowid).map(str::to_owned)
    }

    /// Returns the order of a column's text if it isn't by UTF-8 bytes. A rowid isn't text.
    pub(crate) fn text_order(&self, column: &Column) -> Option<String> {
        let is_binary = same(&column.collation, "BINARY");
        if column.is_rowid || is_binary && self.encoding == UTF_8 {
            return None;
        }
        let collation = column.collation.to_ascii_uppercase();
        let mut order = format!("COLLATE {}", Quoted(&collation));
        if self.encoding != UTF_8 {
            order += &format!(" IN {}", self.encoding);
        }
        Some(order)
    }

    /// Returns the column of that name. If there is none, the rowid's three names return the rowid.
    pub(crate) fn column(&self, wanted: &str) -> Result<Column, Error> {
        if let Some(column) = self.columns.iter().find(|c| same(&c.name, wanted)) {
            return Ok(column.clone());
        }
        let is_rowid = ROWID_NAMES.iter().any(|n| same(n, wanted));
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
        Err(Error::no_such_column(
            &self.relation(),
            wanted,
            &self.column_names(),
        ))
    }

    pub(crate) fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }
}

/// The names of the rowid, if no column has that name.
const ROWID_NAMES: [&str; 3] = ["rowid", "oid", "_rowid_"];

pub(crate) const UTF_8: &str = "UTF-8";

/// Returns the database's text encoding; attached databases have the same.
pub(crate) fn encoding(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("PRAGMA encoding", [], |row| row.get(0))
}

pub(crate) fn relation_name(table: &str) -> String {
    format!("table {}", Named(table))
}

/// The conversion that SQLite applies to a value stored in a column, by the column's declared type
/// (<https://www.sqlite.org/datatype3.html>, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// INTEGER or NUMERIC: text that looks like a number becomes one.
    Numeric,
    /// The same, and integers become reals.
    Real,
    /// Numbers become text.
    Text,
    None,
}

impl Affinity {
    /// Returns the affinity of a declared type; in a STRICT table, ANY has none.
    pub(crate) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if has(&["INT"]) {
            Affinity::Numeric
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Affinity::Text
        } else if declared.is_empty() || has(&["BLOB"]) || strict && declared == "ANY" {
            Affinity::None
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    /// Checks whether SQLite compares a column's text as a number if it looks like one.
    pub(crate) fn is_numeric(self) -> bool {
        matches!(self, Affinity::Numeric | Affinity::Real)
    }

    /// Returns the storage classes that a column's values can have, apart from NULL. A STRICT table accepts only the
    /// declared one.
    pub(crate) fn holds(self, strict: bool, declared: &str) -> &'static [Type] {
        use Type::{Blob, Integer, Real, Text};
        match self {
            Affinity::Numeric if strict => &[Integer],
            Affinity::Real if strict => &[Real],
            Affinity::Text if strict => &[Text],
            Affinity::None if strict && !declared.eq_ignore_ascii_case("ANY") => &[Blob],
            Affinity::Numeric | Affinity::None => &[Integer, Real, Text, Blob],
            Affinity::Real => &[Real, Text, Blob],
            Affinity::Text => &[Text, Blob],
        }
    }
}

/// Queries a pragma about something, in one schema or in all. Doesn't use the virtual table of the pragma's name,
/// since a database may contain a table of that name with any content.
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

struct Found {
    schema: String,
    table: String,
    kind: String,
    without_rowid: bool,
    strict: bool,
}

/// Returns the connection's databases: `main`, `temp` if it is used, and the attached ones.
pub(crate) fn schemas(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA database_list")?;
    statement.query_map([], |row| row.get(1))?.collect()
}

/// Returns the user's tables, in this schema or in all.
fn tables(db: &Connection, schema: Option<&str>) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA table_list")?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let listed = statement.query_map([], read)?;
    let mut tables = Vec::new();
    for listed in listed {
        let (of, table, kind): (String, String, String) = listed?;
        let is_asked_for = schema.is_none_or(|schema| same(schema, &of));
        if is_asked_for && kind != "shadow" && !table.starts_with("sqlite_") {
            tables.push(table);
        }
    }
    tables.sort();
    Ok(tables)
}

/// Finds the schema of a table as SQLite does: in `temp`, in `main`, then in the attached databases in their order.
fn find(
    db: &Connection,
    schemas: &[String],
    schema: Option<&str>,
    table: &str,
) -> rusqlite::Result<Option<Found>> {
    // Nothing has such a name, and SQL ends at a NUL.
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
    // The pragma lists the schema tables under their new names, but finds them only by the old ones.
    let is = |name| same(table, name);
    let known_as = match () {
        () if is("sqlite_schema") => "sqlite_master",
        () if is("sqlite_temp_schema") => "sqlite_temp_master",
        () => table,
    };
    let mut found = pragma(db, None, "table_list", known_as, read)?;
    found.retain(|found| schema.is_none_or(|schema| same(schema, &found.schema)));
    Ok(found.into_iter().min_by_key(|found| {
        let at = schemas.iter().position(|schema| *schema == found.schema);
        (found.schema != "temp", at)
    }))
}

/// Checks whether any schema has a unique index of this name with this number of columns.
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

fn read_columns(
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

struct Listed {
    name: String,
    unique: bool,
    primary: bool,
    partial: bool,
}

fn list_indexes(db: &Connection, schema: &str, table: &str) -> rusqlite::Result<Vec<Listed>> {
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

/// The indexes that SQLite can search, and the partial ones.
#[derive(Default)]
struct Indexes {
    whole: Vec<Index>,
    partial: Vec<String>,
    conditional: Vec<(Index, Vec<Conjunct>)>,
}

fn read_indexes(
    db: &Connection,
    schema: &str,
    table: &str,
    columns: &[Column],
) -> rusqlite::Result<Indexes> {
    let mut indexes = Indexes::default();
    for listed in list_indexes(db, schema, table)? {
        if listed.partial {
            indexes.partial.push(listed.name.clone());
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
        let sorted_by = pragma(db, Some(schema), "index_xinfo", &listed.name, read)?;
        let Some(sorted_by) = sorted_by.into_iter().flatten().collect() else {
            continue;
        };
        let index = Index {
            name: listed.name,
            columns: sorted_by,
            unique: listed.unique,
            primary: listed.primary,
        };
        if !listed.partial {
            indexes.whole.push(index);
        } else if let Some(condition) = read_condition(db, schema, &index.name, columns)? {
            indexes.conditional.push((index, condition));
        }
    }
    Ok(indexes)
}

/// Reads the condition of a partial index; `None` if an authorizer denies it.
fn read_condition(
    db: &Connection,
    schema: &str,
    index: &str,
    columns: &[Column],
) -> rusqlite::Result<Option<Vec<Conjunct>>> {
    let entries = Quoted(schema);
    let sql = format!("SELECT sql FROM {entries}.sqlite_master WHERE type = 'index' AND name = ?1");
    let read = || db.prepare(&sql)?.query_row([index], |row| row.get(0));
    let sql: String = match read() {
        Err(error) if !is_of_store(&error) => return Ok(None),
        sql => sql?,
    };
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let conjuncts = |condition| {
        let all = Conjunct::all(Dialect::Sqlite, condition, &names, &|_| true).into_iter();
        all.map(|(_, conjunct)| conjunct).collect()
    };
    Ok(index_condition(&sql).map(conjuncts))
}

/// The versions of the databases' schemas at one time. Every change of a schema increments its version
/// (<https://www.sqlite.org/pragma.html#pragma_schema_version>), and so does VACUUM.
#[derive(Debug, PartialEq)]
pub(crate) struct SchemaVersion(Vec<(String, i64)>);

impl SchemaVersion {
    /// Keeps only the version of the database with this name.
    pub(crate) fn of(mut self, db: &Connection, schema: &str) -> rusqlite::Result<Self> {
        self.0.retain(|(name, _)| name == schema);
        // `temp` isn't listed before it is used, but it has a schema table.
        if self.0.is_empty() {
            self.0.push((schema.to_owned(), version(db, schema)?));
        }
        Ok(self)
    }

    /// Returns the names of its databases.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the first of its databases that isn't empty.
    pub(crate) fn first_with_entries(&self, db: &Connection) -> rusqlite::Result<Option<&str>> {
        for schema in self.schemas() {
            let entries = format!("SELECT 1 FROM {}.sqlite_master LIMIT 1", Quoted(schema));
            if db.prepare(&entries)?.exists([])? {
                return Ok(Some(schema));
            }
        }
        Ok(None)
    }

    /// Returns the version of the first of its databases.
    pub(crate) fn version(&self) -> Option<i64> {
        self.0.first().map(|(_, version)| *version)
    }

    /// Reads the versions of all databases of the connection.
    pub(crate) fn of_all(db: &Connection) -> rusqlite::Result<Self> {
        let mut names = db.prepare("PRAGMA database_list")?;
        let names = names.query_map([], |row| row.get::<_, String>(1))?;
        names
            .map(|name| {
                let name = name?;
                let version = version(db, &name)?;
                Ok((name, version))
            })
            .collect::<rusqlite::Result<_>>()
            .map(SchemaVersion)
    }

    /// Checks whether a schema has changed since.
    pub(crate) fn is_stale(&self, db: &Connection) -> rusqlite::Result<bool> {
        for (name, then) in &self.0 {
            if version(db, name)? != *then {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn version(db: &Connection, schema: &str) -> rusqlite::Result<i64> {
    db.prepare_cached(&format!("PRAGMA {}.schema_version", Quoted(schema)))?
        .query_row([], |row| row.get(0))
}
