//! Tests one job in two processes.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use keywalk_job::{Clock, Error, Outcome};

use super::child::{CHUNK, Store, database, files_job, sqlite_job, start};
use crate::process::Process;

/// Kills the child at the first sleep, and fails a test that waits too long.
struct Killing(RefCell<Process>, Cell<u32>);

impl Clock for Killing {
    fn now(&self) -> Duration {
        Duration::from_millis(self.1.get().into())
    }

    fn sleep(&self, _: Duration) {
        self.1.set(self.1.get() + 100);
        assert!(self.1.get() < 5000, "the lease ends with the process");
        self.0.borrow_mut().kill();
    }
}

impl fmt::Debug for Killing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Killing")
    }
}

fn check(
    store: Store,
    refused: impl Fn() -> bool,
    waits: impl FnOnce(&Killing) -> Outcome,
    folder: &Path,
    locks: &Path,
) {
    let process = start(store, folder);
    assert!(refused(), "another process has it");
    let clock = Killing(RefCell::new(process), Cell::new(0));
    let outcome = waits(&clock);
    assert!(outcome.is_done() && clock.1.get() > 0);
    assert!(!refused(), "it is free again");
    let mut left = locks.read_dir().unwrap().map(|file| file.unwrap().path());
    assert!(!left.any(|path| path.extension() == Some("lock".as_ref())));
}

#[test]
fn a_job_that_another_process_has_is_refused_or_waited_for_until_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let db = database(folder);
    db.execute_batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, count INTEGER NOT NULL);
         CREATE TABLE log (id INTEGER NOT NULL); INSERT INTO items VALUES (1, 0), (2, 0)",
    )
    .unwrap();
    let refused = || {
        matches!(
            sqlite_job(&db).run(|_, _| Ok(())),
            Err(Error::AlreadyRunning { .. })
        )
    };
    let waits = |clock: &Killing| {
        let job = sqlite_job(&db).wait_for_lease().clock(clock);
        job.run(|_, _| Ok(())).unwrap()
    };
    check(Store::Sqlite, refused, waits, folder, folder);

    let run = || files_job(folder).run(|_, _| Ok(()));
    let refused = || matches!(run(), Err(Error::AlreadyRunning { .. }));
    let waits = |clock: &Killing| {
        let job = files_job(folder).wait_for_lease().clock(clock);
        let run = job.run(|_, items| {
            assert_eq!(items.len(), CHUNK);
            Ok(())
        });
        run.unwrap()
    };
    check(
        Store::Files,
        refused,
        waits,
        folder,
        &folder.join("checkpoints"),
    );
}
