//! What is redb's own: tables that don't exist, files that can't be read, typed keys from outside, jobs.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use keywalk::{Order, ResumableSource, Walk};
use keywalk_job::{CheckpointStore, DeadLetters, Job, Leases};
use keywalk_redb::{
    CheckpointErrorKind, Encoded, ErrorKind, Key, RedbCheckpoints, Snapshot, Table, Tree,
    TypedTable,
};
use redb::backends::InMemoryBackend;
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
};

const ITEMS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("items");
const TIMES: TableDefinition<'_, u64, u64> = TableDefinition::new("times");

/// A file that can be made unreadable.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<(InMemoryBackend, AtomicBool)>);

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.0.1.load(SeqCst) {
            true => Err(io::Error::other("unplugged")),
            false => self.0.0.read(offset, out),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.0.write(offset, data)
    }
}

fn open(disk: &Disk) -> Database {
    let mut builder = Database::builder();
    // Without a cache, each fetch reads the file.
    builder.set_cache_size(0);
    builder.create_with_backend(disk.clone()).unwrap()
}

/// A database with this many items.
fn database(disk: &Disk, items: u64) -> Database {
    let db = open(disk);
    let tx = db.begin_write().unwrap();
    for item in 0..items {
        let mut table = tx.open_table(ITEMS).unwrap();
        table.insert(&*item.to_bytes(), &[7; 500][..]).unwrap();
    }
    tx.commit().unwrap();
    db
}

fn items(db: &Database) -> Tree<u64, &Database> {
    Tree::new(Table::new(db, ITEMS))
}

#[test]
fn a_table_that_does_not_exist_or_has_other_types_is_an_error_that_says_so() {
    let db = database(&Disk::default(), 1);
    let typo = TableDefinition::new("itmes");
    let typed = TableDefinition::<u64, u64>::new("items");
    let absent = Walk::new(Tree::<u64, _>::new(Table::new(&db, typo)))
        .items()
        .next();
    let mistyped = Walk::new(TypedTable::new(&db, typed)).items().next();
    let errors = [
        (absent.unwrap().unwrap_err(), "Table 'itmes' does not exist"),
        (
            mistyped.unwrap().unwrap_err(),
            "items has key type &[u8] and value type &[u8]",
        ),
    ];
    for (error, cause) in errors {
        let keywalk::Error::Source(error) = error else {
            panic!("{error}");
        };
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(error.source().unwrap().to_string(), cause);
        assert!(
            error.to_string().contains(" (redb) can't be read"),
            "{error}"
        );
    }
}

#[test]
fn a_walk_whose_file_failed_resumes_once_the_database_is_open_again() {
    let disk = Disk::default();
    let db = database(&disk, 900);
    let mut walk = Walk::new(items(&db)).chunk_size(100).items();
    assert!(walk.by_ref().take(150).all(|item| item.is_ok()));
    disk.0.1.store(true, SeqCst);
    let error = walk.find_map(Result::err).unwrap();
    assert!(error.to_string().contains("resume the walk"), "{error}");
    let token = walk.token().unwrap();
    drop(walk);
    disk.0.1.store(false, SeqCst);
    drop(db);
    let db = open(&disk);
    let rest = Walk::new(items(&db)).resume_token(&token).unwrap();
    assert_eq!(rest.items().last().unwrap().unwrap().0, 899);
}

#[test]
fn tables_of_a_snapshot_share_its_state_which_outlives_what_changes() {
    let mut db = database(&Disk::default(), 9);
    let snapshot = Snapshot::of(&db).unwrap();
    let tx = db.begin_write().unwrap();
    tx.delete_table(ITEMS).unwrap();
    tx.commit().unwrap();
    assert!(db.compact().is_err(), "the snapshot is open");
    for order in [Order::Ascending, Order::Descending] {
        let table = Tree::<u64, _>::new(Table::new(snapshot.clone(), ITEMS));
        assert_eq!(Walk::new(table).order(order).items().count(), 9);
    }
    drop(snapshot);
    db.compact().unwrap();
}

#[test]
fn bytes_that_are_no_key_of_redbs_type_are_refused_and_others_come_back() {
    let db = database(&Disk::default(), 0);
    let table = TypedTable::new(&db, TableDefinition::<(&str, u64), ()>::new("pairs"));
    let key = Encoded::new(("ada", 7));
    let mut bytes = Vec::new();
    table.encode_key(&key, &mut bytes);
    assert_eq!(table.decode_key(&bytes).unwrap(), Some(key.clone()));
    assert_eq!(table.key_text(&key), r#"("ada", 7)"#);
    for damaged in [
        &bytes[1..],
        &[0xff; 12],
        &[],
        &[bytes.as_slice(), &[0]].concat(),
    ] {
        assert_eq!(table.decode_key(damaged).unwrap(), None, "{damaged:?}");
    }
    let width = TypedTable::new(&db, TIMES);
    assert_eq!(width.decode_key(&[1; 9]).unwrap(), None);
    let token = Walk::new(items(&db)).items().token().unwrap();
    assert!(Walk::new(width).resume_token(&token).is_err());
}

#[test]
fn a_typed_value_that_its_closure_refuses_is_an_error_that_names_the_key() {
    let db = database(&Disk::default(), 0);
    let tx = db.begin_write().unwrap();
    tx.open_table(TIMES).unwrap().insert(300, 1).unwrap();
    tx.commit().unwrap();
    let table = TypedTable::new(&db, TIMES).map_into(|_, _, _: &mut u64| Err("bad"));
    let error = Walk::new(table).items().next().unwrap().unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r#""times" (redb) at the key 300 "#),
        "{error}"
    );
}

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
