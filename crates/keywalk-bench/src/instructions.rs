//! How many instructions an item costs, over what it is known to cost: a count that is the same in each
//! run, where times are not.
//!
//! Each case runs as a process of its own under valgrind's callgrind, over two sizes: what one of the
//! items more costs is their difference, without what a walk costs once. The known counts are in
//! `instructions.tsv`; `KEYWALK_BLESS=1` writes them anew.

mod known;
mod subject;

use std::env;
use std::process::Command;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::figures::Figures;
use known::Known;
use subject::SUBJECTS;

/// By so much a count may grow.
const GROWTH: f64 = 1.05;

/// The two sizes.
const ITEMS: [u64; 2] = [10_000, 20_000];

/// The first argument of the process that is counted.
const COUNTED: &str = "--counted";

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let mut known = Known::read()?;
    let is_blessed = env::var_os("KEYWALK_BLESS").is_some();
    for subject in SUBJECTS {
        if !bench.wants(subject.name) {
            continue;
        }
        let [few, many] = ITEMS;
        let more = instructions(subject.name, many)? - instructions(subject.name, few)?;
        let an_item = more / (many - few) as f64;
        if is_blessed {
            known.set(subject.name, an_item);
        }
        let before = known.get(subject.name);
        let before = before.ok_or_else(|| format!("no count of {} is known", subject.name))?;
        bench.record_with(
            subject.name,
            an_item / before,
            Target::AtMost(GROWTH),
            many - few,
            f64::NAN,
            Figures::of([("instructions_item", an_item), ("known", before)]),
        )?;
    }
    match is_blessed {
        true => known.write(),
        false => Ok(()),
    }
}

/// What the process does that is counted, if this is one.
pub(crate) fn counted() -> Option<Fallible> {
    let mut args = env::args().skip(1);
    if args.next()? != COUNTED {
        return None;
    }
    let (name, items) = (args.next()?, args.next()?.parse().ok()?);
    let subject = SUBJECTS.iter().find(|subject| subject.name == name)?;
    Some((subject.run)(items))
}

fn instructions(name: &str, items: u64) -> Fallible<f64> {
    let child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Of the pass over the items alone.
        .args(["--collect-atstart=no", "--toggle-collect=*counted_pass*"])
        .arg(env::current_exe()?)
        .args([COUNTED, name, &items.to_string()])
        .output()
        .map_err(|error| format!("valgrind doesn't run ({error}); install it"))?;
    let said = String::from_utf8_lossy(&child.stderr);
    // "==123== Collected : 456"
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match count {
        Some(count) if child.status.success() && count > 0.0 => Ok(count),
        _ => Err(format!("{name} wasn't counted: {said}").into()),
    }
}
