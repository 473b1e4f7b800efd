//! The SQLite file that is walked, and the changes to it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use keywalk::ChunkSource;
use keywalk_conformance::history::Change;
use keywalk_sqlite::Table;
use keywalk_tests::program::BoxError;
use keywalk_tests::random::Random;
use rusqlite::types::Type;
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// A fault that is injected. Also the error, or the panic, of a closure that must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Kill,
    /// Another connection locks the database.
    Busy,
    Interrupt,
    /// A closure that decodes fails, or panics.
    Decoding,
    Panic,
    Drop,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}, as it was told to")
    }
}

impl Error for Fault {}

/// A change to one or several keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Put(i64, u64),
    /// Deletes the keys from the first to the second.
    Delete(i64, i64),
}

pub(crate) struct Database {
    pub(crate) file: PathBuf,
    /// Whether the database has a WAL. Otherwise it has a rollback journal, so readers and writers wait for one
    /// another; rows are marked as deleted, and a filter leaves them out of the walk.
    pub(crate) wal: bool,
}

/// A value is stored with its inverse and a value-dependent number of bytes, so that a torn row is detected.
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
    /// The file's name determines the journal.
    pub(crate) fn at(file: PathBuf) -> Self {
        let wal = file.ends_with("wal.db");
        Database { file, wal }
    }

    pub(crate) fn make(&self) -> rusqlite::Result<()> {
        let mode = if self.wal { "WAL" } else { "DELETE" };
        self.connect()?.execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE items (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, gone INTEGER NOT NULL);"
        ))
    }

    pub(crate) fn connect(&self) -> rusqlite::Result<Connection> {
        let db = Connection::open(&self.file)?;
        db.busy_timeout(Duration::from_secs(60))?;
        // Data needn't survive a power failure. A large transaction is written to disk before its end.
        db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = 10;")?;
        Ok(db)
    }

    /// A source of the rows. For one row in `rarity`, the decoding fails, panics or is interrupted.
    pub(crate) fn source<'db>(
        &self,
        db: &'db Connection,
        mut random: Random,
        rarity: Option<u64>,
    ) -> Result<
        impl ChunkSource<Key = i64, Item = (i64, u64), Error = keywalk_sqlite::Error> + use<'db>,
        keywalk_sqlite::Error,
    > {
        let interrupts = db.get_interrupt_handle();
        let table = Table::new(db, "items").columns(["bytes"]);
        let mut table = table.key::<i64>(["id"])?;
        if !self.wal {
            table = table.filter("NOT gone", [])?;
        }
        Ok(table.map(move |row| {
            if rarity.is_some_and(|rarity| random.one_in(rarity)) {
                match random.below(3) {
                    0 => return Err(failed(Fault::Decoding)),
                    // Panics without printing a message.
                    1 => std::panic::resume_unwind(Box::new(Fault::Panic)),
                    _ => interrupts.interrupt(),
                }
            }
            decode(row.get_ref(0)?.as_blob()?)
        }))
    }

    /// Returns all contents, without using a walk.
    pub(crate) fn content(&self, db: &Connection) -> rusqlite::Result<Vec<(i64, u64)>> {
        let mut select = db.prepare("SELECT id, bytes FROM items WHERE NOT gone ORDER BY id")?;
        let rows = select.query_map([], |row| {
            Ok((row.get(0)?, decode(row.get_ref(1)?.as_blob()?)?))
        })?;
        rows.collect()
    }

    /// Makes the changes in one transaction that isn't committed yet. Returns what takes effect when it is.
    pub(crate) fn begin<'db>(
        &self,
        db: &'db mut Connection,
        behavior: TransactionBehavior,
        steps: &[Step],
    ) -> rusqlite::Result<(Transaction<'db>, Vec<(i64, Change)>)> {
        let put = "INSERT OR REPLACE INTO items VALUES (?1, ?2, 0)";
        let delete = match self.wal {
            true => "DELETE FROM items WHERE id BETWEEN ?1 AND ?2 RETURNING id",
            false => {
                "UPDATE items SET gone = 1 WHERE id BETWEEN ?1 AND ?2 AND NOT gone RETURNING id"
            }
        };
        let transaction = db.transaction_with_behavior(behavior)?;
        let mut done = Vec::new();
        for step in steps {
            match *step {
                Step::Put(key, value) => {
                    transaction
                        .prepare_cached(put)?
                        .execute((key, encode(value)))?;
                    done.push((key, Change::Put(value)));
                }
                Step::Delete(first, last) => {
                    let mut delete = transaction.prepare_cached(delete)?;
                    for key in delete.query_map([first, last], |row| row.get(0))? {
                        done.push((key?, Change::Delete));
                    }
                }
            }
        }
        Ok((transaction, done))
    }

    /// Performs an operation that fails at once if anything is held (G14): a reader keeps a checkpoint from completing,
    /// or others from the lock.
    pub(crate) fn with_exclusive_access(&self, db: &Connection) -> Result<(), BoxError> {
        if !self.wal {
            return Ok(db.execute_batch("BEGIN EXCLUSIVE; COMMIT")?);
        }
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        match db.query_row(checkpoint, [], |row| row.get(0))? {
            true => Err("a checkpoint is kept from its end".into()),
            false => Ok(()),
        }
    }
}
