//! What is fjall's own: files that are damaged, values in files of their own, snapshots, batches.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use keywalk::{Order, Walk};
use keywalk_fjall::{
    CheckpointErrorKind, Error, ErrorKind, FjallCheckpoints, FjallKeyspace, Key, Tree,
};
use keywalk_job::{BoxError, CheckpointStore, DeadLetters, Job, Leases};

const ITEMS: u64 = 900;
const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

fn open(folder: &Path) -> Database {
    // Without a cache, each fetch reads the files.
    let builder = Database::builder(folder).worker_threads(1).cache_size(0);
    builder.open().unwrap()
}

fn keyspace(db: &Database, name: &str) -> Keyspace {
    db.keyspace(name, KeyspaceCreateOptions::default).unwrap()
}

fn fill(keyspace: &Keyspace, items: u64) {
    for item in 0..items {
        keyspace.insert(item.to_bytes(), vec![7; 500]).unwrap();
    }
    keyspace.rotate_memtable_and_wait().unwrap();
}

/// Returns the number of items of the walk, and its error.
fn walk(store: impl Into<FjallKeyspace>, order: Order) -> (u64, Option<Error<fjall::Error>>) {
    let walk = Walk::new(Tree::<u64>::new(store)).order(order);
    let mut items = 0;
    for item in walk.chunk_size(100) {
        match item {
            Ok((_, value)) => assert_eq!(value, [7; 500]),
            Err(keywalk::Error::Source(error)) => return (items, Some(error)),
            Err(error) => panic!("{error}"),
        }
        items += 1;
    }
    (items, None)
}

#[test]
fn a_file_that_is_damaged_is_an_error_amid_the_walk_and_not_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let items = keyspace(&db, "items");
    fill(&items, ITEMS);
    let tables = items.path().join("tables");
    drop((items, db));
    for table in fs::read_dir(tables).unwrap() {
        let path = table.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle..middle + 64].fill(0x55);
        fs::write(path, bytes).unwrap();
    }
    let db = open(folder.path());
    for order in ORDERS {
        let (items, error) = walk(keyspace(&db, "items"), order);
        let error = error.unwrap();
        assert!((100..800).contains(&items), "{order:?}: {items} items");
        assert_eq!(error.kind(), ErrorKind::Store);
        let said = error.to_string();
        assert!(said.contains(r#""items" (fjall) can't be read"#), "{said}");
    }
}

#[test]
fn values_in_files_of_their_own_and_snapshots_are_walked_in_both_orders() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let separation = KvSeparationOptions::default().separation_threshold(100);
    let options = || KeyspaceCreateOptions::default().with_kv_separation(Some(separation.clone()));
    let separated = db.keyspace("separated", options).unwrap();
    for (items, is_separated) in [(keyspace(&db, "items"), false), (separated, true)] {
        fill(&items, ITEMS);
        assert_eq!(items.is_kv_separated(), is_separated);
        let before = FjallKeyspace::in_snapshot(items.clone(), db.snapshot());
        for item in 0..ITEMS / 2 {
            items.remove((2 * item).to_bytes()).unwrap();
        }
        for order in ORDERS {
            assert!(matches!(walk(before.clone(), order), (ITEMS, None)));
            assert_eq!(walk(items.clone(), order).0, ITEMS / 2);
            items.rotate_memtable_and_wait().unwrap();
            items.major_compact().unwrap();
            assert!(matches!(walk(before.clone(), order), (ITEMS, None)));
        }
        items.clear().unwrap();
        assert!(matches!(walk(items.clone(), Order::Ascending), (0, None)));
        assert!(matches!(walk(before, Order::Ascending), (ITEMS, None)));
    }
}

#[test]
fn a_keyspace_that_is_deleted_or_whose_database_is_dropped_can_still_be_walked() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let items = keyspace(&db, "items");
    fill(&items, ITEMS);
    db.delete_keyspace(items.clone()).unwrap();
    assert!(matches!(
        walk(items.clone(), Order::Descending),
        (ITEMS, None)
    ));
    drop(db);
    assert!(matches!(
        walk(items.clone(), Order::Ascending),
        (ITEMS, None)
    ));
    let again = Database::builder(folder.path()).open();
    assert!(matches!(again, Err(fjall::Error::Locked)));
}

/// Counts how often each item was done; one fails.
fn count(db: &Database, job: Job<'_, Tree<u64>, FjallCheckpoints>, bad: u64) -> (u64, u64) {
    let times = keyspace(db, "times");
    let outcome = job.run(|batch, items| {
        for (item, _) in items {
            let before = times_of(&times, *item)?;
            // The last change counts.
            batch.remove(&times, item.to_bytes());
            batch.insert(&times, item.to_bytes(), 99_u64.to_bytes());
            batch.insert(&times, item.to_bytes(), (before + 1).to_bytes());
            if *item == bad {
                return Err("bad".into());
            }
        }
        Ok(())
    });
    let outcome = outcome.unwrap();
    (outcome.items(), outcome.skipped())
}

fn times_of(times: &Keyspace, item: u64) -> Result<u64, BoxError> {
    let times = times.get(item.to_bytes())?;
    Ok(times.map_or(Ok(0), |times| u64::decode(&times))?)
}

fn job<'a>(db: &Database, name: &str) -> Job<'a, Tree<u64>, FjallCheckpoints> {
    let walk = Walk::new(Tree::new(keyspace(db, "items"))).chunk_size(4);
    Job::new(
        name,
        walk,
        FjallCheckpoints::new(db).persist(PersistMode::Buffer),
    )
}

#[test]
fn a_skipped_item_is_undone_alone_and_its_letter_goes_with_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    fill(&keyspace(&db, "items"), 9);
    let mut checkpoints = FjallCheckpoints::new(&db);
    assert_eq!(checkpoints.load("job").unwrap(), None);
    assert!(!checkpoints.reset("job").unwrap() && !db.keyspace_exists("keywalk_jobs"));
    let names = ["jo", "job", "job\0", "job\0s", "job's"];
    for name in names {
        assert_eq!(count(&db, job(&db, name).skip_failures(), 6), (9, 1));
    }
    let times = keyspace(&db, "times");
    for item in 0..9 {
        let times = times_of(&times, item).unwrap();
        assert_eq!(times, if item == 6 { 0 } else { names.len() as u64 });
    }
    let letters = checkpoints.dead_letters("job").unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].key(), letters[0].error()), ("6", "bad"));
    assert!(checkpoints.reset("job").unwrap() && !checkpoints.reset("job").unwrap());
    assert!(checkpoints.dead_letters("job").unwrap().is_empty());
    let left = checkpoints.list().unwrap();
    assert_eq!(left.len(), 4);
    for left in left {
        assert_eq!(checkpoints.dead_letters(left.job()).unwrap().len(), 1);
    }
}

#[test]
fn one_runner_has_a_job_at_a_time_and_a_later_run_fences_an_earlier_one() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [db, other] = folders.each_ref().map(|folder| open(folder.path()));
    let items = keyspace(&db, "items");
    fill(&items, 9);
    let mut checkpoints = FjallCheckpoints::new(&db);
    let lease = checkpoints.lease("job").unwrap().unwrap();
    for _ in 0..2 {
        assert!(FjallCheckpoints::new(&db).lease("job").unwrap().is_none());
    }
    assert!(checkpoints.lease("another").unwrap().is_some());
    let mut elsewhere = FjallCheckpoints::new(&other);
    assert!(elsewhere.lease("job").unwrap().is_some());
    drop(lease);

    count(&db, job(&db, "job"), 99);
    let stale = checkpoints.load("job").unwrap().unwrap();
    count(&db, job(&db, "job").restart_when_done(), 99);
    let (mut batch, ()) = checkpoints.begin().unwrap();
    batch.remove(&items, 0_u64.to_bytes());
    let error = FjallCheckpoints::commit(batch, (), &stale).unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::Superseded);
    assert!(items.contains_key(0_u64.to_bytes()).unwrap(), "undone");
}

#[test]
fn a_checkpoint_or_a_letter_that_was_changed_is_an_error_and_a_reset_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    fill(&keyspace(&db, "items"), 9);
    let (mut checkpoints, name) = (FjallCheckpoints::new(&db), "job".to_owned().to_bytes());
    keyspace(&db, "keywalk_jobs")
        .insert(name.clone(), "{}")
        .unwrap();
    let error = checkpoints.load("job").unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::Content);
    assert!(error.to_string().contains("reset the job"), "{error}");
    assert!(checkpoints.reset("job").unwrap());
    assert_eq!(count(&db, job(&db, "job"), 99), (9, 0));

    keyspace(&db, "keywalk_dead_letters")
        .insert(name, "")
        .unwrap();
    let error = checkpoints.dead_letters("job").unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::Content);
    let error = checkpoints.load(&"long".repeat(20_000)).unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::TooLong);
}

#[test]
fn a_change_that_fjall_could_not_take_panics_in_the_function() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [db, other] = folders.each_ref().map(|folder| open(folder.path()));
    let (ours, theirs) = (keyspace(&db, "items"), keyspace(&other, "items"));
    for (keyspace, length, message) in [
        (&ours, 65_535, None),
        (&ours, 0, Some("and not 0")),
        (&ours, 65_536, Some("and not 65536")),
        (&theirs, 1, Some(r#""items" is of another database"#)),
    ] {
        let (mut batch, ()) = FjallCheckpoints::new(&db).begin().unwrap();
        let remove = AssertUnwindSafe(|| batch.remove(keyspace, vec![1; length]));
        let panic = catch_unwind(remove).err();
        let panic = panic.map(|panic| *panic.downcast::<String>().unwrap());
        let is_right = panic
            .as_deref()
            .unwrap_or_default()
            .contains(message.unwrap_or_default());
        assert!(
            is_right && panic.is_some() == message.is_some(),
            "{panic:?}"
        );
    }
}
