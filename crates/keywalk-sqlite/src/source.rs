//! The source that tables and queries share.

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

/// The maximum number of times that one request proves its relation again because the schema changed.
const MOST_CHANGES: u32 = 8;

/// A walkable table or query. Use it through its aliases [`Table`](crate::Table) and [`Query`](crate::Query), which
/// have the constructors and examples.
///
/// `C` lends a connection ([`Connect`]). `S` defines what is walked: a [`TableSpec`](crate::TableSpec) or a
/// [`QuerySpec`](crate::QuerySpec). `K` is the key's type. `D` decodes a row into an item's value. The methods that
/// build a source read at most the schema; rows are read when the walk fetches.
pub struct SqlSource<C, S, K, D = Rows> {
    pub(crate) db: C,
    pub(crate) spec: S,
    decode: D,
    /// The relation that the spec was resolved to before the first fetch, when a token was read or made. The token's
    /// position was checked against this relation. So the first fetch resolves the spec again, and checks that
    /// positions are still valid.
    before: OnceLock<Relation>,
    /// Created by the first fetch.
    fetcher: Option<Fetcher>,
    key: PhantomData<fn() -> K>,
}

/// The definition of what is walked: a table or a query. Sealed.
pub trait Spec: fmt::Debug {
    /// Sets the key's columns, and proves what can be proven before the first fetch.
    #[doc(hidden)]
    fn set_key(
        &mut self,
        db: &Connection,
        columns: Vec<String>,
        layout: Layout,
    ) -> Result<(), Error>;

    /// Resolves the definition under the current schema.
    #[doc(hidden)]
    fn resolve(&self, db: &Connection, layout: Layout) -> Result<Relation, Error>;

    /// Resolves `before` again under a schema that has changed, with the same key and columns.
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

    /// Returns a source with the same connection and spec, not resolved yet.
    fn with<K2, D2>(self, decode: impl FnOnce(D) -> D2) -> SqlSource<C, S, K2, D2> {
        SqlSource::unresolved(self.db, self.spec, decode(self.decode))
    }

    /// Returns the same source after its spec was changed, not resolved yet.
    pub(crate) fn respecified(self) -> Self {
        self.with(|decode| decode)
    }
}

impl<C: Connect, S: Spec, K, D> SqlSource<C, S, K, D> {
    /// Walks by these columns, with keys of type `K2`. Rows are ordered by the first column, then by the second, and
    /// so on, each ascending unless its type is a [`Reverse`](std::cmp::Reverse).
    ///
    /// For a **table**, the columns must be unique together, and an index must be sorted by them: the primary key, a
    /// UNIQUE index over NOT NULL columns, or an indexed column followed by the primary key. With
    /// [`DynKey`](crate::DynKey) as the type, the walk uses the index's own directions.
    ///
    /// A column that may hold NULL can be part of the key in two ways. If its type is an [`Option`], rows with NULL
    /// come first, as SQLite orders them. The rest of the key must then be unique, since a UNIQUE index allows many
    /// rows with NULL. Or a [`filter`](crate::Table::filter) leaves NULL out; set it before the key.
    ///
    /// `"rowid"` is a key of every table that isn't WITHOUT ROWID. But VACUUM can renumber rowids, which can't be
    /// detected from the rows. So after any change of the schema, which includes VACUUM, a walk by rowid ends and its
    /// [token](keywalk::Token) is refused. A copy made row by row, such as a dump, may have other rowids, and that
    /// isn't detected: don't use a rowid token with another file. An INTEGER PRIMARY KEY is a rowid that VACUUM keeps:
    /// walk by its own name.
    ///
    /// For a **query**, the key's columns must be unique together in the result, and must all belong to one index. Text
    /// is compared by bytes. A column under another collation can't be searched that way, which is an error at the
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
    /// For a table:
    ///
    /// - the table or a column doesn't exist;
    /// - there are more or fewer columns than the type has, or a column can't hold the type;
    /// - they aren't proven to be unique;
    /// - one may hold NULL, its type isn't an [`Option`], and the filter doesn't leave NULL out (except a [primary key
    ///   of a single column](crate::Table#proven-before-the-first-row));
    /// - their text is ordered differently from the type.
    ///
    /// For a query:
    ///
    /// - it has no such column, or two of that name;
    /// - there are more or fewer columns than the type has;
    /// - the type is [`Collated`](crate::Collated), or another with
    ///   [`TextOrder::Collation`](crate::TextOrder::Collation).
    ///
    /// Whether an index can be searched is checked by the first fetch.
    pub fn key<K2: SqlKey>(
        self,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<SqlSource<C, S, K2, D>, Error> {
        let mut source = self.with(|decode| decode);
        let columns = columns.into_iter().map(Into::into).collect();
        (source.spec).set_key(&*lend(&source.db)?, columns, K2::layout())?;
        Ok(source)
    }

    /// Decodes each row with a closure. Items are `(key, value)`.
    ///
    /// The row's columns are those of the table, of [`columns`](crate::Table::columns) or of the SELECT, in that
    /// order; others may follow. Finding a column by name takes O(columns), by position O(1). If the closure returns
    /// an error, the walk ends with an [error](crate::ErrorKind::Value) that names the row.
    ///
    /// The closure runs for each row of a chunk, in order, before the chunk is yielded. It usually sees each row
    /// once. There are two exceptions: the rows of a chunk that failed are decoded again when the walk is resumed;
    /// and with a [`filter`](crate::Table::filter), the last row is decoded once more at the start, to find where the
    /// walk ends.
    pub fn map<T, F>(self, decode: F) -> SqlSource<C, S, K, Mapped<F>>
    where
        F: FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    {
        self.with(|_| Mapped::new(decode))
    }

    /// Decodes each row in place with a closure. Like [`map`](Self::map), but the closure is passed an item of the
    /// previous chunk (or a default one) and must set all of it. With [`chunks`](keywalk::Walk::chunks), nothing is
    /// then allocated after the first chunk, unless an item needs more room than before.
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

    /// Decodes each row as a `T` with its [`FromRow`], in place if `T` implements [`refill`](FromRow::refill). Items
    /// are `(key, T)`.
    pub fn decode<T: FromRow>(self) -> SqlSource<C, S, K, Decoded<T>> {
        self.with(|_| Decoded::new())
    }

    /// Returns the statements that the walk has run so far, for `EXPLAIN QUERY PLAN`. Before the first fetch there
    /// are none.
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
    /// Returns the connection. Between two fetches it is free for anything: writing, checkpoints, VACUUM.
    pub fn connection(&self) -> &Connection {
        self.db.borrow()
    }
}

impl<C: Connect, S: Spec, K: SqlKey, D> SqlSource<C, S, K, D> {
    /// Counts the rows to walk: all rows of the query, or all rows of the table that match
    /// [`prefix_eq`](crate::Table::prefix_eq) and [`filter`](crate::Table::filter). The walk's range doesn't matter.
    ///
    /// Use it for a progress bar. It reads all of these rows in one statement, in O(rows), and is out of date as soon
    /// as others write.
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
    /// If the schema doesn't prove a table's key, or SQLite fails.
    pub fn count(&self) -> Result<u64, Error> {
        let db = &*lend(&self.db)?;
        // Doesn't keep the relation for the walk: a job that runs later creates its tables, which changes the schema.
        Ok(match &self.fetcher {
            Some(fetcher) => fetcher.relation().count(db)?,
            None => self.spec.resolve(db, K::layout())?.count(db)?,
        })
    }

    /// Returns the resolved relation; resolves it first if that wasn't done yet.
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
    /// Runs `request` against the store, and again if the schema has changed before the first row.
    pub(crate) fn ask<T>(
        &mut self,
        mut request: impl FnMut(&Connection, &mut Fetcher, &mut D) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut changes = 0;
        loop {
            // Proving and reading use the same connection.
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

    /// Returns a connection, the fetcher and the decoder. Resolves the relation first if that wasn't done, or again if
    /// the schema has changed. If that fails, the fetcher stays as it was, since the schema may change back.
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

    /// Writes the key as a SQL literal: `7`, `'a name'`, `(5, x'00ff')`. Characters that a terminal wouldn't show are
    /// escaped, and more than 120 characters or 60 bytes are cut.
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
        let layout = match K::layout() {
            Layout::FromSchema => self.relation().ok()?.layout(),
            layout => layout,
        };
        let Layout::Columns(columns) = layout else {
            return None;
        };
        codec::fraction(first, last, at, &columns)
    }
}

/// Prints the table's name or the query's columns, and no data.
impl<C, S: Spec, K, D> fmt::Debug for SqlSource<C, S, K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}
