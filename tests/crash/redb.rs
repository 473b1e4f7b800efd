//! A job over redb: its function counts in a second table how often it did each row.

use std::path::Path;

use keywalk::Walk;
use keywalk_job::{CheckpointStore, Job, Leases};
use keywalk_redb::{Key, RedbCheckpoints, Table, Tree};
use keywalk_tests::crash_test::Done;
use keywalk_tests::program::BoxError;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

const ITEMS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("items");
const TIMES: TableDefinition<'_, u64, u64> = TableDefinition::new("times");
const JOB: &str = "count";

/// Makes a database with this many rows.
pub(crate) fn make(path: &Path, rows: u64) -> Result<(), BoxError> {
    let tx = Database::create(path)?.begin_write()?;
    tx.open_table(TIMES)?;
    for row in 0..rows {
        tx.open_table(ITEMS)?
            .insert(&*row.to_bytes(), &b"an item"[..])?;
    }
    Ok(tx.commit()?)
}

/// Does each row once.
pub(crate) fn work(path: &Path) -> Result<(), BoxError> {
    let db = Database::open(path)?;
    let items = Tree::<u64, _>::new(Table::new(&db, ITEMS));
    let walk = Walk::new(items).chunk_size(100);
    let job = Job::new(JOB, walk, RedbCheckpoints::new(&db));
    let outcome = job.run(|tx, items| {
        let mut times = tx.open_table(TIMES)?;
        for (row, _) in items {
            let before = times.get(row)?.map_or(0, |times| times.value());
            times.insert(row, before + 1)?;
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
    let db = Database::open(path)?;
    let mut checkpoints = RedbCheckpoints::new(&db);
    let checkpoint = checkpoints.load(JOB)?;
    let recorded = checkpoint.map_or(0, |checkpoint| checkpoint.items());
    let times = db.begin_read()?.open_table(TIMES)?;
    let times = times.iter()?.map(|entry| Ok(entry?.1.value()));
    let times = times.collect::<Result<_, redb::StorageError>>()?;
    if is_done {
        checkpoints.reset(JOB)?;
    }
    Ok(Done { recorded, times })
}
