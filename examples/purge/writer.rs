use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keywalk_examples::Failure;
use rusqlite::{Connection, TransactionBehavior};

use crate::events;

/// How many rows it inserts at a time.
const ROWS: u64 = 5;
/// How long it rests after each commit.
const REST: Duration = Duration::from_millis(1);

/// A second connection that inserts and reads, as an application does meanwhile.
pub(crate) struct Writer {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<rusqlite::Result<Written>>,
}

/// What the writer did.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) commits: u64,
    pub(crate) rows: u64,
    /// That it waited to be let in.
    pub(crate) longest: Duration,
}

impl Writer {
    pub(crate) fn start(file: &Path) -> rusqlite::Result<Self> {
        let mut db = Connection::open(file)?;
        db.busy_timeout(Duration::from_secs(60))?;
        db.execute_batch("PRAGMA synchronous = NORMAL")?;
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ended);
        let thread = thread::spawn(move || write(&mut db, &is_over));
        Ok(Writer { ended, thread })
    }

    pub(crate) fn end(self) -> Result<Written, Failure> {
        self.ended.store(true, Ordering::Relaxed);
        let written = self.thread.join();
        Ok(written.map_err(|_| Failure::failed("the writer panicked"))??)
    }
}

fn write(db: &mut Connection, is_over: &AtomicBool) -> rusqlite::Result<Written> {
    let mut written = Written::default();
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        written.longest = written.longest.max(began.elapsed());
        for _ in 0..ROWS {
            events::insert_new(&transaction)?;
        }
        transaction.commit()?;
        written.commits += 1;
        written.rows += ROWS;
        let newest = "SELECT body FROM events ORDER BY id DESC LIMIT 1";
        let _body: String = db.prepare_cached(newest)?.query_row([], |row| row.get(0))?;
        thread::sleep(REST);
    }
    Ok(written)
}
