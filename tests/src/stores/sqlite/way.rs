//! The ways to make and walk a table.

use std::fmt::Debug;

use keywalk::{ChunkSource, Fingerprint, FingerprintField, Order, ResumableSource};
use keywalk_conformance::{BoxError, KeySpace};
use keywalk_sqlite::decode::Mapped;
use keywalk_sqlite::{Connect, Error, SqlKey, Table};
use rusqlite::{Connection, Row};

use super::SqliteKey;

mod integer;
mod table;
mod unordered;

pub use integer::{Nullable, Rowid, Sparse};
pub use table::{Clustered, Counted, Filtered, Indexed, Joined, Partial, Plain, Served, Within};
pub use unordered::{ByCollation, Dynamic};

/// A way to make the table `t` and to walk it by keys of type `K`.
pub trait Way<K: SqliteKey>: Debug + 'static {
    /// Returns the key of an item.
    type Walked: SqlKey;

    /// The type of the source over a connection.
    type Source<C: Connect>: ChunkSource<Key = K, Item = (K, u64), Error = Error> + ResumableSource;

    /// Whether a filter leaves out hidden rows.
    const HIDES: bool = false;

    /// Whether each scanned row is counted.
    const COUNTS: bool = false;

    /// The number of SQLite's steps per operation that can fail: fewer than a row takes.
    const STEPS: i32 = 4;

    /// The field in which its fingerprint differs from that of the same table with another filter.
    const TOLD_BY: FingerprintField = FingerprintField::Filter;

    /// Another condition that the walked rows satisfy.
    const OURS: &'static str = "TRUE";

    /// Returns the keys to test with.
    #[must_use]
    fn keys() -> KeySpace<K> {
        K::keys()
    }

    /// Returns the key's columns.
    #[must_use]
    fn names() -> Vec<&'static str> {
        ["a", "b", "c"][..K::columns().len()].to_vec()
    }

    /// Returns the SQL that makes the table.
    #[must_use]
    fn schema() -> String;

    /// Makes a source over the table.
    fn source<C: Connect>(db: C) -> Result<Self::Source<C>, BoxError>;

    /// Returns the fingerprints of other sources: over another table, and over this table with another filter.
    fn foreign_fingerprints(
        db: &Connection,
    ) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS u (a INTEGER PRIMARY KEY)")?;
        let another = Table::new(db, "u").key::<i64>(["a"])?;
        Ok(vec![
            (FingerprintField::Relation, another.fingerprint()?),
            (Self::TOLD_BY, Self::filtered(db)?),
        ])
    }

    /// Makes a source over the table with another filter.
    fn filtered(db: &Connection) -> Result<Fingerprint, BoxError> {
        filtered::<Self::Walked>(db, Self::names())
    }
}

fn filtered<K: SqlKey>(db: &Connection, names: Vec<&'static str>) -> Result<Fingerprint, BoxError> {
    let table = Table::new(db, "t").key::<K>(names)?;
    Ok(table.filter("value = ?", [7])?.fingerprint()?)
}

/// The function that makes an item's value.
type Decoder = fn(&Row<'_>) -> rusqlite::Result<u64>;

fn decode(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, i64>("value").map(i64::cast_unsigned)
}

/// A [`Table`] whose items have the kit's values.
type Walked<C, K> = Table<C, K, Mapped<Decoder>>;

/// Returns the columns as SQL declares them.
fn declared<K: SqliteKey>() -> String {
    let columns = K::columns();
    let names = ["a", "b", "c"].iter().zip(columns);
    let declared = names.map(|(name, (declared, _))| format!("{name} {declared}, "));
    declared.collect::<String>() + "value INTEGER, hidden INTEGER NOT NULL DEFAULT 0"
}

/// Returns the columns as an index lists them.
fn sorted<K: SqliteKey>() -> String {
    let columns = K::columns();
    let sorted = ["a", "b", "c"]
        .iter()
        .zip(columns)
        .map(|(name, (_, order))| match order {
            Order::Ascending => (*name).to_owned(),
            Order::Descending => format!("{name} DESC"),
        });
    sorted.collect::<Vec<_>>().join(", ")
}

/// Returns the SQL of a rowid table with this primary key, and what follows.
fn by_rowid<K: SqliteKey>(more: &str) -> String {
    format!(
        "CREATE TABLE t ({}, PRIMARY KEY ({})); {more}",
        declared::<K>(),
        sorted::<K>()
    )
}

/// Returns the SQL of a table that is stored by its primary key (WITHOUT ROWID).
fn by_key<K: SqliteKey>() -> String {
    format!(
        "CREATE TABLE t ({}, PRIMARY KEY ({})) WITHOUT ROWID",
        declared::<K>(),
        sorted::<K>()
    )
}
