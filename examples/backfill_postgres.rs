//! How do I fill a column over millions of rows of PostgreSQL, so that the job survives deploys, crashes and Ctrl-C?
//!
//! `cargo run --release --example backfill_postgres` starts a server, makes a table of 500,000 rows and fills its
//! column `slug` from its column `name`, with one UPDATE per chunk. With `--url URL` it fills a table of your own: stop
//! it with Ctrl-C or kill it, then run it again to continue. If only the connection is lost, it connects again.
//! `-- --crash-test 100` kills it a hundred times and its server twenty times, and counts how often each row was
//! filled. `--help` lists the options.
//!
//! With `--workers N` it fills by N workers at a time, each with a connection of its own. They share one processor, and
//! their statements run in the server at the same time. Run it with the same `--url` again and further processes join.
//! If the server ends, all connect again; if only one worker's connection is lost, run it again to continue.
//! `-- --crash-test 50 --workers 2 --processes 2` kills one of two processes fifty times, and their server ten times.

#![forbid(unsafe_code)]

use std::num::{NonZeroU64, NonZeroUsize};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use keywalk::Walk;
use keywalk_job::{AsyncLeases, Job, Outcome, ParallelJob, Stop, Worker};
use keywalk_postgres::{PostgresCheckpoints, Table};
use keywalk_tests::crash_test::{self, Runners};
use keywalk_tests::database::quoted;
use keywalk_tests::postgres::{Blocking, Server, connect};
use keywalk_tests::program::{
    BoxError, Pace, completion, job_error, log_line, one_line, print_line, run, runs_summary,
    stop_on_interrupt,
};
use keywalk_tests::sample;
use keywalk_tests::sample::slug;
use serde_json::Value as Json;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Fills a column of a PostgreSQL table from another column, one chunk at a time. Run it again to continue.
/// Without --url it starts a server in a temporary folder, makes a table, and fills that.
#[derive(Parser)]
#[command(name = "backfill_postgres")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value = "500000", conflicts_with = "url")]
    rows: NonZeroU64,
    /// Kill the job this many times at random moments, and its server a fifth as often; run it to the end, and count
    /// how often each row was filled
    #[arg(long, value_name = "KILLS", conflicts_with = "url")]
    crash_test: Option<u64>,
    /// Fill a table in your own database; a second run continues, or does nothing if the job is done
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Discard the position and start over
    #[arg(long, requires = "url")]
    reset: bool,
    /// Table to fill: `table` or `schema.table`
    #[arg(long, value_name = "NAME", default_value = "items")]
    table: String,
    /// Column to read
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    from: String,
    /// Column to fill; it is added if it doesn't exist
    #[arg(long, value_name = "COLUMN", default_value = "slug")]
    to: String,
    /// Rows per transaction
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    #[command(flatten)]
    runners: Runners,
    #[command(flatten)]
    pace: Pace,
}

impl Args {
    /// Returns the job's name: there is one job per filled column.
    fn job(&self) -> String {
        format!("{} of {}", self.to, self.table)
    }

    fn quoted_table(&self) -> String {
        match self.table.split_once('.') {
            Some((schema, table)) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(&self.table),
        }
    }
}

fn main() -> ExitCode {
    run(|args: Args| {
        let (rows, size) = (args.rows.get(), args.chunk_size.get());
        if let Some(kills) = args.crash_test {
            let (job, runners) = (args.job(), args.runners);
            return crash_test::backfill_postgres(kills, rows, &job, size, runners);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        if let Some(url) = &args.url {
            return runtime.block_on(fill(url, &args));
        }
        let server = Server::start()?;
        let db = Blocking::connect(&server.url())?;
        db.run(async |db| sample::postgres_items(db, rows).await)?;
        runtime.block_on(fill(&server.url(), &args))
    })
}

/// Fills the column. If the connection is lost, connects again and continues where the last transaction ended.
async fn fill(url: &str, args: &Args) -> Result<(), BoxError> {
    let stop = stop_on_interrupt()?;
    let mut db = connect(url).await?;
    if args.reset {
        let mut checkpoints = PostgresCheckpoints::new(&db);
        checkpoints.reset(&args.job()).await.map_err(job_error)?;
    }
    // The checkpoint counts all runs of the job, also those that lost their connection.
    let (began, whole) = (Instant::now(), ParallelJob::new(args.job()));
    let before = whole
        .progress_async(&mut PostgresCheckpoints::new(&db))
        .await?;
    let before = before.map_or((0, 0), |before| (before.items(), before.chunks()));
    loop {
        match fill_from_checkpoint(&db, url, args, &stop).await {
            Ok(outcome) => {
                let now = outcome.checkpoint();
                let now = now.map_or(before, |now| (now.items(), now.chunks()));
                let rows = now.0.saturating_sub(before.0);
                let chunks = now.1.saturating_sub(before.1);
                let summary = runs_summary("filled", rows, chunks, began.elapsed());
                let completion = completion(outcome.is_done());
                return Ok(print_line(format_args!("{summary}, {completion}"))?);
            }
            Err(error) if db.check_connection().await.is_ok() => return Err(error),
            Err(error) => log_line(format_args!("{}; connecting again", one_line(&*error))),
        }
        db = connect_again(url, &stop).await?;
    }
}

/// Connects for a minute, which is enough for a server that restarts.
async fn connect_again(url: &str, stop: &Stop) -> Result<Client, BoxError> {
    let mut tries = 600;
    loop {
        match connect(url).await {
            Err(_) if tries > 0 && !stop.is_requested() => tries -= 1,
            connected => return Ok(connected?),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Adds the column that is to be filled, if it doesn't exist, and runs the job, starting at its checkpoint.
async fn fill_from_checkpoint(
    db: &Client,
    url: &str,
    args: &Args,
    stop: &Stop,
) -> Result<Outcome, BoxError> {
    let (table, to) = (args.quoted_table(), quoted(&args.to));
    // A table or column that can't be walked is an error before anything is changed.
    drop(Table::new(db, &args.table).columns([&args.from]).await?);
    // Adding a column waits for all readers of the table, and others wait behind it: only if it is needed.
    let exists = "SELECT FROM pg_attribute WHERE attrelid = $1::TEXT::REGCLASS AND attname = $2";
    let exists = db
        .query_typed(exists, &[(&table, Type::TEXT), (&args.to, Type::TEXT)])
        .await?;
    if exists.is_empty() {
        db.batch_execute(&format!("ALTER TABLE {table} ADD COLUMN {to} TEXT"))
            .await?;
    }
    let Some(workers) = args.runners.workers else {
        return run_job(db, args, stop, None).await;
    };
    let job = ParallelJob::new(args.job()).workers(workers.into());
    let job = args.pace.set_workers(job, "filling")?;
    job.run_async(async |worker| {
        // Each worker has a connection of its own.
        let db = connect(url).await?;
        run_job(&db, args, stop, Some(worker)).await
    })
    .await
}

/// Runs the job, or a worker's parts of it.
async fn run_job(
    db: &Client,
    args: &Args,
    stop: &Stop,
    worker: Option<Worker>,
) -> Result<Outcome, BoxError> {
    let (table, to) = (args.quoted_table(), quoted(&args.to));
    let items = Table::new(db, &args.table).columns([&args.from]);
    let items = items.map(|row| row.try_get::<_, Option<String>>(0)).await?;
    let total = items.count_estimate().await?;
    let walk = Walk::new(items).chunk_size(args.chunk_size.get());
    let checkpoints = PostgresCheckpoints::new(db);
    let job = match worker {
        Some(worker) => args
            .pace
            .limit(worker.async_job(walk, checkpoints, sleep), stop),
        None => {
            // Shows a percentage for any key, text too.
            let job = Job::new_async(args.job(), walk, checkpoints, sleep).total(total);
            args.pace.set_async(job, "filling", stop)?
        }
    };
    // The server may take a moment to notice that the client of an earlier run is gone.
    let job = job.wait_for_lease();
    let ran = job.run_async(async |transaction, rows| {
        // The rows as JSON. PostgreSQL gives them the types of the table's columns.
        let new = rows.iter().map(|(key, name)| {
            let key = key.columns().iter().zip(key.values());
            let key = key.map(|(column, value)| (column.clone(), value.to_text().into()));
            let slug = (args.to.clone(), name.as_deref().map(slug).into());
            Json::Object(key.chain([slug]).collect())
        });
        let new = Json::Array(new.collect()).to_string();
        let key = rows.first_key();
        let is_key = key.columns().iter().map(|column| {
            let column = quoted(column);
            format!("old.{column} = new.{column}")
        });
        let is_key = Vec::from_iter(is_key).join(" AND ");
        let update = format!(
            "UPDATE {table} AS old SET {to} = new.{to}
            FROM json_populate_recordset(NULL::{table}, $1::TEXT::JSON) AS new WHERE {is_key}"
        );
        transaction
            .execute_typed(&update, &[(&new, Type::TEXT)])
            .await?;
        Ok(())
    });
    ran.await.map_err(job_error)
}
