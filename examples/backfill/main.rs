//! How do I fill a column over millions of rows, so that it survives deploys, crashes and Ctrl-C?
//!
//! `cargo run --release --example backfill` makes a table of 500,000 rows and fills its column `slug` from
//! its column `name`. With `--db FILE` it does so in a database of your own: stop it with Ctrl-C or kill it,
//! and run it again. `-- --crash-test 100` kills it a hundred times and counts how often each row was
//! done. `--help` lists the options.

#![forbid(unsafe_code)]

mod args;
mod backfill;
mod crash_test;
mod known;
mod ledger;
mod slug;

use std::process::ExitCode;

use args::{Args, Task, USAGE};
use keywalk_examples::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("backfill: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    let args = Args::parse(std::env::args_os().skip(1))?;
    match &args.task {
        Task::Help => {
            print!("{USAGE}");
            Ok(())
        }
        Task::Fill { file } => backfill::own(file, &args.options),
        Task::FillMade { rows } => backfill::made(*rows, &args.options),
        Task::Status { file } => known::status(file, &args.options),
        Task::Reset { file } => known::reset(file, &args.options),
        Task::CrashTest { kills, rows } => crash_test::run(*kills, *rows, &args.options),
    }
}
