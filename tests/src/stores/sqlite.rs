use std::cmp::Reverse;
use std::fmt::Debug;
use std::marker::PhantomData;

use keywalk::ChunkSource;
use keywalk_sqlite::{Error, Key, Query, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use crate::{BoxError, Store};

/// A key, and the table that it is the key of.
pub trait SqliteKey: Key + Ord + Debug {
    /// The key's columns, as SQL declares them.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// The order of the key's index; primary keys are declared so.
    const INDEX: &'static str;

    /// What the columns hold.
    fn values(&self) -> Vec<Value>;
}

impl SqliteKey for i64 {
    const COLUMNS: &'static [(&'static str, &'static str)] = &[("a", "INTEGER NOT NULL")];
    const INDEX: &'static str = "a";

    fn values(&self) -> Vec<Value> {
        vec![(*self).into()]
    }
}

impl SqliteKey for Uuid {
    const COLUMNS: &'static [(&'static str, &'static str)] = &[("a", "BLOB NOT NULL")];
    const INDEX: &'static str = "a";

    fn values(&self) -> Vec<Value> {
        vec![self.as_bytes().to_vec().into()]
    }
}

impl SqliteKey for (String, i64) {
    const COLUMNS: &'static [(&'static str, &'static str)] =
        &[("a", "TEXT NOT NULL"), ("b", "INTEGER NOT NULL")];
    const INDEX: &'static str = "a, b";

    fn values(&self) -> Vec<Value> {
        vec![self.0.clone().into(), self.1.into()]
    }
}

impl SqliteKey for (i64, Reverse<String>) {
    const COLUMNS: &'static [(&'static str, &'static str)] =
        &[("a", "INTEGER NOT NULL"), ("b", "TEXT NOT NULL")];
    const INDEX: &'static str = "a, b DESC";

    fn values(&self) -> Vec<Value> {
        vec![self.0.into(), self.1.0.clone().into()]
    }
}

/// How the table is made and walked.
pub trait Way: Sized {
    /// The source.
    type Source<'a, K: SqliteKey>: ChunkSource<Key = K, Item = (K, u64), Error = Error>;

    /// What follows the columns: `WITHOUT ROWID`, or nothing.
    const TABLE: &'static str;

    /// Whether hidden rows aren't seen.
    const FILTERS: bool;

    /// A source over the table `t`.
    ///
    /// # Errors
    ///
    /// If the key isn't proven.
    fn source<K: SqliteKey>(db: &Connection) -> Result<Self::Source<'_, K>, Error>;
}

type Decoder = fn(&Row<'_>) -> rusqlite::Result<u64>;

fn names<K: SqliteKey>() -> impl Iterator<Item = &'static str> {
    K::COLUMNS.iter().map(|(name, _)| *name)
}

fn decode(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, i64>("value").map(i64::cast_unsigned)
}

/// A primary key that is how the table is stored.
#[derive(Debug)]
pub struct Clustered;

impl Way for Clustered {
    type Source<'a, K: SqliteKey> =
        Table<&'a Connection, K, keywalk_sqlite::decode::Mapped<Decoder>>;
    const TABLE: &'static str = "WITHOUT ROWID";
    const FILTERS: bool = false;

    fn source<K: SqliteKey>(db: &Connection) -> Result<Self::Source<'_, K>, Error> {
        Ok(Table::new(db, "t")
            .key::<K>(names::<K>())?
            .map(decode as Decoder))
    }
}

/// An index over a rowid table, with a filter that hides what was deleted.
#[derive(Debug)]
pub struct Filtered;

impl Way for Filtered {
    type Source<'a, K: SqliteKey> =
        Table<&'a Connection, K, keywalk_sqlite::decode::Mapped<Decoder>>;
    const TABLE: &'static str = "";
    const FILTERS: bool = true;

    fn source<K: SqliteKey>(db: &Connection) -> Result<Self::Source<'_, K>, Error> {
        Ok(Table::new(db, "t")
            .key::<K>(names::<K>())?
            .filter("hidden = ?", [false])?
            .map(decode as Decoder))
    }
}

/// A query that joins the table to itself.
#[derive(Debug)]
pub struct Joined;

impl Way for Joined {
    type Source<'a, K: SqliteKey> =
        Query<&'a Connection, K, keywalk_sqlite::decode::Mapped<Decoder>>;
    const TABLE: &'static str = "WITHOUT ROWID";
    const FILTERS: bool = true;

    fn source<K: SqliteKey>(db: &Connection) -> Result<Self::Source<'_, K>, Error> {
        let columns: Vec<_> = names::<K>().collect();
        let sql = format!(
            "SELECT t.*, u.value AS same FROM t JOIN t AS u USING ({}) WHERE t.hidden = ?1",
            columns.join(", ")
        );
        Ok(Query::new(db, sql, [false])?
            .key::<K>(columns)?
            .map(decode as Decoder))
    }
}

/// A database in memory, walked and changed through one connection.
#[derive(Debug)]
pub struct SqliteStore<K, W> {
    db: Connection,
    types: PhantomData<fn() -> (K, W)>,
}

impl<K: SqliteKey, W: Way> SqliteStore<K, W> {
    fn execute(&self, sql: &str, values: Vec<Value>) -> Result<(), BoxError> {
        self.db
            .prepare_cached(sql)?
            .execute(params_from_iter(values))?;
        Ok(())
    }
}

impl<K: SqliteKey, W: Way> Store for SqliteStore<K, W> {
    type Key = K;
    type Source<'a>
        = W::Source<'a, K>
    where
        K: 'a,
        W: 'a;

    fn open() -> Result<Self, BoxError> {
        let db = Connection::open_in_memory()?;
        let columns: Vec<String> = K::COLUMNS
            .iter()
            .map(|(name, declared)| format!("{name} {declared}"))
            .collect();
        db.execute_batch(&format!(
            "CREATE TABLE t ({}, value INTEGER, hidden INTEGER DEFAULT 0, PRIMARY KEY ({})) {}",
            columns.join(", "),
            K::INDEX,
            W::TABLE,
        ))?;
        Ok(SqliteStore {
            db,
            types: PhantomData,
        })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        Ok(W::source::<K>(&self.db)?)
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        let columns: Vec<_> = names::<K>().collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let columns = columns.join(", ");
        let mut values = key.values();
        values.push(value.cast_signed().into());
        self.execute(
            &format!("INSERT OR REPLACE INTO t ({columns}, value) VALUES ({marks}, ?)"),
            values,
        )
    }

    /// Where deleted rows are filtered out, it hides those with odd values.
    fn delete(&self, key: &K) -> Result<(), BoxError> {
        let terms: Vec<String> = names::<K>().map(|name| format!("{name} = ?")).collect();
        let key_is = terms.join(" AND ");
        if W::FILTERS {
            self.execute(
                &format!("UPDATE t SET hidden = 1 WHERE {key_is} AND value & 1"),
                key.values(),
            )?;
        }
        self.execute(
            &format!("DELETE FROM t WHERE {key_is} AND hidden = 0"),
            key.values(),
        )
    }
}
