//! The one source behind tables and queries.

#![expect(unnameable_types, reason = "the parts of a sealed trait")]

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source,
};
use rusqlite::Connection;

use crate::codec;
use crate::connect::{Connect, lend};
use crate::decode::{Decode, Decoded, Filled, FromRow, Mapped, Rows};
use crate::error::{Error, ErrorKind};
use crate::fetch::Fetcher;
use crate::key::{Layout, SqlKey};
use crate::relation::Relation;
use crate::value::key_text;

/// How often one request proves its relation again because the schema changed meanwhile.
const MOST_CHANGES: u32 = 8;

/// A table or a query, as a walk fetches from it. Name it [`Table`](crate::Table) or
/// [`Query`](crate::Query): there is what each of them adds, with examples.
///
/// `C` lends a connection ([`Connect`]). `S` is what is walked: a [`TableSpec`](crate::TableSpec) or a
/// [`QuerySpec`](crate::QuerySpec). `K` is the key's type. `D` makes an item's value of a row. Its methods
/// build it and read at most the schema; rows are read when the walk fetches.
pub struct SqlSource<C, S, K, D = Rows> {
    pub(crate) db: C,
    pub(crate) spec: S,
    decode: D,
    /// What the spec was resolved to before the first fetch, when a token was read or made. The first fetch
    /// checks that it still is: a position isn't walked from under a schema that it wasn't checked against.
    before: OnceLock<Relation>,
    /// Made by the first fetch.
    fetcher: Option<Fetcher>,
    key: PhantomData<fn() -> K>,
}

/// What is walked, as the caller defined it: a table or a query. Sealed.
pub trait Spec: fmt::Debug {
    /// Sets the key's columns, and proves what can be proven before the first fetch.
    #[doc(hidden)]
    fn set_key(
        &mut self,
        db: &Connection,
        columns: Vec<String>,
        layout: Layout,
    ) -> Result<(), Error>;

    /// Returns what is walked, under the schema as it is.
    #[doc(hidden)]
    fn resolve(&self, db: &Connection, layout: Layout) -> Result<Relation, Error>;

    /// Returns what `before` is under a schema that has changed: with the same key and columns.
    #[doc(hidden)]
    fn resolve_again(&self, db: &Connection, before: &Relation) -> Result<Relation, Error>;
}

impl<C, S, K, D> SqlSource<C, S, K, D> {
    pub(crate) fn unresolved(db: C, spec: S, decode: D) -> Self {
        SqlSource {
            db,
            spec,
            decode,
            before: OnceLock::new(),
            fetcher: None,
            key: PhantomData,
        }
    }

    /// The same connection and spec, not resolved yet.
    fn with<K2, D2>(self, decode: impl FnOnce(D) -> D2) -> SqlSource<C, S, K2, D2> {
        SqlSource::unresolved(self.db, self.spec, decode(self.decode))
    }

    /// The same with another spec, not resolved yet.
    pub(crate) fn respecified(self) -> Self {
        self.with(|decode| decode)
    }
}

impl<C: Connect, S: Spec, K, D> SqlSource<C, S, K, D> {
    /// Walks by these columns, as keys of type `K2`, ascending by the first, then by the second, …
    ///
    /// Of a **table** any columns will do that are unique together and that an index is sorted by: the primary
    /// key, a UNIQUE index over NOT NULL columns, or an indexed column and the primary key behind it.
    /// `"rowid"` is one for every table that isn't WITHOUT ROWID. But VACUUM renumbers it, and no row
    /// shows that: a walk by it ends, and its [token](keywalk::Token) is refused, after any change of
    /// the schema, which VACUUM counts as. A copy that was made row by row, as from a dump, isn't
    /// noticed: don't carry such a token to another file. An INTEGER PRIMARY KEY is a rowid that stays:
    /// walk by its own name. With [`DynKey`](crate::DynKey) as the type the index's own directions are taken.
    ///
    /// Of a **query** the columns of the result must be unique together, and columns of one index. Text is
    /// compared by bytes: a column under another collation can't be searched so, which is an error at the
    /// first fetch. [`DynKey`](crate::DynKey) takes every column ascending.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// use std::cmp::Reverse;
    ///
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// db.execute_batch(
    ///     "CREATE TABLE orders (id INTEGER PRIMARY KEY, at TEXT NOT NULL);
    ///      CREATE INDEX newest ON orders (at DESC, id)",
    /// )?;
    /// let newest = Table::new(&db, "orders").key::<(Reverse<String>, i64)>(["at", "id"])?;
    /// for order in Walk::new(newest) {
    ///     let ((at, id), _row) = order?;
    ///     println!("{id} at {}", at.0);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Of a table, if it or a column doesn't exist, if the columns don't fit the type or never hold it, aren't
    /// proven to be unique or may hold NULL (but for a
    /// [lone primary key](crate::Table#proven-before-the-first-row)), or if their text is ordered otherwise than
    /// the type. Of a query, if it has no such column, or two; if the columns don't fit the type; if a type
    /// leaves the order to the column's collation. Whether an index can be searched is seen by the first
    /// fetch.
    pub fn key<K2: SqlKey>(
        self,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<SqlSource<C, S, K2, D>, Error> {
        let mut source = self.with(|decode| decode);
        let columns = columns.into_iter().map(Into::into).collect();
        (source.spec).set_key(&*lend(&source.db)?, columns, K2::layout())?;
        Ok(source)
    }

    /// Makes an item's value of each row by a closure. Items are `(key, value)`.
    ///
    /// The row's columns are the table's, or those of [`columns`](crate::Table::columns), or the SELECT's, in
    /// that order; others may follow. A column is found by its name in O(columns), by its position at once.
    /// What the closure fails with ends the walk, with an [error](crate::ErrorKind::Value) that names the row.
    ///
    /// It is called for each row of a chunk, in their order, before the chunk is handed out. A row comes to
    /// it once; but the rows of a chunk that fails come again when the walk is resumed, and the last row of a
    /// table with a [`filter`](crate::Table::filter) comes first too, since its key is where the walk ends.
    pub fn map<T, F>(self, decode: F) -> SqlSource<C, S, K, Mapped<F>>
    where
        F: FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    {
        self.with(|_| Mapped::new(decode))
    }

    /// As [`map`](Self::map), in place: the closure gets an item of the chunk before (or a default
    /// one) and must set all of it. Lent chunks then allocate nothing once they are warm.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")?;
    /// let names = Table::new(&db, "items").key::<i64>(["id"])?.map_into(|row, name: &mut String| {
    ///     name.clear();
    ///     name.push_str(row.get_ref("name")?.as_str()?);
    ///     Ok(())
    /// });
    /// let mut chunks = Walk::new(names).chunks();
    /// while let Some(items) = chunks.next()? {
    ///     println!("{} names", items.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_into<T, F>(self, fill: F) -> SqlSource<C, S, K, Filled<F, T>>
    where
        T: Default,
        F: FnMut(&rusqlite::Row<'_>, &mut T) -> rusqlite::Result<()>,
    {
        self.with(|_| Filled::new(fill))
    }

    /// Makes a `T` of each row by its [`FromRow`], in place where it says how. Items are `(key, T)`.
    pub fn decode<T: FromRow>(self) -> SqlSource<C, S, K, Decoded<T>> {
        self.with(|_| Decoded::new())
    }

    /// The statements that the walk has run so far, to be looked at with `EXPLAIN QUERY PLAN`. None before
    /// the first fetch.
    ///
    /// ```
    /// # use keywalk::Walk;
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1), (2)")?;
    /// let mut items = Walk::new(Table::new(&db, "items").key::<i64>(["id"])?).items();
    /// items.next().transpose()?;
    /// for sql in items.source().executed_sql() {
    ///     println!("{sql}");
    /// }
    /// # assert!(items.source().executed_sql().count() > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn executed_sql(&self) -> impl Iterator<Item = &str> {
        self.fetcher.iter().flat_map(Fetcher::texts)
    }
}

impl<C: Borrow<Connection>, S, K, D> SqlSource<C, S, K, D> {
    /// The connection. Between two fetches it is free for anything: writing, checkpoints, VACUUM.
    pub fn connection(&self) -> &Connection {
        self.db.borrow()
    }
}

impl<C: Connect, S: Spec, K: SqlKey, D> SqlSource<C, S, K, D> {
    /// How many rows there are to walk: all of the query's, or all of the table's that
    /// [`prefix_eq`](crate::Table::prefix_eq) and [`filter`](crate::Table::filter) let through, whatever the walk's
    /// range.
    ///
    /// For a progress bar. It reads them all, in O(rows) and in one go, and is out of date as soon as
    /// others write.
    ///
    /// ```
    /// # use keywalk_sqlite::Table;
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY);
    /// #     INSERT INTO items VALUES (1), (2), (3)")?;
    /// assert_eq!(Table::new(&db, "items").filter("id > ?1", [1])?.count()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the schema doesn't prove a table's key, and SQLite's own.
    pub fn count(&self) -> Result<u64, Error> {
        let db = &*lend(&self.db)?;
        // What a walk begins from isn't settled by counting: a job makes its tables after that.
        Ok(match &self.fetcher {
            Some(fetcher) => fetcher.relation().count(db)?,
            None => self.spec.resolve(db, K::layout())?.count(db)?,
        })
    }

    /// Returns what is walked; resolves it if that wasn't done yet.
    fn relation(&self) -> Result<&Relation, Error> {
        match (&self.fetcher, self.before.get()) {
            (Some(fetcher), _) => Ok(fetcher.relation()),
            (None, Some(relation)) => Ok(relation),
            (None, None) => {
                let relation = self.spec.resolve(&*lend(&self.db)?, K::layout())?;
                Ok(self.before.get_or_init(|| relation))
            }
        }
    }
}

impl<C: Connect, S: Spec, K: SqlKey, D: Decode> SqlSource<C, S, K, D> {
    /// Runs `request` against the store, and again where the schema turns out to have changed before the
    /// first row.
    fn ask<T>(
        &mut self,
        mut request: impl FnMut(&Connection, &mut Fetcher, &mut D) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut changes = 0;
        loop {
            // One connection for what is proven again and for what is then read.
            let (db, fetcher, decode) = self.parts(changes > 0)?;
            if !C::IS_SAME {
                fetcher.move_on();
            }
            match request(&db, fetcher, decode) {
                Err(error) if error.kind() == ErrorKind::Changed && changes < MOST_CHANGES => {
                    changes += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Returns the parts that fetch; resolves the relation first if that wasn't done, or again if the schema
    /// has changed. If it can't be, the parts stay as they were, for the schema may change back.
    fn parts(&mut self, has_changed: bool) -> Result<(C::Lent<'_>, &mut Fetcher, &mut D), Error> {
        let db = lend(&self.db)?;
        let fetcher = match &mut self.fetcher {
            Some(fetcher) => {
                if has_changed {
                    let relation = self.spec.resolve_again(&db, fetcher.relation())?;
                    *fetcher = Fetcher::new(&db, relation)?;
                }
                fetcher
            }
            none => {
                let relation = match self.before.get() {
                    Some(before) => self.spec.resolve_again(&db, before)?,
                    None => self.spec.resolve(&db, K::layout())?,
                };
                self.decode.columns(&relation.columns);
                none.insert(Fetcher::new(&db, relation)?)
            }
        };
        Ok((db, fetcher, &mut self.decode))
    }
}

impl<C: Connect, S: Spec, K: SqlKey, D: Decode> Source for SqlSource<C, S, K, D> {
    type Key = K;
    type Item = (K, D::Item);
    type Error = Error;

    fn key_into((from, _): &Self::Item, key: &mut K) {
        key.copy_from(from);
    }
}

impl<C: Connect, S: Spec, K: SqlKey, D: Decode> ChunkSource for SqlSource<C, S, K, D> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<K>, Error> {
        self.ask(|db, fetcher, decode| fetcher.fetch(db, range, decode, chunk))
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error> {
        self.ask(|db, fetcher, _| fetcher.last_key(db, range))
    }
}

impl<C: Connect, S: Spec, K: SqlKey, D: Decode> ResumableSource for SqlSource<C, S, K, D> {
    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        Ok(self.relation()?.fingerprint())
    }

    fn encode_key(&self, key: &K, encoded: &mut Vec<u8>) {
        for column in 0..key.width() {
            codec::write(codec::lent(&key.bind_column(column)), encoded);
        }
    }

    fn decode_key(&self, encoded: &[u8]) -> Result<Option<K>, Error> {
        let columns = match &self.fetcher {
            Some(fetcher) => Arc::clone(fetcher.columns()),
            None => Arc::new(self.relation()?.key_columns()),
        };
        let values = codec::read(encoded, columns.names.len());
        Ok(values.and_then(|values| K::from_values(values, &columns)))
    }

    /// As SQL writes it: `7`, `'a name'`, `(5, x'00ff')`; what a terminal wouldn't show is escaped,
    /// and more than 120 characters or 60 bytes are cut.
    fn key_text(&self, key: &K) -> String {
        let literal = |column| key_text(codec::lent(&key.bind_column(column)));
        match key.width() {
            1 => literal(0),
            width => format!(
                "({})",
                (0..width).map(literal).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        codec::fraction(first, last, at)
    }
}

/// Prints the table's name or the query's columns, and no data.
impl<C, S: Spec, K, D> fmt::Debug for SqlSource<C, S, K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}
