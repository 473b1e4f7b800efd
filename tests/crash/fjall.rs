//! A job over fjall: its function counts in a second keyspace how often it did each row.

use std::path::Path;

use fjall::{Database, KeyspaceCreateOptions};
use keywalk::Walk;
use keywalk_fjall::{FjallCheckpoints, Key, Tree};
use keywalk_job::{CheckpointStore, Job, Leases};
use keywalk_tests::crash_test::Done;
use keywalk_tests::program::BoxError;

const JOB: &str = "count";

fn open(path: &Path, keyspace: &str) -> Result<(Database, fjall::Keyspace), fjall::Error> {
    // Small memtables, so that kills come amid flushes too.
    let options = || KeyspaceCreateOptions::default().max_memtable_size(64 << 10);
    let db = Database::builder(path).open()?;
    let keyspace = db.keyspace(keyspace, options)?;
    Ok((db, keyspace))
}

/// Makes a database with this many rows.
pub(crate) fn make(path: &Path, rows: u64) -> Result<(), BoxError> {
    let (_db, items) = open(path, "items")?;
    for row in 0..rows {
        items.insert(row.to_bytes(), "an item")?;
    }
    Ok(())
}

/// Does each row once.
pub(crate) fn work(path: &Path) -> Result<(), BoxError> {
    let (db, times) = open(path, "times")?;
    let items = db.keyspace("items", KeyspaceCreateOptions::default)?;
    let walk = Walk::new(Tree::<u64>::new(items)).chunk_size(100);
    let job = Job::new(JOB, walk, FjallCheckpoints::new(&db));
    let outcome = job.run(|batch, items| {
        for (row, _) in items {
            let before = times.get(row.to_bytes())?;
            let before = before.map_or(Ok(0), |before| u64::decode(&before))?;
            batch.insert(&times, row.to_bytes(), (before + 1).to_bytes());
        }
        Ok(())
    })?;
    match outcome.is_done() {
        true => Ok(()),
        false => Err("nothing stops this job".into()),
    }
}

/// Reads what is done, and then resets the job if it `is_done`.
pub(crate) fn look(path: &Path, is_done: bool) -> Result<Done, BoxError> {
    let (db, times) = open(path, "times")?;
    let mut checkpoints = FjallCheckpoints::new(&db);
    let checkpoint = checkpoints.load(JOB)?;
    let recorded = checkpoint.map_or(0, |checkpoint| checkpoint.items());
    let times = times.iter().map(|entry| Ok(u64::decode(&entry.value()?)?));
    let times = times.collect::<Result<_, BoxError>>()?;
    if is_done {
        checkpoints.reset(JOB)?;
    }
    Ok(Done { recorded, times })
}
