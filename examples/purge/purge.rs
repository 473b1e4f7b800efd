use std::time::Duration;

use keywalk::Walk;
use keywalk_examples::{Failure, key_columns, show_progress};
use keywalk_job::{Checkpoints, Job, Outcome, Stop};
use keywalk_sqlite::{AnyKey, CheckpointTable, Table};
use rusqlite::Connection;

use crate::args::Options;
use crate::deletion::Deletion;

/// The rows of a table that are to be deleted.
pub(crate) struct OldRows {
    pub(crate) table: String,
    /// A SQL expression that is true of them.
    pub(crate) condition: String,
}

/// What a run did.
pub(crate) struct Purged {
    pub(crate) rows: u64,
    pub(crate) outcome: Outcome,
}

impl OldRows {
    /// As a source of their keys: nothing else of a row is needed to delete it.
    pub(crate) fn source<'db>(
        &self,
        db: &'db Connection,
        key: &[String],
    ) -> Result<Table<&'db Connection>, Failure> {
        let table = Table::new(db, &self.table).key::<AnyKey>(key)?;
        Ok(table.columns(key).filter(&self.condition, [])?)
    }

    /// The name of the job: one for each table.
    fn job(&self) -> String {
        format!("purge {}", self.table)
    }
}

/// Deletes the rows, from where the job stands.
pub(crate) fn run(
    db: &Connection,
    old: &OldRows,
    options: &Options,
    stop: &Stop,
) -> Result<Purged, Failure> {
    let key = key_columns(db, &old.table)?;
    let walk = Walk::new(old.source(db, &key)?).chunk_size(options.chunk_size.get());
    let deletion = Deletion::new(old, &key);
    let name = old.job();
    let mut checkpoints = CheckpointTable::new(db);
    if options.reset {
        checkpoints
            .reset(&name)
            .map_err(|error| Failure::caused(&error))?;
    }
    // Done, or with another condition, it starts over: a purge that runs every night.
    let job = Job::new(name, walk, checkpoints)
        .repeated()
        .restart_if_changed()
        .stop_on(stop)
        .pause(Duration::from_millis(options.pause));
    let mut rows = 0;
    let outcome =
        show_progress(options.limits.limit(job), "purging").run(|transaction, keys| {
            // The rows and the checkpoint are gone and written together, or neither is.
            rows += deletion.run(transaction, keys)? as u64;
            Ok(())
        })?;
    Ok(Purged { rows, outcome })
}
