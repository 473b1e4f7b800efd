//! Jobs whose checkpoints commit with their effects.

use keywalk::Walk;
use keywalk_job::{CheckpointStore, DeadLetters, Job, Leases};
use keywalk_redb::{CheckpointErrorKind, RedbCheckpoints, Tree};
use redb::{Database, Durability, ReadableDatabase, ReadableTable};

use super::{Disk, TIMES, database, items};

/// Counts how often each item was done; one fails.
fn count(job: Job<'_, Tree<u64, &Database>, RedbCheckpoints<'_>>, bad: u64) -> (u64, u64) {
    let outcome = job.run(|tx, items| {
        let mut times = tx.open_table(TIMES)?;
        for (item, _) in items {
            let before = times.get(item)?.map_or(0, |times| times.value());
            times.insert(item, before + 1)?;
            if *item == bad {
                return Err("bad".into());
            }
        }
        Ok(())
    });
    let outcome = outcome.unwrap();
    (outcome.items(), outcome.skipped())
}

#[test]
fn a_skipped_item_is_undone_alone_and_its_letter_goes_with_the_job() {
    let db = database(&Disk::default(), 9);
    let mut checkpoints = RedbCheckpoints::new(&db);
    assert_eq!(checkpoints.load("job").unwrap(), None);
    for job in ["job", "job's", "jo"] {
        let walk = Walk::new(items(&db)).chunk_size(4);
        let job = Job::new(job, walk, RedbCheckpoints::new(&db)).skip_failures();
        assert_eq!(count(job, 6), (9, 1));
    }
    let times = db.begin_read().unwrap().open_table(TIMES).unwrap();
    let done = times.iter().unwrap().map(|entry| entry.unwrap());
    let done = done.map(|(item, times)| (item.value(), times.value()));
    assert!(done.eq((0..9).filter(|item| *item != 6).map(|item| (item, 3))));

    let letters = checkpoints.dead_letters("job").unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].key(), letters[0].error()), ("6", "bad"));
    assert!(checkpoints.reset("job").unwrap() && !checkpoints.reset("job").unwrap());
    let left = checkpoints.list().unwrap();
    assert!(left.iter().map(|left| left.job()).eq(["jo", "job's"]));
    assert!(checkpoints.dead_letters("job").unwrap().is_empty());
    assert_eq!(checkpoints.dead_letters("job's").unwrap().len(), 1);
}

#[test]
fn one_runner_has_a_job_at_a_time_and_a_later_run_fences_an_earlier_one() {
    let db = database(&Disk::default(), 9);
    let walk = || Walk::new(items(&db)).chunk_size(4);
    let mut checkpoints = RedbCheckpoints::new(&db);
    let lease = checkpoints.lease("job").unwrap().unwrap();
    assert!(RedbCheckpoints::new(&db).lease("job").unwrap().is_none());
    assert!(checkpoints.lease("another").unwrap().is_some());
    let other = database(&Disk::default(), 0);
    assert!(RedbCheckpoints::new(&other).lease("job").unwrap().is_some());
    drop(lease);

    count(Job::new("job", walk(), RedbCheckpoints::new(&db)), 99);
    let stale = checkpoints.load("job").unwrap().unwrap();
    let again = Job::new("job", walk(), RedbCheckpoints::new(&db)).restart_when_done();
    count(again, 99);
    let (scope, ()) = checkpoints.begin().unwrap();
    scope.delete_table(TIMES).unwrap();
    let error = RedbCheckpoints::commit(scope, (), &stale).unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::Superseded);
    assert!(db.begin_read().unwrap().open_table(TIMES).is_ok(), "undone");
}

#[test]
fn a_checkpoint_that_was_changed_is_an_error_and_a_reset_starts_over() {
    let db = database(&Disk::default(), 9);
    let mut tx = db.begin_write().unwrap();
    tx.set_durability(Durability::None).unwrap();
    tx.open_table(RedbCheckpoints::JOBS)
        .unwrap()
        .insert("job", "{}")
        .unwrap();
    tx.commit().unwrap();
    let mut checkpoints = RedbCheckpoints::new(&db);
    let error = checkpoints.load("job").unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::Content);
    assert!(error.to_string().contains("reset the job"), "{error}");
    assert!(checkpoints.reset("job").unwrap());
    assert_eq!(
        count(Job::new("job", Walk::new(items(&db)), checkpoints), 99),
        (9, 0)
    );
}
