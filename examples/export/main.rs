//! How do I export a table to a file or a queue, and continue after a crash?
//!
//! `cargo run --release --example export` makes a table of 500,000 rows, exports it to a file and checks the file.
//! With `--db FILE --table NAME` it writes one line of JSON per row of a table of your own. It stores its position, so
//! it continues after a crash, a deploy or Ctrl-C. `--help` lists the options.
//!
//! | Output | Checkpoint | After a crash or `kill -9` |
//! |---|---|---|
//! | stdout | none | starts over |
//! | stdout, `--state FOLDER` | in the folder, after the chunk's lines were flushed | *at least once*: the lines of at most one chunk are repeated. Each line has its row's key, so a consumer can remove duplicates |
//! | `--out FILE` | in `FILE.state`, or in the `--state` folder | **exactly once** |
//!
//! Lines that are in a pipe when its reader dies are lost. If that matters, let the consumer read the file, and treat
//! a line as final only when the checkpoint counts it (`--status`).

#![forbid(unsafe_code)]

mod args;
mod line;
mod out;

use std::path::{Path, absolute};
use std::process::ExitCode;

use keywalk::{ResumableSource, Walk};
use keywalk_job::{CheckpointStore, FileCheckpoints, Job, Leases};
use keywalk_sqlite::{DynKey, Table};
use keywalk_tests::database::{key_columns, open_to_read, refuse_database_file};
use keywalk_tests::program::{
    BoxError, job_error, job_position, log_line, print_line, run, run_summary,
};
use keywalk_tests::{crash_test, sample};

use args::Args;
use out::Out;

fn main() -> ExitCode {
    run(|args: Args| {
        let rows = args.rows.get();
        if let Some(kills) = args.crash_test {
            return crash_test::export(kills.get(), rows, args.chunk_size.get());
        }
        if let Some(database) = &args.db {
            return export(&args, database).map(drop);
        }
        let folder = tempfile::tempdir()?;
        let [database, out] = ["readings.db", "out"].map(|name| folder.path().join(name));
        sample::readings(&database, rows)?;
        let to_file = Args {
            out: Some(out.clone()),
            ..args
        };
        if export(&to_file, &database)? {
            sample::check_readings(&database, &out)?;
            print_line(format_args!(
                "the file has each of {rows} rows once, in order"
            ))?;
        }
        Ok(())
    })
}

/// Starts or continues the export, and returns whether it is done. With `--status` it only prints the position.
fn export(args: &Args, database: &Path) -> Result<bool, BoxError> {
    // One job per table, database and output file.
    let mut job = format!("{} of {}", args.table, absolute(database)?.display());
    let mut state = args.state.clone();
    if let Some(out) = &args.out {
        refuse_database_file(database, "--out", out)?;
        job += &format!(" to {}", absolute(out)?.display());
        let mut beside = out.clone().into_os_string();
        beside.push(".state");
        state = state.or(Some(beside.into()));
    }
    if let Some(folder) = &state {
        refuse_database_file(database, "--state", folder)?;
    }
    // Without a state folder, the state lasts as long as this process.
    let folder = tempfile::tempdir()?;
    let state = state.unwrap_or_else(|| folder.path().to_owned());
    let mut checkpoints = FileCheckpoints::new(state);
    if args.status {
        let checkpoint = checkpoints.load(&job)?;
        let position = checkpoint.as_ref().map(job_position);
        let position = position.unwrap_or_else(|| "nothing yet".to_owned());
        print_line(format_args!("exported {position}"))?;
        return Ok(false);
    }
    let db = open_to_read(database)?;
    let key = key_columns(&db, &args.table)?;
    let table = Table::new(&db, &args.table).key::<DynKey>(&key)?;
    let columns = line::columns(&db, &args.table, key, &args.columns)?;
    let mut rows = table.columns(&columns);
    if let Some(condition) = &args.condition {
        rows = rows.filter(condition, [])?;
    }
    let lines = rows.map_into(|row, line| line::write(row, &columns, line));
    // Checks table, key and columns before any file is made.
    lines.fingerprint()?;

    let mut out = Out::open(args.out.as_deref())?;
    let mut counted = None;
    if args.reset {
        checkpoints.reset(&job)?;
        counted = Some(0);
    } else if let Some(checkpoint) = checkpoints.load(&job)? {
        counted = Some(checkpoint.items());
    }
    out.cut(counted, &columns)?;
    let walk = Walk::new(lines).chunk_size(args.chunk_size.get());
    let job = Job::new(job, walk, checkpoints);
    let ran = args.pace.set(job, "exporting")?.run(|(), rows| {
        let lines: Vec<&[u8]> = rows.iter().map(|(_, line)| &line[..]).collect();
        out.write(&lines.concat())
    });
    let outcome = ran.map_err(job_error)?;
    let end = if outcome.is_done() {
        ""
    } else {
        ", not done yet"
    };
    log_line(run_summary("exported", outcome.items(), &outcome) + end);
    Ok(outcome.is_done())
}
