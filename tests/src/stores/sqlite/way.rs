//! How a table is made and walked.

use std::borrow::Borrow;
use std::fmt::Debug;

use keywalk::{ChunkSource, Order};
use keywalk_conformance::{BoxError, KeySpace};
use keywalk_sqlite::decode::Mapped;
use keywalk_sqlite::{AnyKey, Error, Key, Query, Table};
use proptest::prop_oneof;
use proptest::sample::select;
use rusqlite::{Connection, Row};

use super::{Recast, SqliteKey};

/// How the table `t` is made and walked, by keys of type `K`.
pub trait Way<K: SqliteKey>: Debug + 'static {
    /// The key of an item.
    type Walked;

    /// The source over a connection.
    type Source<C: Borrow<Connection>>: ChunkSource<Key = K, Item = (Self::Walked, u64), Error = Error>;

    /// Whether hidden rows aren't walked.
    const HIDES: bool = false;

    /// Whether each row that is looked at is counted.
    const COUNTS: bool = false;

    /// How many steps of SQLite are an operation that can fail: fewer than a row takes.
    const STEPS: i32 = 4;

    /// What else is true of the rows that are walked.
    const OURS: &'static str = "TRUE";

    /// The keys to try.
    #[must_use]
    fn keys() -> KeySpace<K> {
        K::keys()
    }

    /// The key's columns.
    #[must_use]
    fn names() -> Vec<&'static str> {
        ["a", "b", "c"][..K::columns().len()].to_vec()
    }

    /// What makes the table.
    #[must_use]
    fn schema() -> String;

    /// A source over the table.
    ///
    /// # Errors
    ///
    /// If the key isn't proven.
    fn source<C: Borrow<Connection>>(db: C) -> Result<Self::Source<C>, BoxError>;
}

/// What makes an item's value.
type Decoder = fn(&Row<'_>) -> rusqlite::Result<u64>;

fn decode(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, i64>("value").map(i64::cast_unsigned)
}

/// A [`Table`], with values of ours.
type Walked<C, K> = Table<C, K, Mapped<Decoder>>;

/// The columns, as SQL declares them.
fn declared<K: SqliteKey>() -> String {
    let columns = K::columns();
    let names = ["a", "b", "c"].iter().zip(columns);
    let declared = names.map(|(name, (declared, _))| format!("{name} {declared}, "));
    declared.collect::<String>() + "value INTEGER, hidden INTEGER NOT NULL DEFAULT 0"
}

/// The columns, as an index has them.
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

/// A rowid table with that primary key, and what follows.
fn by_rowid<K: SqliteKey>(more: &str) -> String {
    format!(
        "CREATE TABLE t ({}, PRIMARY KEY ({})); {more}",
        declared::<K>(),
        sorted::<K>()
    )
}

/// A table that is stored by its primary key.
fn by_key<K: SqliteKey>() -> String {
    format!(
        "CREATE TABLE t ({}, PRIMARY KEY ({})) WITHOUT ROWID",
        declared::<K>(),
        sorted::<K>()
    )
}

macro_rules! ways {
    ($(
        $(#[$attribute:meta])*
        $name:ident: $schema:expr,
        { $(const $const:ident: $type:ty = $value:expr;)* }
        $table:ident, $names:ident => $source:expr;
    )+) => {$(
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct $name;

        impl<K: SqliteKey + Key> Way<K> for $name {
            type Walked = K;
            type Source<C: Borrow<Connection>> = Walked<C, K>;
            $(const $const: $type = $value;)*

            fn schema() -> String {
                $schema
            }

            fn source<C: Borrow<Connection>>(db: C) -> Result<Walked<C, K>, BoxError> {
                let $table = Table::new(db, "t");
                let $names = <Self as Way<K>>::names();
                Ok($source.map(decode as Decoder))
            }
        }
    )+};
}

ways! {
    /// A table that is stored by its key.
    Clustered: by_key::<K>(), {}
    table, names => table.key::<K>(names)?;

    /// A rowid table with that primary key; an integer alone is the rowid.
    Plain: by_rowid::<K>(""), {}
    table, names => table.key::<K>(names)?;

    /// A unique index, beside another primary key.
    Indexed: format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {}, UNIQUE ({}))",
        declared::<K>(),
        sorted::<K>()
    ), {}
    table, names => table.key::<K>(names)?;

    /// A filter that no index serves: rows are read and dropped.
    Filtered: by_rowid::<K>(""), { const HIDES: bool = true; }
    table, names => table.key::<K>(names)?.filter("hidden = ?", [false])?;

    /// A filter that an index serves together with the key.
    Served: by_rowid::<K>(&format!("CREATE INDEX shown ON t (hidden, {})", sorted::<K>())), {
        const HIDES: bool = true;
    }
    table, names => table.key::<K>(names)?.filter("hidden = ?", [false])?;

    /// A filter that a partial index holds to.
    Partial: format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {0}, UNIQUE ({1}));
         CREATE INDEX shown ON t ({1}) WHERE hidden = 0",
        declared::<K>(),
        sorted::<K>()
    ), { const HIDES: bool = true; }
    table, names => table.key::<K>(names)?.filter("hidden = 0", [])?;

    /// A filter that counts the rows.
    Counted: by_rowid::<K>(""), {
        const HIDES: bool = true;
        const COUNTS: bool = true;
    }
    table, names => table.key::<K>(names)?.filter("seen(a) AND hidden = 0", [])?;

    /// Between the rows of two others, of which each has all that this one was ever given.
    Within: format!(
        "CREATE TABLE t (tenant INTEGER NOT NULL DEFAULT 5, {}, PRIMARY KEY (tenant, {})) WITHOUT ROWID;
         CREATE TRIGGER neighbours AFTER INSERT ON t WHEN new.tenant = 5 BEGIN
             INSERT OR REPLACE INTO t (tenant, {names}, value) SELECT 4, {names}, 0 FROM t WHERE {it};
             INSERT OR REPLACE INTO t (tenant, {names}, value) SELECT 6, {names}, 0 FROM t WHERE {it};
         END",
        declared::<K>(),
        sorted::<K>(),
        names = <Self as Way<K>>::names().join(", "),
        it = <Self as Way<K>>::names()
            .iter()
            .map(|name| format!("{name} = new.{name} AND "))
            .collect::<String>() + "tenant = 5",
    ), { const OURS: &'static str = "tenant = 5"; }
    table, names => table.within("tenant", 5)?.key::<K>(names)?;
}

/// By the rowid of a table without a primary key.
#[derive(Debug)]
pub struct Rowid;

impl Way<i64> for Rowid {
    type Walked = i64;
    type Source<C: Borrow<Connection>> = Walked<C, i64>;

    fn names() -> Vec<&'static str> {
        vec!["rowid"]
    }

    fn schema() -> String {
        "CREATE TABLE t (value INTEGER, hidden INTEGER DEFAULT 0)".to_owned()
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Walked<C, i64>, BoxError> {
        let table = Table::new(db, "t").key::<i64>(["rowid"])?;
        Ok(table.map(decode as Decoder))
    }
}

/// A filter that drops more rows in a row than a fetch looks at, so that it says how far it got.
#[derive(Debug)]
pub struct Sparse;

impl Way<i64> for Sparse {
    type Walked = i64;
    type Source<C: Borrow<Connection>> = Walked<C, i64>;
    const HIDES: bool = true;
    // Hundreds of rows are dropped: not at each of them.
    const STEPS: i32 = 64;

    /// Few, around those that are dropped and among them.
    fn keys() -> KeySpace<i64> {
        let ladder = [i64::MIN, 299, 300, 600, 901, i64::MAX];
        let known = KeySpace::known();
        KeySpace::new(
            prop_oneof![select(ladder.to_vec()), known.strategy().clone()],
            ladder,
        )
    }

    fn schema() -> String {
        by_rowid::<i64>(
            "INSERT INTO t (a, hidden)
             WITH n (a) AS (SELECT 300 UNION ALL SELECT a + 1 FROM n WHERE a < 900)
             SELECT a, 1 FROM n",
        )
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Walked<C, i64>, BoxError> {
        <Filtered as Way<i64>>::source(db)
    }
}

/// A query that joins the table to itself.
#[derive(Debug)]
pub struct Joined;

impl<K: SqliteKey + Key> Way<K> for Joined {
    type Walked = K;
    type Source<C: Borrow<Connection>> = Query<C, K, Mapped<Decoder>>;
    const HIDES: bool = true;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Self::Source<C>, BoxError> {
        let names = <Self as Way<K>>::names();
        let sql = format!(
            "SELECT t.*, u.value AS same FROM t JOIN t AS u USING ({}) WHERE t.hidden = ?1",
            names.join(", ")
        );
        let query = Query::new(db, sql, [false])?.key::<K>(names)?;
        Ok(query.map(decode as Decoder))
    }
}

/// By the primary key that the schema tells, as [`AnyKey`], which has no total order: keys of two
/// tables don't compare.
#[derive(Debug)]
pub struct Dynamic;

impl<K: SqliteKey> Way<K> for Dynamic {
    type Walked = AnyKey;
    type Source<C: Borrow<Connection>> = Recast<Walked<C, AnyKey>, K>;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Self::Source<C>, BoxError> {
        let table = Table::new(db, "t").map(decode as Decoder);
        let into = |table: &Walked<C, AnyKey>, key: &K| table.any_key(key.values());
        let from = |key: AnyKey| K::of_values(key.values()).expect("it is the table's own");
        Ok(Recast::new(table, into, from))
    }
}

/// By text in the order of its collation, which only SQLite knows.
#[derive(Debug)]
pub struct ByCollation;

impl<K: SqliteKey> Way<K> for ByCollation {
    type Walked = K::Walked;
    type Source<C: Borrow<Connection>> = Recast<Walked<C, K::Walked>, K>;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Borrow<Connection>>(db: C) -> Result<Self::Source<C>, BoxError> {
        let table = Table::new(db, "t").key::<K::Walked>(<Self as Way<K>>::names())?;
        Ok(Recast::new(
            table.map(decode as Decoder),
            |_, key| Ok(key.walked()),
            K::of,
        ))
    }
}
