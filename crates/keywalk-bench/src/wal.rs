//! What a reader does to a writer beside it, over SQLite in WAL mode.
//!
//! The writer commits 20,000 times, a row each, while a walk in chunks of N runs again and again on a thread
//! of its own. Over what it comes to without a reader, in the runs before and after: `size_N`, the largest
//! that the WAL was; `writer_wall_N` and `writer_cpu_N`, the writer's time; `p99_N`, what the slowest of a
//! hundred commits took. Medians of five rounds.
//!
//! The walk's consumer is about as busy as the fetch. `…_idle` is with one that does nothing: the reader is
//! then in a fetch at nearly each commit, where SQLite can't begin the WAL again, and it grows until a commit
//! meets a moment between two fetches. `…_idle_by_hand` is the same by the statement that users write, and
//! `…_cursor` one open cursor that holds its first row: once, as it takes long.
//!
//! It needs two cores that have nothing else to do: a reader that loses its core in the middle of a fetch
//! holds up the WAL for as long, and the writer's time is that of two threads on one core.

mod reader;
mod writer;

use keywalk::Walk;
use keywalk_sqlite::Table;
use rusqlite::Connection;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::figures::Figures;
use crate::filled_table;
use crate::time::median;
use reader::Reader;
use writer::{Writer, Written};

const DEFAULT: usize = Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE;

const ROUNDS: usize = 5;

const TARGET: Target = Target::AtMost(1.1);

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let folder = tempfile::tempdir()?;
    let mut writer = Writer {
        file: folder.path().join("items.db"),
        rows: bench.items() / 5,
        commits: bench.items() / 25,
        runs: 0,
    };
    let commits = writer.commits;
    filled_table::fill(&writer.file, writer.rows, 500)?;

    let readers = [
        Reader::Busy(100),
        Reader::Busy(DEFAULT),
        Reader::Busy(1_000),
        Reader::Idle(100),
        Reader::Idle(DEFAULT),
        Reader::Idle(1_000),
        Reader::ByHand(DEFAULT),
    ];
    // To warm up.
    writer.run()?;
    let mut alone = vec![writer.run()?];
    let mut beside = readers.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (reader, written) in readers.into_iter().zip(&mut beside) {
            written.push(reader.beside(&mut writer)?);
        }
        alone.push(writer.run()?);
    }
    for (reader, written) in readers.into_iter().zip(&beside) {
        record(bench, reader, commits, written, &alone)?;
    }
    let written = [Reader::Cursor.beside(&mut writer)?];
    let alone = alone.split_off(ROUNDS - 1);
    record(bench, Reader::Cursor, commits, &written, &alone)
}

/// Each run over the mean of those without a reader before and after it.
fn record(
    bench: &mut Bench,
    reader: Reader,
    commits: u64,
    written: &[Written],
    alone: &[Written],
) -> Fallible {
    let mut record =
        |what: &str, target: Target, unit: &str, divisor: f64, of: fn(&Written) -> f64| {
            let rounds = written.iter().zip(alone.windows(2));
            let ratio = |(beside, alone): (&Written, &[Written])| {
                let alone: f64 = alone.iter().map(of).sum::<f64>() / alone.len() as f64;
                of(beside) / alone
            };
            let ratio = median(rounds.map(ratio).collect());
            let middle = |of_all: &[Written]| median(of_all.iter().map(of).collect()) / divisor;
            let figures = Figures::of([
                (unit, middle(written)),
                (&format!("alone_{unit}"), middle(alone)),
            ]);
            let ns_item = median(written.iter().map(|written| written.cpu).collect());
            let name = format!("{what}_{reader}");
            bench.record_with(
                name,
                ratio,
                target,
                commits,
                ns_item / commits as f64,
                figures,
            )
        };
    let target = match reader {
        Reader::Busy(_) => TARGET,
        Reader::Idle(_) | Reader::ByHand(_) | Reader::Cursor => Target::None,
    };
    record("size", target, "wal_mb", 1e6, |written| written.wal)?;
    record("writer_wall", target, "s", 1e9, |written| written.wall)?;
    record("writer_cpu", target, "s", 1e9, |written| written.cpu)?;
    record("p99", Target::None, "us", 1e3, |written| written.p99)
}
