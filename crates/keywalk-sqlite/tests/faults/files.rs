//! Faults made through the files: cut, overwritten, replaced, deleted while they are walked.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use keywalk::Walk;
use keywalk_sqlite::{ErrorKind, Table};
use rusqlite::{Connection, ErrorCode};

use crate::trial::{Trial, code_of, source_of};
use crate::world::{ROWS, Way, World, connect};

/// Overwrites a file in place: its bytes change under those that have it open.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

/// Overwrites a part of a file, and leaves its length as it is.
fn overwrite_head(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// As if the page cache had no room for them: what is read next is read from the files.
fn forget_pages(db: &Connection) {
    db.execute_batch("PRAGMA shrink_memory").unwrap();
}

/// Cuts the file to `keep` of its bytes, and restores it.
fn cut(
    name: &str,
    world: &World,
    keep: impl Fn(usize) -> usize,
    code: ErrorCode,
    trials: impl Iterator<Item = Trial>,
) {
    let path = world.file(name);
    let whole = fs::read(&path).unwrap();
    for trial in trials {
        trial.holds(
            &world.db,
            code,
            || {
                overwrite(&path, &whole[..keep(whole.len())]);
                forget_pages(&world.db);
            },
            || overwrite(&path, &whole),
        );
    }
}

/// The header says how many pages there are, and each fetch compares.
#[test]
fn a_database_that_is_cut_is_corrupt_until_it_is_whole_again() {
    let world = World::new("DELETE");
    let half = |len: usize| len / 1024 * 512;
    cut(
        "items.db",
        &world,
        half,
        ErrorCode::DatabaseCorrupt,
        Trial::all(),
    );
}

#[test]
fn a_database_that_is_cut_within_its_first_page_is_corrupt() {
    let world = World::new("DELETE");
    let cut_off = ErrorCode::DatabaseCorrupt;
    cut("items.db", &world, |_| 300, cut_off, Trial::after(260));
}

/// An empty file is an empty database: it has no such table.
#[test]
fn a_database_that_is_emptied_is_an_error_and_not_the_end() {
    let world = World::new("DELETE");
    let whole = fs::read(world.path()).unwrap();
    for trial in Trial::all() {
        trial.holds_with(
            &world.db,
            |error| {
                let source = source_of(error);
                // SQLite says so of a query.
                let says_sqlite = trial.way == Way::Query && source.kind() == ErrorKind::Sqlite;
                let says_so = source.kind() == ErrorKind::NoSuchTable || says_sqlite;
                assert!(says_so, "{trial:?}: {source:?}");
            },
            || {
                overwrite(&world.path(), &[]);
                forget_pages(&world.db);
            },
            || {
                overwrite(&world.path(), &whole);
                // Of an empty file SQLite remembers nothing to compare the new one with.
                forget_pages(&world.db);
            },
        );
    }
}

/// All rows are in the WAL alone.
fn wal() -> World {
    let world = World::new("WAL");
    world
        .db
        .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE t SET name = name || ''")
        .unwrap();
    world
}

#[test]
fn a_wal_that_is_cut_is_an_io_error_until_it_is_whole_again() {
    let world = wal();
    cut(
        "items.db-wal",
        &world,
        |_| 32,
        ErrorCode::SystemIoFailure,
        Trial::after(260),
    );
}

/// Frames carry checksums, which only recovery looks at: to a reader their pages are as good or as
/// bad as pages of the database.
#[test]
fn a_wal_whose_frames_are_overwritten_is_no_database_until_it_is_restored() {
    let world = wal();
    let path = world.file("items.db-wal");
    let whole = fs::read(&path).unwrap();
    let mut garbage = whole.clone();
    garbage[32..].fill(0x5a);
    for trial in Trial::after(260) {
        trial.holds(
            &world.db,
            ErrorCode::NotADatabase,
            || {
                overwrite_head(&path, &garbage);
                forget_pages(&world.db);
            },
            || {
                overwrite_head(&path, &whole);
                forget_pages(&world.db);
            },
        );
    }
}

/// The header of the WAL's index is checked by each fetch, and the index made anew from the WAL.
#[test]
fn an_index_of_the_wal_that_is_overwritten_is_made_anew() {
    let world = wal();
    for (trial, byte) in Trial::after(260).flat_map(|trial| [(trial, 0), (trial, 0xff)]) {
        let head = [byte; 136];
        trial.goes_on(&world.db, || {
            overwrite_head(&world.file("items.db-shm"), &head)
        });
    }
}

/// What is there in the place of a rollback journal can't be read. On Windows SQLite takes what has no bytes for
/// no journal.
#[test]
fn a_journal_that_is_a_directory_is_an_io_error_until_it_is_gone() {
    let world = World::new("DELETE");
    let journal = world.file("items.db-journal");
    for trial in Trial::all() {
        if cfg!(windows) {
            trial.goes_on(&world.db, || fs::create_dir(&journal).unwrap());
            fs::remove_dir(&journal).unwrap();
            continue;
        }
        trial.holds(
            &world.db,
            ErrorCode::SystemIoFailure,
            || fs::create_dir(&journal).unwrap(),
            || fs::remove_dir(&journal).unwrap(),
        );
    }
}

/// Opening fails for good, before anything is walked.
#[test]
fn a_database_that_is_a_directory_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let refused = Connection::open(dir.path()).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::CannotOpen));
}

/// A rename over the file, as a restore from a backup does it: the connection reads on in the file
/// that it opened, and a new connection reads the new one. Windows refuses the rename while the file is open.
#[test]
fn a_database_that_is_replaced_is_walked_to_its_end_as_it_was() {
    for (mode, trial) in Trial::after(260).flat_map(|trial| [("DELETE", trial), ("WAL", trial)]) {
        let world = World::new(mode);
        let other = World::new(mode);
        other
            .db
            .execute_batch("DELETE FROM t WHERE id > 1")
            .unwrap();
        other
            .db
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .ok();
        let new = other.path();
        drop(other.db);
        trial.goes_on(&world.db, || {
            assert_eq!(fs::rename(&new, world.path()).is_err(), cfg!(windows));
            forget_pages(&world.db);
        });
        // The replaced file's WAL would be taken for the new one's.
        for left in ["items.db-wal", "items.db-shm"] {
            fs::remove_file(world.file(left)).ok();
        }
        let rows = |db: &Connection| -> i64 {
            db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                .unwrap()
        };
        let replaced = if cfg!(windows) { ROWS } else { 1 };
        assert_eq!(rows(&connect(&world.path())), replaced);
        assert_eq!(rows(&world.db), ROWS);
    }
}

/// Windows deletes no file that is open.
#[test]
fn a_database_that_is_deleted_is_walked_to_its_end() {
    for (mode, trial) in Trial::after(260).flat_map(|trial| [("DELETE", trial), ("WAL", trial)]) {
        let world = World::new(mode);
        trial.goes_on(&world.db, || {
            for name in ["items.db", "items.db-wal", "items.db-shm"] {
                fs::remove_file(world.file(name)).ok();
            }
            assert_eq!(world.path().exists(), cfg!(windows));
            forget_pages(&world.db);
        });
    }
}

#[test]
fn a_header_that_is_overwritten_is_no_database_until_it_is_restored() {
    let world = World::new("DELETE");
    let head = fs::read(world.path()).unwrap()[..100].to_vec();
    for trial in Trial::all() {
        trial.holds(
            &world.db,
            ErrorCode::NotADatabase,
            || {
                overwrite_head(&world.path(), &[0x5a; 100]);
                forget_pages(&world.db);
            },
            || overwrite_head(&world.path(), &head),
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
    let table = Table::new(&db, "t");
    let mut items = Walk::new(table).items();
    let refused = items.next().unwrap().unwrap_err();
    assert_eq!(code_of(&refused), ErrorCode::NotADatabase);
    assert!(items.next().is_none());
    assert!(!db.is_busy() && db.is_autocommit());
}

#[test]
fn a_connection_that_moved_with_its_table_is_free_after_an_error() {
    let world = World::new("DELETE");
    let path = world.path();
    let head = fs::read(&path).unwrap()[..100].to_vec();
    let table = Table::new(world.db, "t").key::<i64>(["id"]).unwrap();
    let mut items = Walk::new(table).chunk_size(7).items();
    assert_eq!(items.next().unwrap().unwrap().0, 1);
    overwrite_head(&path, &[0x5a; 100]);
    let errors = items.by_ref().take(20).filter(Result::is_err).count();
    assert_eq!(errors, 1);
    overwrite_head(&path, &head);
    let cursor = items.cursor();
    let source = items.into_source();
    let delete = "DELETE FROM t WHERE id = 9";
    source.connection().execute(delete, []).unwrap();
    let rest = Walk::new(source).resume(cursor).items();
    assert_eq!(rest.map(Result::unwrap).count() as i64, ROWS - 8);
}
