//! A system that has no thread to give.

use std::process::Command;
use std::thread;

use keywalk::Walk;

use crate::numbers::{Numbers, Trouble};

/// Larger than any memory.
const STACK: &str = "4611686018427387904";

/// In a process of its own, whose threads can't be started: their stack is too large. With one test at a
/// time the test's own thread is the first one.
#[test]
fn without_a_thread_to_be_had_the_caller_fetches() {
    if std::env::var("RUST_MIN_STACK").as_deref() == Ok(STACK) {
        assert!(thread::Builder::new().spawn(|| ()).is_err());
        let (numbers, watch) = Numbers::new(10, Trouble::None);
        let items = Walk::new(numbers).chunk_size(3).prefetch(2).items();
        let items: Vec<u32> = items.map(|item| *item.unwrap()).collect();
        assert_eq!(items, Vec::from_iter(0..10));
        assert_eq!(watch.threads(), [thread::current().id(); 4]);
        return;
    }
    let name = "thread::without_a_thread_to_be_had_the_caller_fetches";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env("RUST_MIN_STACK", STACK)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}
