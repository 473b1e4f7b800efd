//! How do I delete old rows from a large table without blocking writers?
//!
//! `cargo run --release --example purge` makes a table of 500,000 events and deletes the older half, one chunk at a
//! time. Concurrently, a second connection inserts and reads. The example then checks what is left.
//!
//! With `--db FILE --table NAME --where SQL` it works on a table of your own. Without `--yes` it only counts the rows.
//! After a stop or a kill, run it again to continue. Once it is done, the next run starts over, as a nightly job
//! should. `--help` lists the options.
//!
//! Each chunk and its checkpoint share one transaction, so a writer waits for one chunk at most.

#![forbid(unsafe_code)]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use keywalk::Walk;
use keywalk_job::{Job, Outcome};
use keywalk_sqlite::{DynKey, SqliteCheckpoints, Table};
use keywalk_tests::concurrent::Writer;
use keywalk_tests::database::{key_columns, key_equals, open, open_to_read, quoted};
use keywalk_tests::program::{
    BoxError, Pace, completion, job_error, print_line, run, run_summary, stop_on_interrupt,
};
use keywalk_tests::sample;
use rusqlite::{Connection, params_from_iter};

/// Deletes old rows from a SQLite table, one chunk at a time, without blocking writers.
/// Without --db it makes a table in a temporary folder and deletes the older half, while a second connection
/// inserts and reads.
#[derive(Parser)]
#[command(name = "purge")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value = "500000", conflicts_with = "db")]
    rows: NonZeroU64,
    /// Count the rows that would be deleted from a table in your own database
    #[arg(long, value_name = "FILE", requires_all = ["table", "condition"])]
    db: Option<PathBuf>,
    /// Table to purge
    #[arg(long, value_name = "NAME", requires = "db", default_value = "events")]
    table: String,
    /// Delete the rows that satisfy this condition. The job starts over if the text changes, so write
    /// "at < unixepoch('now', '-30 days')" rather than a number that changes
    #[arg(long = "where", value_name = "SQL", requires = "db")]
    #[arg(default_value = "at < 1700000000")]
    condition: String,
    /// Delete the rows. A second run continues, or starts over if the job is done
    #[arg(long, requires = "db")]
    yes: bool,
    /// Rows per transaction
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    /// Pause after each chunk, so that waiting connections can lock the database
    #[arg(long, value_name = "MS", default_value_t = 1)]
    pause: u64,
    #[command(flatten)]
    pace: Pace,
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
        let summary = run_summary("purged", rows, &outcome);
        let completion = completion(outcome.is_done());
        Ok(print_line(format_args!("{summary}, {completion}"))?)
    })
}

fn table<'db>(db: &'db Connection, args: &Args) -> Result<Table<&'db Connection>, BoxError> {
    let key = key_columns(db, &args.table)?;
    Ok(Table::new(db, &args.table).key::<DynKey>(key)?)
}

/// Reads only the keys: nothing else of a row is needed to delete it.
fn old_rows<'db>(db: &'db Connection, args: &Args) -> Result<Table<&'db Connection>, BoxError> {
    let key = key_columns(db, &args.table)?;
    Ok(table(db, args)?.columns(key).filter(&args.condition, [])?)
}

/// Deletes the rows, starting at the job's checkpoint. Returns how many it deleted.
fn purge(db: &Connection, args: &Args) -> Result<(u64, Outcome), BoxError> {
    // Other writers may hold the lock for a long time.
    db.busy_timeout(Duration::from_secs(60))?;
    let walk = Walk::new(old_rows(db, args)?).chunk_size(args.chunk_size.get());
    let (table, key) = (quoted(&args.table), key_columns(db, &args.table)?);
    let delete = format!("DELETE FROM {table} WHERE {}", key_equals(&key, 1));

    // The purge may run every night. The job starts over if the last run finished it, or if the condition changed.
    let name = format!("purge {}", args.table);
    let job = Job::new(name, walk, SqliteCheckpoints::new(db))
        .restart_when_done()
        .restart_if_changed()
        .pause(Duration::from_millis(args.pause));
    let mut deleted = 0;
    let ran = args
        .pace
        .set(job, "purging", &stop_on_interrupt()?)?
        .run(|transaction, rows| {
            // The deletions and the checkpoint are committed together, or neither is.
            let mut delete = transaction.prepare_cached(&delete)?;
            for (key, _) in rows {
                deleted += delete.execute(params_from_iter(key.values()))? as u64;
            }
            Ok(())
        });
    Ok((deleted, ran.map_err(job_error)?))
}

/// Purges a generated table while another connection writes, and checks what is left.
fn of_made_table(args: &Args) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.db");
    let rows = args.rows.get();
    let db = sample::events(&file, rows)?;
    // From here on, commits must be durable.
    db.execute_batch("PRAGMA synchronous = NORMAL")?;
    let writer = Writer::start(&file)?;
    let purged = purge(&db, args);
    let written = writer.end()?;
    let (purged, outcome) = purged?;
    if outcome.is_done() {
        written.check(&db, rows)?;
    }
    let seconds = outcome.elapsed().as_secs_f64();
    Ok(print_line(format_args!(
        "purged {purged} of {rows} rows in {} chunks, {seconds:.2} s; meanwhile the writer committed {} times \
         and waited at most {} ms",
        outcome.chunks(),
        written.commits,
        written.longest.as_millis()
    ))?)
}
