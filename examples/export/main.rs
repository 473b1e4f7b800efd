//! How do I export a table to a file or a queue, and go on after a crash?
//!
//! `export --db FILE --table NAME` writes a line of JSON for each row. Where it stands is kept, so that after
//! a crash, a deploy or Ctrl-C it goes on; without `--db` it makes a table of its own, exports it and checks
//! what was written. `--help` lists the options.
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

use args::{Args, Task, USAGE};
use keywalk_examples::{Failure, stop_on_interrupt};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("export: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    let args = Args::parse(std::env::args_os().skip(1))?;
    match args.task {
        Task::Help => {
            print!("{USAGE}");
            Ok(())
        }
        Task::Own(own) => {
            let stop = stop_on_interrupt()?;
            own_table::export(&own, &args.options, &stop).map(|_| ())
        }
        Task::Status(own) => own_table::status(&own),
        Task::Made { rows } => made_table::export(rows, &args.options),
        Task::CrashTest { rows, kills } => crash_test::run(rows, kills, &args.options),
    }
}
