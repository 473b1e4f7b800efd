//! In which part of a walk the fault comes: while the last key is asked for, in a fetch, or in a
//! query's look-ahead. Every step of SQLite's machine fails once in each.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use crate::trial::code_of;
use crate::world::Source;

const ROWS: i64 = 7;

/// Where a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Outside,
    LastKey,
    Fetch,
    /// All rows that the chunk has room for are decoded.
    Ahead,
}

/// Says where it is.
struct Watched<'db> {
    source: Source<'db>,
    part: Rc<Cell<Part>>,
    /// How many rows there is room for.
    room: Rc<Cell<usize>>,
}

impl ChunkSource for Watched<'_> {
    type Key = i64;
    type Item = (i64, Vec<u8>);
    type Error = Error;

    fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<(i64, Vec<u8>)>,
    ) -> Result<Fetched<i64>, Error> {
        self.part.set(Part::Fetch);
        self.room.set(chunk.limit());
        self.source.fetch(range, chunk)
    }

    fn key_of(&self, item: &(i64, Vec<u8>)) -> i64 {
        self.source.key_of(item)
    }

    fn last_key(&mut self, range: &KeyRange<i64>) -> Result<LastKey<i64>, Error> {
        self.part.set(Part::LastKey);
        self.source.last_key(range)
    }
}

/// A small database of which each step fails when so many are done.
fn open() -> (Connection, Arc<AtomicI64>) {
    let mut db = Connection::open_in_memory().unwrap();
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {ROWS})
             INSERT INTO t SELECT i FROM i;"
    ))
    .unwrap();
    let left = Arc::new(AtomicI64::new(i64::MAX));
    let counted = Arc::clone(&left);
    // Once, so that what is asked again is answered.
    let is_over = move || counted.fetch_sub(1, SeqCst) == 1;
    db.progress_handler(1, Some(is_over)).unwrap();
    (db, left)
}

fn watched<'db>(db: &'db Connection, is_query: bool) -> Watched<'db> {
    let part = Rc::new(Cell::new(Part::Outside));
    let room = Rc::new(Cell::new(0_usize));
    let (decoded, left) = (Rc::clone(&part), Rc::clone(&room));
    let decode = move |_: &rusqlite::Row<'_>| {
        left.set(left.get() - 1);
        if left.get() == 0 {
            decoded.set(Part::Ahead);
        }
        Ok(Vec::new())
    };
    let source: Source<'db> = if is_query {
        let query = Query::new(db, "SELECT id FROM t", []).unwrap();
        Box::new(query.key(["id"]).unwrap().map(decode))
    } else {
        Box::new(Table::new(db, "t").key(["id"]).unwrap().map(decode))
    };
    Watched { source, part, room }
}

fn every_step_fails(is_query: bool) -> BTreeSet<Part> {
    let (db, left) = open();
    let mut parts = BTreeSet::new();
    for (size, order) in [1, 2, 3, 7, 512]
        .into_iter()
        .flat_map(|size| [(size, Order::Ascending), (size, Order::Descending)])
    {
        let mut keys: Vec<i64> = (1..=ROWS).collect();
        if order == Order::Descending {
            keys.reverse();
        }
        for steps in 1.. {
            db.flush_prepared_statement_cache();
            left.store(i64::MAX, SeqCst);
            let source = watched(&db, is_query);
            let part = Rc::clone(&source.part);
            left.store(steps, SeqCst);
            let mut items = Walk::new(source).chunk_size(size).order(order).items();
            let mut seen = Vec::new();
            let error = loop {
                match items.next() {
                    Some(Ok((key, _))) => seen.push(key),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            assert!(items.next().is_none() && items.next().is_none());
            assert!(!db.is_busy() && db.is_autocommit());
            let Some(error) = error else {
                assert_eq!(seen, keys, "step {steps} in chunks of {size}");
                assert!(left.load(SeqCst) > 0, "step {steps}: the fault got lost");
                break;
            };
            assert_eq!(code_of(&error), ErrorCode::OperationInterrupted);
            assert_eq!(seen, keys[..seen.len() / size * size], "step {steps}");
            parts.insert(part.get());
            let cursor = items.cursor();
            let rest = Walk::new(items.into_source()).resume(cursor).items();
            seen.extend(rest.map(|item| item.unwrap().0));
            assert_eq!(seen, keys, "step {steps} in chunks of {size}");
        }
    }
    left.store(i64::MAX, SeqCst);
    parts
}

#[test]
fn every_step_of_a_table_fails_once_in_every_part_of_its_walk() {
    let parts = every_step_fails(false);
    assert!(
        parts.is_superset(&BTreeSet::from([Part::LastKey, Part::Fetch])),
        "{parts:?}"
    );
}

#[test]
fn every_step_of_a_query_fails_once_in_every_part_and_in_the_look_ahead() {
    let parts = every_step_fails(true);
    let all = BTreeSet::from([Part::LastKey, Part::Fetch, Part::Ahead]);
    assert_eq!(parts, all);
}

/// The last key is asked for before any row: where that fails, no row was handed out.
#[test]
fn a_last_key_that_cannot_be_read_is_an_error_before_the_first_row() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
         INSERT INTO t VALUES ('a'), ('b'), (printf('%.*c', 5000, 'c'))",
    )
    .unwrap();
    for size in [1, 2, 3, 7, 512] {
        let table = Table::new(&db, "t").key::<String>(["k"]).unwrap();
        let mut items = Walk::new(table).chunk_size(size).items();
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 2000).unwrap();
        let error = items.next().unwrap().unwrap_err();
        assert_eq!(code_of(&error), ErrorCode::TooBig);
        assert!(items.next().is_none() && items.next().is_none());
        assert!(!db.is_busy() && db.is_autocommit());
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1_000_000).unwrap();
        let rest = Walk::new(items.into_source()).items();
        assert_eq!(rest.map(Result::unwrap).count(), 3);
    }
}

/// A source in the making, which proves what was said of it at once.
type Make = fn(&Connection) -> Result<Source<'_>, Error>;

const MAKES: [Make; 3] = [
    |db| {
        let query = Query::new(db, "SELECT id FROM t WHERE +id > ?1", [0])?;
        Ok(Box::new(query.key(["id"])?.map(|_| Ok(Vec::new()))))
    },
    |db| {
        let table = Table::new(db, "t").filter("+id > ?1 AND +id > ?2", [0, -1])?;
        Ok(Box::new(table.key(["id"])?.map(|_| Ok(Vec::new()))))
    },
    |db| {
        let table = Table::new(db, "u").within("a", 5)?;
        Ok(Box::new(table.key(["id"])?.map(|_| Ok(Vec::new()))))
    },
];

/// What isn't the fault of the SQL that was given isn't laid at its door.
#[test]
fn every_step_of_making_a_source_fails_once_as_what_it_is() {
    let (db, left) = open();
    db.execute_batch(
        "CREATE TABLE u (a INT NOT NULL, id INT NOT NULL, PRIMARY KEY (a, id)) WITHOUT ROWID;
         INSERT INTO u SELECT 5, id FROM t",
    )
    .unwrap();
    for make in MAKES {
        for steps in 1.. {
            db.flush_prepared_statement_cache();
            left.store(steps, SeqCst);
            let made = make(&db);
            let was_hit = left.swap(i64::MAX, SeqCst) <= 0;
            if let Err(error) = &made {
                assert_eq!(
                    error.kind(),
                    ErrorKind::Interrupted,
                    "step {steps}: {error:?}"
                );
            }
            assert!(!db.is_busy() && db.is_autocommit());
            // A filter that couldn't be taken apart is taken whole.
            let source = made.or_else(|_| make(&db)).unwrap();
            let items = Walk::new(source).chunk_size(3).items();
            let keys: Vec<i64> = items.map(|item| item.unwrap().0).collect();
            assert_eq!(keys, (1..=ROWS).collect::<Vec<_>>(), "step {steps}");
            if !was_hit {
                break;
            }
        }
    }
}
