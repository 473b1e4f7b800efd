//! How the kit makes, changes and reads a table of a database that all tests share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_conformance::{
    BoxError, Capabilities, Capability, Harness, KeySpace, Pool, Pooled, Writer,
};
use rusqlite::{Connection, Error, Params};

use super::source::{Rows, TenantName};

static TABLES: Pool<Table> = Pool::new();
static CREATED: AtomicU64 = AtomicU64::new(0);

/// Connects to the database, which is in this process.
fn connect() -> Result<Connection, Error> {
    let connection = Connection::open("file:/kit?vfs=memdb")?;
    connection.busy_timeout(Duration::from_secs(1))?;
    Ok(connection)
}

/// A table, the client of its sources, and a client for its changes. If both were one, a change would be part of a
/// transaction that a source left open.
struct Table {
    name: String,
    reads: Arc<Mutex<Connection>>,
    changes: Mutex<Changes>,
}

impl Table {
    fn create() -> Result<Self, BoxError> {
        let name = format!("rows_{}", CREATED.fetch_add(1, Ordering::Relaxed));
        let changes = Changes(connect()?, name.clone());
        changes.execute(
            "CREATE TABLE {table} (tenant BIGINT NOT NULL, name TEXT NOT NULL, value BIGINT NOT NULL,
             PRIMARY KEY (tenant, name))",
            [],
        )?;
        let (reads, changes) = (Arc::new(Mutex::new(connect()?)), Mutex::new(changes));
        Ok(Table {
            name,
            reads,
            changes,
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Changes) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        change(&mut *self.changes.lock().map_err(|error| error.to_string())?)
    }

    fn is_idle(&self) -> Result<(), BoxError> {
        let reads = self.reads.try_lock().map_err(|error| error.to_string())?;
        match reads.is_autocommit() && !reads.is_busy() {
            true => Ok(()),
            false => Err("a source holds a transaction or a statement".into()),
        }
    }

    fn empty(&self) -> Result<(), BoxError> {
        self.is_idle()?;
        self.change(|changes| changes.execute("DELETE FROM {table}", []))
    }
}

/// A client that changes the table of this name.
struct Changes(Connection, String);

impl Changes {
    fn execute(&self, sql: &str, values: impl Params) -> Result<(), BoxError> {
        let mut statement = self.0.prepare_cached(&sql.replace("{table}", &self.1))?;
        statement.execute(values)?;
        Ok(())
    }
}

impl Writer<TenantName> for Changes {
    fn put(&mut self, (tenant, name): &TenantName, value: u64) -> Result<(), BoxError> {
        let sql = "INSERT INTO {table} VALUES (?, ?, ?)
                   ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value";
        self.execute(sql, (tenant, name, value as i64))
    }

    fn delete(&mut self, (tenant, name): &TenantName) -> Result<(), BoxError> {
        let sql = "DELETE FROM {table} WHERE (tenant, name) = (?, ?)";
        self.execute(sql, (tenant, name))
    }
}

pub(crate) struct Sql(Pooled<Table>);

impl Harness for Sql {
    type Key = TenantName;
    type Source<'a> = Rows;

    fn open() -> Result<Self, BoxError> {
        Ok(Sql(TABLES.take(Table::create, Table::empty)?))
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            ..Capabilities::default()
        }
    }

    fn source(&self) -> Result<Rows, BoxError> {
        let (client, table) = (Arc::clone(&self.0.reads), self.0.name.clone());
        Ok(Rows { client, table })
    }

    fn put(&self, key: &TenantName, value: u64) -> Result<(), BoxError> {
        self.0.change(|changes| changes.put(key, value))
    }

    fn delete(&self, key: &TenantName) -> Result<(), BoxError> {
        self.0.change(|changes| changes.delete(key))
    }

    fn value((_, value): &(TenantName, i64)) -> u64 {
        *value as u64
    }

    fn keys() -> KeySpace<TenantName> {
        KeySpace::known()
    }

    fn writer(&self) -> Option<Box<dyn Writer<TenantName>>> {
        Some(Box::new(Changes(connect().ok()?, self.0.name.clone())))
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        self.0.is_idle()
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let another = Rows {
            table: "another".into(),
            ..self.source()?
        };
        Ok(vec![(FingerprintField::Relation, another.fingerprint()?)])
    }
}

keywalk_conformance::conformance!(rows: Sql, durable, prefetched);
