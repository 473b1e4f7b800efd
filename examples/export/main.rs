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

mod line;
mod spool;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use keywalk::{DurableSource, Walk};
use keywalk_job::{CheckpointFiles, Checkpoints, Job};
use keywalk_sqlite::{AnyKey, Table};
use keywalk_tests::database::{key_columns, open_to_read, refuse_database_file};
use keywalk_tests::program::{
    BoxError, Pace, job_error, job_position, log_line, print_line, run, run_summary,
};
use keywalk_tests::{crash_test, sample};
use rusqlite::Connection;

use line::LineFormat;
use spool::Spool;

/// Exports a SQLite table as lines of JSON, and goes on where it was after a crash.
/// Without --db it makes a table in a temporary folder, exports it to a file and checks the file. Numbers are
/// written exactly. Blobs are texts of hexadecimal digits, as SQLite's hex() makes them.
#[derive(Clone, Parser)]
#[command(name = "export")]
#[command(group = ArgGroup::new("kept").args(["out", "state"]).multiple(true))]
struct Args {
    /// How many rows the table that is made has
    #[arg(
        long,
        value_name = "N",
        default_value = "500000",
        conflicts_with = "db"
    )]
    rows: NonZeroU64,
    /// Kill it so many times at random moments, run it again until it is done, and check the file
    #[arg(long, value_name = "KILLS", conflicts_with = "db")]
    crash_test: Option<NonZeroU64>,
    /// Export a table of yours, to stdout; the database is opened read-only
    #[arg(long, value_name = "FILE", requires = "table")]
    db: Option<PathBuf>,
    /// Which table
    #[arg(long, value_name = "NAME", default_value = "readings", requires = "db")]
    table: String,
    /// Only these columns, and those of the key
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', requires = "db")]
    columns: Vec<String>,
    /// Only the rows for which this is true
    #[arg(long = "where", value_name = "SQL", requires = "db")]
    condition: Option<String>,
    /// To this file, where each row comes exactly once; where it stands is kept in FILE.state if --state says
    /// nothing else
    #[arg(long, value_name = "FILE", requires = "db")]
    out: Option<PathBuf>,
    /// Keep there where it stands: run again it goes on, and after a crash one chunk may come again
    #[arg(long, value_name = "FOLDER", requires = "db")]
    state: Option<PathBuf>,
    /// Say where it stands, and do nothing
    #[arg(long, requires = "kept", conflicts_with = "reset")]
    status: bool,
    /// Start anew, and write the file anew
    #[arg(long, requires = "kept")]
    reset: bool,
    /// Rows between two checkpoints
    #[arg(long, value_name = "N", default_value = "4096")]
    chunk_size: NonZeroUsize,
    #[command(flatten)]
    pace: Pace,
}

fn main() -> ExitCode {
    run(|args: Args| {
        let rows = args.rows.get();
        if let Some(kills) = args.crash_test {
            return crash_test::export(kills.get(), rows, args.chunk_size.get());
        }
        if let Some(database) = &args.db {
            return export(&args, database).map(|_| ());
        }
        let folder = tempfile::tempdir()?;
        let (database, out) = (folder.path().join("readings.db"), folder.path().join("out"));
        sample::readings(&database, rows)?;
        let args = Args {
            out: Some(out.clone()),
            ..args
        };
        if export(&args, &database)? {
            sample::check_readings(&database, &out)?;
            print_line(format_args!(
                "the file has each of {rows} rows once, in order"
            ))?;
        }
        Ok(())
    })
}

/// Exports, or goes on with it, and answers whether it is done; or says where it stands.
fn export(args: &Args, database: &Path) -> Result<bool, BoxError> {
    // A job for each table of each database, to each file.
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
        if args.status {
            match CheckpointFiles::new(folder).load(&job)? {
                None => print_line("exported nothing yet")?,
                Some(checkpoint) => {
                    print_line(format_args!("exported {}", job_position(&checkpoint)))?
                }
            }
            return Ok(false);
        }
    }
    let db = open_to_read(database)?;
    let key = key_columns(&db, &args.table)?;
    let table = Table::new(&db, &args.table).key::<AnyKey>(&key)?;
    let columns = columns(&db, key, args)?;
    let format = LineFormat::new(&columns)?;
    let mut rows = table.columns(&columns);
    if let Some(condition) = &args.condition {
        rows = rows.filter(condition, [])?;
    }
    let lines = rows.fill(move |row, line: &mut Vec<u8>| format.write(row, line));
    // Proves all of it before anything is made.
    lines.fingerprint()?;

    // Without a state it is kept for as long as it runs.
    let folder = tempfile::tempdir()?;
    let is_kept = state.is_some();
    let checkpoints = CheckpointFiles::new(state.unwrap_or_else(|| folder.path().to_owned()));
    let mut spool = Spool::new(args.out.as_deref(), columns, checkpoints, args.reset);
    spool.check(&job)?;
    let walk = Walk::new(lines).chunk_size(args.chunk_size.get());
    let job = args.pace.set(Job::new(job, walk, spool), "exporting")?;
    let ran = job.run(|chunk, rows| {
        let mut chunk = chunk.borrow_mut();
        rows.iter()
            .for_each(|(_, line)| chunk.extend_from_slice(line));
        Ok(())
    });
    let outcome = ran.map_err(job_error)?;
    let mut end = "";
    if !outcome.is_done() {
        end = ", not done yet";
        log_line(match is_kept {
            true => "stopped; run it again to go on",
            false => "stopped; run it again to start anew, or with --state to go on where it stops",
        });
    }
    log_line(run_summary("exported", outcome.items(), &outcome) + end);
    Ok(outcome.is_done())
}

/// The columns of a line: those of the key, and those that were asked for or all.
fn columns(db: &Connection, key: Vec<String>, args: &Args) -> rusqlite::Result<Vec<String>> {
    let mut named = args.columns.clone();
    if named.is_empty() {
        // Generated columns among them, and not the hidden ones of virtual tables.
        let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
        let mut statement = db.prepare(sql)?;
        let all = statement.query_map([&args.table], |row| row.get(0))?;
        named = all.collect::<rusqlite::Result<_>>()?;
    }
    let is_named = |column: &String| named.iter().any(|name| name.eq_ignore_ascii_case(column));
    let mut columns: Vec<String> = key.into_iter().filter(|column| !is_named(column)).collect();
    columns.extend(named);
    Ok(columns)
}
