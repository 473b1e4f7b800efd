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

use args::Args;

fn main() -> ExitCode {
    keywalk_examples::run(|args: Args| match (&args.file, args.crash_test) {
        (Some(file), _) if args.status => known::status(file, &args.options),
        (Some(file), _) if args.reset => known::reset(file, &args.options),
        (Some(file), _) => backfill::own(file, &args.options),
        (None, Some(kills)) => crash_test::run(kills, args.rows.get(), &args.options),
        (None, None) => backfill::made(args.rows.get(), &args.options),
    })
}
