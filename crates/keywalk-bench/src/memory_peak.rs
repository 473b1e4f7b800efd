//! Peak memory of a walk over a SQLite table. The ratio divides it by the peak of one open cursor plus 1 MB.
//!
//! Each pass runs in a process of its own, so that it can't reuse the memory of another pass. The peak is what the pass
//! adds to the memory of the idle process, whose code is already loaded. The figure is the median of several processes.
//! `rows_R/WAY_N` is a walk in chunks of N, `rows_R/all` collects all rows in one `Vec`. MB are millions of bytes.

use std::env;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, median};
use crate::sqlite::{self, DEFAULT};
use crate::sqlite_table::{Integer, Item, Shape, database, select};
use crate::{fjall, postgres, redb};

pub(crate) const MB: f64 = 1e6;

const PROCESSES: usize = 9;

/// The first argument of the process that is measured.
pub(crate) const PROCESS: &str = "--peak-memory";

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    for rows in [1_000, 10_000, 100_000, 1_000_000] {
        if rows > bench.items * 2 || !bench.wants_any(&format!("rows_{rows}/")) {
            continue;
        }
        let (folder, _db) = database::<Integer>(rows)?;
        let file = folder.path().join("items.db");
        let floor = peak(&file, "cursor", rows)?;
        for (way, target) in [
            (format!("lent_{DEFAULT}"), Target::AtMost(1.0)),
            (format!("items_{DEFAULT}"), Target::AtMost(1.0)),
            ("all".to_owned(), Target::None),
        ] {
            let peak = peak(&file, &way, rows)?;
            let name = format!("rows_{rows}/{way}");
            record(bench, name, target, (peak, floor), rows)?;
        }
    }
    Ok(())
}

/// Records the peak of a way and that of its floor.
pub(crate) fn record(
    bench: &mut Bench,
    name: String,
    target: Target,
    (peak, floor): (f64, f64),
    rows: u64,
) -> Fallible {
    let figures = [("peak_mb", peak / MB), ("floor_mb", floor / MB)];
    bench.record(name, target, peak / (floor + MB), rows, None, &figures)
}

/// Returns the median of the processes' peaks, in bytes.
pub(crate) fn peak(file: &Path, way: &str, rows: u64) -> Fallible<f64> {
    let mut peaks = Vec::new();
    for _ in 0..PROCESSES {
        let mut command = Command::new(env::current_exe()?);
        let output = command.arg(PROCESS).arg(file).arg(way).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        match said.trim().split_once(' ') {
            Some((peak, seen)) if seen == rows.to_string() => peaks.push(peak.parse()?),
            _ => {
                let error = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{way}: {} {said}{error}", output.status).into());
            }
        }
    }
    Ok(median(peaks))
}

/// Passes over the table and prints the bytes at the peak and the number of rows.
pub(crate) fn process(file: &Path, way: &str) -> Fallible {
    bring_in_code()?;
    // Writing this resets the mark to the memory in use (proc(5)).
    fs::write("/proc/self/clear_refs", "5")?;
    let before = high_water_mark()?;
    let seen = match way.split_once('/') {
        Some(("fjall", way)) => fjall::pass(file, way),
        Some(("postgres", way)) => postgres::pass(file, way),
        Some(("redb", way)) => redb::pass(file, way),
        _ => of_sqlite(file, way),
    }?;
    println!(
        "{} {}",
        high_water_mark()?.saturating_sub(before),
        seen.items
    );
    Ok(())
}

fn of_sqlite(file: &Path, way: &str) -> Fallible<Seen> {
    let db = Connection::open(file)?;
    match way.split_once('_') {
        Some(("lent", size)) => sqlite::walk_lends::<Integer>(&db, size.parse()?),
        Some(("items", size)) => sqlite::walk_yields::<Integer>(&db, size.parse()?),
        None if way == "cursor" => sqlite::cursor_makes_structs::<Integer>(&db),
        None if way == "all" => collects_structs::<Integer>(&db),
        _ => Err(format!("{way} is no way to read a table").into()),
    }
}

/// What users write for small tables: all structs in one `Vec`, then the work.
fn collects_structs<S: Shape>(db: &Connection) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut statement = db.prepare_cached(&select::<S>())?;
    let rows = statement.query_map([], |row| {
        Ok((S::read(row)?, Item::read(row, S::KEY.len())?))
    })?;
    for (key, item) in &rows.collect::<rusqlite::Result<Vec<_>>>()? {
        seen.see(S::digest(key).wrapping_add(item.digest()));
    }
    Ok(seen)
}

/// In bytes.
fn high_water_mark() -> Fallible<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let mut lines = status.lines();
    let mark = lines.find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    let kib: u64 = mark
        .ok_or("no VmHWM in /proc/self/status")?
        .trim()
        .parse()?;
    Ok(kib * 1_024)
}

/// Loads the program's code, and all linked libraries, into memory.
///
/// The system loads code page by page when it first runs, and counts it as the process's memory. Without this, a way
/// that runs more code would seem to use more memory, and the figures would change with each build.
fn bring_in_code() -> io::Result<()> {
    let mut memory = fs::File::open("/proc/self/mem")?;
    let mut buffer = vec![0; 1 << 16];
    for line in fs::read_to_string("/proc/self/maps")?.lines() {
        // "55d0c5a00000-55d0c5a21000 r-xp 00021000 fe:00 1234    /path": the mappings of files that can be read.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [range, rights, _, _, _, path] = words[..] else {
            continue;
        };
        let Some((start, end)) = range.split_once('-') else {
            continue;
        };
        let hex = |number| u64::from_str_radix(number, 16).map_err(io::Error::other);
        let (start, end) = (hex(start)?, hex(end)?);
        if path.starts_with('/') && rights.starts_with('r') {
            memory.seek(SeekFrom::Start(start))?;
            let mut mapped = memory.by_ref().take(end - start);
            while mapped.read(&mut buffer)? > 0 {}
        }
    }
    Ok(())
}
