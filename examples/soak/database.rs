use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use keywalk_conformance::history::Change;
use keywalk_sqlite::Table;
use rusqlite::types::Type;
use rusqlite::{Connection, InterruptHandle, Row, Transaction, TransactionBehavior};

use crate::store::{Step, Store, padding, whole};
use crate::trouble::{BoxError, Fault, Mischief, Trouble};
use crate::witness::{Log, Source, Witness};

/// A SQLite file.
pub(crate) struct Database {
    file: PathBuf,
    journal: Journal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journal {
    Wal,
    /// Readers and writers wait for one another. Rows are marked as deleted, and walked by a filter.
    Rollback,
}

/// What writers wait for one another.
const LONG: Duration = Duration::from_secs(60);

impl Database {
    pub(crate) fn make(file: PathBuf, journal: Journal) -> Result<Self, BoxError> {
        let database = Database { file, journal };
        let mode = match journal {
            Journal::Wal => "WAL",
            Journal::Rollback => "DELETE",
        };
        database.connect()?.execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE items (id INTEGER PRIMARY KEY, value INTEGER NOT NULL,
                 inverse INTEGER NOT NULL, padding TEXT NOT NULL, gone INTEGER NOT NULL);
             CREATE TABLE commits (number INTEGER NOT NULL);
             INSERT INTO commits VALUES (0);"
        ))?;
        Ok(database)
    }

    /// One that was made.
    pub(crate) fn at(file: PathBuf) -> Result<Self, BoxError> {
        let mode: String =
            Connection::open(&file)?.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let journal = match mode.as_str() {
            "wal" => Journal::Wal,
            _ => Journal::Rollback,
        };
        Ok(Database { file, journal })
    }

    /// As [`Store::change`], and says in the same transaction that it was the one of this number.
    pub(crate) fn change_numbered(
        &self,
        db: &mut Connection,
        steps: &[Step],
        number: u64,
    ) -> Result<Vec<(i64, Change)>, BoxError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = self.steps(&transaction, steps)?;
        transaction.execute("UPDATE commits SET number = ?1", [number as i64])?;
        transaction.commit()?;
        Ok(done)
    }

    /// The last number that was committed.
    pub(crate) fn last_number(&self, db: &Connection) -> Result<u64, BoxError> {
        let number = "SELECT number FROM commits";
        Ok(db.query_row(number, [], |row| row.get::<_, i64>(0))? as u64)
    }

    fn steps(
        &self,
        transaction: &Transaction<'_>,
        steps: &[Step],
    ) -> Result<Vec<(i64, Change)>, BoxError> {
        const PUT: &str = "INSERT OR REPLACE INTO items VALUES (?1, ?2, ?3, ?4, 0)";
        const INSERT: &str =
            "INSERT INTO items VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT (id) DO UPDATE
            SET value = ?2, inverse = ?3, padding = ?4, gone = 0 WHERE gone";
        const UPDATE: &str = "UPDATE items SET value = ?2, inverse = ?3, padding = ?4
            WHERE id = ?1 AND NOT gone";
        let write = |sql, key: i64, value: u64| -> rusqlite::Result<usize> {
            let padding = "p".repeat(padding(value));
            let row = (key, value as i64, !value as i64, padding);
            transaction.prepare_cached(sql)?.execute(row)
        };
        let delete = |key: i64| -> rusqlite::Result<usize> {
            let delete = match self.journal {
                Journal::Wal => "DELETE FROM items WHERE id = ?1",
                Journal::Rollback => "UPDATE items SET gone = 1 WHERE id = ?1 AND NOT gone",
            };
            transaction.prepare_cached(delete)?.execute([key])
        };
        let mut done = Vec::new();
        for step in steps {
            match *step {
                Step::Put(key, value) => {
                    write(PUT, key, value)?;
                    done.push((key, Change::Put(value)));
                }
                Step::Insert(key, value) if write(INSERT, key, value)? > 0 => {
                    done.push((key, Change::Put(value)));
                }
                Step::Update(key, value) if write(UPDATE, key, value)? > 0 => {
                    done.push((key, Change::Put(value)));
                }
                Step::Move(from, to, value) if write(INSERT, to, value)? > 0 => {
                    done.push((to, Change::Put(value)));
                    delete(from)?;
                    done.push((from, Change::Delete));
                }
                Step::Insert(..) | Step::Update(..) | Step::Move(..) => {}
                Step::Delete(key) => {
                    delete(key)?;
                    done.push((key, Change::Delete));
                }
                Step::DeleteAll(first, last) => {
                    let delete = "DELETE FROM items WHERE id BETWEEN ?1 AND ?2 RETURNING id";
                    let mut delete = transaction.prepare_cached(delete)?;
                    for key in delete.query_map([first, last], |row| row.get(0))? {
                        done.push((key?, Change::Delete));
                    }
                }
            }
        }
        Ok(done)
    }
}

impl Store for Database {
    type Connection = Connection;

    fn name(&self) -> &'static str {
        match self.journal {
            Journal::Wal => "SQLite with a WAL",
            Journal::Rollback => "SQLite with a rollback journal",
        }
    }

    fn connect(&self) -> Result<Connection, BoxError> {
        let db = Connection::open(&self.file)?;
        db.busy_timeout(LONG)?;
        // Nothing has to outlive the machine; and a large transaction is written before its end.
        db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = 10;")?;
        Ok(db)
    }

    /// With a WAL nobody has to wait.
    fn set_patience(&self, db: &Connection, milliseconds: u64) -> Result<(), BoxError> {
        if self.journal == Journal::Rollback {
            db.busy_timeout(Duration::from_millis(milliseconds))?;
        }
        Ok(())
    }

    fn source<'a>(
        &self,
        db: &'a Connection,
        log: &Rc<Log>,
        mischief: Mischief,
    ) -> Result<Source<'a>, Trouble> {
        let mut mischief = mischief.and_interrupts(db.get_interrupt_handle());
        let table = Table::new(db, "items").columns(["value", "inverse", "padding"]);
        let mut table = table.key::<i64>(["id"])?;
        if self.journal == Journal::Rollback {
            table = table.filter("NOT gone", [])?;
        }
        let table = table.map(move |row| {
            mischief.happens().map_err(|made| failed(made.into()))?;
            read(row).and_then(|(value, inverse, padding)| {
                whole(value, inverse, padding).map_err(failed)
            })
        });
        Ok(Witness::over(table, log))
    }

    fn change(&self, db: &mut Connection, steps: &[Step]) -> Result<Vec<(i64, Change)>, BoxError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = self.steps(&transaction, steps)?;
        transaction.commit()?;
        Ok(done)
    }

    fn content(&self, db: &Connection) -> Result<Vec<(i64, u64)>, BoxError> {
        let select = "SELECT value, inverse, padding, id FROM items WHERE NOT gone ORDER BY id";
        let mut select = db.prepare(select)?;
        let rows = select.query_map([], |row| Ok((row.get(3)?, read(row)?)))?;
        rows.map(|row| {
            let (key, (value, inverse, padding)) = row?;
            Ok((key, whole(value, inverse, padding)?))
        })
        .collect()
    }

    fn faults(&self) -> &'static [Fault] {
        match self.journal {
            Journal::Wal => &[Fault::Kill, Fault::Interrupt, Fault::Decoding],
            Journal::Rollback => &[Fault::Kill, Fault::Busy, Fault::Interrupt, Fault::Decoding],
        }
    }

    fn interrupts(&self, db: &Connection) -> Option<InterruptHandle> {
        Some(db.get_interrupt_handle())
    }

    fn change_and_roll_back(&self, db: &mut Connection, steps: &[Step]) -> Result<(), BoxError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.steps(&transaction, steps)?;
        Ok(transaction.rollback()?)
    }

    fn lock(&self, db: &mut Connection, hold: &mut dyn FnMut()) -> Result<(), BoxError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        hold();
        Ok(transaction.commit()?)
    }

    /// A reader keeps a checkpoint from its end, or others from the lock.
    fn use_alone(&self, db: &Connection) -> Result<bool, BoxError> {
        db.busy_timeout(Duration::ZERO)?;
        match self.journal {
            Journal::Wal => {
                let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                let is_busy: bool = db.query_row(checkpoint, [], |row| row.get(0))?;
                let mut wal = self.file.clone().into_os_string();
                wal.push("-wal");
                let bytes = std::fs::metadata(wal)?.len();
                if is_busy || bytes > 0 {
                    return Err(format!("a checkpoint leaves {bytes} bytes of the WAL").into());
                }
            }
            Journal::Rollback => db.execute_batch("BEGIN EXCLUSIVE; COMMIT")?,
        }
        db.busy_timeout(LONG)?;
        Ok(true)
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.file)
    }
}

fn failed(error: BoxError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, error)
}

/// Value, inverse and the padding's length.
fn read(row: &Row<'_>) -> rusqlite::Result<(u64, u64, usize)> {
    let padding = row.get_ref(2)?.as_bytes()?.len();
    Ok((
        row.get::<_, i64>(0)? as u64,
        row.get::<_, i64>(1)? as u64,
        padding,
    ))
}
