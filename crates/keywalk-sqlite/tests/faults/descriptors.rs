//! CANTOPEN: the process has no file descriptor left.

use std::cell::RefCell;
use std::env;
use std::fs::File;
use std::process::{Command, Stdio};

use rusqlite::ErrorCode;

use crate::trial::{Trial, code_of};
use crate::world::World;

const LIMITED: &str = "KEYWALK_FEW_DESCRIPTORS";

/// In a process of its own, since the limit is the process's.
#[test]
fn a_file_that_cannot_be_opened_is_an_error_until_there_are_descriptors_again() {
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "descriptors::in_a_process_of_few_descriptors"])
        .env(LIMITED, "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

/// Not a test, but what that process runs. The walk has to open the WAL once another connection made
/// the database use one.
#[test]
fn in_a_process_of_few_descriptors() {
    if env::var_os(LIMITED).is_none() {
        return;
    }
    let check = |error: &_| assert_eq!(code_of(error), ErrorCode::CannotOpen);
    for trial in Trial::after(7) {
        for is_by_chunks in [false, true] {
            let world = World::new("DELETE");
            let taken = RefCell::new(Vec::new());
            let strike = || {
                world
                    .another()
                    .execute_batch("PRAGMA journal_mode = WAL")
                    .unwrap();
                while let Ok(file) = File::open(world.path()) {
                    taken.borrow_mut().push(file);
                }
            };
            let lift = || taken.borrow_mut().clear();
            if is_by_chunks {
                trial.chunks_hold(&world.db, &check, strike, lift);
            } else {
                trial.items_hold(&world.db, &check, strike, lift);
            }
        }
    }
}
