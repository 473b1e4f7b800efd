//! The database under the walks, the ways in which it is walked, and what has to hold whenever something
//! fails.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keywalk::{ChunkSource, Items, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind, Query, Table};
use rusqlite::{Connection, ErrorCode, Row};
use tempfile::TempDir;

/// One chunk of 512, and some.
pub(crate) const ROWS: i64 = 520;

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

pub(crate) type WalkError = keywalk::Error<Error>;

/// A file of [`ROWS`] rows in some two hundred small pages, and a connection that doesn't wait.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) db: Connection,
}

impl World {
    /// In this journal mode.
    pub(crate) fn new(journal_mode: &str) -> Self {
        let dir = tempfile::tempdir().expect("there is room");
        let db = connect(&dir.path().join("items.db"));
        db.execute_batch("PRAGMA page_size = 512").unwrap();
        db.pragma_update(None, "journal_mode", journal_mode)
            .unwrap();
        fill(&db);
        World { dir, db }
    }

    /// All rows are in the WAL alone.
    pub(crate) fn in_wal() -> Self {
        let world = World::new("WAL");
        let update = "PRAGMA wal_autocheckpoint = 0; UPDATE t SET name = name || ''";
        world.db.execute_batch(update).unwrap();
        world
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.file("items.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Overwrites a file in place: its bytes change under those that have it open.
    pub(crate) fn overwrite(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.file(name));
        file.unwrap().write_all(bytes).unwrap();
    }

    /// Overwrites a part of a file, and leaves its length as it is.
    pub(crate) fn overwrite_head(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(self.file(name));
        file.unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    /// As if the page cache had no room for them: what is read next is read from the files.
    pub(crate) fn forget_pages(&self) {
        self.db.execute_batch("PRAGMA shrink_memory").unwrap();
    }
}

pub(crate) fn connect(path: &Path) -> Connection {
    let db = Connection::open(path).expect("it opens");
    db.busy_timeout(Duration::ZERO).expect("SQLite takes it");
    // For speed: no test takes the power away. It reads the schema, which may be locked.
    db.execute_batch("PRAGMA synchronous = OFF").ok();
    db
}

pub(crate) fn in_memory() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    fill(&db);
    db
}

/// The rows 1 to [`ROWS`]; every fiftieth overflows its page.
pub(crate) fn fill(db: &Connection) {
    db.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT NOT NULL UNIQUE, name TEXT);
         WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < {ROWS})
             INSERT INTO t SELECT i, -i, printf('%.*c', iif(i % 50, 40, 2000), 'x') FROM i;"
    ))
    .expect("the schema is valid");
}

pub(crate) type Source<'db> =
    Box<dyn ChunkSource<Key = i64, Item = (i64, Vec<u8>), Error = Error> + 'db>;

/// A way of walking the table; each asks SQLite in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ById,
    /// By the key `n`, which is a secondary index.
    ByIndex,
    /// Rows are dropped while they are read, and the last key is looked for by a fetch.
    Filtered,
    /// As a query, which reads a row ahead.
    Query,
}

impl Way {
    pub(crate) const ALL: [Way; 4] = [Way::ById, Way::ByIndex, Way::Filtered, Way::Query];

    pub(crate) fn source(self, db: &Connection) -> Result<Source<'_>, Error> {
        self.decoded(db, |row| Ok(row.get_ref("name")?.as_bytes()?.to_vec()))
    }

    pub(crate) fn decoded<'db>(
        self,
        db: &'db Connection,
        decode: impl FnMut(&Row<'_>) -> rusqlite::Result<Vec<u8>> + 'db,
    ) -> Result<Source<'db>, Error> {
        let table = || Table::new(db, "t");
        Ok(match self {
            Way::ById => Box::new(table().key(["id"])?.map(decode)),
            Way::ByIndex => Box::new(table().key(["n"])?.map(decode)),
            Way::Filtered => Box::new(table().key(["id"])?.filter("id % 3 <> ?", [0])?.map(decode)),
            Way::Query => {
                let query = Query::new(db, "SELECT id, name FROM t", [])?;
                Box::new(query.key(["id"])?.map(decode))
            }
        })
    }

    /// The keys that it walks, ascending.
    fn keys(self) -> Vec<i64> {
        match self {
            Way::ById | Way::Query => (1..=ROWS).collect(),
            Way::ByIndex => (-ROWS..=-1).collect(),
            Way::Filtered => (1..=ROWS).filter(|id| id % 3 != 0).collect(),
        }
    }
}

/// A walk that meets a fault after so many rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) way: Way,
    pub(crate) size: usize,
    pub(crate) order: Order,
    /// How many rows are yielded, at least, before the fault comes.
    pub(crate) taken: usize,
}

pub(crate) const SIZES: [usize; 5] = [1, 2, 3, 7, 512];

/// Chunks of all sizes in both orders.
pub(crate) fn shapes() -> impl Iterator<Item = (usize, Order)> {
    SIZES
        .into_iter()
        .flat_map(|size| ORDERS.map(|order| (size, order)))
}

/// How a fault is made and lifted, and what to look for in its error.
pub(crate) struct Fault<'a> {
    pub(crate) check: &'a dyn Fn(&WalkError),
    pub(crate) strike: &'a dyn Fn(),
    pub(crate) lift: &'a dyn Fn(),
}

impl Trial {
    /// Walks that meet the fault after `taken` rows, in all ways, sizes and orders.
    pub(crate) fn after(taken: usize) -> impl Iterator<Item = Trial> {
        let of = move |way| {
            shapes().map(move |(size, order)| Trial {
                way,
                size,
                order,
                taken,
            })
        };
        Way::ALL.into_iter().flat_map(of)
    }

    /// Walks that meet the fault at their start, soon, in the middle, and shortly before their end.
    pub(crate) fn all() -> impl Iterator<Item = Trial> {
        [0, 1, 260, 343].into_iter().flat_map(Trial::after)
    }

    /// The keys, in the order of this walk.
    pub(crate) fn keys(&self) -> Vec<i64> {
        in_order(self.way.keys(), self.order)
    }

    pub(crate) fn walk<'db>(&self, db: &'db Connection) -> Walk<Source<'db>> {
        let source = self.way.source(db).expect("the key is one");
        Walk::new(source).chunk_size(self.size).order(self.order)
    }

    /// The fault is an error of this code, once, at the first fetch after it; the walk that is resumed
    /// after it was lifted gives the rest.
    pub(crate) fn holds(
        &self,
        db: &Connection,
        code: ErrorCode,
        strike: &dyn Fn(),
        lift: &dyn Fn(),
    ) {
        let check = &|error: &_| assert_eq!(code_of(error), code, "{self:?}: {error}");
        let fault = Fault {
            check,
            strike,
            lift,
        };
        self.holds_with(db, &fault);
    }

    /// As [`holds`](Self::holds), for an error that the fault knows.
    pub(crate) fn holds_with(&self, db: &Connection, fault: &Fault<'_>) {
        let keys = self.keys();
        let mut items = self.walk(db).items();
        let mut seen = take(&mut items, self.taken);
        (fault.strike)();
        let fetched = seen.len() + items.size_hint().0;
        let (more, error) = until_error(&mut items, db, self);
        seen.extend(more);
        assert_eq!(seen, keys[..fetched], "{self:?}: what was fetched before");
        // Not the end, instead of the error.
        let is_whole = fetched == keys.len();
        assert_eq!(error.is_none(), is_whole, "{self:?}: {error:?}");
        error.iter().for_each(fault.check);
        assert_eq!(items.cursor().is_done(), is_whole, "{self:?}");
        (fault.lift)();
        assert_free(db, self);
        seen.extend(rest(items));
        assert_eq!(seen, keys, "{self:?}: resumed");
        assert_free(db, self);
    }

    /// The walk goes on to its end whatever `strike` does.
    pub(crate) fn goes_on(&self, db: &Connection, strike: impl FnOnce()) {
        let mut items = self.walk(db).items();
        let mut seen = take(&mut items, self.taken);
        strike();
        seen.extend(take(&mut items, usize::MAX));
        assert_eq!(seen, self.keys(), "{self:?}");
        assert_free(db, self);
    }
}

/// The keys of so many rows, if there are; nothing fails.
pub(crate) fn take(items: &mut Items<Source<'_>>, count: usize) -> Vec<i64> {
    let key = |item: Result<(i64, _), WalkError>| item.unwrap().0;
    items.by_ref().take(count).map(key).collect()
}

pub(crate) fn in_order(mut keys: Vec<i64>, order: Order) -> Vec<i64> {
    if order == Order::Descending {
        keys.reverse();
    }
    keys
}

pub(crate) fn assert_free(db: &Connection, what: impl Debug) {
    assert!(!db.is_busy() && db.is_autocommit(), "{what:?}: it is held");
}

/// The keys up to an error, or all of them; then the walk is over, and holds nothing.
pub(crate) fn until_error(
    items: &mut Items<Source<'_>>,
    db: &Connection,
    what: impl Debug,
) -> (Vec<i64>, Option<WalkError>) {
    let mut keys = Vec::new();
    let error = loop {
        match items.next() {
            Some(Ok((key, _))) => keys.push(key),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
        assert!(keys.len() <= ROWS as usize, "{what:?}: rows come again");
    };
    assert!(items.next().is_none() && items.next().is_none(), "{what:?}");
    assert_free(db, what);
    (keys, error)
}

/// What the same source gives from where the walk stood, in chunks of another size.
pub(crate) fn rest(items: Items<Source<'_>>) -> Vec<i64> {
    let cursor = items.cursor();
    let rest = Walk::new(items.into_source()).chunk_size(5).resume(cursor);
    take(&mut rest.items(), usize::MAX)
}

/// SQLite's code in a walk's error, whose kind goes with it.
pub(crate) fn code_of(error: &WalkError) -> ErrorCode {
    let code = sqlite_error(error)
        .sqlite_error_code()
        .expect("it is SQLite that failed");
    let (kind, cure) = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (ErrorKind::Busy, "try again later"),
        ErrorCode::OperationInterrupted => (ErrorKind::Interrupted, "interrupted; resume"),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            (ErrorKind::Corrupt, "integrity_check")
        }
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => (ErrorKind::Io, "file and disk"),
        ErrorCode::OutOfMemory => (ErrorKind::OutOfMemory, "no memory left"),
        _ => (ErrorKind::Sqlite, ""),
    };
    let source = source_of(error);
    assert_eq!(source.kind(), kind, "{error}: {source:?}");
    assert_eq!(source.is_transient(), kind == ErrorKind::Busy, "{error}");
    assert!(error.to_string().contains(cure), "{error}");
    code
}

pub(crate) fn source_of(error: &WalkError) -> &Error {
    match error {
        keywalk::Error::Source(source) => source,
        _ => panic!("it isn't the store's: {error}"),
    }
}

pub(crate) fn sqlite_error(error: &WalkError) -> &rusqlite::Error {
    let source = source_of(error);
    let sqlite = source.sqlite_error().expect("SQLite is to blame");
    for cause in [source.source(), error.source()] {
        let cause = cause.and_then(<dyn StdError>::downcast_ref::<rusqlite::Error>);
        assert_eq!(cause, Some(sqlite), "it is the error's cause, too");
    }
    sqlite
}
