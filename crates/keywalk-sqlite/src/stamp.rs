//! Whether the schema is still the one that a walk was proven under.

use rusqlite::{Connection, Statement, StatementStatus};

use crate::name::Quoted;

/// The versions of the databases' schemas at one time. Every change of a schema counts its version up
/// (<https://www.sqlite.org/pragma.html#pragma_schema_version>), and so does VACUUM.
#[derive(Debug, PartialEq)]
pub(crate) struct Stamp(Vec<(String, i64)>);

impl Stamp {
    /// Of the database with this name alone.
    pub(crate) fn of(mut self, schema: &str) -> Self {
        self.0.retain(|(name, _)| name == schema);
        self
    }

    /// The names of its databases.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The first of its databases that has anything in it.
    pub(crate) fn first_with_entries(&self, db: &Connection) -> rusqlite::Result<Option<&str>> {
        for schema in self.schemas() {
            let entries = format!("SELECT 1 FROM {}.sqlite_master LIMIT 1", Quoted(schema));
            if db.prepare(&entries)?.exists([])? {
                return Ok(Some(schema));
            }
        }
        Ok(None)
    }

    /// The version of the first of its databases.
    pub(crate) fn version(&self) -> Option<i64> {
        self.0.first().map(|(_, version)| *version)
    }

    /// Of all databases of the connection.
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
            .map(Stamp)
    }

    /// Whether a schema has changed since.
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

/// How often a statement was run and prepared anew, as SQLite counts it: while nothing but the walk's
/// own runs was counted, the schema is still the one that it was prepared under, at no cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Runs {
    run: i32,
    prepared_anew: i32,
}

impl Runs {
    pub(crate) fn of(statement: &Statement<'_>) -> Self {
        Runs {
            run: statement.get_status(StatementStatus::Run),
            prepared_anew: statement.get_status(StatementStatus::RePrepare),
        }
    }

    /// Whether the statement never ran.
    pub(crate) fn is_none(self) -> bool {
        self.run == 0
    }

    /// Whether the statement was prepared anew since `before`.
    pub(crate) fn is_anew_since(self, before: Runs) -> bool {
        self.prepared_anew != before.prepared_anew
    }
}
