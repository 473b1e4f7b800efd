//! Runs the `#[test]` of a check once more, in a process of its own.

use std::env;
use std::fmt::Display;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use crate::config::Config;

/// If this variable is set, a check only prints what it finds out. Its value is the path of the check's test.
const VARIABLE: &str = "KEYWALK_CHILD";

/// Begins the line that a child process prints.
const LINE: &str = "keywalk-child: ";

/// Returns whether this process runs for the line that it prints.
pub(crate) fn is_child() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// Prints a line for the parent process, if that runs this check's test.
pub(crate) fn print(config: &Config, line: impl Display) {
    if env::var(VARIABLE).ok().as_deref() == config.test {
        // Not with `println!`, whose output may be captured.
        drop(std::io::stdout().write_all(format!("\n{LINE}{line}\n").as_bytes()));
    }
}

/// Returns the line that this check's test prints in a process of its own. Returns `None` if the check has no test, no
/// process can be started, or it prints no line.
pub(crate) fn line_of(config: &Config) -> Option<String> {
    let test = config.test.filter(|_| !cfg!(miri))?;
    let mut child = Command::new(env::current_exe().ok()?)
        .args(["--exact", test, "--nocapture"])
        .env(VARIABLE, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let (sender, receiver) = channel();
    if let Some(mut stdout) = child.stdout.take() {
        let read = move || {
            let mut printed = Vec::new();
            drop(stdout.read_to_end(&mut printed));
            drop(sender.send(printed));
        };
        drop(thread::Builder::new().spawn(read));
    }
    let printed = receiver.recv_timeout(config.patience);
    drop(child.kill());
    drop(child.wait());
    let printed = printed.unwrap_or_default();
    let printed = String::from_utf8_lossy(&printed);
    let mut lines = printed.lines();
    lines.find_map(|line| Some(line.strip_prefix(LINE)?.trim().to_owned()))
}
