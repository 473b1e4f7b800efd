use std::fmt;
use std::path::Path;
use std::time::Instant;

use keywalk::Stats;
use keywalk_examples::PeakMemory;

use keywalk_examples::Failure;

/// The line that a script can read.
pub(crate) struct Outcome {
    rows: u64,
    chunks: u64,
    seconds: f64,
    peak_memory: u64,
    database: u64,
}

/// Measures a walk from before its connection is opened.
pub(crate) struct Measure {
    start: Instant,
    memory: PeakMemory,
    database: u64,
}

impl Measure {
    pub(crate) fn start(file: &Path) -> Result<Self, Failure> {
        let database = std::fs::metadata(file)?.len();
        let memory = PeakMemory::start().map_err(|error| {
            Failure::failed(format!(
                "peak memory can only be measured on Linux: {error}"
            ))
        })?;
        Ok(Measure {
            start: Instant::now(),
            memory,
            database,
        })
    }

    pub(crate) fn outcome(&self, stats: Stats) -> Result<Outcome, Failure> {
        Ok(Outcome {
            rows: stats.items(),
            chunks: stats.chunks(),
            seconds: self.start.elapsed().as_secs_f64(),
            peak_memory: self.memory.added()?,
            database: self.database,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        write!(
            f,
            "walked {} rows in {} chunks, {:.2} s, peak memory {:.1} MiB, database {:.1} MiB",
            self.rows,
            self.chunks,
            self.seconds,
            mib(self.peak_memory),
            mib(self.database)
        )
    }
}
