//! The most memory that a walk over a SQLite table takes, beside what one open cursor takes, and what is
//! taken by all rows in a `Vec`.
//!
//! Each pass is in a process of its own, so that none finds the memory that another left, and its peak is
//! in bytes above the idle process, whose code is all in memory; the median of several. `rows_R/WAY_N` is the peak of a walk in chunks
//! of N over that of the cursor and 1 MB, where a row has about 600 bytes: at most 1. `same/WAY_N` is by
//! how much the peaks over a short and a long table differ, over 0.5 MB: at most 1 again. There a row has
//! about 50 bytes, for the long table's sake, and SQLite's page cache is small enough for the short table
//! to fill it. MB are millions of bytes.

mod child;
mod code;

use keywalk::Walk;
use keywalk_sqlite::Table;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::figures::Figures;
use crate::filled_table;
use crate::seen::Seen;
use crate::time::median;
pub(crate) use child::child;
use child::{Pass, Way};

const DEFAULT: usize = Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE;

const MB: f64 = 1e6;
/// By so much a walk may be above the cursor.
const MARGIN: f64 = MB;
/// By so much the long table's peak may be away from the short one's.
const SAME: f64 = 0.5 * MB;

/// SQLite's own.
const USUAL_CACHE_KIB: u64 = 2_000;
/// Less than the short table of narrow rows.
const SMALL_CACHE_KIB: u64 = 128;

/// How many rows the tables have whose peaks are compared with the cursor's.
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

const PROCESSES: usize = 9;
/// Over the long table, which takes seconds.
const LONG_PROCESSES: usize = 3;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let most = bench.items() * 2;
    for rows in SIZES.into_iter().filter(|rows| *rows <= most) {
        beside_the_cursor(bench, rows)?;
    }
    short_and_long(bench)
}

fn beside_the_cursor(bench: &mut Bench, rows: u64) -> Fallible {
    if !bench.wants_any(&format!("rows_{rows}/")) {
        return Ok(());
    }
    let table = TestTable::new(rows, 500, USUAL_CACHE_KIB)?;
    let (floor, expected) = table.peak(Way::Cursor, PROCESSES)?;
    for (way, target) in [
        (Way::Lent(DEFAULT), Target::AtMost(1.0)),
        (Way::Lent(1_000), Target::AtMost(1.0)),
        (Way::Lent(10_000), Target::None),
        (Way::Items(DEFAULT), Target::AtMost(1.0)),
        (Way::All, Target::None),
    ] {
        let (peak, seen) = table.peak(way, PROCESSES)?;
        if seen != expected {
            return Err(format!("{way}: saw {seen:?} instead of {expected:?}").into());
        }
        bench.record_with(
            format!("rows_{rows}/{way}"),
            peak / (floor + MARGIN),
            target,
            rows,
            f64::NAN,
            Figures::of([("peak_mb", peak / MB), ("floor_mb", floor / MB)]),
        )?;
    }
    Ok(())
}

fn short_and_long(bench: &mut Bench) -> Fallible {
    if !bench.wants_any("same/") {
        return Ok(());
    }
    let (few, many) = (bench.items() / 100, bench.items() * 10);
    let short = TestTable::new(few, 16, SMALL_CACHE_KIB)?;
    let long = TestTable::new(many, 16, SMALL_CACHE_KIB)?;
    for (way, target) in [
        (Way::Cursor, Target::None),
        (Way::Lent(DEFAULT), Target::AtMost(1.0)),
        (Way::Lent(1_000), Target::AtMost(1.0)),
        (Way::Items(DEFAULT), Target::AtMost(1.0)),
    ] {
        let (short, _) = short.peak(way, PROCESSES)?;
        let (long, _) = long.peak(way, LONG_PROCESSES)?;
        bench.record_with(
            format!("same/{way}"),
            (long - short).abs() / SAME,
            target,
            many,
            f64::NAN,
            Figures::of([
                (&format!("rows_{few}_mb"), short / MB),
                (&format!("rows_{many}_mb"), long / MB),
            ]),
        )?;
    }
    Ok(())
}

/// A table in a folder of its own, to be read with a page cache of this size.
#[derive(Debug)]
struct TestTable {
    folder: TempDir,
    rows: u64,
    cache_kib: u64,
}

impl TestTable {
    fn new(rows: u64, photo: u64, cache_kib: u64) -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        filled_table::fill(&folder.path().join("items.db"), rows, photo)?;
        Ok(TestTable {
            folder,
            rows,
            cache_kib,
        })
    }

    /// The median of so many processes' peaks, and what each of them saw.
    fn peak(&self, way: Way, processes: usize) -> Fallible<(f64, Seen)> {
        let pass = Pass {
            file: self.folder.path().join("items.db"),
            cache_kib: self.cache_kib,
            way,
        };
        let (mut peaks, mut all) = (Vec::new(), Seen::default());
        for _ in 0..processes {
            let (peak, seen) = pass.in_a_process()?;
            if seen.items != self.rows {
                return Err(format!("{way}: saw {seen:?} of {} rows", self.rows).into());
            }
            peaks.push(peak);
            all = seen;
        }
        Ok((median(peaks), all))
    }
}
