//! A second process over the same file: this test binary, run again.

use std::cell::RefCell;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::trial::connect;

const PATH: &str = "KEYWALK_OTHER_PROCESS";

/// Runs SQL when it is told to.
pub(crate) struct Process {
    child: RefCell<Child>,
    output: RefCell<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(path: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "faults::process::the_other_process",
                "--nocapture",
            ])
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this binary runs");
        let output = BufReader::new(child.stdout.take().unwrap());
        Process {
            child: child.into(),
            output: output.into(),
        }
    }

    /// Runs SQL in the other process, and waits until that is done.
    pub(crate) fn run(&self, sql: &str) {
        let mut child = self.child.borrow_mut();
        writeln!(child.stdin.as_mut().unwrap(), "{}", sql.replace('\n', " ")).unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.borrow_mut().read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it is gone");
            // What the test runner prints stands before it.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return assert_eq!(answer.trim(), "done", "{sql}");
            }
        }
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(self) {
        let mut child = self.child.into_inner();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends it; its connection is closed.
    pub(crate) fn end(self) {
        let mut child = self.child.into_inner();
        drop(child.stdin.take());
        std::io::copy(&mut self.output.into_inner(), &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

/// Not a test, but what [`Process`] runs.
#[test]
fn the_other_process() {
    let Some(path) = env::var_os(PATH) else {
        return;
    };
    let db = connect(Path::new(&path));
    for line in std::io::stdin().lines() {
        match db.execute_batch(&line.unwrap()) {
            Ok(()) => println!("answer: done"),
            Err(error) => println!("answer: {error}"),
        }
    }
}
