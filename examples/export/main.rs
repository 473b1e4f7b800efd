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

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, absolute};
use std::process::ExitCode;

use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_job::{
    BoxError as WorkError, CheckpointStore, Error, FileCheckpoints, FileError, FileExport, Job,
    Leases,
};
use keywalk_sqlite::{DynKey, Table};
use keywalk_tests::database::{key_columns, open_to_read, refuse_database_file};
use keywalk_tests::program::{
    BoxError, Failure, job_error, job_position, log_line, print_line, run, run_summary,
    stop_on_interrupt,
};
use keywalk_tests::{crash_test, sample};

use serde::de::IgnoredAny;

use args::Args;

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
    match &args.out {
        None => write(args, &job, lines, checkpoints, |(), line| {
            let mut out = io::stdout().lock();
            let written = out.write_all(line).and_then(|()| out.flush());
            Ok(written.map_err(Failure::Stdout)?)
        }),
        // The file holds each line exactly once.
        Some(out) => {
            check_file(out, &columns, args.reset)?;
            let export = FileExport::append(out, checkpoints);
            write(args, &job, lines, export, |file, line| {
                Ok(file.write_all(line)?)
            })
        }
    }
}

/// Writes the lines, starting at the job's checkpoint. Returns whether it is done.
fn write<S, C>(
    args: &Args,
    job: &str,
    lines: S,
    mut checkpoints: C,
    mut write: impl FnMut(&mut C::Scope<'_>, &[u8]) -> Result<(), WorkError>,
) -> Result<bool, BoxError>
where
    S: ChunkSource<Item = (DynKey, Vec<u8>), Error = keywalk_sqlite::Error> + ResumableSource,
    C: Leases<Error = FileError>,
{
    if args.reset {
        checkpoints.reset(job)?;
        if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
            fs::remove_file(out)?;
        }
    }
    let walk = Walk::new(lines).chunk_size(args.chunk_size.get());
    let job = Job::new(job, walk, checkpoints);
    let ran = args
        .pace
        .set(job, "exporting", &stop_on_interrupt()?)?
        .run(|out, rows| {
            let lines: Vec<&[u8]> = rows.iter().map(|(_, line)| &line[..]).collect();
            write(out, &lines.concat())
        });
    let outcome = ran.map_err(|error| match error {
        // The file isn't the job's, or another job writes to it.
        Error::CheckpointStore { error, .. } if error.io_error().is_none() => {
            Failure::Mistake(error.to_string()).into()
        }
        error => job_error(error),
    })?;
    let end = if outcome.is_done() {
        ""
    } else {
        ", not done yet"
    };
    log_line(run_summary("exported", outcome.items(), &outcome) + end);
    Ok(outcome.is_done())
}

/// Checks that the output is a regular file, and that the lines in it have these columns.
fn check_file(out: &Path, columns: &[String], is_reset: bool) -> Result<(), BoxError> {
    let refused = |why: &str| Err(Failure::Mistake(format!("{} {why}", out.display())).into());
    if !out.exists() {
        return Ok(());
    }
    if !fs::metadata(out)?.is_file() {
        return refused("is not a regular file; omit --out and redirect stdout to it");
    }
    let mut first = Vec::new();
    BufReader::new(fs::File::open(out)?).read_until(b'\n', &mut first)?;
    let names: BTreeMap<String, IgnoredAny> = serde_json::from_slice(&first).unwrap_or_default();
    let expected: BTreeSet<&String> = columns.iter().collect();
    match is_reset || first.is_empty() || names.keys().eq(expected) {
        true => Ok(()),
        false => refused(
            "has lines with other columns; name another file, or give --reset to overwrite this one",
        ),
    }
}
