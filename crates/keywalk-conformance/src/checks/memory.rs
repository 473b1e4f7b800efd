//! A check of the memory that a source keeps, in a process of its own.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

use keywalk::Walk;

use crate::case::{Case, Tried, refused};
use crate::child;
use crate::clause::Clause;
use crate::harness::Harness;
use crate::history::Violation;
use crate::run::unexpected;
use crate::runner::{Checked, Runner, Stop};

/// The items that one source fetches before the first measurement, which fill caches, and before each other one.
const FIRST: usize = 300_000;
const MORE: usize = 500_000;

/// Memory that isn't kept may grow by less than this, in KiB: between two measurements, and in all.
const LEAST: u64 = 1_024;
const LEAST_IN_ALL: u64 = 4 * LEAST;

pub(super) fn memory_stays_constant<H: Harness>(runner: &Runner<H>) -> Checked {
    if child::is_child() {
        return runner.attempt(|case| measured(runner, case));
    }
    if !runner.config.is_thorough {
        return Err(Stop::Skipped(
            "it takes some seconds: add the word `thorough` to `conformance!`, or set KEYWALK_THOROUGH=1",
        ));
    }
    let none = "it needs Linux, and a test that `conformance!` makes";
    let line = child::line_of(&runner.config).ok_or(Stop::Skipped(none))?;
    let grown = Vec::from_iter(line.split(' ').filter_map(|kib| kib.parse::<u64>().ok()));
    if grown.iter().any(|kib| *kib < LEAST) || grown.iter().sum::<u64>() < LEAST_IN_ALL {
        return Ok(());
    }
    runner.fail(
        Violation::message(Clause::G13, "memory grows with what is fetched")
            .expected(format!("as much memory after {MORE} more items"))
            .got(format!("{grown:?} KiB more, each time"))
            .hint("does the source keep what it read, or leak something in each fetch?"),
    )
}

/// Prints by how many KiB the memory of this process grows, twice.
fn measured<H: Harness>(runner: &Runner<H>, case: &Case<H>) -> Tried<H> {
    // A store that is slower is judged by what it fetched until then.
    let longest = Duration::from_secs(20).min(runner.config.patience / 2);
    let until = Instant::now() + longest;
    let is_late = || Instant::now() > until;
    let harness = case.harness()?;
    let keys = runner.some_keys(3_000);
    for (key, value) in keys.iter().zip(1..).take_while(|_| !is_late()) {
        harness.put(key, value).map_err(refused)?;
    }
    let mut source = harness.source().map_err(refused)?;
    let mut memory = None;
    let mut grown = Vec::new();
    for most in [FIRST, MORE, MORE] {
        let mut fetched = 0;
        for size in [7, 500].into_iter().cycle() {
            let mut chunks = Walk::new(&mut source).chunk_size(size).chunks();
            while let Some(items) = chunks.next().map_err(|error| unexpected(&error))? {
                fetched += items.len();
            }
            if fetched == 0 || fetched >= most || is_late() {
                break;
            }
        }
        let Some(now) = resident() else { return Ok(()) };
        grown.extend(memory.map(|before| now.saturating_sub(before).to_string()));
        memory = Some(now);
    }
    child::print(&runner.config, grown.join(" "));
    Ok(())
}

/// Returns the resident memory of this process in KiB, if the system is Linux.
fn resident() -> Option<u64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
