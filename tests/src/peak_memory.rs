//! Measures how much peak memory a piece of work adds to this process.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use keywalk::Stats;

use crate::program::{BoxError, Failure};

/// The peak memory that a piece of work adds to the process.
///
/// Linux keeps the high-water mark (`VmHWM` in `/proc/self/status`). Writing `5` to `/proc/self/clear_refs` resets it
/// to the memory in use (proc(5)).
#[derive(Debug)]
pub struct PeakMemory {
    before: u64,
}

impl PeakMemory {
    /// Resets the mark and starts to measure.
    pub fn start() -> io::Result<Self> {
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(PeakMemory {
            before: high_water_mark()?,
        })
    }

    /// Returns the bytes that were added since the start.
    pub fn added(&self) -> io::Result<u64> {
        Ok(high_water_mark()?.saturating_sub(self.before))
    }
}

fn high_water_mark() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "no VmHWM in /proc/self/status"))
}

/// Measures a walk over a database, a file or a folder, including its opening. Returns a summary line that a script can parse.
pub fn measured(
    database: &Path,
    walk: impl FnOnce() -> Result<Stats, BoxError>,
) -> Result<String, BoxError> {
    let cannot = |error| Failure::Mistake(format!("can't open {}: {error}", database.display()));
    measured_over(size_of(database).map_err(cannot)?, walk)
}

/// Measures a walk as [`measured`] does, over a database of `size` bytes.
pub fn measured_over(
    size: u64,
    walk: impl FnOnce() -> Result<Stats, BoxError>,
) -> Result<String, BoxError> {
    let memory = PeakMemory::start()
        .map_err(|error| format!("peak memory can only be measured on Linux: {error}"))?;
    let start = Instant::now();
    let stats = walk()?;
    let seconds = start.elapsed().as_secs_f64();
    let [peak, size] = [memory.added()?, size].map(|bytes| bytes as f64 / 1_048_576.0);
    let (rows, chunks) = (stats.items(), stats.chunks());
    Ok(format!(
        "walked {rows} rows in {chunks} chunks, {seconds:.2} s, peak memory {peak:.1} MiB, database {size:.1} MiB"
    ))
}

/// Returns the size of a file, or of the files in a folder, in bytes.
fn size_of(path: &Path) -> io::Result<u64> {
    let is_of = fs::metadata(path)?;
    if !is_of.is_dir() {
        return Ok(is_of.len());
    }
    let mut sizes = fs::read_dir(path)?.map(|entry| size_of(&entry?.path()));
    sizes.try_fold(0, |sum, size| Ok(sum + size?))
}
