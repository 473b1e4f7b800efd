//! Tests the messages for code that doesn't compile. Each function of the files in `mistakes` is a common
//! mistake, and the line above it is the cure, in the words of the message.
//!
//! The messages are partly rustc's, so they are compared only with the rustc version that they were recorded with. To
//! record them again, run `TRYBUILD=overwrite cargo test -p keywalk-compile-errors`.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

const TAKEN_DOWN_FROM: &str = "rustc 1.95.0 ";

#[test]
fn a_mistake_is_answered_with_its_cure() -> Result<(), Box<dyn Error>> {
    compare_messages()?;
    for name in ["keys", "kit", "walks"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("mistakes/{name}.rs"));
        let messages = fs::read_to_string(file.with_extension("stderr"))?;
        let code = fs::read_to_string(file)?;
        let mistakes = code.split("// The cure: ");
        let mut line = mistakes
            .clone()
            .next()
            .map_or(0, |head| head.lines().count());
        assert!(line > 0, "{name} has no mistake");
        for mistake in mistakes.skip(1) {
            let (first, cure) = (line, mistake.lines().next().unwrap_or_default());
            line += mistake.lines().count();
            let mut errors = messages.split("\n\n").filter(|error| {
                let is_of = |line| error.contains(&format!("mistakes/{name}.rs:{line}:"));
                (first..=line).any(is_of)
            });
            assert!(
                errors.any(|error| error.contains(cure)),
                "{name}.rs:{first}: {cure}"
            );
        }
    }
    Ok(())
}

fn compare_messages() -> Result<(), Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output()?.stdout;
    let version = String::from_utf8(version)?;
    if version.starts_with(TAKEN_DOWN_FROM) {
        trybuild::TestCases::new().compile_fail("mistakes/*.rs");
    } else {
        // Not with `eprintln`, whose output is shown only for a test that fails.
        let messages = "the compiler's messages, which were taken down from";
        writeln!(
            io::stderr(),
            "not checked: {messages} {TAKEN_DOWN_FROM}and this is {version}"
        )?;
    }
    Ok(())
}
