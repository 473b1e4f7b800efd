//! How do I walk a SQLite table in constant memory, while others delete rows?
//!
//! `cargo run --release --example walk_sqlite` makes a table of 500,000 rows, walks it while a second
//! connection deletes rows in front of and behind the cursor, and checks what came. With `--db FILE
//! --table NAME` it walks a table of your own, whatever its key. `--help` lists the options.

#![forbid(unsafe_code)]

mod args;
mod beside_deletes;
mod outcome;
mod own_table;
mod progress;

use std::process::ExitCode;

use args::{Args, Task, USAGE};
use keywalk_examples::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("walk_sqlite: {failure}");
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
        Task::Make { file, rows } => beside_deletes::make(file, *rows),
        Task::Walk { rows } => {
            beside_deletes::walk(*rows, &args.options).map(|outcome| println!("{outcome}"))
        }
        Task::WalkOwn { file, table, key } => {
            let outcome = own_table::walk(file, table, key, &args.options)?;
            if args.options.print_keys {
                eprintln!("{outcome}");
            } else {
                println!("{outcome}");
            }
            Ok(())
        }
    }
}
