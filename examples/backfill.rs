//! How do I fill a column over millions of rows, so that the job survives deploys, crashes and Ctrl-C?
//!
//! `cargo run --release --example backfill` makes a table of 500,000 rows and fills its column `slug` from its column
//! `name`. With `--db FILE` it fills a table of your own: stop it with Ctrl-C or kill it, then run it again to
//! continue. `-- --crash-test 100` kills it a hundred times and counts how often each row was filled. `--help` lists
//! the options.
//!
//! With `--workers N` it fills by N workers at a time, each with a connection of its own. Further processes may join.
//! Over SQLite, only one of them writes at a time. `-- --crash-test 50 --workers 2 --processes 2` kills one of two
//! processes fifty times.
//!
//! With `--set SQL` it fills the column by one UPDATE per chunk instead of one per row. The walk then reads only keys.

#![forbid(unsafe_code)]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use keywalk::{ResumableSource, SplitSource, Walk};
use keywalk_job::{
    Batch, BoxError as WorkError, FileCheckpoints, Job, Leases, Outcome, ParallelJob, Stop, Worker,
};
use keywalk_sqlite::{DynKey, SqliteCheckpoints, Table};
use keywalk_tests::crash_test::{self, Runners};
use keywalk_tests::database::{key_columns, key_equals, open, quoted, refuse_database_file};
use keywalk_tests::program::{
    BoxError, Failure, Pace, completion, job_error, print_line, run, run_summary, stop_on_interrupt,
};
use keywalk_tests::sample;
use keywalk_tests::sample::slug;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Fills a column of a SQLite table from another column, one chunk at a time. Run it again to continue.
/// Without --db it makes a table in a temporary folder and fills that.
#[derive(Parser)]
#[command(name = "backfill")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value = "500000", conflicts_with = "db")]
    rows: NonZeroU64,
    /// Kill the job this many times at random moments, run it to the end, and count how often each row was filled
    #[arg(long, value_name = "KILLS", conflicts_with = "db")]
    crash_test: Option<u64>,
    /// Fill a table in your own database; a second run continues, or does nothing if the job is done
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// Discard the position and start over
    #[arg(long, requires = "db")]
    reset: bool,
    /// Table to fill
    #[arg(long, value_name = "NAME", default_value = "items")]
    table: String,
    /// Column to read
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    from: String,
    /// Fill the column with this SQL expression instead, by one UPDATE per chunk; needs a key of one column
    #[arg(long, value_name = "SQL", conflicts_with_all = ["crash_test", "from"])]
    set: Option<String>,
    /// Column to fill; it is added if it doesn't exist
    #[arg(long, value_name = "COLUMN", default_value = "slug")]
    to: String,
    /// Store the position in a file in this folder (at least once) instead of in the database (exactly once)
    #[arg(long, value_name = "FOLDER")]
    checkpoint: Option<PathBuf>,
    /// Rows per transaction
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    #[command(flatten)]
    runners: Runners,
    #[command(flatten)]
    pace: Pace,
}

impl Args {
    /// Returns the job's name: there is one job per filled column and expression.
    fn job(&self) -> String {
        let (to, table) = (&self.to, &self.table);
        match &self.set {
            None => format!("{to} of {table}"),
            Some(sql) => format!("{to} of {table}: {sql}"),
        }
    }
}

fn main() -> ExitCode {
    run(|args: Args| {
        let (rows, size) = (args.rows.get(), args.chunk_size.get());
        if let Some(kills) = args.crash_test {
            let (job, in_files) = (args.job(), args.checkpoint.is_some());
            return crash_test::backfill(kills, rows, &job, size, in_files, args.runners, None);
        }
        if let (Some(file), Some(folder)) = (&args.db, &args.checkpoint) {
            refuse_database_file(file, "--checkpoint", folder)?;
        }
        let folder = tempfile::tempdir()?;
        let own = folder.path().join("items.db");
        let file = args.db.as_ref().unwrap_or(&own);
        let db = match &args.db {
            Some(file) => open(file)?,
            None => sample::items(file, rows)?,
        };
        prepare(&db, &args)?;
        let stop = stop_on_interrupt()?;
        let outcome = match args.runners.workers {
            None => fill_by(&db, &args, None, &stop)?,
            Some(workers) => {
                let job = ParallelJob::new(args.job()).workers(workers.into());
                let job = args.pace.set_workers(job, "filling")?;
                job.run(|worker| {
                    // Each worker has a connection of its own.
                    let db = open(file)?;
                    // One of them writes at a time, so the others wait, some of them for several turns.
                    db.busy_timeout(Duration::from_secs(60))?;
                    fill_by(&db, &args, Some(worker), &stop)
                })?
            }
        };
        let summary = run_summary("filled", outcome.items(), &outcome);
        let completion = completion(outcome.is_done());
        Ok(print_line(format_args!("{summary}, {completion}"))?)
    })
}

/// Adds the column that is to be filled, if it doesn't exist, and resets the job if that is asked for.
fn prepare(db: &Connection, args: &Args) -> Result<(), BoxError> {
    let (table, to) = (quoted(&args.table), quoted(&args.to));
    // Reports a mistake in the table before anything is changed.
    drop(Table::new(db, &args.table).key::<DynKey>(key_columns(db, &args.table)?)?);
    if let Some(sql) = &args.set {
        // The same for the expression.
        let checked = db.prepare(&format!("SELECT ({sql}\n) FROM {table}"));
        match checked
            .map_err(|error| Failure::Mistake(error.to_string()))?
            .parameter_count()
        {
            0 => {}
            _ => return Err(Failure::Mistake("--set takes no parameters".to_owned()).into()),
        }
    }
    let columns = "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE name = ?2";
    if db.query_row(columns, [&args.table, &args.to], |row| row.get::<_, i64>(0))? == 0 {
        db.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {to} TEXT"))?;
    }
    if args.reset {
        match &args.checkpoint {
            None => SqliteCheckpoints::new(db).reset(&args.job())?,
            Some(folder) => FileCheckpoints::new(folder).reset(&args.job())?,
        };
    }
    Ok(())
}

/// Fills the column through this connection, as a worker if there are any.
fn fill_by(
    db: &Connection,
    args: &Args,
    worker: Option<Worker>,
    stop: &Stop,
) -> Result<Outcome, BoxError> {
    match &args.checkpoint {
        // The effects and the checkpoint share one transaction: exactly once.
        None => fill(
            (db, args, worker, stop),
            SqliteCheckpoints::new(db),
            |transaction, work| work(transaction),
        ),
        // The checkpoint is written after the effects: after a crash, one chunk may be repeated.
        Some(folder) => fill(
            (db, args, worker, stop),
            FileCheckpoints::new(folder),
            |(), work| {
                let transaction = db.unchecked_transaction()?;
                work(&transaction)?;
                Ok(transaction.commit()?)
            },
        ),
    }
}

/// The work on one chunk. It runs in the checkpoint store's transaction, or in one of its own.
type InTransaction<'w> = &'w mut dyn FnMut(&Connection) -> Result<(), WorkError>;

/// What a job needs besides its checkpoints.
type Setting<'s> = (&'s Connection, &'s Args, Option<Worker>, &'s Stop);

/// Fills the column, starting at the job's checkpoint.
fn fill<C: Leases<Error: Send + Sync + 'static>>(
    (db, args, worker, stop): Setting<'_>,
    checkpoints: C,
    mut transact: impl FnMut(&mut C::Scope<'_>, InTransaction<'_>) -> Result<(), WorkError>,
) -> Result<Outcome, BoxError> {
    let key = key_columns(db, &args.table)?;
    let items = Table::new(db, &args.table).key::<DynKey>(&key)?;
    let (table, to) = (quoted(&args.table), quoted(&args.to));
    if let Some(sql) = &args.set {
        let [key] = &key[..] else {
            let why = "--set needs a table whose primary key is one column";
            return Err(Failure::Mistake(why.to_owned()).into());
        };
        let key = quoted(key);
        let update = format!("UPDATE {table} SET {to} = ({sql}\n) WHERE {key} BETWEEN ?1 AND ?2");
        return run_job(
            (args, worker, stop),
            items.keys(),
            checkpoints,
            |scope, rows| {
                transact(scope, &mut |transaction| {
                    let (first, last) = (rows.first_key(), rows.last_key());
                    let bounds = params_from_iter(first.values().iter().chain(last.values()));
                    match transaction.prepare_cached(&update)?.execute(bounds)? {
                        filled if filled == rows.len() => Ok(()),
                        filled => Err(format!("filled {filled} of {} rows", rows.len()).into()),
                    }
                })
            },
        );
    }
    let is_key = key_equals(&key, 2);
    let update = format!("UPDATE {table} SET {to} = ?1 WHERE {is_key}");
    let items = items.columns([&args.from]);
    let items = items.map(|row| row.get::<_, Option<String>>(0));
    run_job((args, worker, stop), items, checkpoints, |scope, rows| {
        transact(scope, &mut |transaction| {
            let mut update = transaction.prepare_cached(&update)?;
            for (key, name) in rows {
                let slug = Value::from(name.as_deref().map(slug));
                update.execute(params_from_iter([&slug].into_iter().chain(key.values())))?;
            }
            Ok(())
        })
    })
}

/// Runs the job, or a worker's parts of it.
fn run_job<S, C>(
    (args, worker, stop): (&Args, Option<Worker>, &Stop),
    source: S,
    checkpoints: C,
    work: impl FnMut(&mut C::Scope<'_>, Batch<'_, S::Key, S::Item>) -> Result<(), WorkError>,
) -> Result<Outcome, BoxError>
where
    S: SplitSource<Error = keywalk_sqlite::Error> + ResumableSource,
    C: Leases<Error: Send + Sync + 'static>,
{
    let walk = Walk::new(source).chunk_size(args.chunk_size.get());
    let job = match worker {
        None => args
            .pace
            .set(Job::new(args.job(), walk, checkpoints), "filling", stop)?,
        // It takes over the parts of a process that is killed.
        Some(worker) => args
            .pace
            .limit(worker.job(walk, checkpoints), stop)
            .wait_for_lease(),
    };
    job.run(work).map_err(job_error)
}
