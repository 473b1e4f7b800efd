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

use args::{Args, USAGE};
use trouble::BoxError;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("soak: {error}; --help lists the options");
            return ExitCode::from(2);
        }
    };
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode, BoxError> {
    match args {
        Args::Help => print!("{USAGE}"),
        Args::Victim { file } => victim::run(file)?,
        Args::Soak { time, seed, folder } => {
            let outcome = soak::run(time, seed, &folder)?;
            println!("{outcome}");
            if outcome.counts.violations > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
