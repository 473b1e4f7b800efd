//! A second process over the same file: this test binary, run again.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::world::connect;

const PATH: &str = "KEYWALK_OTHER_PROCESS";

/// Runs SQL when it is told to.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(path: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "process::the_other_process", "--nocapture"])
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this binary runs");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Process {
            child,
            input,
            output,
        }
    }

    /// Runs SQL in the other process, and waits until that is done.
    pub(crate) fn run(&mut self, sql: &str) {
        assert_eq!(self.try_run(sql), "done", "{sql}");
    }

    /// As [`run`](Self::run); what SQLite said.
    pub(crate) fn try_run(&mut self, sql: &str) -> String {
        writeln!(self.input, "{}", sql.replace('\n', " ")).unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it is gone");
            // What the test runner prints stands before it.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim().to_owned();
            }
        }
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it; its connection is closed.
    pub(crate) fn end(mut self) {
        drop(self.input);
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
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
