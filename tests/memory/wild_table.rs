//! A table of SQLite's whose rows differ wildly in size.

use keywalk_sqlite::Table;
use keywalk_sqlite::decode::Filled as FilledInPlace;
use rusqlite::{Connection, Row};

use crate::filled::{BoxError, Filled};
use crate::stores::SqliteTable;

type Fill = fn(&Row<'_>, &mut Vec<u8>) -> rusqlite::Result<()>;

/// For [`Table`], of rows of 1 to 2 KB, and of 100 and 200 KB now and then: in another slot of the
/// chunk each time.
pub(crate) struct WildTable(Connection);

/// What the smallest and the largest row own.
pub(crate) const SMALLEST: usize = 1_000;
pub(crate) const LARGEST: usize = 200_000;

impl Filled for WildTable {
    const OWNED: usize = LARGEST;
    const SOURCE: usize = SqliteTable::<i64>::SOURCE;
    const PER_FETCH: u64 = SqliteTable::<i64>::PER_FETCH;

    type Error = keywalk_sqlite::Error;
    type Source<'a> = Table<&'a Connection, i64, FilledInPlace<Fill, Vec<u8>>>;

    fn name() -> String {
        "sqlite::Table, wild".to_owned()
    }

    fn filled(items: u32) -> Result<Self, BoxError> {
        let db = Connection::open("")?;
        db.execute_batch(&format!(
            "PRAGMA journal_mode = OFF;
             PRAGMA synchronous = OFF;
             CREATE TABLE items (id INTEGER PRIMARY KEY, photo BLOB NOT NULL);
             WITH RECURSIVE numbers (n) AS (
                 SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {items}
             )
             INSERT INTO items
             SELECT n, zeroblob(CASE
                 WHEN n % 97 = 0 THEN {LARGEST}
                 WHEN n % 61 = 0 THEN {LARGEST} / 2
                 ELSE {SMALLEST} + n * 37 % {SMALLEST}
             END)
             FROM numbers"
        ))?;
        Ok(WildTable(db))
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let table = Table::new(&self.0, "items").key::<i64>(["id"])?;
        Ok(table.fill(fill as Fill))
    }
}

/// Reserves no more than the largest that comes, so that its weight tells the memory.
fn fill(row: &Row<'_>, photo: &mut Vec<u8>) -> rusqlite::Result<()> {
    let stored = row.get_ref(1)?.as_blob()?;
    photo.clear();
    photo.reserve_exact(stored.len());
    photo.extend_from_slice(stored);
    Ok(())
}
