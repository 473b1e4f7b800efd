use std::fs;
use std::io;

/// What a stretch of work adds to the process's high-water mark of memory.
///
/// Linux keeps the mark (`VmHWM` in `/proc/self/status`) and sets it back to what is in use when
/// `5` is written to `/proc/self/clear_refs` (proc(5)).
#[derive(Debug)]
pub struct PeakMemory {
    before: u64,
}

impl PeakMemory {
    /// Sets the mark back and begins to measure.
    ///
    /// # Errors
    ///
    /// If this isn't Linux, or `/proc` isn't there.
    pub fn start() -> io::Result<Self> {
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(PeakMemory {
            before: high_water_mark()?,
        })
    }

    /// The bytes that were added since the start.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
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
