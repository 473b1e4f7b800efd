//! Tables, and a query, walked by keys of any type.

use keywalk::{Fingerprint, FingerprintField, ResumableSource};
use keywalk_conformance::BoxError;
use keywalk_sqlite::decode::Mapped;
use keywalk_sqlite::{Connect, Query, SqlKey, Table};
use rusqlite::Connection;

use super::{Decoder, Walked, Way, by_key, by_rowid, declared, decode, sorted};
use crate::stores::sqlite::SqliteKey;

macro_rules! ways {
    ($(
        $(#[$attribute:meta])*
        $name:ident: $schema:expr,
        { $($more:tt)* }
        $table:ident, $names:ident => $source:expr;
    )+) => {$(
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct $name;

        impl<K: SqliteKey + SqlKey> Way<K> for $name {
            type Walked = K;
            type Source<C: Connect> = Walked<C, K>;
            $($more)*

            fn schema() -> String {
                $schema
            }

            fn source<C: Connect>(db: C) -> Result<Walked<C, K>, BoxError> {
                let $table = Table::new(db, "t");
                let $names = <Self as Way<K>>::names();
                Ok($source.map(decode as Decoder))
            }
        }
    )+};
}

ways! {
    /// Walks a table that is stored by its key.
    Clustered: by_key::<K>(), {}
    table, names => table.key::<K>(names)?;

    /// Walks a rowid table by its primary key; a single integer is the rowid.
    Plain: by_rowid::<K>(""), {}
    table, names => table.key::<K>(names)?;

    /// Walks by a unique index that isn't the primary key.
    Indexed: format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {}, UNIQUE ({}))",
        declared::<K>(),
        sorted::<K>()
    ), {}
    table, names => table.key::<K>(names)?;

    /// Walks with a filter that no index serves, so rows are read and dropped.
    Filtered: by_rowid::<K>(""), { const HIDES: bool = true; }
    table, names => table.key::<K>(names)?.filter("hidden = ?", [false])?;

    /// Walks with a filter that an index serves together with the key.
    Served: by_rowid::<K>(&format!("CREATE INDEX shown ON t (hidden, {})", sorted::<K>())), {
        const HIDES: bool = true;
    }
    table, names => table.key::<K>(names)?.filter("hidden = ?", [false])?;

    /// Walks with a filter that a partial index satisfies.
    Partial: format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {0}, UNIQUE ({1}));
         CREATE INDEX shown ON t ({1}) WHERE hidden = 0",
        declared::<K>(),
        sorted::<K>()
    ), { const HIDES: bool = true; }
    table, names => table.key::<K>(names)?.filter("hidden = 0", [])?;

    /// Walks with a filter that counts the rows.
    Counted: by_rowid::<K>(""), {
        const HIDES: bool = true;
        const COUNTS: bool = true;
    }
    table, names => table.key::<K>(names)?.filter("seen(a) AND hidden = 0", [])?;

    /// Walks between the rows of two other tenants, each of which has every row that this one ever had.
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
    ), {
        const OURS: &'static str = "tenant = 5";

        fn filtered(db: &Connection) -> Result<Fingerprint, BoxError> {
            let table = Table::new(db, "t").prefix_eq("tenant", 6)?;
            Ok(table.key::<K>(<Self as Way<K>>::names())?.fingerprint()?)
        }
    }
    table, names => table.prefix_eq("tenant", 5)?.key::<K>(names)?;
}

/// Walks a query that joins the table to itself.
#[derive(Debug)]
pub struct Joined;

impl<K: SqliteKey + SqlKey> Way<K> for Joined {
    type Walked = K;
    type Source<C: Connect> = Query<C, K, Mapped<Decoder>>;
    const HIDES: bool = true;
    const TOLD_BY: FingerprintField = FingerprintField::Relation;

    fn schema() -> String {
        by_key::<K>()
    }

    fn source<C: Connect>(db: C) -> Result<Self::Source<C>, BoxError> {
        let names = <Self as Way<K>>::names();
        let sql = format!(
            "SELECT t.*, u.value AS same FROM t JOIN t AS u USING ({}) WHERE t.hidden = ?1",
            names.join(", ")
        );
        let query = Query::new(db, sql, [false])?.key::<K>(names)?;
        Ok(query.map(decode as Decoder))
    }
}
