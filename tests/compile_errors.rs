//! What a newcomer reads where code doesn't compile. Each file of `compile_errors` is a mistake that users
//! make, and its first line the cure, in the words of the message.
//!
//! The messages are rustc's too, so they are compared only where rustc is the one that they were taken down
//! from. Another one, and another message, are taken down by
//! `TRYBUILD=overwrite cargo test -p keywalk-tests --test compile_errors`.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

const TAKEN_DOWN_FROM: &str = "rustc 1.95.0 ";

#[test]
fn a_mistake_is_answered_with_its_cure() -> Result<(), Box<dyn Error>> {
    compare_messages()?;
    find_cures()
}

fn compare_messages() -> Result<(), Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output()?.stdout;
    let version = String::from_utf8(version)?;
    if version.starts_with(TAKEN_DOWN_FROM) {
        trybuild::TestCases::new().compile_fail("compile_errors/*.rs");
    } else {
        // Not by `eprintln`, which is shown only of a test that fails.
        let messages = "the compiler's messages, which were taken down from";
        writeln!(
            io::stderr(),
            "not checked: {messages} {TAKEN_DOWN_FROM}and this is {version}"
        )?;
    }
    Ok(())
}

/// Of any compiler's.
fn find_cures() -> Result<(), Box<dyn Error>> {
    let mut mistakes = 0;
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("compile_errors"))? {
        let path = file?.path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let code = fs::read_to_string(&path)?;
        let first = code.lines().next().unwrap_or_default();
        let cure = first
            .strip_prefix("// The cure: ")
            .ok_or_else(|| format!("{} doesn't begin with its cure", path.display()))?;
        let message = fs::read_to_string(path.with_extension("stderr"))?;
        assert!(
            message.contains(cure),
            "the message of {} doesn't say: {cure}",
            path.display()
        );
        mistakes += 1;
    }
    assert!(mistakes > 0);
    Ok(())
}
