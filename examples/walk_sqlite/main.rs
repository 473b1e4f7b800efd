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

use args::Args;
use keywalk_examples::{note, say};

fn main() -> ExitCode {
    keywalk_examples::run(|args: Args| {
        let outcome = match (&args.make, &args.own) {
            (Some(file), _) => return beside_deletes::make(file, args.rows),
            (None, Some(own)) => own_table::walk(own, &args.options)?,
            (None, None) => beside_deletes::walk(args.rows, &args.options)?,
        };
        match args.own.is_some_and(|own| own.print_keys) {
            true => note(outcome),
            false => say(outcome)?,
        }
        Ok(())
    })
}
