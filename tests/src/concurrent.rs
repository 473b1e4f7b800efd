//! Threads that write while a store is walked, and checks of what the walk yields.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use keywalk::{AsyncChunkSource, ChunkSource, Order, Stats, Walk};
use rusqlite::{Connection, TransactionBehavior};

use crate::postgres::Blocking;
use crate::program::{BoxError, print_line};

/// A thread that follows a walk and deletes every tenth row: even tenths ahead of the walk, odd ones behind it. A row's
/// place is its number in the walk, from 1. Ids are numbers from 1 on.
#[derive(Debug)]
pub struct Deleter {
    rows: u64,
    order: Order,
    walked_to: SyncSender<u64>,
    thread: JoinHandle<Result<Deleted, BoxError>>,
    front: Arc<Front>,
    /// The place of the last row that came.
    place: u64,
    /// How far the deletes had come when the fetch began, and when it returned.
    gone: u64,
    going: u64,
    /// Rows that were deleted before the walk reached them.
    skipped: u64,
}

/// The numbers of deleted rows.
#[derive(Clone, Copy, Debug, Default)]
struct Deleted {
    /// Rows ahead of the walk.
    ahead: u64,
    /// Rows behind the walk.
    behind: u64,
}

/// How far the deletes ahead of the walk have come.
#[derive(Debug, Default)]
struct Front {
    /// The place up to which deletes have begun, so a row may be missing.
    going: AtomicU64,
    /// The place up to which deletes are committed, so a row must be missing.
    gone: AtomicU64,
}

/// The least number of rows ahead of the walk among which it deletes.
const AHEAD: u64 = 10_000;

impl Deleter {
    /// Starts the thread. `delete` deletes the rows with these ids, in one transaction if the store has them.
    pub fn start(
        rows: u64,
        order: Order,
        delete: impl FnMut(&[u64]) -> Result<(), BoxError> + Send + 'static,
    ) -> Self {
        let front = Arc::new(Front::default());
        let (walked_to, places) = sync_channel(1);
        let of_thread = Arc::clone(&front);
        let thread = thread::spawn(move || follow(delete, rows, order, &places, &of_thread));
        Deleter {
            rows,
            order,
            walked_to,
            thread,
            front,
            place: 0,
            gone: 0,
            going: 0,
            skipped: 0,
        }
    }

    /// Walks in the thread's order, and checks that every row that isn't deleted comes once, in order.
    pub fn check<S: ChunkSource>(
        mut self,
        walk: Walk<S>,
        id: impl Fn(&S::Item) -> u64,
    ) -> Result<Stats, BoxError>
    where
        S::Key: Ord,
        S::Error: Error + Send + Sync + 'static,
    {
        let mut chunks = walk.order(self.order).chunks();
        loop {
            self.fetching();
            let rows = chunks.next()?;
            self.fetched();
            let Some(rows) = rows else { break };
            rows.iter().try_for_each(|row| self.row(id(row)))?;
        }
        self.end()?;
        Ok(chunks.stats())
    }

    /// Does the same over an asynchronous source.
    pub async fn check_async<S: AsyncChunkSource>(
        mut self,
        walk: Walk<S>,
        id: impl Fn(&S::Item) -> u64,
    ) -> Result<Stats, BoxError>
    where
        S::Key: Ord,
        S::Error: Error + Send + Sync + 'static,
    {
        let mut chunks = walk.order(self.order).async_chunks();
        loop {
            self.fetching();
            let rows = chunks.next().await?;
            self.fetched();
            let Some(rows) = rows else { break };
            rows.iter().try_for_each(|row| self.row(id(row)))?;
        }
        self.end()?;
        Ok(chunks.stats())
    }

    /// Records that a fetch begins.
    fn fetching(&mut self) {
        // If the thread failed, the channel is closed. The error is reported at the end.
        let _ = self.walked_to.send(self.place);
        self.gone = self.front.gone.load(SeqCst);
    }

    /// Records that a fetch returned.
    fn fetched(&mut self) {
        self.going = self.front.going.load(SeqCst);
    }

    /// Checks a row that the walk yielded.
    fn row(&mut self, id: u64) -> Result<(), BoxError> {
        let place = place(self.rows, self.order, id);
        if place <= self.place {
            return Err(format!("row {id} came again, or late").into());
        }
        self.skip_to(place)?;
        if place.is_multiple_of(20) && place <= self.gone {
            return Err(format!("row {id} came after it was deleted").into());
        }
        self.place = place;
        Ok(())
    }

    /// Checks the end of the walk, and prints what was deleted.
    fn end(mut self) -> Result<(), BoxError> {
        self.skip_to(self.rows + 1)?;
        drop(self.walked_to);
        let deleted = self.thread.join().map_err(|_| "the thread panicked")??;
        let (ahead, skipped, behind) = (deleted.ahead, self.skipped, deleted.behind);
        Ok(print_line(format_args!(
            "each row that wasn't deleted was visited once, in order; concurrently, {ahead} rows were deleted ahead \
             of the cursor ({skipped} of them before the walk reached them) and {behind} behind it"
        ))?)
    }

    /// Checks that before `place` only rows that are deleted ahead of the walk are missing.
    fn skip_to(&mut self, place: u64) -> Result<(), BoxError> {
        for missing in self.place + 1..place {
            if !missing.is_multiple_of(20) || missing > self.going {
                return Err(format!("the row at {missing} was there and didn't come").into());
            }
            self.skipped += 1;
        }
        Ok(())
    }
}

/// Converts an id to its place, or a place to its id.
fn place(rows: u64, order: Order, id: u64) -> u64 {
    match order {
        Order::Ascending => id,
        Order::Descending => rows + 1 - id,
    }
}

/// Deletes ahead of and behind each place that it receives, in one transaction per place.
fn follow(
    mut delete: impl FnMut(&[u64]) -> Result<(), BoxError>,
    rows: u64,
    order: Order,
    places: &Receiver<u64>,
    front: &Front,
) -> Result<Deleted, BoxError> {
    let mut deleted = Deleted::default();
    let (mut behind, mut ahead) = (0, 0);
    for at in places {
        let to = rows.min(at + AHEAD).max(ahead);
        front.going.store(to, SeqCst);
        let behind_it = (behind + 1..=at).filter(|place| place % 20 == 10);
        let ahead_of_it = (ahead + 1..=to).filter(|place| place % 20 == 0);
        let mut ids: Vec<u64> = behind_it.collect();
        deleted.behind += ids.len() as u64;
        ids.extend(ahead_of_it);
        deleted.ahead += ids.len() as u64;
        for id in &mut ids {
            *id = place(rows, order, *id);
        }
        delete(&ids)?;
        (behind, ahead) = (at, to);
        front.gone.store(ahead, SeqCst);
    }
    deleted.ahead -= deleted.behind;
    Ok(deleted)
}

/// Opens a connection that deletes rows of `items`, for a [`Deleter`].
pub fn of_sqlite(
    file: &Path,
) -> rusqlite::Result<impl FnMut(&[u64]) -> Result<(), BoxError> + Send + 'static> {
    let mut db = Connection::open(file)?;
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -256")?;
    Ok(move |ids: &[u64]| {
        let transaction = db.transaction()?;
        for id in ids {
            let mut delete = transaction.prepare_cached("DELETE FROM items WHERE id = ?1")?;
            if delete.execute([id.cast_signed()])? != 1 {
                return Err(format!("row {id} is gone already").into());
            }
        }
        Ok(transaction.commit()?)
    })
}

/// Opens a connection that deletes rows of `items`, for a [`Deleter`].
pub fn of_postgres(
    url: &str,
) -> Result<impl FnMut(&[u64]) -> Result<(), BoxError> + Send + 'static, BoxError> {
    let db = Blocking::connect(url)?;
    Ok(move |ids: &[u64]| {
        let ids: Vec<i64> = ids.iter().map(|id| id.cast_signed()).collect();
        let delete = "DELETE FROM items WHERE id = ANY ($1)";
        match db.run(async |client| client.execute(delete, &[&ids]).await)? {
            deleted if deleted == ids.len() as u64 => Ok(()),
            deleted => Err(format!("{deleted} of {} rows were there", ids.len()).into()),
        }
    })
}

/// A thread that inserts into `events` and reads, as an application does.
#[derive(Debug)]
pub struct Writer {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<rusqlite::Result<Written>>,
}

/// The work of the writer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    /// Number of commits.
    pub commits: u64,
    /// Number of inserted rows.
    pub rows: u64,
    /// The longest wait for the lock.
    pub longest: Duration,
}

impl Written {
    /// Checks that of `rows` events only the old ones are gone, and that everything that this writer wrote exists.
    pub fn check(&self, db: &Connection, rows: u64) -> Result<(), BoxError> {
        let sql =
            "SELECT total(at < 1700000000), total(at >= 1700000000 AND id <= ?1), total(id > ?1)
            FROM events";
        let left: (f64, f64, f64) = db.query_row(sql, [rows.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let (newer, new) = (rows / 2, self.rows);
        if left != (0.0, newer as f64, new as f64) {
            let what = "rows are left that are old, newer, and new";
            return Err(format!("{left:?} {what}, instead of 0, {newer}, {new}").into());
        }
        Ok(print_line(format_args!(
            "no old row is left; all {newer} newer ones are, and all {new} that were written meanwhile"
        ))?)
    }
}

impl Writer {
    /// Starts the thread.
    pub fn start(file: &Path) -> rusqlite::Result<Self> {
        let db = Connection::open(file)?;
        db.busy_timeout(Duration::from_secs(60))?;
        db.execute_batch("PRAGMA synchronous = NORMAL")?;
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ended);
        let thread = thread::spawn(move || write(db, &is_over));
        Ok(Writer { ended, thread })
    }

    /// Stops the thread.
    pub fn end(self) -> Result<Written, BoxError> {
        self.ended.store(true, SeqCst);
        Ok(self.thread.join().map_err(|_| "the writer panicked")??)
    }
}

fn write(mut db: Connection, is_over: &AtomicBool) -> rusqlite::Result<Written> {
    const INSERT: &str = "INSERT INTO events (at, body) VALUES (2700000000, printf('%200d', 1))";
    const NEWEST: &str = "SELECT body FROM events ORDER BY id DESC LIMIT 1";
    let mut written = Written::default();
    while !is_over.load(SeqCst) {
        let began = Instant::now();
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        written.longest = written.longest.max(began.elapsed());
        for _ in 0..5 {
            written.rows += transaction.prepare_cached(INSERT)?.execute([])? as u64;
        }
        transaction.commit()?;
        written.commits += 1;
        db.prepare_cached(NEWEST)?
            .query_row([], |row| row.get::<_, String>(0))?;
        thread::sleep(Duration::from_millis(1));
    }
    Ok(written)
}
