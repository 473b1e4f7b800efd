use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use keywalk::Walk;
use keywalk_sqlite::Table;
use rusqlite::{Connection, Row};

use super::writer::{Writer, Written};
use crate::Fallible;

/// Reads the table again and again, in chunks of so many rows, or holds it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reader {
    /// Whose consumer hashes each blob, which takes about as long as to fetch it.
    Busy(usize),
    /// Whose consumer does nothing, so that it is in a fetch nearly all the time.
    Idle(usize),
    /// As idle, by the statement that users write.
    ByHand(usize),
    /// One cursor, at its first row.
    Cursor,
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reader::Busy(size) => write!(f, "{size}"),
            Reader::Idle(size) => write!(f, "{size}_idle"),
            Reader::ByHand(size) => write!(f, "{size}_idle_by_hand"),
            Reader::Cursor => f.write_str("cursor"),
        }
    }
}

type Threaded<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl Reader {
    /// What the writer does beside it.
    pub(super) fn beside(self, writer: &mut Writer) -> Fallible<Written> {
        let db = Connection::open(&writer.file)?;
        if let Reader::Cursor = self {
            let mut statement = db.prepare("SELECT id, name, photo FROM items ORDER BY id")?;
            let mut cursor = statement.query([])?;
            cursor.next()?;
            let written = writer.run()?;
            return match cursor.next()? {
                Some(_) => Ok(written),
                None => Err("the cursor was to hold the table".into()),
            };
        }
        let stop = AtomicBool::new(false);
        let (begun, has_begun) = sync_channel(1);
        let beat = Beat {
            stop: &stop,
            begun,
            rows: writer.rows,
        };
        thread::scope(|threads| {
            let reader = threads.spawn(move || match self {
                Reader::Busy(size) => walks(&db, &beat, size, hash),
                Reader::Idle(size) => walks(&db, &beat, size, |_| ()),
                Reader::ByHand(size) => by_hand(&db, &beat, size),
                Reader::Cursor => Ok(()),
            });
            // An error if the reader ended before it: what it ended by is the better one.
            let begun = has_begun.recv().map_err(Into::into);
            let written = begun.and_then(|()| writer.run());
            stop.store(true, Ordering::Relaxed);
            match reader.join() {
                Ok(Ok(())) => written,
                Ok(Err(error)) => Err(error as Box<dyn Error>),
                Err(_) => Err("the reader panicked".into()),
            }
        })
    }
}

/// What a reader hears and says.
#[derive(Debug)]
struct Beat<'a> {
    stop: &'a AtomicBool,
    begun: SyncSender<()>,
    rows: u64,
}

impl Beat<'_> {
    /// After each chunk: whether to go on.
    fn goes_on(&self) -> bool {
        // Full from the second chunk on.
        let _ = self.begun.try_send(());
        !self.stop.load(Ordering::Relaxed)
    }

    /// After each pass: that it saw every row.
    fn check(&self, seen: u64) -> Threaded<()> {
        match seen == self.rows {
            true => Ok(()),
            false => Err(format!("the reader saw {seen} of {} rows", self.rows).into()),
        }
    }
}

fn walks(db: &Connection, beat: &Beat<'_>, size: usize, consume: fn(&[u8])) -> Threaded<()> {
    let table = Table::new(db, "items").key::<i64>(["id"])?;
    let mut table = table.fill(|row: &Row<'_>, photo: &mut Vec<u8>| {
        photo.clear();
        photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
        Ok(())
    });
    loop {
        let mut chunks = Walk::new(&mut table).chunk_size(size).chunks();
        let mut seen = 0;
        while let Some(items) = chunks.next()? {
            for (_, photo) in &*items {
                consume(photo);
            }
            seen += items.len() as u64;
            if !beat.goes_on() {
                return Ok(());
            }
        }
        beat.check(seen)?;
    }
}

fn by_hand(db: &Connection, beat: &Beat<'_>, size: usize) -> Threaded<()> {
    let sql = format!("SELECT id, photo FROM items WHERE id > ?1 ORDER BY id LIMIT {size}");
    let mut statement = db.prepare(&sql)?;
    let mut items: Vec<(i64, Vec<u8>)> = Vec::with_capacity(size);
    loop {
        let (mut last, mut seen) = (-1, 0);
        loop {
            items.clear();
            let mut rows = statement.query([last])?;
            while let Some(row) = rows.next()? {
                items.push((row.get(0)?, row.get(1)?));
            }
            drop(rows);
            let Some((id, _)) = items.last() else { break };
            last = *id;
            seen += items.len() as u64;
            if !beat.goes_on() {
                return Ok(());
            }
        }
        beat.check(seen)?;
    }
}

/// FNV-1a, a byte at a time.
fn hash(bytes: &[u8]) {
    black_box(bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    }));
}
