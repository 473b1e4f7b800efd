//! Does it hold for hours, beside everything that goes wrong?
//!
//! `cargo run --release --example soak -- --seconds 600` walks SQLite (with a WAL, and with a rollback
//! journal and a filter) and sled, in both orders, beside writers, locks, interrupts, closures that
//! fail and panic, and a process that writes and walks and is killed. All of it is written down, and
//! judged every second by what a walk promises (G1 to G14); then it is forgotten.

#![forbid(unsafe_code)]

mod args;
mod churn;
mod database;
mod killer;
mod message;
mod outcome;
mod plan;
mod process;
mod round;
mod saboteur;
mod soak;
mod store;
mod tally;
mod timeline;
mod tree;
mod trouble;
mod victim;
mod walked;
mod walker;
mod witness;

use std::process::ExitCode;
use std::time::Duration;

use args::{Args, Role};
use keywalk_examples::{Failure, Random, say};

fn main() -> ExitCode {
    keywalk_examples::run(|args: Args| {
        if let Some(Role::Victim { file }) = args.role {
            return victim::run(file).map_err(|error| Failure::caused(&*error));
        }
        let folder = args.folder.unwrap_or_else(std::env::temp_dir);
        // Any seed will do.
        let seed = args.seed.unwrap_or_else(Random::any_seed);
        let outcome = soak::run(Duration::from_secs(args.seconds), seed, &folder);
        let outcome = outcome.map_err(|error| Failure::caused(&*error))?;
        say(&outcome)?;
        match outcome.counts.violations {
            0 => Ok(()),
            violations => Err(Failure::failed(format!("{violations} violations"))),
        }
    })
}
