//! Jobs over embedded stores that are killed, a few times. `cargo run -p keywalk-tests --bin crash` kills them 50 times.

use std::process::Command;

fn each_row_is_done_once_in(store: &str) {
    let mut crash = Command::new(env!("CARGO_BIN_EXE_crash"));
    crash.args(["--kills", "3", "--rows", "5000", "--store", store]);
    let output = crash.output().unwrap();
    let line = "crash test: 3 kills, 5000 rows, 0 missed, 0 repeated\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), line, "{output:?}");
}

#[test]
fn each_row_is_done_once_in_redb_though_its_process_is_killed() {
    each_row_is_done_once_in("redb");
}

#[test]
fn each_row_is_done_once_in_fjall_though_its_process_is_killed() {
    each_row_is_done_once_in("fjall");
}
