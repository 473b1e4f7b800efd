use std::fs;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::Fallible;
use crate::filled_table;
use crate::seen::Seen;
use crate::time::Time;

/// Changes the rows with smaller keys than this, and answers how many they were.
pub(super) type Work = fn(&Connection, i64) -> Fallible<u64>;

/// A table to be worked on again and again.
#[derive(Debug)]
pub(super) struct TestTable {
    folder: TempDir,
    rows: u64,
}

impl TestTable {
    pub(super) fn new(rows: u64) -> Fallible<Self> {
        let folder = tempfile::tempdir()?;
        filled_table::fill(&folder.path().join("made.db"), rows, 500)?;
        Ok(TestTable { folder, rows })
    }

    /// Times the work on a new copy; sees what it leaves.
    pub(super) fn turn(&self, work: Work) -> Fallible<(Seen, Time)> {
        let file = self.folder.path().join("copy.db");
        fs::copy(self.folder.path().join("made.db"), &file)?;
        let db = Connection::open(&file)?;
        db.execute_batch("PRAGMA synchronous = NORMAL")?;
        let (changed, time) = Time::of(|| work(&db, (self.rows / 2) as i64));
        let left = "SELECT count(*) + total(id) + total(id * (name = upper(name))) FROM items";
        let left: f64 = db.query_row(left, [], |row| row.get(0))?;
        Ok((Seen::of(changed?, left as u64), time))
    }
}
