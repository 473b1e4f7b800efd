//! Two runners of one job.

use std::thread;

use keywalk_job::{CheckpointStore, Error, Leases};
use keywalk_sqlite::{CheckpointErrorKind, SqliteCheckpoints};
use rusqlite::Connection;

use super::world::{World, assert_once, job, run};

#[test]
fn a_second_runner_is_refused_whatever_its_thread_and_connection() {
    let (world, db) = World::new(6);
    let link = world.path().with_file_name("link.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(world.path(), &link).unwrap();
    let outcome = run(&db, 2, |_, _| {
        for path in [world.path(), link.clone()]
            .into_iter()
            .filter(|path| path.exists())
        {
            let other = thread::spawn(move || {
                let other = Connection::open(path).unwrap();
                let refused = run(&other, 2, |_, _| Ok(()));
                assert!(matches!(refused, Err(Error::AlreadyRunning { job }) if job == "touch"));
            });
            other.join().unwrap();
        }
        let refused = SqliteCheckpoints::new(&db).reset("touch");
        assert!(matches!(refused, Err(Error::AlreadyRunning { .. })));
        Ok(())
    });
    assert!(outcome.unwrap().is_done());
    assert_once(&db, 6);
}

#[test]
fn the_lease_is_a_file_beside_the_database_that_goes_with_it_and_none_in_memory() {
    let (world, db) = World::new(1);
    let beside = || -> Vec<_> {
        let files = world.path().parent().unwrap().read_dir().unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "jobs.db").collect()
    };
    assert!(run(&db, 1, |_, _| Ok(())).unwrap().is_done());
    assert!(beside().is_empty());
    // Of another job: both run.
    let mut table = SqliteCheckpoints::new(&db);
    let leases = ["first", "second"].map(|job| table.lease(job).unwrap());
    assert!(leases.iter().all(Option::is_some));
    assert_eq!(beside().len(), 2);
    drop(leases);
    assert!(beside().is_empty());
    for name in [":memory:", "", "file:/keywalk-jobs-in-memory?vfs=memdb"] {
        let memory = Connection::open(name).unwrap();
        let lease = SqliteCheckpoints::new(&memory).lease("job").unwrap();
        assert!(lease.is_some(), "{name}");
    }
    assert!(!std::path::Path::new("/keywalk-jobs-in-memory.job-job.lock").exists());
}

#[cfg(unix)]
#[test]
fn a_database_whose_name_is_not_utf8_has_a_lease_like_any() {
    use std::os::unix::ffi::OsStrExt;
    let (world, _) = World::with("");
    let name = std::ffi::OsStr::from_bytes(b"a\xff.db");
    let connect = || Connection::open(world.path().with_file_name(name)).unwrap();
    let (db, other) = (connect(), connect());
    db.execute_batch("CREATE TABLE t (a)").unwrap();
    let lease = SqliteCheckpoints::new(&db).lease("job").unwrap();
    assert!(lease.is_some());
    assert!(
        SqliteCheckpoints::new(&other)
            .lease("job")
            .unwrap()
            .is_none()
    );
    drop(lease);
    assert!(
        SqliteCheckpoints::new(&other)
            .lease("job")
            .unwrap()
            .is_some()
    );
}

/// As where the lease fails to keep two runners apart.
#[test]
fn an_earlier_runs_commit_is_refused() {
    let (_world, db) = World::new(4);
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    let mut table = SqliteCheckpoints::new(&db);
    let first = table.load("touch").unwrap().unwrap();
    let again = job(&db, "touch", 2).restart_when_done().run(|_, _| Ok(()));
    assert_eq!(again.unwrap().checkpoint().unwrap().run(), 2);
    let (scope, rest) = table.begin().unwrap();
    scope.execute("INSERT INTO log VALUES (55)", []).unwrap();
    let refused = SqliteCheckpoints::commit(scope, rest, &first).unwrap_err();
    assert_eq!(refused.kind(), CheckpointErrorKind::Superseded);
    assert!(refused.to_string().contains("\"touch\""));
    assert!(db.is_autocommit());
    assert_once(&db, 4);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_about_the_lease() {
    let (world, db) = World::new(2);
    // As good as a folder that can't be written to, and so also for root.
    let lock = world.path().with_file_name("jobs.db.job-touch.lock");
    std::fs::create_dir(&lock).unwrap();
    let error = run(&db, 2, |_, _| Ok(()));
    assert_eq!(super::world::kind(error), CheckpointErrorKind::Lease);
    std::fs::remove_dir(lock).unwrap();
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
}
