//! INTERRUPT, from another thread; by the statement's own steps in [`parts`](crate::parts).

use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use keywalk::{Order, Walk};
use keywalk_sqlite::{Query, Table};
use rusqlite::{Connection, ErrorCode, InterruptHandle};

use crate::trial::{SIZES, Trial, code_of};
use crate::world::{ROWS, Source, Way, World, fill};

/// Another thread that interrupts the connection when it is asked to.
struct Interrupter {
    ask: Sender<()>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Interrupter {
    fn new(handle: InterruptHandle) -> Self {
        let (ask, asked) = channel();
        let (tell, done) = channel();
        let thread = thread::spawn(move || {
            for () in asked {
                handle.interrupt();
                tell.send(()).unwrap();
            }
        });
        Interrupter { ask, done, thread }
    }

    fn interrupt(&self) {
        self.ask.send(()).unwrap();
        self.done.recv().unwrap();
    }

    fn join(self) {
        drop(self.ask);
        self.thread.join().unwrap();
    }
}

/// Interrupts while the row `at` is decoded, if there is one.
fn source<'a>(
    db: &'a Connection,
    interrupter: &'a Interrupter,
    at: &'a Cell<Option<i64>>,
    is_query: bool,
) -> Source<'a> {
    let decode = move |row: &rusqlite::Row<'_>| {
        if at.get() == Some(row.get("id")?) {
            at.set(None);
            interrupter.interrupt();
        }
        Ok(Vec::new())
    };
    if is_query {
        let query = Query::new(db, "SELECT id FROM t", []).unwrap();
        Box::new(query.key(["id"]).unwrap().map(decode))
    } else {
        Box::new(Table::new(db, "t").key(["id"]).unwrap().map(decode))
    }
}

/// It comes between two rows of a fetch: nothing of that fetch is handed out. Behind the last row
/// that the fetch needs there is nothing left to interrupt, unless it reads ahead.
#[test]
fn another_thread_interrupts_a_fetch() {
    let world = World::new("WAL");
    let db = &world.db;
    let interrupter = Interrupter::new(db.get_interrupt_handle());
    let at = Cell::new(None);
    for (size, is_query) in SIZES
        .iter()
        .flat_map(|size| [(*size, false), (*size, true)])
    {
        for order in [Order::Ascending, Order::Descending] {
            for row in [1, 2, 100, 511, 512, 519, 520] {
                let ids = (1..=ROWS).collect::<Vec<_>>();
                let keys = match order {
                    Order::Ascending => ids,
                    Order::Descending => ids.into_iter().rev().collect(),
                };
                let place = keys.iter().position(|key| *key == row).unwrap();
                at.set(Some(row));
                let source = source(db, &interrupter, &at, is_query);
                let mut items = Walk::new(source).chunk_size(size).order(order).items();
                let mut seen = Vec::new();
                let error = loop {
                    match items.next() {
                        Some(Ok((key, _))) => seen.push(key),
                        Some(Err(error)) => break Some(error),
                        None => break None,
                    }
                };
                let what = format!("row {row}, {size}, {order:?}, {is_query}");
                assert!(items.next().is_none() && items.next().is_none(), "{what}");
                assert!(!db.is_busy() && db.is_autocommit(), "{what}");
                let is_full = (place + 1).is_multiple_of(size);
                match &error {
                    Some(error) => {
                        assert_eq!(code_of(error), ErrorCode::OperationInterrupted);
                        assert_eq!(seen, keys[..place / size * size], "{what}");
                    }
                    None => {
                        assert!(is_full && !is_query, "{what}: it got lost");
                        assert_eq!(seen, keys, "{what}");
                    }
                }
                let cursor = items.cursor();
                let rest = Walk::new(items.into_source()).resume(cursor).items();
                seen.extend(rest.map(|item| item.expect("it comes once").0));
                assert_eq!(seen, keys, "{what}");
            }
        }
    }
    interrupter.join();
}

/// SQLite interrupts what runs, and between two fetches nothing does.
#[test]
fn an_interrupt_between_two_fetches_does_nothing() {
    let db = Connection::open_in_memory().unwrap();
    fill(&db);
    let interrupter = Interrupter::new(db.get_interrupt_handle());
    for trial in Trial::all() {
        trial.goes_on(&db, || interrupter.interrupt());
    }
    interrupter.join();
}

/// As long as another statement of the connection runs, an interrupt stays; it is that statement
/// that holds things then, not the walk.
#[test]
fn an_interrupt_lasts_while_another_statement_of_the_connection_runs() {
    let db = Connection::open_in_memory().unwrap();
    fill(&db);
    let interrupter = Interrupter::new(db.get_interrupt_handle());
    for way in Way::ALL {
        let mut other = db.prepare("SELECT id FROM t").unwrap();
        let mut rows = other.query([]).unwrap();
        rows.next().unwrap();
        interrupter.interrupt();
        let trial = Trial {
            way,
            size: 7,
            order: Order::Ascending,
            taken: 0,
        };
        let refused = way.source(&db).err().map(keywalk::Error::Source);
        let error = match refused {
            Some(error) => error,
            None => trial.walk(&db).items().next().unwrap().unwrap_err(),
        };
        assert_eq!(code_of(&error), ErrorCode::OperationInterrupted, "{way:?}");
        drop(rows);
        trial.goes_on(&db, || ());
    }
    interrupter.join();
}

/// A read that fails rolls nothing back.
#[test]
fn a_walk_that_is_interrupted_leaves_the_callers_transaction_as_it_is() {
    let world = World::new("DELETE");
    let db = &world.db;
    let interrupter = Interrupter::new(db.get_interrupt_handle());
    let at = Cell::new(Some(300));
    db.execute_batch("BEGIN; DELETE FROM t WHERE id = 310")
        .unwrap();
    let mut items = Walk::new(source(db, &interrupter, &at, false))
        .chunk_size(7)
        .items();
    let mut seen: Vec<i64> = items.by_ref().map_while(|i| Some(i.ok()?.0)).collect();
    assert_eq!(seen, (1..=294).collect::<Vec<_>>());
    assert!(!db.is_autocommit() && !db.is_busy());
    let cursor = items.cursor();
    let rest = Walk::new(items.into_source()).resume(cursor).items();
    seen.extend(rest.map(|item| item.unwrap().0));
    assert!(seen.into_iter().eq((1..=ROWS).filter(|id| *id != 310)));
    db.execute_batch("ROLLBACK").unwrap();
    let rows = Walk::new(source(db, &interrupter, &at, false)).items();
    assert_eq!(rows.count() as i64, ROWS);
    interrupter.join();
}
