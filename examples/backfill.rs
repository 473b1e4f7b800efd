//! How do I fill a column over millions of rows, so that it survives deploys, crashes and Ctrl-C?
//!
//! `cargo run --release --example backfill` makes a table of 500,000 rows and fills its column `slug` from
//! its column `name`. With `--db FILE` it does so in a database of your own: stop it with Ctrl-C or kill it,
//! and run it again. `-- --crash-test 100` kills it a hundred times and counts how often each row was
//! done. `--help` lists the options.

#![forbid(unsafe_code)]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use keywalk::Walk;
use keywalk_job::{BoxError as WorkError, CheckpointFiles, Checkpoints, Job};
use keywalk_sqlite::{AnyKey, CheckpointTable, Table};
use keywalk_tests::database::{key_columns, key_equals, open, quoted, refuse_database_file};
use keywalk_tests::program::{
    BoxError, Pace, completion, job_error, job_position, log_line, print_line, run, run_summary,
};
use keywalk_tests::{crash_test, sample};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Fills a column of a SQLite table from another one, a chunk at a time, and goes on where it was.
/// Without --db it makes a table in a temporary folder, fills it and checks it.
#[derive(Parser)]
#[command(name = "backfill")]
struct Args {
    /// How many rows the table that is made has
    #[arg(
        long,
        value_name = "N",
        default_value = "500000",
        conflicts_with = "db"
    )]
    rows: NonZeroU64,
    /// Kill it so many times at random moments, run it again until it is done, and count how often each row was
    /// filled
    #[arg(long, value_name = "KILLS", conflicts_with = "db")]
    crash_test: Option<u64>,
    /// Of the moments at which the crash test kills
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Fill a table of yours; run again it goes on, and does nothing when it is done
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// Say where it stands
    #[arg(long, requires = "db", conflicts_with = "reset")]
    status: bool,
    /// Forget where it stands, so that the next run starts anew
    #[arg(long, requires = "db")]
    reset: bool,
    /// Which table
    #[arg(long, value_name = "NAME", default_value = "items")]
    table: String,
    /// From this column
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    from: String,
    /// Into this column, which is added if it isn't there
    #[arg(long, value_name = "COLUMN", default_value = "slug")]
    to: String,
    /// Keep the position in a file there (at least once) instead of in the database (exactly once)
    #[arg(long, value_name = "FOLDER")]
    checkpoint: Option<PathBuf>,
    /// Rows to a transaction
    #[arg(long, value_name = "N", default_value = "512")]
    chunk_size: NonZeroUsize,
    /// Count the rows first, to show how much is left where the key doesn't tell
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    pace: Pace,
}

impl Args {
    /// A job for each column that is filled.
    fn job(&self) -> String {
        format!("{} of {}", self.to, self.table)
    }
}

fn main() -> ExitCode {
    run(|args: Args| {
        let (rows, size) = (args.rows.get(), args.chunk_size.get());
        if let Some(kills) = args.crash_test {
            let in_files = args.checkpoint.is_some();
            return crash_test::backfill(kills, rows, &args.job(), size, in_files, args.seed);
        }
        if let (Some(file), Some(folder)) = (&args.db, &args.checkpoint) {
            refuse_database_file(file, "--checkpoint", folder)?;
        }
        let folder = tempfile::tempdir()?;
        let db = match &args.db {
            Some(file) => open(file)?,
            None => sample::items(&folder.path().join("items.db"), rows)?,
        };
        let table = CheckpointTable::new(&db);
        match args.checkpoint.as_ref().map(CheckpointFiles::new) {
            None if args.status || args.reset => status(&args, table),
            Some(files) if args.status || args.reset => status(&args, files),
            // The effects and the checkpoint are one transaction: exactly once.
            None => fill(&db, &args, table, |transaction, work| work(transaction)),
            // The checkpoint comes after the effects: after a crash one chunk comes again.
            Some(files) => fill(&db, &args, files, |(), work| {
                let transaction = db.unchecked_transaction()?;
                work(&transaction)?;
                Ok(transaction.commit()?)
            }),
        }
    })
}

/// What a chunk's rows have done to them, in a transaction that the checkpoints begin or it begins itself.
type InTransaction<'w> = &'w mut dyn FnMut(&Connection) -> Result<(), WorkError>;

/// Fills the column, from where the job stands.
fn fill<C: Checkpoints<Error: Send + Sync + 'static>>(
    db: &Connection,
    args: &Args,
    checkpoints: C,
    mut transact: impl FnMut(&C::Scope, InTransaction<'_>) -> Result<(), WorkError>,
) -> Result<(), BoxError> {
    let key = key_columns(db, &args.table)?;
    let from = args.from.clone();
    let items = Table::new(db, &args.table)
        .key::<AnyKey>(&key)?
        .columns([&from])
        .map(|row| row.get::<_, Option<String>>(0));
    let total = args.count.then(|| items.count()).transpose()?;
    let (table, to) = (quoted(&args.table), quoted(&args.to));
    let columns = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
    if db.query_row(columns, [&args.table, &args.to], |row| row.get::<_, i64>(0))? == 0 {
        db.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {to} TEXT"))?;
    }
    let is_key = key_equals(&key, 2);
    let update = format!("UPDATE {table} SET {to} = ?1 WHERE {is_key}");

    let walk = Walk::new(items).chunk_size(args.chunk_size.get());
    let mut job = args
        .pace
        .set(Job::new(args.job(), walk, checkpoints), "filling")?;
    if let Some(total) = total {
        job = job.total(total);
    }
    let ran = job.run(|scope, rows| {
        transact(scope, &mut |transaction| {
            let mut update = transaction.prepare_cached(&update)?;
            for (key, name) in rows {
                let slug = Value::from(name.as_deref().map(slug));
                update.execute(params_from_iter([&slug].into_iter().chain(key.values())))?;
            }
            Ok(())
        })
    });
    let outcome = ran.map_err(job_error)?;
    if let Some(checkpoint) = outcome.checkpoint().filter(|_| !outcome.is_done()) {
        let key = checkpoint.position().unwrap_or("-");
        log_line(format_args!(
            "{outcome}, after the key {key}; run it again to go on"
        ));
    } else if args.db.is_none() {
        let wrong = "SELECT count(*) FROM items WHERE slug IS NOT replace(name, ' ', '-')";
        let wrong: i64 = db.query_row(wrong, [], |row| row.get(0))?;
        if wrong > 0 {
            return Err(format!("{wrong} rows don't have their slug").into());
        }
    }
    let summary = run_summary("filled", outcome.items(), &outcome);
    let completion = completion(outcome.is_done());
    Ok(print_line(format_args!("{summary}, {completion}"))?)
}

/// What stands in a URL for a name: its letters and digits, in lower case, joined by hyphens.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.collect::<Vec<_>>().join("-")
}

/// Says which jobs are known and where they stand, or forgets this one.
fn status(
    args: &Args,
    mut checkpoints: impl Checkpoints<Error: Send + Sync + 'static>,
) -> Result<(), BoxError> {
    let job = args.job();
    if args.reset {
        let was_known = checkpoints.reset(&job)?;
        let what = if was_known { "forgotten" } else { "not known" };
        return Ok(print_line(format_args!("{job}: {what}"))?);
    }
    let jobs = checkpoints.list()?;
    if jobs.is_empty() {
        print_line("no job is known")?;
    }
    for known in jobs {
        print_line(format_args!("{}: {}", known.job(), job_position(&known)))?;
    }
    Ok(())
}
