//! How often warm walks allocate per item, in lent chunks.
//!
//! `STORE/lent` is what a walk in chunks of 1,024 allocates beyond one that fetches as often in chunks of 512,
//! per additional item: what is allocated per fetch, however large, isn't in it. It has to be 0, not nearly. The
//! whole count stands beside it: `allocations` in `fetches`.
//!
//! sled's own iterator allocates for each item, and not always as often: `sled/lent_of_native` is how often
//! the walk allocates in all, over how often that does over the same items.
//!
//! The program that counts is the binary `allocations`.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::bench::{Bench, Target};
use crate::measure::Fallible;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from(env!("CARGO")));
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--locked", "--bin", "allocations"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    command.args(["--manifest-path", manifest, "--", &bench.items.to_string()]);
    let output = command.output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the binary `allocations` failed: {error}").into());
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, ratio, allocations, fetches, items] = words[..] else {
            return Err(format!("{line:?} is no count").into());
        };
        let target = match name {
            // The store allocates for each item anyway.
            "sled/native" | "sled/lent" => Target::None,
            "sled/lent_of_native" => Target::AtMost(1.01),
            _ => Target::AtMost(0.0),
        };
        let figures = [
            ("allocations", allocations.parse()?),
            ("fetches", fetches.parse()?),
        ];
        bench.record(name, target, ratio.parse()?, items.parse()?, None, &figures)?;
    }
    Ok(())
}
