use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rusqlite::Connection;

use crate::Fallible;
use crate::time::Time;

/// What a writer came to. Times are nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// The largest that the WAL was, in bytes.
    pub(super) wal: f64,
    pub(super) wall: f64,
    pub(super) cpu: f64,
    /// Of a hundred commits, what the slowest takes.
    pub(super) p99: f64,
}

/// Prime: each row is written in its turn, far from the one before.
const STRIDE: u64 = 7_919;

/// Writes to the table `items`.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) file: PathBuf,
    pub(super) rows: u64,
    pub(super) commits: u64,
    /// How often it ran.
    pub(super) runs: u64,
}

impl Writer {
    /// Commits a row so many times, on a connection of its own and from an empty WAL.
    pub(super) fn run(&mut self) -> Fallible<Written> {
        self.runs += 1;
        let db = Connection::open(&self.file)?;
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        let mut update = db.prepare("UPDATE items SET photo = ?2 WHERE id = ?1")?;
        // Never what is there: SQLite writes no page that it would leave as it is.
        let mut photo = vec![self.runs as u8; 500];
        let mut took = Vec::with_capacity(self.commits as usize);
        let (written, time) = Time::of(|| {
            for number in 0..self.commits {
                photo[..8].copy_from_slice(&number.to_be_bytes());
                let began = Instant::now();
                let id = (number * STRIDE % self.rows) as i64;
                if update.execute((id, &photo))? != 1 {
                    return Err(rusqlite::Error::QueryReturnedNoRows);
                }
                took.push(began.elapsed().as_nanos() as f64);
            }
            Ok(())
        });
        written?;
        // Never made smaller while it is open.
        let wal = fs::metadata(self.file.with_extension("db-wal"))?.len() as f64;
        took.sort_by(f64::total_cmp);
        Ok(Written {
            wal,
            wall: time.wall,
            cpu: time.cpu,
            p99: took.get(took.len() * 99 / 100).copied().unwrap_or(f64::NAN),
        })
    }
}
