use std::fs;
use std::process::Command;
use std::thread;

use crate::Fallible;

/// What it was measured on, and the compiler.
pub(crate) fn machine() -> Fallible<String> {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, model)| model);
    let cores = thread::available_parallelism()?;
    let rustc = Command::new("rustc").arg("--version").output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    // Without the commit.
    let rustc = rustc.split(" (").next().unwrap_or_default();
    Ok(format!("{model}, {cores} cores; {}", rustc.trim()))
}
