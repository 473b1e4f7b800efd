//! Faults made through the files, and by others that use them: cut, overwritten, replaced, deleted, locked
//! while they are walked.

use std::fs;

use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Table};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::trial::{
    Fault, Trial, Way, World, assert_free, code_of, connect, fill, source_of, sqlite_error,
};

/// Tests: a fault that stays until it is lifted. In a world, a file's bytes at the start; the trials;
/// SQLite's code; how the fault is made, of which the connection remembers nothing then, and lifted.
macro_rules! lasting {
    ($($(#[$about:meta])* $name:ident: $world:expr, $file:literal, $trials:expr => $code:ident,
        $strike:expr, $lift:expr;)+) => {$(
        $(#[$about])*
        #[test]
        fn $name() {
            let world = $world;
            let whole = world.read($file);
            let [strike, lift]: [fn(&World, &[u8]); 2] = [$strike, $lift];
            for trial in $trials {
                let strike = || {
                    strike(&world, &whole);
                    world.forget_pages();
                };
                let lift = || lift(&world, &whole);
                trial.holds(&world.db, ErrorCode::$code, &strike, &lift);
            }
        }
    )+};
}

lasting! {
    /// The header says how many pages there are, and each fetch compares.
    a_database_that_is_cut_is_corrupt_until_it_is_whole_again:
        World::new("DELETE"), "items.db", Trial::all() => DatabaseCorrupt,
        |world, whole| world.overwrite("items.db", &whole[..whole.len() / 1024 * 512]),
        |world, whole| world.overwrite("items.db", whole);

    a_header_that_is_overwritten_is_no_database_until_it_is_restored:
        World::new("DELETE"), "items.db", Trial::all() => NotADatabase,
        |world, _| world.overwrite_head("items.db", &[0x5a; 100]),
        |world, whole| world.overwrite_head("items.db", &whole[..100]);

    a_wal_that_is_cut_is_an_io_error_until_it_is_whole_again:
        World::in_wal(), "items.db-wal", Trial::all() => SystemIoFailure,
        |world, whole| world.overwrite("items.db-wal", &whole[..32]),
        |world, whole| world.overwrite("items.db-wal", whole);

    /// The walk has to open the WAL once another connection made the database use one, and a directory can't
    /// be.
    a_wal_that_cannot_be_opened_is_an_io_error_until_it_can_be:
        World::new("DELETE"), "items.db", Trial::all() => CannotOpen,
        |world, _| {
            world.db.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
            connect(&world.path()).execute_batch("PRAGMA journal_mode = WAL").unwrap();
            fs::create_dir(world.file("items.db-wal")).unwrap();
        },
        |world, _| fs::remove_dir(world.file("items.db-wal")).unwrap();

    /// Another connection writes into the schema table what can't be read any more.
    a_malformed_schema_is_corrupt_until_it_is_mended:
        World::new("DELETE"), "items.db", Trial::all() => DatabaseCorrupt,
        |world, _| change_schema(world, "replace(sql, ', n INT', '; n INT')"),
        |world, _| change_schema(world, "replace(sql, '; n INT', ', n INT')");
}

/// Who has read the schema before reads it again.
fn change_schema(world: &World, sql: &str) {
    let other = connect(&world.path());
    other.execute_batch("PRAGMA writable_schema = ON").unwrap();
    let get = "PRAGMA schema_version";
    let version: i64 = other.query_row(get, [], |row| row.get(0)).unwrap();
    let set = format!(
        "UPDATE sqlite_schema SET sql = {sql} WHERE name = 't'; PRAGMA schema_version = {}",
        version + 1
    );
    other.execute_batch(&set).unwrap();
}

/// An empty file is an empty database: it has no such table.
#[test]
fn a_database_that_is_emptied_is_an_error_and_not_the_end() {
    let world = World::new("DELETE");
    let whole = world.read("items.db");
    // Of an empty file SQLite remembers nothing to compare the new one with.
    let turn_into = |bytes: &[u8]| {
        world.overwrite("items.db", bytes);
        world.forget_pages();
    };
    for trial in Trial::all() {
        let check = &|error: &_| {
            let source = source_of(error);
            // SQLite says so of a query.
            let says_sqlite = trial.way == Way::Query && source.kind() == ErrorKind::Sqlite;
            let says_so = source.kind() == ErrorKind::NoSuchTable || says_sqlite;
            assert!(says_so, "{trial:?}: {source:?}");
        };
        let (strike, lift) = (&|| turn_into(&[]), &|| turn_into(&whole));
        trial.holds_with(
            &world.db,
            &Fault {
                check,
                strike,
                lift,
            },
        );
    }
}

/// As an encrypted file without its key looks.
#[test]
fn a_file_that_is_no_database_is_refused_by_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("items.db");
    fs::write(&path, [0x5a; 4096]).unwrap();
    let db = connect(&path);
    let refused = Table::new(&db, "t").key::<i64>(["id"]).unwrap_err();
    let refused = keywalk::Error::Source(refused);
    assert_eq!(code_of(&refused), ErrorCode::NotADatabase);
    let mut items = Walk::new(Table::new(&db, "t")).items();
    let refused = items.next().unwrap().unwrap_err();
    assert_eq!(code_of(&refused), ErrorCode::NotADatabase);
    assert!(items.next().is_none());
    assert_free(&db, "no database");
}

/// A rename over the file, as a restore from a backup does it: the connection reads on in the file
/// that it opened, and a new connection reads the new one. Windows refuses the rename while the file is open.
#[test]
fn a_database_that_is_replaced_is_walked_to_its_end_as_it_was() {
    for (mode, trial) in Trial::after(260).flat_map(|trial| [("DELETE", trial), ("WAL", trial)]) {
        let (world, other) = (World::new(mode), World::new("DELETE"));
        trial.goes_on(&world.db, || {
            let renamed = fs::rename(other.path(), world.path());
            assert_eq!(renamed.is_err(), cfg!(windows));
            world.forget_pages();
        });
    }
}

#[test]
fn a_connection_that_is_told_only_to_query_is_walked() {
    let world = World::new("WAL");
    world.db.execute_batch("PRAGMA query_only = ON").unwrap();
    let refused = world.db.execute("DELETE FROM t", []).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::ReadOnly));
    for trial in Trial::after(0) {
        trial.goes_on(&world.db, || ());
    }
}

/// A writer that dies in the middle of a transaction leaves a hot journal, which only who may write can roll
/// back.
#[test]
fn a_journal_that_only_a_writer_can_roll_back_is_an_error_until_one_did() {
    for trial in Trial::after(260) {
        let world = World::new("DELETE");
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(world.path(), read_only).unwrap();
        let crash = || {
            let other = connect(&world.path());
            let write = "PRAGMA cache_size = 1; BEGIN; UPDATE t SET name = 'lost'; DELETE FROM t";
            other.execute_batch(write).unwrap();
            let files = ["items.db", "items.db-journal"].map(|name| (name, world.read(name)));
            other.execute_batch("ROLLBACK").unwrap();
            for (name, bytes) in files {
                fs::write(world.file(name), bytes).unwrap();
            }
        };
        let roll_back = || {
            let count = "SELECT count(*) FROM t";
            world.db.query_row(count, [], |_| Ok(())).unwrap();
            assert!(!world.file("items.db-journal").exists());
        };
        trial.holds(&db, ErrorCode::ReadOnly, &crash, &roll_back);
    }
}

/// BUSY. A writer whose cache overflows, or that commits, keeps new readers out; one that has only begun
/// doesn't.
#[test]
fn another_connection_locks_the_file_or_writes_to_it_and_the_walk_is_busy() {
    let world = World::new("DELETE");
    let other = connect(&world.path());
    let run = |sql| other.execute_batch(sql).unwrap();
    let busy = ErrorCode::DatabaseBusy;
    for trial in Trial::all() {
        trial.holds(&world.db, busy, &|| run("BEGIN EXCLUSIVE"), &|| {
            run("ROLLBACK")
        });
    }
    run("PRAGMA cache_size = 1");
    for trial in Trial::after(1) {
        trial.goes_on(&world.db, || {
            run("BEGIN IMMEDIATE; DELETE FROM t WHERE id = -1")
        });
        run("ROLLBACK");
        let write = || run("BEGIN; UPDATE t SET name = 'later'");
        trial.holds(&world.db, busy, &write, &|| run("ROLLBACK"));
    }
}

#[test]
fn another_connection_has_the_wal_for_itself_and_the_walk_is_busy() {
    let world = World::new("WAL");
    let path = world.path();
    world
        .db
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT")
        .unwrap();
    for way in Way::ALL {
        let db = connect(&path);
        let refused = way.source(&db).err().expect("the WAL is locked");
        let refused = keywalk::Error::Source(refused);
        assert_eq!(code_of(&refused), ErrorCode::DatabaseBusy);
        assert_free(&db, way);
    }
}

/// Two connections of one cache, which share its memory and lock tables of each other.
fn shared(name: &str) -> (Connection, Connection) {
    let uri = format!("file:{name}?mode=memory&cache=shared");
    let db = Connection::open(&uri).unwrap();
    fill(&db);
    (db, Connection::open(&uri).unwrap())
}

#[test]
fn another_connection_of_a_shared_cache_locks_the_table() {
    let (db, other) = shared("locked");
    let check = &|error: &_| {
        assert_eq!(code_of(error), ErrorCode::DatabaseLocked);
        let extended = sqlite_error(error).sqlite_extended_error_code();
        assert_eq!(extended, Some(ffi::SQLITE_LOCKED_SHAREDCACHE));
    };
    let write = "BEGIN; UPDATE t SET name = name WHERE id = 1";
    let run = |sql| other.execute_batch(sql).unwrap();
    let (strike, lift) = (&|| run(write), &|| run("ROLLBACK"));
    for trial in Trial::all() {
        trial.holds_with(
            &db,
            &Fault {
                check,
                strike,
                lift,
            },
        );
    }
}

/// Asking for it isn't holding it: what the other connection is about to do with the table never
/// meets a lock of the walk's.
#[test]
fn a_walk_that_was_refused_leaves_no_lock_behind() {
    let (db, other) = shared("free");
    let mut items = Walk::new(Way::ById.source(&db).unwrap())
        .chunk_size(7)
        .items();
    assert_eq!(items.next().unwrap().unwrap().0, 1);
    other
        .execute_batch("BEGIN; DELETE FROM t WHERE id > 500")
        .unwrap();
    assert!(items.by_ref().any(|item| item.is_err()));
    other.execute_batch("COMMIT; DROP TABLE t").unwrap();
    assert!(
        Table::new(&db, "t").key::<i64>(["id"]).is_err(),
        "it is gone"
    );
}
