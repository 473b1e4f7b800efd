//! Measures the cost of a walk, against a floor that does the same work and against what users pick today.
//!
//! ```sh
//! cargo run --release -p keywalk-bench -- [GROUP[/CASE]…] [--check] [--json FILE]
//! ```
//!
//! This prints one line per case: `GROUP/CASE ratio=R target<=T items=N ns_item=X` and other figures. With `--check`
//! the exit code is 1 if a target is missed.
//!
//! Each group's documentation defines its ratio; most divide CPU time by that of a floor. Both alternate in one
//! process, so that other load on the machine affects both. `--help` lists the groups. Begin with `sqlite/integer`,
//! which takes a minute. `plot FILE --out DIR` draws pictures of what `--json FILE` wrote.

#![forbid(unsafe_code)]

mod bench;
mod bytes;
mod delete;
mod fjall;
mod instructions;
mod measure;
mod memory;
mod memory_peak;
mod merge;
mod parallel;
mod peers;
mod plot;
mod postgres;
mod prefetch;
mod redb;
mod sled;
mod split;
mod split_sql;
mod sqlite;
mod sqlite_table;
mod wal;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use bench::Bench;
use measure::Fallible;

/// Measures the cases of a group that are requested.
type Run = fn(&mut Bench) -> Fallible;

/// The groups, in the order in which they run.
const GROUPS: [(&str, Run); 16] = [
    ("sqlite", sqlite::run),
    ("redb", redb::run),
    ("fjall", fjall::run),
    ("sled", sled::run),
    ("memory", memory::run),
    ("memory_peak", memory_peak::run),
    ("wal", wal::run),
    ("prefetch", prefetch::run),
    ("parallel", parallel::run),
    ("delete", delete::run),
    ("merge", merge::run),
    ("postgres", postgres::run),
    ("split", split::run),
    ("instructions", instructions::run),
    ("peers", peers::run),
    ("peers_postgres", peers::run_postgres),
];

const ABOUT_GROUPS: &str = "Groups:
  sqlite        every key shape and chunk size, against one cursor: CPU time
  redb          chunk sizes, against one native range: CPU time; peak memory of a process
  fjall         the same
  sled          chunk sizes, against one native range: CPU time
  memory        maps, a list and a slice, against their own iterators: CPU time
  memory_peak   walks over short and long tables, against one cursor: peak memory of a process
  wal           a SQLite writer with a concurrent walk, against one without: size of the WAL, time
  prefetch      prefetched walks, against walks in one thread: wall time
  parallel      two workers over SQLite and over PostgreSQL, against one: wall time
  delete        deleting and updating rows while walking, against doing so by range: CPU time
  merge         eight SQLite files as one, and one compared with itself, against walking them one by one: CPU time
  postgres      chunk sizes, against one row stream: the client's CPU time, wall time, peak memory of a process; pages
                per fetch; old versions of rows that a walk keeps from VACUUM
  split         parts of a range for parallel workers, over evenly and unevenly spread keys: balance, wall time
  instructions  instructions per item, against the recorded counts; needs valgrind
  peers         what users pick today, against keywalk's lent chunks: CPU time of processes
  peers_postgres  the same over PostgreSQL; also old versions of rows that each keeps from VACUUM";

/// The groups that run only when named.
const BY_NAME_ONLY: [&str; 3] = ["instructions", "peers", "peers_postgres"];

/// Measures the cost of a walk, against a floor that does the same work and against what users pick today
#[derive(Debug, Parser)]
#[command(name = "keywalk-bench", after_help = ABOUT_GROUPS, args_conflicts_with_subcommands = true)]
struct Args {
    /// Groups to measure, or GROUP/CASE for the group's cases whose names begin with CASE. Default: all groups except
    /// `instructions`, which needs valgrind, and `peers` and `peers_postgres`, which need Python and minutes to build
    #[arg(value_name = "GROUP[/CASE]", value_parser = requested)]
    groups: Vec<Requested>,
    /// End with exit code 1 if a target is missed
    #[arg(long)]
    check: bool,
    /// Also write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Approximate number of items; the targets apply to the default
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1_000..))]
    items: u64,
    #[command(subcommand)]
    instead: Option<Instead>,
}

/// Commands other than measuring.
#[derive(Debug, Subcommand)]
enum Instead {
    /// Draw pictures of the measurements, as SVG
    Plot {
        /// Output of `--json` for the groups memory_peak, sqlite, sled and memory
        #[arg(value_name = "FILE.json")]
        measured: PathBuf,
        /// Output folder
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// A requested group, and the prefix of its requested cases' names.
#[derive(Clone, Debug)]
struct Requested {
    group: &'static str,
    run: Run,
    cases: String,
}

fn requested(name: &str) -> Result<Requested, String> {
    let (name, cases) = name.split_once('/').unwrap_or((name, ""));
    let group = GROUPS.into_iter().find(|(group, _)| *group == name);
    let (group, run) = group.ok_or_else(|| "there is no such group".to_owned())?;
    let cases = cases.to_owned();
    Ok(Requested { group, run, cases })
}

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let done = match started_by_a_group(&args) {
        Some(done) => done.map(|()| ExitCode::SUCCESS),
        None => measure(Args::parse()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
        ExitCode::from(2)
    })
}

/// Runs a process that a group measures, if the arguments ask for one. Parses nothing before that, because the heap
/// that parsing leaves would be measured too.
fn started_by_a_group(args: &[OsString]) -> Option<Fallible> {
    let (process, args) = args.split_first()?;
    match (process.to_str()?, args) {
        (instructions::PROCESS, [name, items]) => {
            let items = items.to_str()?.parse().ok()?;
            Some(instructions::process(name.to_str()?, items))
        }
        (memory_peak::PROCESS, [file, way]) => {
            Some(memory_peak::process(file.as_ref(), way.to_str()?))
        }
        (peers::PROCESS, [program, args @ ..]) => Some(peers::process(program, args)),
        _ => None,
    }
}

fn measure(mut args: Args) -> Fallible<ExitCode> {
    if let Some(Instead::Plot { measured, out }) = &args.instead {
        plot::plot(measured, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.groups.is_empty() {
        let mut groups = GROUPS.map(|(group, _)| group).to_vec();
        groups.retain(|group| !BY_NAME_ONLY.contains(group));
        args.groups = groups
            .into_iter()
            .map(requested)
            .collect::<Result<_, _>>()?;
    }
    let mut bench = Bench::new(args.items);
    for Requested { group, run, cases } in &args.groups {
        bench.begin(group, cases);
        match run(&mut bench) {
            // The reader closed the pipe, as `| head` does.
            Err(error) if is_broken_pipe(&*error) && !args.check => return Ok(ExitCode::SUCCESS),
            ran => ran?,
        }
    }
    if let Some(file) = &args.json {
        bench.write_json(file)?;
    }
    let mut missed = 0;
    for case in bench.missed() {
        eprintln!("missed: {case}");
        missed += 1;
    }
    Ok(match args.check && missed > 0 {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
