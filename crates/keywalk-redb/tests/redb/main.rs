//! What is redb's own: tables that don't exist, files that can't be read, typed keys from outside; and jobs.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use keywalk::{Order, ResumableSource, Walk};
use keywalk_redb::{Encoded, ErrorKind, Key, Snapshot, Table, Tree, TypedTable};
use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend, TableDefinition};

#[cfg(feature = "jobs")]
mod jobs;

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
