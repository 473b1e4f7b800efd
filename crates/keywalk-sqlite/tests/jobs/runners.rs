//! Two runners of one job.

use keywalk::{Token, Walk};
use keywalk_job::{Checkpoint, Checkpoints, Error, Job, Lease};
use keywalk_sqlite::{CheckpointError, CheckpointErrorKind, CheckpointTable};
use rusqlite::{Connection, Transaction};

use crate::world::{World, assert_once, kind, run, touch, walk};

#[test]
fn a_second_runner_is_refused_whatever_its_thread_and_connection() {
    let world = World::new(6);
    let db = world.connect();
    let link = world.path().with_file_name("link.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(world.path(), &link).unwrap();
    let outcome = run(&db, 2, |_, _| {
        let mut paths = vec![world.path()];
        paths.extend(link.exists().then(|| link.clone()));
        for path in paths {
            let other = std::thread::spawn(move || {
                let other = Connection::open(path).unwrap();
                let refused = run(&other, 2, |_, _| Ok(()));
                assert!(matches!(refused, Err(Error::Taken { job }) if job == "touch"));
            });
            other.join().unwrap();
        }
        let refused = CheckpointTable::new(&db).reset("touch");
        assert!(matches!(refused, Err(Error::Taken { .. })));
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    assert_once(&db, 6);
}

#[test]
fn the_lease_is_a_file_beside_the_database_that_goes_with_it_and_none_in_memory() {
    let world = World::new(1);
    let db = world.connect();
    let beside = || -> Vec<_> {
        let files = world.path().parent().unwrap().read_dir().unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "jobs.db").collect()
    };
    assert!(run(&db, 1, |_, _| Ok(())).unwrap().is_done());
    assert!(beside().is_empty());
    // Of another job: both run.
    let mut table = CheckpointTable::new(&db);
    let (first, second) = (
        table.lease("first").unwrap(),
        table.lease("second").unwrap(),
    );
    assert!(first.is_some() && second.is_some());
    assert_eq!(beside().len(), 2);
    drop((first, second));
    assert!(beside().is_empty());
    for name in [":memory:", "", "file:/keywalk-jobs-in-memory?vfs=memdb"] {
        let memory = Connection::open(name).unwrap();
        let lease = CheckpointTable::new(&memory).lease("job").unwrap();
        assert!(lease.is_some(), "{name}");
    }
    assert!(!std::path::Path::new("/keywalk-jobs-in-memory.job-job.lock").exists());
}

#[cfg(unix)]
#[test]
fn a_database_whose_name_is_not_utf8_has_a_lease_like_any() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::empty();
    let path = world
        .path()
        .with_file_name(std::ffi::OsStr::from_bytes(b"a\xff.db"));
    let (db, other) = (
        Connection::open(&path).unwrap(),
        Connection::open(&path).unwrap(),
    );
    db.execute_batch("CREATE TABLE t (a)").unwrap();
    let lease = CheckpointTable::new(&db).lease("job").unwrap();
    assert!(lease.is_some());
    assert!(CheckpointTable::new(&other).lease("job").unwrap().is_none());
    drop(lease);
    assert!(CheckpointTable::new(&other).lease("job").unwrap().is_some());
}

/// A store whose lease keeps no one out, as on a network's file system.
struct Unguarded<'db>(CheckpointTable<'db>);

impl<'db> Checkpoints for Unguarded<'db> {
    type Scope = Transaction<'db>;
    type Error = CheckpointError;

    fn lease(&mut self, _: &str) -> Result<Option<Lease>, CheckpointError> {
        Ok(Some(Lease::unguarded()))
    }
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        self.0.load(job)
    }
    fn begin(&mut self) -> Result<Transaction<'db>, CheckpointError> {
        self.0.begin()
    }
    fn commit(
        &mut self,
        scope: Transaction<'db>,
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        self.0.commit(scope, checkpoint)
    }
    fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        self.0.remove(job)
    }
    fn list(&mut self) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.0.list()
    }
}

fn unguarded(db: &Connection, between: &dyn Fn(u64)) -> Result<(), crate::world::Failure> {
    let job = Job::new("touch", walk(db, 2), Unguarded(CheckpointTable::new(db)));
    let outcome = job
        .on_progress(|progress| between(progress.chunks()))
        .run(|tx, items| {
            for (id, ()) in items {
                touch(tx, *id)?;
            }
            Ok(())
        })?;
    assert!(outcome.is_done());
    Ok(())
}

#[test]
fn where_the_lease_fails_the_earlier_runner_is_refused_and_nothing_is_done_twice() {
    for at in 0..3 {
        let world = World::new(6);
        let (db, other) = (world.connect(), world.connect());
        let superseded = unguarded(&db, &|chunks| {
            if chunks == at {
                unguarded(&other, &|_| {}).unwrap();
            }
        });
        assert_eq!(kind(superseded), CheckpointErrorKind::Superseded, "at {at}");
        assert_once(&db, 6);
    }
}

#[test]
fn where_two_runners_take_turns_the_later_one_goes_on() {
    let world = World::new(9);
    let (db, other) = (world.connect(), world.connect());
    // The later one stops in the middle of the earlier one's life, and a third one ends the job.
    let superseded = unguarded(&db, &|chunks| {
        if chunks == 1 {
            let stop = keywalk_job::Stop::new();
            let job = Job::new(
                "touch",
                walk(&other, 3),
                Unguarded(CheckpointTable::new(&other)),
            );
            let outcome = job.stop_on(&stop).run(|tx, items| {
                stop.request();
                items.iter().try_for_each(|(id, ())| touch(tx, *id))?;
                Ok(())
            });
            assert_eq!(outcome.unwrap().items(), 3);
        }
    });
    assert_eq!(kind(superseded), CheckpointErrorKind::Superseded);
    unguarded(&other, &|_| {}).unwrap();
    assert_once(&db, 9);
}

#[test]
fn an_earlier_runs_commit_is_refused_through_the_trait_too() {
    let world = World::new(4);
    let db = world.connect();
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    let mut table = CheckpointTable::new(&db);
    let first = table.load("touch").unwrap().unwrap();
    let job = Job::new("touch", walk(&db, 2), CheckpointTable::new(&db)).repeated();
    assert_eq!(
        job.run(|_, _| Ok(())).unwrap().checkpoint().unwrap().run(),
        2
    );
    let scope = table.begin().unwrap();
    scope.execute("INSERT INTO log VALUES (55)", []).unwrap();
    let refused = table.commit(scope, &first).unwrap_err();
    assert_eq!(refused.kind(), CheckpointErrorKind::Superseded);
    assert!(refused.to_string().contains("\"touch\""));
    assert!(db.is_autocommit());
    assert_once(&db, 4);
    // A token of this walk, which is done.
    let token: &Token = first.token();
    let rest = Walk::new(
        keywalk_sqlite::Table::new(&db, "items")
            .key::<i64>(["id"])
            .unwrap(),
    );
    assert_eq!(rest.resume_token(token).unwrap().items().count(), 0);
}
