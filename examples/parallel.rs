//! How do I walk a SQLite table with all cores?
//!
//! `cargo run --release --example parallel` makes a table of 500,000 rows and counts its words by several workers, each
//! with a connection of its own. It checks that every row was counted once. With `--db FILE --table NAME` it counts the
//! words of a table of your own, with any key. `--help` lists the options.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::available_parallelism;
use std::time::Instant;

use clap::Parser;
use keywalk::Walk;
use keywalk_shards::Parallel;
use keywalk_sqlite::{Row, Table};
use keywalk_tests::database::open_to_read;
use keywalk_tests::program::{BoxError, in_temporary_folder, print_line, run};
use keywalk_tests::sample::{WORDS_PER_TEXT, text_words, texts};
use rusqlite::types::Value;

/// Counts the words of a SQLite table by several workers at once.
/// Without --db it makes a table in a temporary folder, and checks that every row was counted once.
#[derive(Parser)]
#[command(name = "parallel")]
struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value_t = 500_000, conflicts_with = "db")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Count the words of a table in your own database, which is opened read-only
    #[arg(long, value_name = "FILE", requires = "table")]
    db: Option<PathBuf>,
    /// Table whose words are counted
    #[arg(long, value_name = "NAME", requires = "db")]
    table: Option<String>,
    /// Number of workers; default: one per core
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Number of parts of the table; default: eight per worker
    #[arg(long, value_name = "N")]
    parts: Option<NonZeroUsize>,
    /// Rows per fetch
    #[arg(long, default_value = "512")]
    chunk_size: NonZeroUsize,
}

fn main() -> ExitCode {
    run(|args: Args| match (&args.db, &args.table) {
        (Some(file), Some(table)) => {
            let (words, line) = count(file, table, &args, |_row| Ok(()))?;
            for (word, times) in most_frequent(words, 10) {
                print_line(format_args!("{times} {word}"))?;
            }
            Ok(print_line(line)?)
        }
        _ => in_temporary_folder(|folder| {
            let file = folder.join("texts.db");
            drop(texts(&file, args.rows)?);
            let seen = Seen::new(args.rows);
            let (words, line) = count(&file, "texts", &args, |row| seen.check(row))?;
            seen.check_all(words.values().sum())?;
            Ok(print_line(line)?)
        }),
    })
}

type Words = HashMap<String, u64>;

/// Counts the words in all columns of text. `check` checks each row. Also returns the last line of output.
fn count(
    file: &Path,
    table: &str,
    args: &Args,
    check: impl Fn(&Row) -> Result<(), BoxError> + Sync,
) -> Result<(Words, String), BoxError> {
    let start = Instant::now();
    // Each worker has a connection of its own.
    let open = || -> Result<_, BoxError> {
        let table = Table::new(open_to_read(file)?, table);
        Ok(Walk::new(table).chunk_size(args.chunk_size.get()))
    };
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = args.workers.unwrap_or_else(cores).get();
    let parts = args.parts.map_or(8 * workers, NonZeroUsize::get);
    // This connection is the last to close. The workers' may be read-only, and would leave the WAL's files behind.
    let mut walk = open()?;
    let mut parallel = Parallel::new(walk.split(parts)?).workers(workers);
    let counts = parallel.run(|worker| {
        let mut words = Words::new();
        let mut chunks = worker.chunks(open()?);
        while let Some(rows) = chunks.next()? {
            for (_key, row) in rows {
                check(row)?;
                count_row(row, &mut words);
            }
        }
        Ok::<Words, BoxError>(words)
    })?;
    let mut all = Words::new();
    for (word, times) in counts.into_iter().flatten() {
        *all.entry(word).or_default() += times;
    }
    let (progress, report) = (parallel.progress(), parallel.report());
    let line = format!(
        "scanned {} rows in {} parts by {} workers, {:.2} s, slowest worker {:.2} of ideal",
        progress.items(),
        progress.parts(),
        report.workers().len(),
        start.elapsed().as_secs_f64(),
        report.balance()
    );
    Ok((all, line))
}

fn count_row(row: &Row, words: &mut Words) {
    for value in row.values() {
        let Value::Text(text) = value else {
            continue;
        };
        for word in text.split_whitespace() {
            match words.get_mut(word) {
                Some(times) => *times += 1,
                None => drop(words.insert(word.to_owned(), 1)),
            }
        }
    }
}

fn most_frequent(words: Words, most: usize) -> Vec<(String, u64)> {
    let mut words = Vec::from_iter(words);
    words.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then(a.cmp(b)));
    words.truncate(most);
    words
}

/// The generated rows that were visited.
struct Seen {
    rows: Vec<AtomicBool>,
}

impl Seen {
    fn new(rows: u64) -> Self {
        Seen {
            rows: (0..rows).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// Checks that a row is as it was generated, and comes for the first time.
    fn check(&self, row: &Row) -> Result<(), BoxError> {
        let [Value::Integer(id), Value::Text(body)] = row.values() else {
            return Err("a row has other columns than id and body".into());
        };
        let id = id.unsigned_abs();
        let seen = self.rows.get(id as usize - 1);
        let seen = seen.ok_or_else(|| format!("row {id} wasn't made"))?;
        if seen.swap(true, Relaxed) {
            return Err(format!("row {id} came twice").into());
        }
        match body.split(' ').eq(text_words(id)) {
            true => Ok(()),
            false => Err(format!("row {id} has another text: {body}").into()),
        }
    }

    /// Checks that all rows came, and that this is the number of their words.
    fn check_all(&self, words: u64) -> Result<(), BoxError> {
        match self.rows.iter().position(|seen| !seen.load(Relaxed)) {
            Some(at) => Err(format!("row {} is missing", at + 1).into()),
            None if words != self.rows.len() as u64 * WORDS_PER_TEXT => {
                Err(format!("{words} words were counted").into())
            }
            None => Ok(()),
        }
    }
}
