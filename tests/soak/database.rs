//! What is walked, a SQLite file, and what is done to it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use keywalk_conformance::history::Change;
use keywalk_sqlite::Table;
use keywalk_tests::program::BoxError;
use keywalk_tests::random::Random;
use rusqlite::types::Type;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::walk::Source;

/// What is made to go wrong; also the error, or the panic, of a closure that is told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A process is killed while it writes.
    Kill,
    /// Another connection has the database for itself.
    Busy,
    Interrupt,
    /// A decoding closure fails.
    Decoding,
    /// A decoding closure panics.
    Panic,
    /// A walk is dropped before its end.
    Drop,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}, as it was told to")
    }
}

impl Error for Fault {}

/// What is to be done to a key, or to several.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Whatever is there.
    Put(i64, u64),
    /// If nothing is there.
    Insert(i64, u64),
    /// If it is there.
    Update(i64, u64),
    /// From this key to that.
    Delete(i64, i64),
    /// To another key, with another value, if nothing is there.
    Move(i64, i64, u64),
}

#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) file: PathBuf,
    /// Otherwise it has a rollback journal, so that readers and writers wait for one another; rows are marked as
    /// deleted, and walked by a filter.
    pub(crate) wal: bool,
}

/// A value is stored with its inverse and as many bytes more as it says, so that a torn one is seen.
fn encode(value: u64) -> Vec<u8> {
    let mut bytes = [value.to_be_bytes(), (!value).to_be_bytes()].concat();
    bytes.resize(bytes.len() + (value % 251) as usize, b'p');
    bytes
}

fn decode(bytes: &[u8]) -> rusqlite::Result<u64> {
    let value = bytes
        .first_chunk()
        .map_or(0, |value| u64::from_be_bytes(*value));
    match bytes == encode(value) {
        true => Ok(value),
        false => Err(failed(format!("torn: {bytes:?}"))),
    }
}

fn failed(error: impl Into<BoxError>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, error.into())
}

impl Database {
    pub(crate) fn make(file: PathBuf, wal: bool) -> Result<Self, BoxError> {
        let database = Database { file, wal };
        let mode = if wal { "WAL" } else { "DELETE" };
        database.connect()?.execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE items (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, gone INTEGER NOT NULL);"
        ))?;
        Ok(database)
    }

    pub(crate) fn connect(&self) -> rusqlite::Result<Connection> {
        let db = Connection::open(&self.file)?;
        db.busy_timeout(Duration::from_secs(60))?;
        // Nothing has to outlive the machine; and a large transaction is written before its end.
        db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = 10;")?;
        Ok(db)
    }

    /// Its rows, once in `rarity` of which the decoding fails, panics or is interrupted.
    pub(crate) fn source<'db>(
        &self,
        db: &'db Connection,
        mut random: Random,
        rarity: Option<u64>,
    ) -> Result<impl Source + use<'db>, keywalk_sqlite::Error> {
        let interrupts = db.get_interrupt_handle();
        let table = Table::new(db, "items")
            .columns(["bytes"])
            .key::<i64>(["id"])?;
        let table = table.filter(if self.wal { "1" } else { "NOT gone" }, [])?;
        Ok(table.map(move |row| {
            if rarity.is_some_and(|rarity| random.one_in(rarity)) {
                match random.below(3) {
                    0 => return Err(failed(Fault::Decoding)),
                    // Without the message that a panic prints.
                    1 => std::panic::resume_unwind(Box::new(Fault::Panic)),
                    _ => interrupts.interrupt(),
                }
            }
            decode(row.get_ref(0)?.as_blob()?)
        }))
    }

    /// All that it holds, read otherwise than by a walk.
    pub(crate) fn content(&self, db: &Connection) -> rusqlite::Result<Vec<(i64, u64)>> {
        let mut select = db.prepare("SELECT id, bytes FROM items WHERE NOT gone ORDER BY id")?;
        let rows = select.query_map([], |row| {
            Ok((row.get(0)?, decode(row.get_ref(1)?.as_blob()?)?))
        })?;
        rows.collect()
    }

    /// Carries them out in one transaction, which isn't committed yet, and answers what takes effect by it.
    pub(crate) fn begin<'db>(
        &self,
        db: &'db mut Connection,
        behavior: TransactionBehavior,
        steps: &[Step],
    ) -> rusqlite::Result<(Transaction<'db>, Vec<(i64, Change)>)> {
        const PUT: &str = "INSERT OR REPLACE INTO items VALUES (?1, ?2, 0)";
        const UPDATE: &str = "UPDATE items SET bytes = ?2 WHERE id = ?1 AND NOT gone";
        const INSERT: &str = "INSERT INTO items VALUES (?1, ?2, 0)
            ON CONFLICT (id) DO UPDATE SET bytes = ?2, gone = 0 WHERE gone";
        let delete = match self.wal {
            true => "DELETE FROM items WHERE id BETWEEN ?1 AND ?2 RETURNING id",
            false => {
                "UPDATE items SET gone = 1 WHERE id BETWEEN ?1 AND ?2 AND NOT gone RETURNING id"
            }
        };
        let transaction = db.transaction_with_behavior(behavior)?;
        let mut done = Vec::new();
        for step in steps {
            let (write, deleted) = match *step {
                Step::Put(key, value) => (Some((PUT, key, value)), None),
                Step::Insert(key, value) => (Some((INSERT, key, value)), None),
                Step::Update(key, value) => (Some((UPDATE, key, value)), None),
                Step::Move(from, to, value) => (Some((INSERT, to, value)), Some((from, from))),
                Step::Delete(first, last) => (None, Some((first, last))),
            };
            if let Some((sql, key, value)) = write {
                let mut write = transaction.prepare_cached(sql)?;
                if write.execute((key, encode(value)))? == 0 {
                    continue;
                }
                done.push((key, Change::Put(value)));
            }
            if let Some(ends) = deleted {
                let mut delete = transaction.prepare_cached(delete)?;
                for key in delete.query_map(ends, |row| row.get(0))? {
                    done.push((key?, Change::Delete));
                }
            }
        }
        Ok((transaction, done))
    }

    /// Does what fails at once if anything is held: a reader keeps a checkpoint from its end, or others from the
    /// lock (G14).
    pub(crate) fn use_alone(&self, db: &Connection) -> Result<(), BoxError> {
        if !self.wal {
            return Ok(db.execute_batch("BEGIN EXCLUSIVE; COMMIT")?);
        }
        let is_busy: bool =
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        let bytes = std::fs::metadata(self.file.with_extension("db-wal"))?.len();
        match is_busy || bytes > 0 {
            true => Err(format!("a checkpoint leaves {bytes} bytes of the WAL").into()),
            false => Ok(()),
        }
    }
}
