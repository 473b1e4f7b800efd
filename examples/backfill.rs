//! How do I fill a column over millions of rows, so that the job survives deploys, crashes and Ctrl-C?
//!
//! `cargo run --release --example backfill` makes a table of 500,000 rows and fills its column `slug` from its column
//! `name`. With `--db FILE` it fills a table of your own: stop it with Ctrl-C or kill it, then run it again to
//! continue. `-- --crash-test 100` kills it a hundred times and counts how often each row was filled. `--help` lists
//! the options.
//!
//! With `--set SQL` it fills the column by one UPDATE per chunk instead of one per row. The walk then reads only keys.

#![forbid(unsafe_code)]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_job::{Batch, BoxError as WorkError, FileCheckpoints, Job, Leases};
use keywalk_sqlite::{DynKey, SqliteCheckpoints, Table};
use keywalk_tests::database::{key_columns, key_equals, open, quoted, refuse_database_file};
use keywalk_tests::program::{
    BoxError, Failure, Pace, completion, job_error, print_line, run, run_summary,
};
use keywalk_tests::sample::slug;
use keywalk_tests::{crash_test, sample};
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
            let in_files = args.checkpoint.is_some();
            return crash_test::backfill(kills, rows, &args.job(), size, in_files, None);
        }
        if let (Some(file), Some(folder)) = (&args.db, &args.checkpoint) {
            refuse_database_file(file, "--checkpoint", folder)?;
        }
        let folder = tempfile::tempdir()?;
        let db = match &args.db {
            Some(file) => open(file)?,
            None => sample::items(&folder.path().join("items.db"), rows)?,
        };
        match &args.checkpoint {
            // The effects and the checkpoint share one transaction: exactly once.
            None => fill(
                &db,
                &args,
                SqliteCheckpoints::new(&db),
                |transaction, work| work(transaction),
            ),
            // The checkpoint is written after the effects: after a crash, one chunk may be repeated.
            Some(folder) => fill(&db, &args, FileCheckpoints::new(folder), |(), work| {
                let transaction = db.unchecked_transaction()?;
                work(&transaction)?;
                Ok(transaction.commit()?)
            }),
        }
    })
}

/// The work on one chunk. It runs in the checkpoint store's transaction, or in one of its own.
type InTransaction<'w> = &'w mut dyn FnMut(&Connection) -> Result<(), WorkError>;

/// Fills the column, starting at the job's checkpoint.
fn fill<C: Leases<Error: Send + Sync + 'static>>(
    db: &Connection,
    args: &Args,
    mut checkpoints: C,
    mut transact: impl FnMut(&mut C::Scope<'_>, InTransaction<'_>) -> Result<(), WorkError>,
) -> Result<(), BoxError> {
    let key = key_columns(db, &args.table)?;
    let items = Table::new(db, &args.table).key::<DynKey>(&key)?;
    let (table, to) = (quoted(&args.table), quoted(&args.to));
    if let Some(sql) = &args.set {
        // Reports a mistake in the expression before anything is changed.
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
        checkpoints.reset(&args.job())?;
    }
    if let Some(sql) = &args.set {
        let [key] = &key[..] else {
            let why = "--set needs a table whose primary key is one column";
            return Err(Failure::Mistake(why.to_owned()).into());
        };
        let key = quoted(key);
        let update = format!("UPDATE {table} SET {to} = ({sql}\n) WHERE {key} BETWEEN ?1 AND ?2");
        return run_job(args, items.keys(), checkpoints, |scope, rows| {
            transact(scope, &mut |transaction| {
                let (first, last) = (rows.first_key(), rows.last_key());
                let bounds = params_from_iter(first.values().iter().chain(last.values()));
                match transaction.prepare_cached(&update)?.execute(bounds)? {
                    filled if filled == rows.len() => Ok(()),
                    filled => Err(format!("filled {filled} of {} rows", rows.len()).into()),
                }
            })
        });
    }
    let is_key = key_equals(&key, 2);
    let update = format!("UPDATE {table} SET {to} = ?1 WHERE {is_key}");
    let items = items.columns([&args.from]);
    let items = items.map(|row| row.get::<_, Option<String>>(0));
    run_job(args, items, checkpoints, |scope, rows| {
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

/// Runs the job, and prints how far it came.
fn run_job<S, C>(
    args: &Args,
    source: S,
    checkpoints: C,
    work: impl FnMut(&mut C::Scope<'_>, Batch<'_, S::Key, S::Item>) -> Result<(), WorkError>,
) -> Result<(), BoxError>
where
    S: ChunkSource<Error = keywalk_sqlite::Error> + ResumableSource,
    C: Leases<Error: Send + Sync + 'static>,
{
    let walk = Walk::new(source).chunk_size(args.chunk_size.get());
    let job = Job::new(args.job(), walk, checkpoints);
    let ran = args.pace.set(job, "filling")?.run(work);
    let outcome = ran.map_err(job_error)?;
    let summary = run_summary("filled", outcome.items(), &outcome);
    let completion = completion(outcome.is_done());
    Ok(print_line(format_args!("{summary}, {completion}"))?)
}
