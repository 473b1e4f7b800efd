//! Peers that are crates.

use std::env;
use std::fs;
use std::process::Command;

use crate::Fallible;
use crate::peers::program::{built, sources};

/// Builds the crate in a folder, with the versions of its lock file.
pub(crate) fn build(folder: &str) -> Fallible {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--manifest-path"])
        .arg(sources().join(folder).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(built()?)
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("its build ended with {status}").into()),
    }
}

pub(crate) fn command(folder: &str) -> Fallible<Command> {
    let program = format!("keywalk-bench-{folder}{}", env::consts::EXE_SUFFIX);
    Ok(Command::new(built()?.join("release").join(program)))
}

/// The version that the lock file has of the crate that the folder is called as.
pub(crate) fn version(folder: &str) -> Fallible<String> {
    let lock = fs::read_to_string(sources().join(folder).join("Cargo.lock"))?;
    let package = format!("name = \"{folder}\"\nversion = \"");
    let (_, rest) = lock
        .split_once(&package)
        .ok_or("it isn't in its own lock file")?;
    let (version, _) = rest.split_once('"').ok_or("a version without an end")?;
    Ok(version.to_owned())
}
