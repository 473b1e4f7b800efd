use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use keywalk::{Order, Walk};
use keywalk_examples::{Failure, is_beside_a_database, make_table, note, say};
use keywalk_sqlite::Table;
use rusqlite::{Connection, OpenFlags};

use crate::args::Options;
use crate::outcome::{Measure, Outcome};
use crate::progress::Progress;

/// How many rows in front of the cursor are deleted from, at least.
const AHEAD: u64 = 10_000;

/// Makes the table in a new file.
pub(crate) fn make(file: &Path, rows: u64) -> Result<(), Failure> {
    let shown = file.display();
    if is_beside_a_database(file) {
        return Err(Failure::input(format!(
            "SQLite would take {shown} and another file beside it for parts of one database; name another one"
        )));
    }
    let cannot =
        |error: &dyn std::fmt::Display| Failure::input(format!("can't make {shown}: {error}"));
    // Never one that is there.
    File::create_new(file).map_err(|error| cannot(&error))?;
    let mut db = Connection::open(file).map_err(|error| cannot(&error))?;
    let mut progress = Progress::new("making", Some(rows));
    make_table(&mut db, rows, |made| progress.set(made))?;
    progress.finish();
    note(format_args!(
        "made the table items of {rows} rows in {}",
        file.display()
    ));
    Ok(())
}

/// Rows are told by their place in the walk, from 1; every tenth is deleted, the even tenths in front
/// of the cursor, the odd ones behind it.
#[derive(Clone, Copy)]
struct Places {
    rows: u64,
    order: Order,
}

impl Places {
    fn id(self, place: u64) -> i64 {
        let id = match self.order {
            Order::Ascending => place,
            Order::Descending => self.rows + 1 - place,
        };
        id as i64
    }

    fn of(self, id: i64) -> u64 {
        let id = id.unsigned_abs();
        match self.order {
            Order::Ascending => id,
            Order::Descending => self.rows + 1 - id,
        }
    }
}

fn is_deleted_ahead(place: u64) -> bool {
    place.is_multiple_of(20)
}

fn is_deleted_behind(place: u64) -> bool {
    place % 20 == 10
}

/// Walks a table of its own, beside a connection that deletes, and checks what comes.
pub(crate) fn walk(rows: u64, options: &Options) -> Result<Outcome, Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("items.db");
    let on_interrupt = folder.path().to_owned();
    ctrlc::set_handler(move || {
        let _ = std::fs::remove_dir_all(&on_interrupt);
        std::process::exit(130);
    })
    .map_err(Failure::failed)?;
    // In a process of its own, so that its memory isn't there to be used again by the walk.
    let made = Command::new(std::env::current_exe()?)
        .args(["--rows", &rows.to_string(), "--make"])
        .arg(&file)
        .status()?;
    if !made.success() {
        return Err(Failure::failed("the table could not be made"));
    }
    let places = Places {
        rows,
        order: options.order(),
    };
    let measure = Measure::start(&file)?;
    let mut deleter = Connection::open(&file)?;
    deleter.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -256")?;
    let front = Arc::new(Front::default());
    // The deleter follows the walk, a chunk or two behind.
    let (walked_to, positions) = sync_channel(1);
    let deleting = thread::spawn({
        let front = Arc::clone(&front);
        move || delete(&mut deleter, places, &positions, &front)
    });

    let db = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let items = Table::new(&db, "items")
        .key::<i64>(["id"])?
        .fill(|row, photo: &mut Vec<u8>| {
            photo.clear();
            photo.extend_from_slice(row.get_ref("photo")?.as_blob()?);
            Ok(())
        });
    let mut chunks = Walk::new(items)
        .chunk_size(options.chunk_size.get())
        .order(options.order())
        .chunks();
    let mut check = Check::new(places);
    let mut progress = Progress::new("walking", Some(rows));
    loop {
        // If the deleter failed it hangs up, and says why below.
        let _ = walked_to.send(check.place);
        check.gone = front.gone.load(Ordering::SeqCst);
        let items = chunks.next().map_err(Failure::walk)?;
        check.going = front.going.load(Ordering::SeqCst);
        let Some(items) = items else {
            break;
        };
        for (id, photo) in items {
            check.row(*id, photo)?;
        }
        progress.set(check.place);
    }
    progress.finish();
    let outcome = measure.outcome(chunks.stats())?;

    drop(walked_to);
    let deleted = deleting
        .join()
        .map_err(|_| Failure::failed("the deleter panicked"))??;
    check.end()?;
    say(format_args!(
        "every row that stayed came once, in order; meanwhile {} rows were deleted in front of the cursor ({} of them before it came) and {} behind it",
        deleted.ahead, check.skipped, deleted.behind
    ))?;
    Ok(outcome)
}

/// How far the deletes in front of the cursor have come.
#[derive(Default)]
struct Front {
    /// Up to there they are begun: a row may be missing.
    going: AtomicU64,
    /// Up to there they are committed: a row must be missing.
    gone: AtomicU64,
}

/// What is expected next.
struct Check {
    places: Places,
    /// Of the last row that came.
    place: u64,
    skipped: u64,
    /// The front when the fetch began, and when it was back.
    gone: u64,
    going: u64,
}

impl Check {
    fn new(places: Places) -> Self {
        Check {
            places,
            place: 0,
            skipped: 0,
            gone: 0,
            going: 0,
        }
    }

    fn row(&mut self, id: i64, photo: &[u8]) -> Result<(), Failure> {
        let place = self.places.of(id);
        if place <= self.place {
            return Err(Failure::failed(format!("row {id} came again, or late")));
        }
        self.skip_to(place)?;
        if is_deleted_ahead(place) && place <= self.gone {
            return Err(Failure::failed(format!(
                "row {id} came after it was deleted"
            )));
        }
        if photo.first_chunk() != Some(&id.to_be_bytes()) {
            return Err(Failure::failed(format!(
                "row {id} came with another row's photo"
            )));
        }
        self.place = place;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.skip_to(self.places.rows + 1)
    }

    /// Only rows that are deleted in front of the cursor may be missing before `place`.
    fn skip_to(&mut self, place: u64) -> Result<(), Failure> {
        for missing in self.place + 1..place {
            if !is_deleted_ahead(missing) || missing > self.going {
                let id = self.places.id(missing);
                return Err(Failure::failed(format!(
                    "row {id} was there and didn't come"
                )));
            }
            self.skipped += 1;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Deleted {
    ahead: u64,
    behind: u64,
}

/// Deletes in front of and behind each position that it is told, in a transaction each.
fn delete(
    db: &mut Connection,
    places: Places,
    positions: &Receiver<u64>,
    front: &Front,
) -> rusqlite::Result<Deleted> {
    let mut deleted = Deleted::default();
    let (mut behind, mut ahead) = (0, 0);
    for position in positions {
        let to = places.rows.min(position + AHEAD).max(ahead);
        front.going.store(to, Ordering::SeqCst);
        let transaction = db.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM items WHERE id = ?1")?;
            for place in (behind + 1..=position).filter(|place| is_deleted_behind(*place)) {
                deleted.behind += delete.execute([places.id(place)])? as u64;
            }
            for place in (ahead + 1..=to).filter(|place| is_deleted_ahead(*place)) {
                deleted.ahead += delete.execute([places.id(place)])? as u64;
            }
        }
        transaction.commit()?;
        (behind, ahead) = (position, to);
        front.gone.store(ahead, Ordering::SeqCst);
    }
    Ok(deleted)
}
