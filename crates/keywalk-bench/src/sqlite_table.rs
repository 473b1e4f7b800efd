//! The SQLite tables that are walked: one per key shape, with rows of about 600 bytes.

use std::cmp::Reverse;

use keywalk_sqlite::{FromRow, SqlKey};
use rusqlite::{Connection, Result, Row};
use tempfile::TempDir;
use uuid::Uuid;

use crate::measure::Fallible;

const ROWS_PER_TRANSACTION: usize = 10_000;

/// The key of a table.
pub(crate) trait Shape {
    /// The key's type for a walk.
    type Key: SqlKey;
    const NAME: &'static str;
    const KEY: &'static [&'static str];
    /// The order of the walk.
    const ORDER: &'static str;
    /// The declaration of the key's columns in `CREATE TABLE items`, and what follows all columns.
    const CREATE: [&'static str; 2];
    /// The SQL expression of the key of row number `?1`, which counts from 1.
    const VALUES: &'static str;

    /// Reads the key into new memory, for [`digest`](Self::digest).
    fn read(row: &Row<'_>) -> Result<Self::Key>;

    /// Returns the digest of a borrowed key.
    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(Self::digest(&Self::read(row)?))
    }

    fn digest(key: &Self::Key) -> u64;
}

/// Makes the database `items.db` of `rows` rows in a folder of its own. Its table `items` has the key's columns,
/// `name`, and `photo`, a blob of 500 bytes.
pub(crate) fn database<S: Shape>(rows: u64) -> Fallible<(TempDir, Connection)> {
    let folder = tempfile::tempdir()?;
    let mut db = Connection::open(folder.path().join("items.db"))?;
    let [columns, end] = S::CREATE;
    // The database is temporary, so it needn't survive a power failure.
    db.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = OFF;
         CREATE TABLE items ({columns}, name TEXT NOT NULL, photo BLOB NOT NULL {end};"
    ))?;
    let insert = format!("INSERT INTO items SELECT {}, ?2, ?3", S::VALUES);
    for first in (1..=rows).step_by(ROWS_PER_TRANSACTION) {
        let transaction = db.transaction()?;
        let mut insert = transaction.prepare_cached(&insert)?;
        for number in (first..=rows).take(ROWS_PER_TRANSACTION) {
            let mut photo = vec![0; 500];
            photo[..8].copy_from_slice(&number.to_be_bytes());
            insert.execute((number as i64, format!("the item number {number}"), photo))?;
        }
        drop(insert);
        transaction.commit()?;
    }
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok((folder, db))
}

/// The cursor's statement: all columns, in the order of the walk.
pub(crate) fn select<S: Shape>() -> String {
    let (key, order) = (S::KEY.join(", "), S::ORDER);
    format!("SELECT {key}, name, photo FROM items ORDER BY {order}")
}

/// The columns of a row other than its key.
#[derive(Debug, Default)]
pub(crate) struct Item {
    name: String,
    photo: Vec<u8>,
}

impl Item {
    pub(crate) const COLUMNS: [&'static str; 2] = ["name", "photo"];

    /// Returns the [`digest`](Self::digest) of the borrowed columns from `at` on.
    #[inline]
    pub(crate) fn visit(row: &Row<'_>, at: usize) -> Result<u64> {
        let name = row.get_ref(at)?.as_str()?;
        let photo = row.get_ref(at + 1)?.as_blob()?;
        Ok((name.len() + photo.len()) as u64)
    }

    /// Reads the columns from `at` on into new memory.
    #[inline]
    pub(crate) fn read(row: &Row<'_>, at: usize) -> Result<Self> {
        Ok(Item {
            name: row.get(at)?,
            photo: row.get(at + 1)?,
        })
    }

    /// Sets all columns, and reuses their memory.
    #[inline]
    pub(crate) fn fill(&mut self, name: &str, photo: &[u8]) {
        self.name.clear();
        self.name.push_str(name);
        self.photo.clear();
        self.photo.extend_from_slice(photo);
    }

    #[inline]
    pub(crate) fn digest(&self) -> u64 {
        (self.name.len() + self.photo.len()) as u64
    }
}

impl FromRow for Item {
    #[inline]
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Item::read(row, 0)
    }

    #[inline]
    fn refill(&mut self, row: &Row<'_>) -> Result<()> {
        self.fill(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_blob()?);
        Ok(())
    }
}

/// `id INTEGER PRIMARY KEY`.
#[derive(Debug)]
pub(crate) struct Integer;

impl Shape for Integer {
    type Key = i64;
    const NAME: &'static str = "integer";
    const KEY: &'static [&'static str] = &["id"];
    const ORDER: &'static str = "id";
    const CREATE: [&'static str; 2] = ["id INTEGER PRIMARY KEY", ")"];
    const VALUES: &'static str = "?1";

    #[inline]
    fn read(row: &Row<'_>) -> Result<i64> {
        row.get(0)
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(row.get_ref(0)?.as_i64()? as u64)
    }

    #[inline]
    fn digest(key: &i64) -> u64 {
        *key as u64
    }
}

/// A text key of 20 bytes.
#[derive(Debug)]
pub(crate) struct Text;

impl Shape for Text {
    type Key = String;
    const NAME: &'static str = "text";
    const KEY: &'static [&'static str] = &["code"];
    const ORDER: &'static str = "code";
    const CREATE: [&'static str; 2] = ["code TEXT PRIMARY KEY NOT NULL", ") WITHOUT ROWID"];
    const VALUES: &'static str = "printf('code/%015d', ?1)";

    #[inline]
    fn read(row: &Row<'_>) -> Result<String> {
        row.get(0)
    }

    #[inline]
    fn visit(row: &Row<'_>) -> Result<u64> {
        Ok(row.get_ref(0)?.as_str()?.len() as u64)
    }

    #[inline]
    fn digest(key: &String) -> u64 {
        key.len() as u64
    }
}

/// A UUID key that begins with the time (version 7). It is the key of the table itself, or of an index if the table is
/// ordered by rowid.
#[derive(Debug)]
pub(crate) struct TimeUuid<const IS_INDEX: bool>;

impl<const IS_INDEX: bool> Shape for TimeUuid<IS_INDEX> {
    type Key = Uuid;
    const NAME: &'static str = if IS_INDEX { "uuid_v7_index" } else { "uuid_v7" };
    const KEY: &'static [&'static str] = &["id"];
    const ORDER: &'static str = "id";
    const CREATE: [&'static str; 2] = [
        "id BLOB PRIMARY KEY NOT NULL",
        if IS_INDEX { ")" } else { ") WITHOUT ROWID" },
    ];
    /// One per millisecond.
    const VALUES: &'static str = "unhex(printf('%012x7%03x8%015x', 1700000000000 + ?1, ?1 * 2654435761 & 4095, ?1 * 2654435761))";

    #[inline]
    fn read(row: &Row<'_>) -> Result<Uuid> {
        Ok(Uuid::from_bytes(row.get(0)?))
    }

    #[inline]
    fn digest(key: &Uuid) -> u64 {
        key.as_u128() as u64
    }
}

/// `(tenant, number)`, a thousand rows per tenant.
#[derive(Debug)]
pub(crate) struct Composite;

impl Shape for Composite {
    type Key = (i64, i64);
    const NAME: &'static str = "composite";
    const KEY: &'static [&'static str] = &["tenant", "number"];
    const ORDER: &'static str = "tenant, number";
    const CREATE: [&'static str; 2] = [
        "tenant INTEGER NOT NULL, number INTEGER NOT NULL",
        ", PRIMARY KEY (tenant, number)) WITHOUT ROWID",
    ];
    const VALUES: &'static str = "?1 / 1000, ?1 % 1000";

    #[inline]
    fn read(row: &Row<'_>) -> Result<(i64, i64)> {
        Ok((row.get(0)?, row.get(1)?))
    }

    #[inline]
    fn digest((tenant, number): &(i64, i64)) -> u64 {
        (tenant ^ (number << 32)) as u64
    }
}

/// `(tenant, name)`, otherwise as [`Composite`]: a key that owns memory.
#[derive(Debug)]
pub(crate) struct TextComposite;

impl Shape for TextComposite {
    type Key = (i64, String);
    const NAME: &'static str = "text_composite";
    const KEY: &'static [&'static str] = &["tenant", "code"];
    const ORDER: &'static str = "tenant, code";
    const CREATE: [&'static str; 2] = [
        "tenant INTEGER NOT NULL, code TEXT NOT NULL",
        ", PRIMARY KEY (tenant, code)) WITHOUT ROWID",
    ];
    const VALUES: &'static str = "?1 / 1000, printf('code-%08d', ?1 % 1000)";

    #[inline]
    fn read(row: &Row<'_>) -> Result<(i64, String)> {
        Ok((row.get(0)?, row.get(1)?))
    }

    #[inline]
    fn digest((tenant, code): &(i64, String)) -> u64 {
        (tenant ^ ((code.len() as i64) << 32)) as u64
    }
}

/// `(tenant, number DESC)`, otherwise as [`Composite`].
#[derive(Debug)]
pub(crate) struct MixedOrder;

impl Shape for MixedOrder {
    type Key = (i64, Reverse<i64>);
    const NAME: &'static str = "mixed_order";
    const KEY: &'static [&'static str] = Composite::KEY;
    const ORDER: &'static str = "tenant, number DESC";
    const CREATE: [&'static str; 2] = [
        Composite::CREATE[0],
        ", PRIMARY KEY (tenant, number DESC)) WITHOUT ROWID",
    ];
    const VALUES: &'static str = Composite::VALUES;

    #[inline]
    fn read(row: &Row<'_>) -> Result<(i64, Reverse<i64>)> {
        Ok((row.get(0)?, Reverse(row.get(1)?)))
    }

    #[inline]
    fn digest((tenant, Reverse(number)): &(i64, Reverse<i64>)) -> u64 {
        Composite::digest(&(*tenant, *number))
    }
}
