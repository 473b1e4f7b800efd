//! How do I check that a migrated or replicated table equals the original, and repair it?
//!
//! `cargo run --release --example compare` makes two databases that differ, prints how they differ, and makes the right
//! one equal to the left one. With `--left FILE --right FILE` it compares a table of your own. It prints one line per
//! difference; with `--fix` it changes the right table, as a job that you can stop and run again. `--help` lists the
//! options.

#![forbid(unsafe_code)]

use std::io::{self, BufWriter, Write};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_job::Job;
use keywalk_shards::{Diff, Difference};
use keywalk_sqlite::{DynKey, SqliteCheckpoints, Table};
use keywalk_tests::database::{key_columns, key_equals, open, quoted};
use keywalk_tests::program::{
    BoxError, Failure, Pace, completion, job_error, print_line, run, run_summary, stop_on_interrupt,
};
use keywalk_tests::sample;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Compares a table in two SQLite databases, key by key, in constant memory.
/// Without --left and --right it makes two databases that differ, compares them, fixes the right one and compares again.
#[derive(Parser)]
#[command(name = "compare")]
struct Args {
    /// Number of rows in the left database that it makes
    #[arg(long, default_value = "200000", conflicts_with_all = ["left", "right"])]
    rows: NonZeroU64,
    /// The database that is right
    #[arg(long, value_name = "FILE", requires = "right")]
    left: Option<PathBuf>,
    /// The database that is checked
    #[arg(long, value_name = "FILE", requires = "left")]
    right: Option<PathBuf>,
    /// Table to compare
    #[arg(long, value_name = "NAME", default_value = "items")]
    table: String,
    /// Check each difference again after this time, so that a row that others were just writing isn't reported
    #[arg(long, value_name = "SECONDS", requires = "left")]
    again: Option<u64>,
    /// Make the right table equal to the left one; run it again to continue
    #[arg(long, requires = "left", conflicts_with = "again")]
    fix: bool,
    /// Rows per fetch, and differences per transaction
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
    #[command(flatten)]
    pace: Pace,
}

fn main() -> ExitCode {
    run(|args: Args| match (&args.left, &args.right) {
        (Some(left), Some(right)) => {
            let sides = Sides::open(left, right, &args)?;
            match args.fix {
                true => sides.fix(&args),
                false => sides.compare(&args, true),
            }
        }
        _ => {
            let folder = tempfile::tempdir()?;
            let [left, right] = ["left.db", "right.db"].map(|name| folder.path().join(name));
            make(&left, &right, args.rows.get())?;
            let sides = Sides::open(&left, &right, &args)?;
            sides.compare(&args, false)?;
            sides.fix(&args)?;
            sides.compare(&args, false)
        }
    })
}

/// Makes two tables. In the right one, of each hundred rows one is missing, one is changed, and one is too many.
fn make(left: &Path, right: &Path, rows: u64) -> Result<(), BoxError> {
    sample::items(left, rows)?;
    let db = sample::items(right, rows)?;
    Ok(db.execute_batch(
        "INSERT INTO items SELECT -id, name, photo FROM items WHERE id % 100 = 3;
         DELETE FROM items WHERE id % 100 = 1;
         UPDATE items SET name = upper(name) WHERE id % 100 = 2;",
    )?)
}

/// The columns of a row other than its key.
type Values = Vec<Value>;

type Row = (DynKey, Values);
type AreEqual = fn(&Row, &Row) -> bool;

/// A source of one side's rows.
trait Side<'d>:
    ChunkSource<Key = DynKey, Item = Row, Error = keywalk_sqlite::Error> + ResumableSource + 'd
{
}

impl<'d, S> Side<'d> for S where
    S: ChunkSource<Key = DynKey, Item = Row, Error = keywalk_sqlite::Error> + ResumableSource + 'd
{
}

/// The table in both databases.
struct Sides {
    left: Connection,
    right: Connection,
    table: String,
    key: Vec<String>,
    /// The columns other than the key.
    columns: Vec<String>,
}

impl Sides {
    fn open(left: &Path, right: &Path, args: &Args) -> Result<Self, BoxError> {
        if same_file(left, right) {
            let shown = left.display();
            return Err(Failure::Mistake(format!("{shown} is both sides; name two files")).into());
        }
        let (left, right) = (open(left)?, open(right)?);
        let of_left = columns(&left, &args.table)?;
        if of_left != columns(&right, &args.table)? {
            let table = &args.table;
            let why = format!("the table {table} has other columns or another key on the right");
            return Err(Failure::Mistake(why).into());
        }
        let (key, columns) = of_left;
        Ok(Sides {
            left,
            right,
            table: args.table.clone(),
            key,
            columns,
        })
    }

    /// Returns the differences as a source. Nothing is read yet.
    fn diff(&self) -> Result<Diff<impl Side<'_>, impl Side<'_>, AreEqual>, BoxError> {
        let (left, right) = (self.side(&self.left)?, self.side(&self.right)?);
        Ok(Diff::new(left, right, |(_, left), (_, right)| {
            left == right
        }))
    }

    fn side<'d>(&self, db: &'d Connection) -> Result<impl Side<'d> + use<'d>, BoxError> {
        let table = Table::new(db, &self.table).key::<DynKey>(&self.key)?;
        let count = self.columns.len();
        let table = table.columns(&self.columns);
        Ok(table.map(move |row| {
            (0..count)
                .map(|at| row.get(at))
                .collect::<Result<Values, _>>()
        }))
    }

    /// Counts the differences, and prints a line for each if `prints`.
    fn compare(&self, args: &Args, prints: bool) -> Result<(), BoxError> {
        let diff = self.diff()?;
        let start = Instant::now();
        let mut out = BufWriter::new(io::stdout().lock());
        let mut counts = Counts::default();
        let mut report = |key: &DynKey, difference: &Difference<Row, Row>| {
            let sign = counts.add(difference);
            let key: Vec<String> = key.values().iter().map(shown).collect();
            match prints {
                true => writeln!(out, "{sign} {}", key.join(" ")).map_err(Failure::Stdout),
                false => Ok(()),
            }
        };
        let mut chunks = Walk::new(diff).chunk_size(args.chunk_size.get()).chunks();
        let mut doubtful = Vec::new();
        while let Some(differences) = chunks.next()? {
            for (key, difference) in differences.iter() {
                match args.again {
                    None => report(key, difference)?,
                    Some(_) => doubtful.push(key.clone()),
                }
            }
        }
        let mut diff = chunks.into_source();
        let (equal, mut resolved) = (diff.equal(), 0);
        if let Some(seconds) = args.again {
            thread::sleep(Duration::from_secs(seconds));
            for key in doubtful {
                match diff.check(&key)? {
                    Some(difference) => report(&key, &difference)?,
                    None => resolved += 1,
                }
            }
        }
        out.flush().map_err(Failure::Stdout)?;
        drop(out);
        let Counts {
            left,
            right,
            changed,
        } = counts;
        // Those are equal by now, or gone on both sides.
        let resolved = match args.again {
            Some(_) => format!(", {resolved} no longer differ"),
            None => String::new(),
        };
        let seconds = start.elapsed().as_secs_f64();
        Ok(print_line(format_args!(
            "{equal} equal, {left} only left, {right} only right, {changed} changed{resolved}, {seconds:.2} s"
        ))?)
    }

    /// Makes the right table equal to the left one. The changes of a chunk and its position are committed together.
    fn fix(&self, args: &Args) -> Result<(), BoxError> {
        let (table, all) = (quoted(&self.table), self.key.len() + self.columns.len());
        let names: Vec<String> = self
            .key
            .iter()
            .chain(&self.columns)
            .map(|name| quoted(name))
            .collect();
        let sets: Vec<String> = self
            .columns
            .iter()
            .map(|name| format!("{} = ?", quoted(name)))
            .collect();
        let is_key = key_equals(&self.key, 1);
        let is_changed_key = key_equals(&self.key, self.columns.len() + 1);
        let insert = format!(
            "INSERT INTO {table} ({}) VALUES (?{})",
            names.join(", "),
            ", ?".repeat(all - 1)
        );
        let delete = format!("DELETE FROM {table} WHERE {is_key}");
        let update = format!(
            "UPDATE {table} SET {} WHERE {is_changed_key}",
            sets.join(", ")
        );

        let walk = Walk::new(self.diff()?).chunk_size(args.chunk_size.get());
        let name = format!("fix {}", self.table);
        // Once it is done, the next run compares everything again.
        let job = Job::new(name, walk, SqliteCheckpoints::new(&self.right)).restart_when_done();
        let ran =
            args.pace
                .set(job, "fixing", &stop_on_interrupt()?)?
                .run(|transaction, differences| {
                    for (key, difference) in differences {
                        let key = key.values();
                        match difference {
                            Difference::OnlyLeft((_, values)) => transaction
                                .prepare_cached(&insert)?
                                .execute(params_from_iter(key.iter().chain(values.iter())))?,
                            Difference::OnlyRight(_) => transaction
                                .prepare_cached(&delete)?
                                .execute(params_from_iter(key.iter()))?,
                            Difference::Changed((_, values), _) => transaction
                                .prepare_cached(&update)?
                                .execute(params_from_iter(values.iter().chain(key.iter())))?,
                        };
                    }
                    Ok(())
                });
        let outcome = ran.map_err(job_error)?;
        let summary = run_summary("fixed", outcome.items(), &outcome);
        let completion = completion(outcome.is_done());
        Ok(print_line(format_args!("{summary}, {completion}"))?)
    }
}

#[derive(Default)]
struct Counts {
    left: u64,
    right: u64,
    changed: u64,
}

impl Counts {
    /// Counts a difference, and returns its sign.
    fn add<L, R>(&mut self, difference: &Difference<L, R>) -> char {
        let (count, sign) = match difference {
            Difference::OnlyLeft(_) => (&mut self.left, '-'),
            Difference::OnlyRight(_) => (&mut self.right, '+'),
            Difference::Changed(..) => (&mut self.changed, '!'),
        };
        *count += 1;
        sign
    }
}

/// Returns the key columns and the other columns of a table.
fn columns(db: &Connection, table: &str) -> Result<(Vec<String>, Vec<String>), BoxError> {
    let key = key_columns(db, table)?;
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk = 0 ORDER BY name";
    let mut statement = db.prepare(sql)?;
    let others = statement.query_map([table], |row| row.get(0))?;
    let others = others.collect::<rusqlite::Result<Vec<String>>>()?;
    match others.is_empty() {
        true => Err(
            Failure::Mistake(format!("there is no table {table} with columns to compare")).into(),
        ),
        false => Ok((key, others)),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn same_file(left: &Path, right: &Path) -> bool {
    let paths = [left, right].map(std::fs::canonicalize);
    matches!(paths, [Ok(left), Ok(right)] if left == right)
}
