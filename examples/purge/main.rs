//! How do I delete old rows from a large table without holding up writers?
//!
//! `cargo run --release --example purge` makes a table of 500,000 events, deletes the older half a chunk
//! at a time while a second connection inserts and reads, and checks what is left. With `--db FILE --table
//! NAME --where SQL` it deletes from a table of yours: without `--yes` it only counts; stopped or killed and
//! run again it goes on; and when it is done the next run starts anew, as a nightly job should. `--help`
//! lists the options.
//!
//! Each chunk is deleted in the transaction that its checkpoint is part of, so a writer waits for a chunk at
//! most, and not for the whole: `--at-once` shows what one DELETE does to it instead.

#![forbid(unsafe_code)]

mod args;
mod deletion;
mod events;
mod made_table;
mod own_table;
mod purge;
mod writer;

use std::process::ExitCode;

use args::Args;

fn main() -> ExitCode {
    keywalk_examples::run(|args: Args| match &args.own {
        None => made_table::purge(args.rows.get(), args.at_once, &args.options),
        Some(own) if own.yes => own_table::purge(&own.file, &own.old_rows(), &args.options),
        Some(own) => own_table::count(&own.file, &own.old_rows()),
    })
}
