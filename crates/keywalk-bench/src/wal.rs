//! The effect of a reader on a concurrent writer, over SQLite in WAL mode.
//!
//! The writer commits 20,000 times, one row each, while another thread repeats a walk in chunks of the default size.
//! Each ratio divides a run by the mean of the runs before and after it, which have no reader. `size_READER` is the
//! largest size of the WAL; `writer_wall_READER` and `writer_cpu_READER` are the writer's times. Figures are medians of
//! five rounds.
//!
//! The reader `busy` spends about as much time on a chunk as on its fetch. The reader `idle` spends none, so it is in a
//! fetch at nearly each commit. SQLite can't restart the WAL then, and the WAL grows until a commit falls between two
//! fetches. The reader `by_hand` pages with a hand-written statement. The reader `cursor` is one open cursor that stays
//! on its first row; it runs once, because it takes long.
//!
//! This needs two idle cores. A reader that loses its core during a fetch blocks the WAL until it runs again. If both
//! threads share one core, the writer's wall time includes the reader's work.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use keywalk::Walk;
use keywalk_job::BoxError;
use keywalk_sqlite::Table;
use rusqlite::Connection;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, cpu_ns, median};
use crate::sqlite::DEFAULT;
use crate::sqlite_table::{Integer, database};

const ROUNDS: usize = 5;

/// A pass over the table. After each chunk it calls the closure with the number of rows, to learn whether to continue.
type Pass = fn(&Connection, &mut dyn FnMut(usize) -> bool) -> Result<(), BoxError>;

/// The largest size of the WAL, in bytes, and the writer's time, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Written {
    wal: f64,
    wall: f64,
    cpu: f64,
}

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (folder, db) = database::<Integer>(bench.items / 5)?;
    drop(db);
    let mut writer = Writer {
        file: folder.path().join("items.db"),
        rows: bench.items / 5,
        commits: bench.items / 25,
        runs: 0,
    };
    let readers = [
        ("busy", Target::AtMost(1.1), walk::<true> as Pass),
        ("idle", Target::None, walk::<false>),
        ("by_hand", Target::None, by_hand),
    ];
    // Warms up.
    writer.run()?;
    let mut alone = vec![writer.run()?];
    let mut beside = readers.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, _, pass), written) in readers.iter().zip(&mut beside) {
            written.push(beside_reader(*pass, &mut writer)?);
        }
        alone.push(writer.run()?);
    }
    for ((name, target, _), written) in readers.iter().zip(&beside) {
        record(bench, name, *target, writer.commits, written, &alone)?;
    }
    let db = Connection::open(&writer.file)?;
    let mut statement = db.prepare("SELECT id, name, photo FROM items ORDER BY id")?;
    let mut cursor = statement.query([])?;
    cursor.next()?;
    let beside = [writer.run()?];
    cursor.next()?.ok_or("the cursor was to hold the table")?;
    let alone = &alone[ROUNDS - 1..];
    record(
        bench,
        "cursor",
        Target::None,
        writer.commits,
        &beside,
        alone,
    )
}

/// Divides each run by the mean of the runs without a reader before and after it.
fn record(
    bench: &mut Bench,
    reader: &str,
    target: Target,
    commits: u64,
    beside: &[Written],
    alone: &[Written],
) -> Fallible {
    let ns_item = median(beside.iter().map(|written| written.cpu)) / commits as f64;
    let mut record = |what: &str, unit: &str, divisor: f64, of: fn(&Written) -> f64| {
        let rounds = beside.iter().zip(alone.windows(2));
        let ratio = median(
            rounds.map(|(beside, alone)| of(beside) / ((of(&alone[0]) + of(&alone[1])) / 2.0)),
        );
        let middle = |runs: &[Written]| median(runs.iter().map(of)) / divisor;
        let alone_unit = format!("alone_{unit}");
        let figures = [(unit, middle(beside)), (&alone_unit, middle(alone))];
        let name = format!("{what}_{reader}");
        bench.record(name, target, ratio, commits, Some(ns_item), &figures)
    };
    record("size", "wal_mb", 1e6, |written| written.wal)?;
    record("writer_wall", "s", 1e9, |written| written.wall)?;
    record("writer_cpu", "s", 1e9, |written| written.cpu)
}

/// The writer, which commits to the table `items`.
#[derive(Debug)]
struct Writer {
    file: PathBuf,
    rows: u64,
    commits: u64,
    runs: u64,
}

impl Writer {
    /// Makes all its commits on a new connection, starting with an empty WAL.
    fn run(&mut self) -> Fallible<Written> {
        /// A prime, so that each row is written in turn, far from the previous one.
        const STRIDE: u64 = 7_919;
        self.runs += 1;
        let db = Connection::open(&self.file)?;
        db.execute_batch("PRAGMA synchronous = NORMAL")?;
        let mut update = db.prepare("UPDATE items SET photo = ?2 WHERE id = ?1")?;
        // Always a new value, because SQLite doesn't write an unchanged page.
        let mut photo = vec![self.runs as u8; 500];
        let (start, start_cpu) = (Instant::now(), cpu_ns());
        for number in 0..self.commits {
            photo[..8].copy_from_slice(&number.to_be_bytes());
            let id = 1 + (number * STRIDE % self.rows) as i64;
            if update.execute((id, &photo))? != 1 {
                return Err(format!("no row {id} to write").into());
            }
        }
        Ok(Written {
            wall: start.elapsed().as_nanos() as f64,
            cpu: cpu_ns() - start_cpu,
            // The WAL file never shrinks while it is open.
            wal: fs::metadata(self.file.with_extension("db-wal"))?.len() as f64,
        })
    }
}

/// Runs the writer while a reader passes over the table repeatedly in a thread of its own.
fn beside_reader(pass: Pass, writer: &mut Writer) -> Fallible<Written> {
    let (db, rows) = (Connection::open(&writer.file)?, writer.rows as usize);
    let (begun, stop) = (&Barrier::new(2), &AtomicBool::new(false));
    thread::scope(|threads| {
        let reader = threads.spawn(move || -> Result<(), BoxError> {
            begun.wait();
            while !stop.load(Ordering::Relaxed) {
                let (mut seen, mut goes_on) = (0, true);
                pass(&db, &mut |rows| {
                    seen += rows;
                    goes_on = !stop.load(Ordering::Relaxed);
                    goes_on
                })?;
                if goes_on && seen != rows {
                    return Err(format!("the reader saw {seen} of {rows} rows").into());
                }
            }
            Ok(())
        });
        begun.wait();
        let written = writer.run();
        stop.store(true, Ordering::Relaxed);
        let read = reader.join().map_err(|_| "the reader panicked")?;
        read.map_err(|error| error as Box<dyn Error>)?;
        written
    })
}

fn walk<const IS_BUSY: bool>(
    db: &Connection,
    goes_on: &mut dyn FnMut(usize) -> bool,
) -> Result<(), BoxError> {
    let table = Table::new(db, "items").key::<i64>(["id"])?;
    let table = table.map_into(|row, photo: &mut Vec<u8>| {
        photo.clear();
        photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
        Ok(())
    });
    let mut chunks = Walk::new(table).chunks();
    while let Some(items) = chunks.next()? {
        if IS_BUSY {
            items.iter().for_each(|(_, photo)| hash(photo));
        }
        if !goes_on(items.len()) {
            break;
        }
    }
    Ok(())
}

fn by_hand(db: &Connection, goes_on: &mut dyn FnMut(usize) -> bool) -> Result<(), BoxError> {
    let sql = format!("SELECT id, photo FROM items WHERE id > ?1 ORDER BY id LIMIT {DEFAULT}");
    let mut statement = db.prepare_cached(&sql)?;
    let mut items: Vec<(i64, Vec<u8>)> = Vec::with_capacity(DEFAULT);
    loop {
        let last = items.last().map_or(0, |(id, _)| *id);
        items.clear();
        let mut rows = statement.query([last])?;
        while let Some(row) = rows.next()? {
            items.push((row.get(0)?, row.get(1)?));
        }
        drop(rows);
        if items.is_empty() || !goes_on(items.len()) {
            return Ok(());
        }
    }
}

/// FNV-1a, byte by byte.
fn hash(bytes: &[u8]) {
    black_box(bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    }));
}
