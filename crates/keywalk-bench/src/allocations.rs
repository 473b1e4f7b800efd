//! How often walks allocate for an item, once they are warm.
//!
//! `STORE/lent` is what a walk in chunks of 1,024 allocates beyond one that fetches as often in chunks of
//! 512, for each item that it has more: what is allocated for a fetch, however large, isn't in it. It has to
//! be 0, not nearly. The whole count stands beside it: `allocations` in `fetches`.
//!
//! sled's own iterator allocates for each item, and not always as often: `sled/lent_of_native` is how often
//! the walk allocates in all, over how often that does over the same items.
//!
//! The program that counts is the binary `allocations`.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::figures::Figures;

/// What a fetch may allocate, where the store allocates for each item anyway.
const SAME: f64 = 1.01;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let counts = count(bench.items())?;
    let mut native = None;
    // Two lines each: of smaller and of larger chunks.
    for pair in counts.chunks_exact(2) {
        let [smaller, larger] = pair else { continue };
        if (&smaller.store, &smaller.way) != (&larger.store, &larger.way) {
            return Err(format!("{smaller:?} and {larger:?} are no pair").into());
        }
        let more = larger.allocations as f64 - smaller.allocations as f64;
        let an_item = more / (larger.items - smaller.items) as f64;
        let Count { store, way, .. } = larger;
        let mut record = |name: String, an_item: f64, target: Target| {
            let figures = Figures::of([
                ("allocations", larger.allocations as f64),
                ("fetches", larger.fetches as f64),
            ]);
            bench.record_with(name, an_item, target, larger.items, f64::NAN, figures)
        };
        let target = match (store.as_str(), way.as_str()) {
            ("sled", _) | (_, "items") => Target::None,
            _ => Target::AtMost(0.0),
        };
        record(format!("{store}/{way}"), an_item, target)?;
        match way.as_str() {
            "native" => native = Some(larger),
            "lent" => {
                if let Some(native) = native.filter(|native| native.store == *store) {
                    let name = format!("{store}/lent_of_native");
                    let ratio = larger.allocations as f64 / native.allocations as f64;
                    record(name, ratio, Target::AtMost(SAME))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A line of the program's.
#[derive(Debug)]
struct Count {
    store: String,
    way: String,
    allocations: u64,
    fetches: u64,
    items: u64,
}

impl Count {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (store, way, _chunk) = (words.next()?, words.next()?, words.next()?);
        Some(Count {
            store: store.to_owned(),
            way: way.to_owned(),
            allocations: words.next()?.parse().ok()?,
            fetches: words.next()?.parse().ok()?,
            items: words.next()?.parse().ok()?,
        })
    }
}

/// Builds the program and runs it.
fn count(items: u64) -> Fallible<Vec<Count>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from(env!("CARGO")));
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--locked", "--bin", "allocations"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let child = command
        .args(["--manifest-path", manifest, "--", &items.to_string()])
        .output()?;
    if !child.status.success() {
        let error = String::from_utf8_lossy(&child.stderr);
        return Err(format!("the binary `allocations` failed: {error}").into());
    }
    let said = String::from_utf8(child.stdout)?;
    let line = |line| Count::parse(line).ok_or_else(|| format!("{line:?} is no count").into());
    said.lines().map(line).collect()
}
