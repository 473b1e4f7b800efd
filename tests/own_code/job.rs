//! A job whose position is kept beside its effects, killed wherever it can be.

use keywalk::{KeyRange, Order, Walk};
use keywalk_conformance::history::Visits;
use keywalk_conformance::{BoxError, Counterexample, KeySpace, Schedule};
use keywalk_job::{CheckpointFiles, Job};
use keywalk_sqlite::{CheckpointTable, Table};
use proptest::prelude::*;

use crate::rows;

fn promise(chunk_size: usize) -> Visits<i64> {
    let all = KeyRange::all(Order::Ascending);
    Visits::over(all).bounded().reads_ahead(chunk_size)
}

/// Effects in the checkpoint's transaction are the visits that count: what is undone by a kill comes again.
fn by_table(schedule: &Schedule<i64>, size: usize) -> Result<(), Counterexample<i64>> {
    let db = rows::open();
    let write = |id: &i64, change| rows::change(&db, *id, change);
    schedule.run(promise(size), write, |meanwhile| {
        let table = Table::new(&db, "rows").key::<i64>(["id"])?;
        let table = table.map(|row| row.get::<_, i64>("value"));
        // A chunk is read and done in one transaction. Others come between two of them.
        let table = meanwhile.interleave(table).without_turns();
        let walk = Walk::new(table).chunk_size(size);
        let job = Job::new("copy", walk, CheckpointTable::new(&db));
        let outcome = job.on_progress(|_| meanwhile.turn()).run(|_, items| {
            for (id, value) in items {
                meanwhile.visit(id, value.unsigned_abs());
            }
            Ok(())
        })?;
        assert!(outcome.is_done());
        Ok::<(), BoxError>(())
    })
}

/// A purge: rows are deleted in the checkpoint's transaction, and are there again where a kill undoes it.
fn purge(schedule: &Schedule<i64>, size: usize) -> Result<(), Counterexample<i64>> {
    let db = rows::open();
    let write = |id: &i64, change| rows::change(&db, *id, change);
    schedule.run(promise(size), write, |meanwhile| {
        let table = Table::new(&db, "rows").key::<i64>(["id"])?;
        let table = table.map(|row| row.get::<_, i64>("value"));
        let table = meanwhile.interleave(table).without_turns();
        let walk = Walk::new(table).chunk_size(size);
        let job = Job::new("purge", walk, CheckpointTable::new(&db));
        let outcome = job.on_progress(|_| meanwhile.turn()).run(|tx, items| {
            for (id, _) in items {
                tx.execute("DELETE FROM rows WHERE id = ?1", [id])?;
                meanwhile.deleted(id);
                meanwhile.visit_key(id);
            }
            Ok(())
        })?;
        assert!(outcome.is_done());
        Ok::<(), BoxError>(())
    })
}

fn by_files(schedule: &Schedule<i64>, size: usize) -> Result<(), Counterexample<i64>> {
    let db = rows::open();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |id: &i64, change| rows::change(&db, *id, change);
    schedule.run(promise(size), write, |meanwhile| {
        let table = Table::new(&db, "rows").key::<i64>(["id"])?;
        let table = table.map(|row| row.get::<_, i64>("value"));
        let walk = Walk::new(meanwhile.interleave(table)).chunk_size(size);
        let job = Job::new("copy", walk, CheckpointFiles::new(folder.path()));
        let outcome = job.run(|(), items| {
            for (id, value) in items {
                meanwhile.visit(id, value.unsigned_abs());
            }
            Ok(())
        })?;
        assert!(outcome.is_done());
        Ok::<(), BoxError>(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_job_with_a_checkpoint_table(schedule in KeySpace::known().schedules(), size in 1..4_usize) {
        by_table(&schedule, size)?;
    }

    #[test]
    fn a_purge_with_a_checkpoint_table(schedule in KeySpace::known().schedules(), size in 1..4_usize) {
        purge(&schedule, size)?;
    }

    #[test]
    fn a_job_with_checkpoint_files(schedule in KeySpace::known().schedules(), size in 1..4_usize) {
        by_files(&schedule, size)?;
    }
}
