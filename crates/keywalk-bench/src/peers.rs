//! The same SQLite table walked by what users pick today: whole processes, CPU time over that of keywalk's
//! lent chunks.
//!
//! Each peer is a program of its own, under `peers/`, that walks `items (id INTEGER PRIMARY KEY, name TEXT
//! NOT NULL, photo BLOB NOT NULL)` in order of `id` and prints what it saw, which must be the same for all.
//! The peers take turns, each between two runs of keywalk; a ratio is the median of its rounds. The
//! programs are built first, Python's in an environment of its own; what can't be built is left out, and
//! said so. At the end job_position the table for their README.

mod machine;
mod measured;
mod peer;
mod program;
mod python;
mod report;
mod runs;
mod rust;

use std::path::Path;

use crate::Fallible;
use crate::bench::Bench;
use crate::figures::Figures;
pub(crate) use measured::measured;
use peer::{LENT, PEERS, Peer};
use program::Program;
use report::Report;
use runs::{Run, Runs};

const ROUNDS: usize = 3;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let rows = bench.items();
    let mut report = Report::default();
    let wanted: Vec<_> = PEERS.iter().filter(|it| bench.wants(it.name)).collect();
    let mut there = Vec::new();
    for program in Program::ALL {
        if program != LENT.program && wanted.iter().all(|peer| peer.program != program) {
            continue;
        }
        match program.build() {
            Ok(()) => there.push(program),
            Err(error) => report.is_missing(program.name(), error),
        }
    }
    if !there.contains(&LENT.program) {
        return Err("without keywalk's own program there is nothing to compare with".into());
    }

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("items.db");
    keywalk_tests::sample::items(&file, rows)?;

    let mut peers: Vec<Runs> = wanted
        .into_iter()
        .filter(|peer| there.contains(&peer.program))
        .map(Runs::of)
        .collect();
    let lent = in_turns(&mut peers, &file, &mut report)?;

    report.row(&lent, 1.0);
    for runs in peers.iter().filter(|runs| !runs.has_failed) {
        let Peer { name, target, .. } = *runs.peer;
        let ns_item = runs.cpu() * 1e9 / rows as f64;
        // Rounds of what runs in two threads, as sqlx does, were seen to differ threefold.
        let (low, high) = runs.ratios();
        let (wall, peak) = (runs.wall(), runs.peak_mib());
        let figures = Figures::of([
            ("ratio_least", low),
            ("ratio_most", high),
            ("wall_s", wall),
            ("peak_mib", peak),
        ]);
        bench.record_with(name, runs.ratio(), target, rows, ns_item, figures)?;
        report.row(runs, runs.ratio());
    }
    report.print(&there)
}

/// Each of `peers` between two runs of keywalk, round by round. Answers keywalk's.
fn in_turns(peers: &mut [Runs], file: &Path, report: &mut Report) -> Fallible<Runs> {
    // To warm up, and to see that all do the same.
    let seen = Run::of(&LENT, file)?.seen;
    let mut lent = Runs::of(&LENT);
    let mut before = Run::of(&LENT, file)?.usage;
    lent.push(before, before.cpu);
    for round in 0..ROUNDS {
        for runs in &mut *peers {
            if runs.has_failed || runs.peer.is_slow && round > 0 {
                continue;
            }
            let run = match Run::of(runs.peer, file) {
                Ok(run) => run,
                Err(error) => {
                    runs.has_failed = true;
                    report.is_missing(runs.peer.name, error);
                    continue;
                }
            };
            if run.seen != seen {
                let (name, saw) = (runs.peer.name, run.seen);
                return Err(format!("{name}: saw {saw} instead of {seen}").into());
            }
            let after = Run::of(&LENT, file)?.usage;
            runs.push(run.usage, (before.cpu + after.cpu) / 2.0);
            lent.push(after, before.cpu);
            before = after;
        }
    }
    Ok(lent)
}
