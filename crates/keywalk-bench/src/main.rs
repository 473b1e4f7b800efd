//! What does a walk cost, beside the floor that does the same work and beside what users pick today?
//!
//! ```sh
//! cargo run --release -p keywalk-bench -- [GROUP[/CASE]…] [--check] [--json FILE]
//! ```
//!
//! prints a line a case, `GROUP/CASE ratio=R target<=T items=N ns_item=X` and what other figures there are, and
//! with `--check` ends with exit code 1 where a target is missed. What the ratio is of stands with each group;
//! most are CPU time over that of a floor, both measured in turns in one process, so that what else the
//! machine does weighs on both. `--help` lists the groups; `sqlite/integer` is the one for a first look: a
//! minute. `plot FILE --out DIR` draws what `--json FILE` wrote.

#![forbid(unsafe_code)]

mod allocations;
mod args;
mod bench;
mod case;
mod delete;
mod figures;
mod filled_table;
mod group;
mod growth;
mod instructions;
mod memory;
mod memory_peak;
mod pairs;
mod peers;
mod plot;
mod prefetch;
mod seen;
mod skew;
mod sled;
mod sqlite;
mod time;
mod wal;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use args::{Args, Instead, Wanted};
use bench::Bench;

type Fallible<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    // A process that another of this program started, or one that a person did.
    let started = instructions::counted()
        .or_else(memory_peak::child)
        .or_else(peers::measured);
    match started.map_or_else(run, |done| done.map(|()| ExitCode::SUCCESS)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::from(2)
        }
    }
}

fn run() -> Fallible<ExitCode> {
    let args: Args = keywalk_tests::program::arguments()?;
    if let Some(Instead::Plot { measured, out }) = &args.instead {
        plot::plot(measured, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut bench = Bench::new(args.items);
    for Wanted { group, cases } in args.wanted() {
        match bench.run(group, &cases) {
            // Nobody reads on, as with `| head`.
            Err(error) if is_broken_pipe(&*error) && !args.check => return Ok(ExitCode::SUCCESS),
            ran => ran?,
        }
    }
    if let Some(file) = &args.json {
        bench.write_json(file)?;
    }
    let missed = bench.missed();
    for case in &missed {
        eprintln!("missed: {case}");
    }
    Ok(match args.check && !missed.is_empty() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
