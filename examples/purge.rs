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

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use keywalk::Walk;
use keywalk_job::{Checkpoints, Job, Outcome};
use keywalk_sqlite::{AnyKey, CheckpointTable, Table};
use keywalk_tests::concurrent::Writer;
use keywalk_tests::database::{key_columns, key_equals, open, open_to_read, quoted};
use keywalk_tests::program::{
    BoxError, Pace, completion, job_error, log_line, print_line, run, run_summary,
};
use keywalk_tests::sample;
use rusqlite::{Connection, params_from_iter};

/// Deletes old rows from a SQLite table, a chunk at a time, without holding up writers.
/// Without --db it makes a table in a temporary folder and deletes the older half, while a second connection
/// inserts and reads.
#[derive(Parser)]
#[command(name = "purge")]
struct Args {
    /// How many rows the table that is made has
    #[arg(
        long,
        value_name = "N",
        default_value = "500000",
        conflicts_with = "db"
    )]
    rows: NonZeroU64,
    /// Delete by one DELETE, to compare
    #[arg(long, conflicts_with = "db")]
    at_once: bool,
    /// Count the rows of a table of yours that would be deleted
    #[arg(long, value_name = "FILE", requires_all = ["table", "condition"])]
    db: Option<PathBuf>,
    /// Which table
    #[arg(long, value_name = "NAME", requires = "db", default_value = "events")]
    table: String,
    /// Which rows: those for which this is true. With another text it starts over: write
    /// "at < unixepoch('now', '-30 days')" rather than a number that changes
    #[arg(long = "where", value_name = "SQL", requires = "db")]
    #[arg(default_value = "at < 1700000000")]
    condition: String,
    /// Delete them. Run again it goes on where it was; once it is done, it starts anew
    #[arg(long, requires = "db")]
    yes: bool,
    /// Rows to a transaction
    #[arg(long, value_name = "N", default_value = "512")]
    chunk_size: NonZeroUsize,
    /// Rest so long after each chunk, so that others who wait for the database get in
    #[arg(long, value_name = "MS", default_value_t = 1)]
    pause: u64,
    #[command(flatten)]
    pace: Pace,
    /// Start anew, whatever was done
    #[arg(long, requires_all = ["db", "yes"])]
    reset: bool,
}

fn main() -> ExitCode {
    run(|args: Args| {
        let Some(file) = &args.db else {
            return of_made_table(&args);
        };
        if !args.yes {
            let db = open_to_read(file)?;
            let (rows, all) = (old_rows(&db, &args)?.count()?, table(&db, &args)?.count()?);
            return Ok(print_line(format_args!(
                "would purge {rows} of {all} rows; give --yes to delete them"
            ))?);
        }
        let (rows, outcome) = purge(&open(file)?, &args)?;
        if !outcome.is_done() {
            log_line("what was deleted stays so; run it again to go on");
        }
        let summary = run_summary("purged", rows, &outcome);
        let completion = completion(outcome.is_done());
        Ok(print_line(format_args!("{summary}, {completion}"))?)
    })
}

fn table<'db>(db: &'db Connection, args: &Args) -> Result<Table<&'db Connection>, BoxError> {
    let key = key_columns(db, &args.table)?;
    Ok(Table::new(db, &args.table).key::<AnyKey>(key)?)
}

/// As their keys: nothing else of a row is needed to delete it.
fn old_rows<'db>(db: &'db Connection, args: &Args) -> Result<Table<&'db Connection>, BoxError> {
    let key = key_columns(db, &args.table)?;
    Ok(table(db, args)?.columns(key).filter(&args.condition, [])?)
}

/// Deletes the rows, from where the job stands, and answers how many.
fn purge(db: &Connection, args: &Args) -> Result<(u64, Outcome), BoxError> {
    // Writers may hold the lock for long.
    db.busy_timeout(Duration::from_secs(60))?;
    let walk = Walk::new(old_rows(db, args)?).chunk_size(args.chunk_size.get());
    let (table, is_key) = (
        quoted(&args.table),
        key_equals(&key_columns(db, &args.table)?, 1),
    );
    let delete = format!("DELETE FROM {table} WHERE {is_key}");

    let name = format!("purge {}", args.table);
    let mut checkpoints = CheckpointTable::new(db);
    if args.reset {
        checkpoints.reset(&name)?;
    }
    // Done, or with another condition, it starts over: a purge that runs every night.
    let job = Job::new(name, walk, checkpoints)
        .repeated()
        .restart_if_changed();
    let job = args
        .pace
        .set(job, "purging")?
        .pause(Duration::from_millis(args.pause));
    let mut deleted = 0;
    let ran = job.run(|transaction, rows| {
        // The rows and the checkpoint are gone and written together, or neither is.
        let mut delete = transaction.prepare_cached(&delete)?;
        for (key, _) in rows {
            deleted += delete.execute(params_from_iter(key.values()))? as u64;
        }
        Ok(())
    });
    Ok((deleted, ran.map_err(job_error)?))
}

/// Purges a table beside a writer, and checks what is left.
fn of_made_table(args: &Args) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.db");
    let rows = args.rows.get();
    let db = sample::events(&file, rows)?;
    // From here on it is treated as one that must last.
    db.execute_batch("PRAGMA synchronous = NORMAL")?;
    log_line(format_args!("made the table events of {rows} rows"));
    let writer = Writer::start(&file)?;
    let began = Instant::now();
    let purged = match args.at_once {
        // What not to do.
        true => {
            db.busy_timeout(Duration::from_secs(60))?;
            let deleted =
                db.execute(&format!("DELETE FROM events WHERE {}", args.condition), [])?;
            Ok((deleted as u64, 1, true))
        }
        false => {
            purge(&db, args).map(|(rows, outcome)| (rows, outcome.chunks(), outcome.is_done()))
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let written = writer.end()?;
    let (purged, chunks, is_done) = purged?;
    match is_done {
        true => written.check(&db, rows)?,
        false => log_line("not done yet; the table was a temporary one, and is gone"),
    }
    Ok(print_line(format_args!(
        "purged {purged} of {rows} rows in {chunks} chunks, {seconds:.2} s; meanwhile the writer committed {} times \
         and waited at most {} ms",
        written.commits,
        written.longest.as_millis()
    ))?)
}
