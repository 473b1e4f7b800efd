//! Does it hold for hours, beside everything that goes wrong?
//!
//! `cargo run --release -p keywalk-tests --bin soak -- --seconds 600` walks SQLite (with a WAL, and with a rollback
//! journal and a filter), in both orders, beside writers, locks, interrupts, closures that fail and panic, and a
//! process that is killed while it writes. All of it is written down, and judged every second by what a walk
//! promises (G1 to G15); then it is forgotten.

#![forbid(unsafe_code)]

mod database;
mod round;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use keywalk_tests::peak_memory::PeakMemory;
use keywalk_tests::program::{BoxError, note, run, say, stop_on_interrupt};
use keywalk_tests::random::Random;

use database::{Database, Fault};

/// Walks SQLite beside writers, faults and a process that is killed, and judges every walk.
/// The last line is for scripts; the exit code is 1 if a walk broke its contract.
#[derive(Parser)]
#[command(name = "soak")]
struct Args {
    /// For so long
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Of what is chosen at random; what threads do is up to the machine all the same
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where the databases are made, in a folder of their own; default: the temporary folder
    #[arg(long = "db", value_name = "DIR")]
    folder: Option<PathBuf>,
    // Of the process that is killed: it writes to this file.
    #[arg(long, hide = true)]
    victim: Option<PathBuf>,
    #[arg(long, hide = true)]
    wal: bool,
}

/// What was done so far, and what came of it.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) rounds: u64,
    pub(crate) walks: u64,
    pub(crate) items: u64,
    pub(crate) changes: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) violations: Vec<String>,
}

/// Enough to stop.
const MOST_VIOLATIONS: usize = 5;

impl Counts {
    fn add(&mut self, round: Counts) {
        self.rounds += round.rounds;
        self.walks += round.walks;
        self.items += round.items;
        self.changes += round.changes;
        for (fault, times) in round.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.violations.extend(round.violations);
    }

    fn tell(&self, at_quarter: u64, peak: u64) -> Result<(), BoxError> {
        for violation in &self.violations {
            say(format_args!("violation: {violation}\n"))?;
        }
        let (walks, items, violations) = (self.walks, self.items, self.violations.len());
        let (changes, rounds) = (self.changes, self.rounds);
        say(format_args!(
            "beside     {changes} changes, in {rounds} rounds"
        ))?;
        let faults: Vec<_> = self
            .faults
            .iter()
            .map(|(fault, times)| format!("{fault:?} {times}"))
            .collect();
        say(format_args!("faults     {}", faults.join(", ")))?;
        let [quarter, peak] = [at_quarter, peak].map(|bytes| bytes as f64 / 1_048_576.0);
        say(format_args!(
            "memory     {quarter:.1} MiB after a quarter of the time, {peak:.1} MiB at most"
        ))?;
        let faults: u64 = self.faults.values().sum();
        Ok(say(format_args!(
            "soak: {walks} walks, {items} items, {faults} faults, {violations} violations"
        ))?)
    }
}

fn main() -> ExitCode {
    run(|args: Args| match &args.victim {
        Some(file) => round::write_as_told(&Database {
            file: file.clone(),
            wal: args.wal,
        }),
        None => soak(&args),
    })
}

/// Walks both databases for so long, round after round, and judges.
fn soak(args: &Args) -> Result<(), BoxError> {
    let seed = args.seed.unwrap_or_else(Random::any_seed);
    note(format_args!("soak: seed {seed}"));
    let mut random = Random::new(seed);
    let stop = stop_on_interrupt()?;
    let folder = tempfile::tempdir_in(args.folder.clone().unwrap_or_else(std::env::temp_dir))?;
    let memory = PeakMemory::start()?;
    let (start, time) = (Instant::now(), Duration::from_secs(args.seconds));
    let mut at_quarter = None;
    let (sender, rounds) = channel();
    for (name, wal) in [("wal.db", true), ("rollback.db", false)] {
        let database = Database::make(folder.path().join(name), wal)?;
        let (mut random, stop, sender) = (random.fork(), stop.clone(), sender.clone());
        thread::spawn(move || {
            let mut rounds = 1..;
            while let Some(number) = rounds.next().filter(|_| !stop.is_requested()) {
                let mut counts = Counts::default();
                let ran = round::run(&database, number, &mut random, &stop, &mut counts);
                counts
                    .violations
                    .extend(ran.err().map(|error| error.to_string()));
                // What comes after the end isn't waited for.
                let _ = sender.send(counts);
            }
        });
    }
    drop(sender);
    let mut counts = Counts::default();
    loop {
        // A round that takes longer hangs: a walk without end, a lock that is held.
        match rounds.recv_timeout(Duration::from_secs(120)) {
            Ok(round) => counts.add(round),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => return Err("a round doesn't end".into()),
        }
        if start.elapsed() > time || counts.violations.len() >= MOST_VIOLATIONS {
            stop.request();
        }
        if at_quarter.is_none() && start.elapsed() > time / 4 {
            at_quarter = Some(memory.added()?);
        }
    }
    counts.tell(at_quarter.unwrap_or_default(), memory.added()?)?;
    match counts.violations.len() {
        0 => Ok(()),
        violations => Err(format!("{violations} violations").into()),
    }
}
