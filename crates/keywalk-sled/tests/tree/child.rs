//! Work in a process of its own, so that what hangs or aborts in sled is seen and ends.

use std::env;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crate::files::NO_CHILD_STARTS;

/// A child that takes longer hangs: it takes a tenth of a second or, where sled looks for something a
/// million times, some seconds.
const LONGEST: Duration = Duration::from_secs(120);

const JOB: &str = "KEYWALK_JOB";

/// What begins a line that is the child's, not the test harness's.
const MARK: &str = "> ";

/// How a child ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Well,
    Badly,
    Hung,
}

/// Has a child do a [`job`], and tells what it said and how it ended.
pub(crate) fn run(job: &str, directory: &Path) -> (Vec<String>, Ended) {
    let starting = NO_CHILD_STARTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let mut child = Command::new(env::current_exe().expect("a test has a file"))
        .args(["--exact", "child::job", "--ignored", "--nocapture"])
        .env(JOB, job)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child starts");
    drop(starting);
    let output = child.stdout.take().expect("it is piped");
    let (send, receive) = mpsc::channel();
    let reader = thread::spawn(move || {
        let lines: io::Result<Vec<String>> = BufReader::new(output).lines().collect();
        // Whether anybody waits still.
        let _ = send.send(());
        lines.unwrap_or_default()
    });
    let hung = receive.recv_timeout(LONGEST).is_err();
    if hung {
        child.kill().expect("it is ours");
    }
    let status = child.wait().expect("it is ours");
    let lines = reader.join().expect("it only reads");
    let ended = match (hung, status.success()) {
        (true, _) => Ended::Hung,
        (false, true) => Ended::Well,
        (false, false) => Ended::Badly,
    };
    let said = lines.iter().filter_map(|line| line.split_once(MARK));
    (said.map(|(_, said)| said.to_owned()).collect(), ended)
}

/// In a child: tells the parent.
pub(crate) fn say(what: &str) {
    println!("{MARK}{what}");
}

/// Not a test: what a child does, in the database's directory.
#[test]
#[ignore = "for a child process"]
fn job() {
    if let Ok(job) = env::var(JOB) {
        crate::anywhere::damage_and_walk(Path::new("."), &job);
    }
}
