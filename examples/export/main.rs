//! How do I export a table to a file or a queue, and go on after a crash?
//!
//! `cargo run --release --example export` makes a table of 500,000 rows, exports it to a file and checks what was
//! written. With `--db FILE --table NAME` it writes a line of JSON for each row of a table of yours. Where it
//! stands is kept, so that after a crash, a deploy or Ctrl-C it goes on. `--help` lists the options.
//!
//! # How often a line comes
//!
//! | To | Checkpoint | After a crash, or `kill -9` |
//! |---|---|---|
//! | stdout | none | from the start |
//! | stdout, `--state FOLDER` | in the folder, after the chunk's lines were flushed | *at least once*: the lines of one chunk at most come again. Each has its row's key, by which a consumer can tell |
//! | `--out FILE` | in `FILE.state`, or where `--state` says | **exactly once** |
//!
//! Flushed to a pipe is not read: what stands in the pipe when its reader dies is lost to it. Where that
//! matters export to a file, the *spool*, and let the queue's consumer read whole lines from there.
//!
//! # Exactly once, into a file
//!
//! A chunk's lines are appended to the file and synced, and only then the checkpoint is written. So what a
//! checkpoint says was exported stands in the file, and what a crash may leave behind is more than that:
//! lines that the checkpoint doesn't count yet, the last of them torn. At the start the file is cut back to
//! as many lines as the checkpoint counts, and the walk goes on behind the same row. Nobody else may write
//! to the file (a lock sees to it that no second export does), and a consumer that reads it while it grows
//! should take a line as final only once the checkpoint counts it (`--status`).

#![forbid(unsafe_code)]

mod args;
mod crash_test;
mod export;
mod line;
mod made_table;
mod own_table;
mod spool;
mod spool_error;

use std::process::ExitCode;

use args::Args;
use keywalk_examples::stop_on_interrupt;

fn main() -> ExitCode {
    keywalk_examples::run(|args: Args| match (&args.own, args.crash_test) {
        (Some(own), _) if args.status => own_table::status(own),
        (Some(own), _) => {
            let stop = stop_on_interrupt()?;
            own_table::export(own, &args.options, &stop).map(|_| ())
        }
        (None, Some(kills)) => crash_test::run(args.rows.get(), kills.get(), &args.options),
        (None, None) => made_table::export(args.rows.get(), &args.options),
    })
}
