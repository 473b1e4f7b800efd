//! G13: what a walk reads, and how often SQLite prepares for it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rusqlite::Connection;

mod chunks;
mod filters;
mod statements;

type Pair = (i64, i64);
type Mixed = (i64, Reverse<i64>);

/// What SQLite does for a walk: operations of its virtual machine.
struct Count(Arc<AtomicU64>);

impl Count {
    /// Counts by so many at once.
    fn of(db: &mut Connection, by: u16) -> Self {
        let count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&count);
        let tick = move || {
            counter.fetch_add(by.into(), Relaxed);
            false
        };
        db.progress_handler(by.into(), Some(tick))
            .expect("SQLite takes a handler");
        Count(count)
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn during<T>(&self, run: impl FnOnce() -> T) -> (T, u64) {
        let before = self.get();
        let result = run();
        (result, self.get() - before)
    }
}

/// The table `n` of the numbers 1 to `rows`, for the schema; analyzed or not.
fn open(rows: u32, schema: &str, analyzed: bool) -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(&format!(
        "CREATE TEMP TABLE n AS
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             SELECT i FROM n;
         {schema}; DROP TABLE n"
    ))
    .expect("the schema is valid");
    if analyzed {
        db.execute_batch("ANALYZE").expect("SQLite analyzes");
    }
    db
}

/// Statistics of another day, or made up.
fn set_statistics(db: &Connection, stat: &str) {
    db.execute("UPDATE sqlite_stat1 SET stat = ?1", [stat])
        .unwrap();
    db.execute_batch("DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema")
        .unwrap();
}
