//! The database under the walks, and the ways in which it is walked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keywalk::ChunkSource;
use keywalk_sqlite::{Error, Query, Table};
use rusqlite::Connection;
use tempfile::TempDir;

/// One chunk of 512, and some.
pub(crate) const ROWS: i64 = 520;

/// A file of [`ROWS`] rows in some two hundred small pages, and a connection that doesn't wait.
pub(crate) struct World {
    pub(crate) dir: TempDir,
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

    pub(crate) fn path(&self) -> PathBuf {
        self.file("items.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn another(&self) -> Connection {
        connect(&self.path())
    }
}

pub(crate) fn connect(path: &Path) -> Connection {
    let db = Connection::open(path).expect("it opens");
    db.busy_timeout(Duration::ZERO).expect("SQLite takes it");
    // For speed: no test takes the power away. It reads the schema, which may be locked.
    db.execute_batch("PRAGMA synchronous = OFF").ok();
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
        let name = |row: &rusqlite::Row<'_>| Ok(row.get_ref("name")?.as_bytes()?.to_vec());
        Ok(match self {
            Way::ById => Box::new(Table::new(db, "t").key(["id"])?.map(name)),
            Way::ByIndex => Box::new(Table::new(db, "t").key(["n"])?.map(name)),
            Way::Filtered => Box::new(
                Table::new(db, "t")
                    .key(["id"])?
                    .filter("id % 3 <> ?", [0])?
                    .map(name),
            ),
            Way::Query => Box::new(
                Query::new(db, "SELECT id, name FROM t", [])?
                    .key(["id"])?
                    .map(name),
            ),
        })
    }

    /// The keys that it walks, ascending.
    pub(crate) fn keys(self) -> Vec<i64> {
        match self {
            Way::ById | Way::Query => (1..=ROWS).collect(),
            Way::ByIndex => (-ROWS..=-1).collect(),
            Way::Filtered => (1..=ROWS).filter(|id| id % 3 != 0).collect(),
        }
    }
}
