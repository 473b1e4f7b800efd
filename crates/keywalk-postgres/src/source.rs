//! The builder and the source that tables and queries share.

#![expect(unnameable_types, reason = "the parts of a sealed trait")]

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::ops::Bound;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures_core::Stream;
use keywalk::{
    AsyncChunkSource, Chunk, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source,
};
use tokio_postgres::{Client, Row, RowStream};

use crate::codec;
use crate::connect::{Connect, lend};
use crate::decode::{Decode, Decoded, Filled, FromRow, Mapped, Rows};
use crate::error::{Error, ErrorKind};
use crate::key::{DynKey, KeyRow, Layout, SqlKey, Unreadable};
use crate::query::check_plan;
use crate::relation::{Prepared, Relation, Scan, Text, typed};
use crate::snapshot::{Snapshot, within};
use crate::value::{Param, Params, Value};

/// A table or query to walk. Use it through its aliases [`Table`](crate::Table) and [`Query`](crate::Query), which have
/// the constructors and examples. Await it to get the source:
///
/// ```no_run
/// use keywalk_postgres::{Error, SqlSource, Table, tokio_postgres::Client};
///
/// # async fn example(client: Client) -> Result<(), Error> {
/// let items: SqlSource<Client, i64> = Table::new(client, "items").key(["id"]).await?;
/// # Ok(())
/// # }
/// ```
///
/// Nothing is read before it is awaited. Then the catalog is read and the key is proven, in a few statements.
#[must_use = "a table or query does nothing until it is awaited"]
pub struct SqlBuilder<'a, C, S, K, D = Rows> {
    client: C,
    pub(crate) spec: S,
    snapshot: Option<Snapshot>,
    decode: D,
    key: PhantomData<fn() -> K>,
    /// The borrows of the future that it becomes.
    lifetime: PhantomData<&'a ()>,
}

/// The definition of what is walked: a table or a query. Sealed.
pub trait Spec: fmt::Debug + Send + Sync {
    #[doc(hidden)]
    fn set_key(&mut self, columns: Vec<String>);

    /// Proves the definition under the current catalog.
    #[doc(hidden)]
    fn resolve(
        &self,
        client: &Client,
        layout: Layout,
    ) -> impl Future<Output = Result<Relation, Error>> + Send;
}

impl<'a, C, S, K, D> SqlBuilder<'a, C, S, K, D> {
    pub(crate) fn of(client: C, spec: S, decode: D) -> Self {
        SqlBuilder {
            client,
            spec,
            snapshot: None,
            decode,
            key: PhantomData,
            lifetime: PhantomData,
        }
    }

    pub(crate) fn with<K2, D2>(self, decode: impl FnOnce(D) -> D2) -> SqlBuilder<'a, C, S, K2, D2> {
        let builder = SqlBuilder::of(self.client, self.spec, decode(self.decode));
        SqlBuilder {
            snapshot: self.snapshot,
            ..builder
        }
    }

    /// Walks the rows as they were at one moment: in the snapshot that another transaction exported. `id` is what
    /// `pg_export_snapshot()` returned there.
    ///
    /// Each fetch is a short transaction that imports the snapshot, in one round trip. Between fetches nothing is held
    /// on the walk's own connections, so a pool works, and several walks may share a snapshot.
    ///
    /// ```no_run
    /// use keywalk::Walk;
    /// use keywalk_postgres::{Table, tokio_postgres::{Client, IsolationLevel}};
    ///
    /// # async fn example(client: &Client, holder: &mut Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let held = holder.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    /// let held = held.read_only(true).start().await?;
    /// let id: String = held.query_one("SELECT pg_export_snapshot()", &[]).await?.try_get(0)?;
    /// let items = Table::new(client, "items").snapshot(id).key::<i64>(["id"]).await?;
    /// let mut chunks = Walk::new(items).async_chunks();
    /// while let Some(items) = chunks.next().await? {
    ///     println!("{} items of that moment", items.len());
    /// }
    /// // Only now may VACUUM remove what others deleted during the walk.
    /// held.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cost
    ///
    /// The transaction that exported the snapshot must stay open until the walk ends. As long as it is, PostgreSQL
    /// keeps every row version that is replaced or deleted, in all tables of the database: 7,937 of them beside 8,000
    /// updates, where a walk without a snapshot keeps none. So use it for walks of minutes, and only where all items
    /// must be of one moment. On a standby, the holder may be ended by a recovery conflict.
    ///
    /// # Errors
    ///
    /// Once that transaction has ended, the next fetch is an error of the kind [`Snapshot`](ErrorKind::Snapshot). It
    /// isn't transient: a new snapshot is of another moment. A cursor or token of the walk resumes in it, if that is
    /// acceptable.
    ///
    /// The walk's own connection must not be in a transaction, which is an error when the source is awaited. If you begin
    /// one on it later, the next fetch rolls it back, with an error. Single statements between fetches are fine. To walk
    /// in the transaction that has the snapshot, leave this out and pass `transaction.client()`: in `REPEATABLE READ`
    /// it sees one moment anyway.
    pub fn snapshot(mut self, id: impl Into<String>) -> Self {
        self.snapshot = Some(Snapshot::new(id.into()));
        self
    }

    /// Decodes each row with a closure. Items are `(key, value)`.
    ///
    /// The row's columns are those of the table, of [`columns`](crate::Table::columns) or of the SELECT, in that
    /// order; others may follow. If the closure returns an error, the walk ends with an
    /// [error](ErrorKind::Value) that names the row.
    ///
    /// The closure runs for each row of a chunk, in order, before the chunk is yielded. It usually sees each row
    /// once. The rows of a chunk that failed, or whose future was dropped, are decoded again.
    pub fn map<T, F>(self, decode: F) -> SqlBuilder<'a, C, S, K, Mapped<F>>
    where
        F: FnMut(&Row) -> Result<T, tokio_postgres::Error>,
    {
        self.with(|_| Mapped::new(decode))
    }

    /// Decodes each row in place with a closure. Like [`map`](Self::map), but the closure is passed an item of the
    /// previous chunk (or a default one) and must set all of it. In chunks, nothing of keywalk is then allocated after
    /// the first one, unless an item needs more room than before.
    ///
    /// ```no_run
    /// # use keywalk_postgres::{Error, Table, tokio_postgres::Client};
    /// # async fn example(client: &Client) -> Result<(), Error> {
    /// let names = Table::new(client, "items")
    ///     .key::<i64>(["id"])
    ///     .map_into(|row, name: &mut String| {
    ///         name.clear();
    ///         name.push_str(row.try_get("name")?);
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_into<T, F>(self, fill: F) -> SqlBuilder<'a, C, S, K, Filled<F, T>>
    where
        T: Default,
        F: FnMut(&Row, &mut T) -> Result<(), tokio_postgres::Error>,
    {
        self.with(|_| Filled::new(fill))
    }

    /// Decodes each row as a `T` with its [`FromRow`], in place if `T` implements [`refill`](FromRow::refill). Items
    /// are `(key, T)`.
    pub fn decode<T: FromRow>(self) -> SqlBuilder<'a, C, S, K, Decoded<T>> {
        self.with(|_| Decoded::new())
    }
}

impl<'a, C, S: Spec, K, D> SqlBuilder<'a, C, S, K, D> {
    /// Walks by these columns, with keys of type `K2`. Rows are ordered by the first column, then by the second, and
    /// so on, each ascending unless its type is a [`Reverse`](std::cmp::Reverse).
    ///
    /// For a **table**, the columns must be unique together, and an index must be sorted by them. With [`DynKey`] as
    /// the type, the walk uses the index's own directions. For a **query**, the key's columns must be unique together
    /// in the result, and should all belong to one index. [`DynKey`] takes every column ascending.
    ///
    /// Names are taken literally: upper and lower case count.
    ///
    /// ```no_run
    /// use std::cmp::Reverse;
    ///
    /// # use keywalk_postgres::{Collated, Error, Table, tokio_postgres::Client};
    /// # async fn example(client: &Client) -> Result<(), Error> {
    /// // CREATE INDEX ON orders (country, id DESC)
    /// let newest = Table::new(client, "orders")
    ///     .key::<(Collated, Reverse<i64>)>(["country", "id"])
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn key<K2: SqlKey>(
        mut self,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> SqlBuilder<'a, C, S, K2, D> {
        self.spec
            .set_key(columns.into_iter().map(Into::into).collect());
        self.with(|decode| decode)
    }
}

/// Prints the definition. It contains the values of parameters.
impl<C, S: fmt::Debug, K, D> fmt::Debug for SqlBuilder<'_, C, S, K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}

impl<'a, C, S, K, D> IntoFuture for SqlBuilder<'a, C, S, K, D>
where
    C: Connect + 'a,
    S: Spec + 'a,
    K: SqlKey + 'a,
    D: Decode + 'a,
{
    type Output = Result<SqlSource<C, K, D>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// Reads the catalog and proves the key.
    fn into_future(self) -> Self::IntoFuture {
        let (client, spec, mut decode) = (self.client, self.spec, self.decode);
        let snapshot = self.snapshot;
        Box::pin(async move {
            let lent = lend(&client).await?;
            if let Some(snapshot) = &snapshot {
                snapshot.check(&lent).await?;
            }
            let relation = spec.resolve(&lent, K::layout()).await?;
            drop(lent);
            decode.columns(&relation.columns);
            Ok(SqlSource {
                key_at: relation.key_positions(),
                client,
                relation,
                snapshot,
                decode,
                room: None,
                is_plan_checked: false,
                knows_types: false,
                last: None,
                key: PhantomData,
            })
        })
    }
}

/// A proven table or query: an asynchronous source. A [`Table`](crate::Table) or a [`Query`](crate::Query) becomes one
/// when it is awaited.
///
/// `C` lends a connection ([`Connect`]). `K` is the key's type. `D` decodes a row into an item's value.
pub struct SqlSource<C, K, D = Rows> {
    pub(crate) client: C,
    pub(crate) relation: Relation,
    snapshot: Option<Snapshot>,
    decode: D,
    key_at: Vec<usize>,
    /// With a budget of bytes: the number of rows to request, from the items of the last chunk.
    room: Option<usize>,
    /// Whether the plan of a query's search was checked.
    is_plan_checked: bool,
    /// Whether the connection knows the types of [`Relation::lookup`].
    pub(crate) knows_types: bool,
    /// The statement of the last fetch.
    last: Option<Arc<Text>>,
    key: PhantomData<fn() -> K>,
}

impl<C, K, D> SqlSource<C, K, D> {
    /// Returns the statement of the last fetch, for EXPLAIN. Empty before the first one.
    #[must_use]
    pub fn last_sql(&self) -> &str {
        self.last.as_ref().map_or("", |text| &text.sql)
    }
}

impl<C: Borrow<Client>, K, D> SqlSource<C, K, D> {
    /// Returns the connection. Between two fetches it is free for anything.
    pub fn connection(&self) -> &Client {
        self.client.borrow()
    }
}

impl<C, D> SqlSource<C, DynKey, D> {
    /// Makes a key of this table, for a [range](keywalk::Walk::range). Pass one value for each column of the key.
    ///
    /// # Errors
    ///
    /// If the number of values isn't the number of columns, or if a value isn't one of its column's.
    pub fn dyn_key(&self, values: impl Params) -> Result<DynKey, Error> {
        let columns = &self.relation.key_columns;
        let values = values.into_values();
        let shown: Vec<String> = values.iter().map(Value::to_string).collect();
        DynKey::new(values, columns).ok_or_else(|| {
            let wanted = columns.names.iter().zip(&columns.types);
            let wanted = wanted.map(|(name, column)| format!("{name} {}", column.name()));
            let message = format!(
                "({}) is no key of {}, which is ({})",
                shown.join(", "),
                self.relation.name,
                Vec::from_iter(wanted).join(", ")
            );
            Error::new(ErrorKind::Value, message)
        })
    }
}

impl<C: Connect, K: SqlKey, D: Decode> SqlSource<C, K, D> {
    /// Counts the rows to walk: all rows of the query, or all rows of the table that match
    /// [`prefix_eq`](crate::Table::prefix_eq) and [`filter`](crate::Table::filter). The walk's range doesn't matter.
    ///
    /// It reads all of these rows in one statement, in O(rows), and is out of date as soon as others write. See
    /// [`count_estimate`](Self::count_estimate).
    ///
    /// # Errors
    ///
    /// If PostgreSQL fails.
    pub async fn count(&self) -> Result<u64, Error> {
        let (condition, params) = self.relation.conditions();
        let sql = format!("SELECT count(*) FROM {}{condition}", self.relation.from);
        let failed = |source| Error::postgres(&self.relation.name, source);
        let lent = lend(&self.client).await?;
        let row = async { first_row(&lent, &sql, &params).await.map_err(failed) };
        let row = within(&lent, self.snapshot.as_ref(), &self.relation.name, row).await?;
        let count = row.map(|row| row.try_get::<_, i64>(0)).transpose();
        Ok(count.map_err(failed)?.unwrap_or(0).unsigned_abs())
    }

    /// Estimates the number of rows that [`count`](Self::count) counts, from PostgreSQL's statistics, in less than a
    /// millisecond.
    ///
    /// It gives a job over any key a percentage, without a query per chunk. Without it, a job over text keys has none,
    /// and that of unevenly spread keys jumps. For a walk of a [range](keywalk::Walk::range), take
    /// [`rows_estimate`](Self::rows_estimate) instead:
    ///
    /// ```no_run
    /// # #[cfg(feature = "jobs")]
    /// # async fn example(client: &keywalk_postgres::tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use keywalk::Walk;
    /// use keywalk_job::Job;
    /// use keywalk_postgres::{Collated, PostgresCheckpoints, Table};
    ///
    /// let users = Table::new(client, "users").key::<Collated>(["name"]).keys().await?;
    /// let total = users.count_estimate().await?;
    /// let checkpoints = PostgresCheckpoints::new(client);
    /// let job = Job::new_async("mail", Walk::new(users), checkpoints, tokio::time::sleep)
    ///     .total(total)
    ///     .on_progress(|progress| println!("{progress}")); // 41000 items, 41 %, 8 s left
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If PostgreSQL fails.
    pub async fn count_estimate(&self) -> Result<u64, Error> {
        let (condition, params) = self.relation.conditions();
        self.estimate(&condition, &params).await
    }

    /// Estimates the number of rows in a range of keys, from PostgreSQL's statistics, in less than a millisecond. For a
    /// progress bar over keys that aren't spread evenly: compare the range that is left with the whole one.
    ///
    /// # Errors
    ///
    /// If PostgreSQL fails.
    pub async fn rows_estimate(&self, range: &KeyRange<K>) -> Result<u64, Error> {
        let (condition, params) = self.relation.range_conditions(range);
        self.estimate(&condition, &params).await
    }

    async fn estimate(&self, condition: &str, params: &[Param]) -> Result<u64, Error> {
        let sql = format!("SELECT FROM {}{condition}", self.relation.from);
        let lent = lend(&self.client).await?;
        estimated_rows(&lent, &self.relation, &sql, params).await
    }

    /// Returns the number of rows to request for a chunk. With a budget of bytes, a chunk may be full after fewer rows
    /// than its limit, and what the server sends beyond is thrown away.
    fn request(&self, chunk: &Chunk<(K, D::Item)>) -> usize {
        let left = chunk.limit() - chunk.len();
        match chunk.budget() {
            None => left,
            Some(_) => left.min(self.room.unwrap_or(FIRST_ROOM)),
        }
    }

    /// Adapts the number of rows to request to the chunk that was fetched by it.
    fn learn(&mut self, chunk: &Chunk<(K, D::Item)>, requested: usize) {
        if chunk.budget().is_none() {
            return;
        }
        let items = chunk.len();
        self.room = Some(match chunk.is_full() {
            true => items + items / 8 + 1,
            // The budget has room for more.
            false => requested.max(items).saturating_mul(2),
        });
    }

    /// Checks that the range's keys belong to this relation.
    pub(crate) fn check_keys(&self, range: &KeyRange<K>) -> Result<(), Error> {
        for bound in [range.start(), range.end()] {
            if let Bound::Included(key) | Bound::Excluded(key) = bound
                && !key.is_of(&self.relation.key_columns)
            {
                let message = format!("the range's key isn't one of {}", self.relation.name);
                return Err(Error::new(ErrorKind::KeyColumns, message));
            }
        }
        Ok(())
    }

    /// Runs a statement, and fills the chunk with at most `requested` of its rows. `ahead`: the number of rows that it
    /// returns beyond those.
    async fn run(
        &mut self,
        range: &KeyRange<K>,
        prepared: &Prepared,
        requested: usize,
        ahead: usize,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<Fetched<K>, Error> {
        let client = lend(&self.client).await?;
        let is_search = !matches!(range.start(), Bound::Unbounded);
        if !self.relation.unique && !self.is_plan_checked && is_search {
            check_query_plan(&client, &self.relation, prepared).await?;
            self.is_plan_checked = true;
        }
        let failed = |source| Error::postgres(&self.relation.name, source);
        learn_types::<C>(&client, &self.relation, &mut self.knows_types).await?;
        let reader = Reader {
            relation: &self.relation,
            key_at: &self.key_at,
            text: &prepared.text,
            range,
        };
        let (decode, snapshot) = (&mut self.decode, self.snapshot.as_ref());
        let read = async {
            let rows = client
                .query_typed_raw(&prepared.text.sql, typed(&prepared.params))
                .await;
            let rows = rows.map_err(failed)?;
            reader.fill(rows, requested, ahead, decode, chunk).await
        };
        within(&client, snapshot, &self.relation.name, read).await
    }
}

/// The number of rows that the first fetch requests, if chunks are limited by bytes.
const FIRST_ROOM: usize = 128;

impl<C: Connect, K: SqlKey, D: Decode> Source for SqlSource<C, K, D> {
    type Key = K;
    type Item = (K, D::Item);
    type Error = Error;

    fn key_into((from, _): &Self::Item, key: &mut K) {
        key.copy_from(from);
    }
}

impl<C: Connect, K: SqlKey, D: Decode> AsyncChunkSource for SqlSource<C, K, D> {
    async fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<K>, Error> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        if chunk.is_full() {
            return Ok(Fetched::More);
        }
        self.check_keys(range)?;
        let requested = self.request(chunk);
        // One row is read ahead, to find a key that repeats at the chunk's end.
        let ahead = usize::from(!self.relation.unique);
        let limit = requested.saturating_add(ahead);
        let prepared = self.relation.rows(range, limit, self.last.as_ref());
        self.last = Some(Arc::clone(&prepared.text));
        let fetched = self.run(range, &prepared, requested, ahead, chunk).await?;
        self.learn(chunk, requested);
        Ok(fetched)
    }

    async fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error> {
        if range.is_empty() {
            return Ok(LastKey::Empty);
        }
        // With a filter that is no part of the search, the walk fetches in the opposite order.
        if self.relation.scans() {
            return Ok(LastKey::Unknown);
        }
        self.check_keys(range)?;
        let client = lend(&self.client).await?;
        let backward = range.reversed();
        let last = first_key(&client, &self.relation, &backward);
        let name = &self.relation.name;
        Ok(within(&client, self.snapshot.as_ref(), name, last)
            .await?
            .into())
    }
}

impl<C: Connect, K: SqlKey, D: Decode> ResumableSource for SqlSource<C, K, D> {
    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        Ok(self.relation.fingerprint.clone())
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        codec::write(key, self.relation.key.len(), bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Error> {
        Ok(codec::read(bytes, &self.relation.key_columns))
    }

    /// Writes the key as SQL literals: `7`, `'a name'`, `(5, '\x00ff')`. Characters that a terminal wouldn't show are
    /// escaped, and long texts are cut.
    fn key_text(&self, key: &K) -> String {
        self.relation.key_text(key)
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        codec::fraction(first, last, at, &self.relation.key_columns)
    }
}

/// Prints the table's name or the query, and no data.
impl<C, K, D> fmt::Debug for SqlSource<C, K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlSource")
            .field("relation", &self.relation.name)
            .field("key", &self.relation.key_columns.names)
            .finish_non_exhaustive()
    }
}

/// What a row did to a fetch.
enum Step<K> {
    Pushed,
    Reached(Fetched<K>),
}

/// Turns rows into keys and items.
struct Reader<'a, K> {
    relation: &'a Relation,
    key_at: &'a [usize],
    text: &'a Text,
    range: &'a KeyRange<K>,
}

impl<K: SqlKey> Reader<'_, K> {
    /// Fills the chunk with at most `requested` of a statement's rows. `ahead`: the number of rows that it returns
    /// beyond those.
    async fn fill<D: Decode>(
        &self,
        rows: RowStream,
        requested: usize,
        ahead: usize,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<Fetched<K>, Error> {
        let mut rows = pin!(rows);
        let mut count = 0;
        // One poll reads all rows that have arrived, and moves none of them. A future per row cost 4 % more instructions
        // per walk.
        let fill = poll_fn(|context| {
            loop {
                let polled = rows.as_mut().poll_next(context);
                let row = match &polled {
                    Poll::Ready(Some(Ok(row))) => row,
                    Poll::Ready(Some(Err(_))) => {
                        let Poll::Ready(Some(Err(source))) = polled else {
                            continue;
                        };
                        return Poll::Ready(Err(Error::postgres(&self.relation.name, source)));
                    }
                    // Fewer rows than requested: there are no more.
                    Poll::Ready(None) if count < requested.saturating_add(ahead) => {
                        return Poll::Ready(Ok(Fetched::End));
                    }
                    Poll::Ready(None) => return Poll::Ready(Ok(Fetched::More)),
                    Poll::Pending => return Poll::Pending,
                };
                count += 1;
                if count > requested || chunk.is_full() {
                    let checked = self.check_next(chunk, row);
                    return Poll::Ready(checked.map(|()| Fetched::More));
                }
                match self.read(row, decode, chunk) {
                    Ok(Step::Pushed) if ahead == 0 && chunk.is_full() => {
                        return Poll::Ready(Ok(Fetched::More));
                    }
                    Ok(Step::Pushed) => {}
                    Ok(Step::Reached(fetched)) => return Poll::Ready(Ok(fetched)),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        });
        fill.await
    }

    /// Adds the row's item to the chunk, unless the filter drops it or it lies after the range's end.
    #[inline(always)]
    fn read<D: Decode>(
        &self,
        row: &Row,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<Step<K>, Error> {
        if let Some(scan) = self.text.scan {
            return self.read_scanned(scan, row, decode, chunk);
        }
        Ok(match self.push(row, decode, chunk)? {
            true => Step::Pushed,
            false => Step::Reached(Fetched::End),
        })
    }

    /// Like [`read`](Self::read), of a statement that scans.
    #[inline(never)]
    fn read_scanned<D: Decode>(
        &self,
        scan: Scan,
        row: &Row,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<Step<K>, Error> {
        let failed = |source| Error::postgres(&self.relation.name, source);
        let is_kept: i32 = row.try_get(scan.at).map_err(failed)?;
        if is_kept == 1 && !self.push(row, decode, chunk)? {
            return Ok(Step::Reached(Fetched::End));
        }
        let is_last: bool = row.try_get(scan.at + 2).map_err(failed)?;
        if !is_last {
            return Ok(Step::Pushed);
        }
        // The last row of the stretch. If the stretch isn't a whole one, it is the last row of all. An unbounded walk
        // that ends has the position of its last item, which may be far back. So with `settled` the end is reported by
        // the next fetch, when the walk is past this row.
        let number: i64 = row.try_get(scan.at + 1).map_err(failed)?;
        let is_end = number.unsigned_abs() < scan.rows as u64 && !self.relation.settled;
        Ok(Step::Reached(match is_kept == 1 {
            _ if is_end => Fetched::End,
            true => Fetched::More,
            false => {
                let key = self.key(row)?;
                match self.is_after_end(row, &key)? {
                    true => Fetched::End,
                    false => Fetched::ScannedTo(key),
                }
            }
        }))
    }

    fn key(&self, row: &Row) -> Result<K, Error> {
        K::read_row(&self.key_row(row))
            .map_err(|unreadable| unreadable_key(self.relation, unreadable))
    }

    /// Adds the row's item to the chunk. Returns `false` if the row lies past the range's far bound, which not every
    /// statement enforces.
    #[inline(always)]
    fn push<D: Decode>(
        &self,
        row: &Row,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<bool, Error> {
        if let Some((key, item)) = chunk.spare() {
            key.reread_row(&self.key_row(row))
                .map_err(|unreadable| unreadable_key(self.relation, unreadable))?;
            if self.is_after_end(row, key)? {
                return Ok(false);
            }
            decode
                .refill(row, item)
                .map_err(|source| self.undecodable(key, source))?;
            chunk.push_spare();
        } else {
            let key = self.key(row)?;
            if self.is_after_end(row, &key)? {
                return Ok(false);
            }
            let item = decode
                .decode(row)
                .map_err(|source| self.undecodable(&key, source))?;
            chunk.push((key, item));
        }
        if let [.., (before, _), (key, _)] = chunk.as_slice() {
            self.check_order(before, key)?;
        }
        Ok(true)
    }

    /// Checks that the row comes after the chunk's last item.
    fn check_next<T>(&self, chunk: &Chunk<(K, T)>, row: &Row) -> Result<(), Error> {
        match chunk.as_slice() {
            [.., (last, _)] => self.check_order(last, &self.key(row)?),
            _ => Ok(()),
        }
    }

    #[inline]
    fn check_order(&self, before: &K, key: &K) -> Result<(), Error> {
        match codec::step(before, key, self.range.order()) {
            // Or only PostgreSQL knows.
            Some(Ordering::Less) | None => Ok(()),
            Some(way) => Err(self.disordered(before, key, way)),
        }
    }

    #[cold]
    fn disordered(&self, before: &K, key: &K, way: Ordering) -> Error {
        let (name, shown) = (&self.relation.name, self.relation.key_text(key));
        if way == Ordering::Equal && !self.relation.unique {
            let message =
                format!("{name} has two rows with the key {shown}; walk it by a unique key");
            return Error::new(ErrorKind::RepeatedKey, message);
        }
        let before = self.relation.key_text(before);
        let message = format!(
            "{name}: the key {shown} comes after {before}; its unique index was dropped, or is damaged (REINDEX \
             rebuilds it)"
        );
        Error::new(ErrorKind::OutOfOrder, message)
    }

    #[inline]
    fn is_after_end(&self, row: &Row, key: &K) -> Result<bool, Error> {
        if let Some(at) = self.text.within_at {
            let within = row.try_get::<_, i32>(at);
            return within
                .map(|within| within == 0)
                .map_err(|source| Error::postgres(&self.relation.name, source));
        }
        Ok(self.text.compares && self.range.is_after_end(key))
    }

    fn key_row<'r>(&'r self, row: &'r Row) -> KeyRow<'r> {
        KeyRow {
            row,
            at: self.key_at,
            columns: &self.relation.key_columns,
        }
    }

    #[cold]
    fn undecodable(&self, key: &K, source: tokio_postgres::Error) -> Error {
        let shown = self.relation.key_text(key);
        // Its `Display` leaves its own cause out.
        let cause = std::error::Error::source(&source).map(|cause| format!(": {cause}"));
        let message = format!(
            "{}: the row with the key {shown} doesn't decode: {source}{}",
            self.relation.name,
            cause.unwrap_or_default()
        );
        Error::new(ErrorKind::Value, message).with_source(source)
    }
}

/// Makes the connection know the types of the relation's columns, so that it can fetch; see [`Relation::lookup`].
pub(crate) async fn learn_types<C: Connect>(
    client: &Client,
    relation: &Relation,
    are_known: &mut bool,
) -> Result<(), Error> {
    if let Some((sql, params)) = &relation.lookup
        && !*are_known
    {
        let row = first_row(client, sql, params).await;
        row.map_err(|source| Error::postgres(&relation.name, source))?;
        *are_known = C::IS_SAME;
    }
    Ok(())
}

/// Reads the key of the range's first row.
pub(crate) async fn first_key<K: SqlKey>(
    client: &Client,
    relation: &Relation,
    range: &KeyRange<K>,
) -> Result<Option<K>, Error> {
    let prepared = relation.first_key(range);
    let row = first_row(client, &prepared.text.sql, &prepared.params).await;
    let row = row.map_err(|source| Error::postgres(&relation.name, source))?;
    let Some(row) = row else {
        return Ok(None);
    };
    let at = Vec::from_iter(0..relation.key.len());
    let reader = Reader {
        relation,
        key_at: &at,
        text: &prepared.text,
        range,
    };
    let key = reader.key(&row)?;
    Ok(match reader.is_after_end(&row, &key)? {
        true => None,
        false => Some(key),
    })
}

/// Returns the number of rows that PostgreSQL plans for a statement.
pub(crate) async fn estimated_rows(
    client: &Client,
    relation: &Relation,
    sql: &str,
    params: &[Param],
) -> Result<u64, Error> {
    let row = first_row(client, &format!("EXPLAIN {sql}"), params).await;
    let row = row.map_err(|source| Error::postgres(&relation.name, source))?;
    let line = row
        .and_then(|row| row.try_get::<_, String>(0).ok())
        .unwrap_or_default();
    let rows = line.split_once("rows=").map_or("", |(_, rest)| rest);
    let digits = rows.split(|c: char| !c.is_ascii_digit()).next();
    Ok(digits.and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

#[cold]
pub(crate) fn unreadable_key(relation: &Relation, unreadable: Unreadable) -> Error {
    let Unreadable { column, error } = unreadable;
    let columns = &relation.key_columns;
    let (relation, name) = (&relation.name, &columns.names[column]);
    let column_type = columns.types[column].name();
    let message = format!(
        "{relation}: a value of the key column {name:?} ({column_type}) can't be read: {error}"
    );
    Error::new(ErrorKind::Value, message).with_source(error)
}

async fn check_query_plan(
    client: &Client,
    relation: &Relation,
    prepared: &Prepared,
) -> Result<(), Error> {
    let failed = |source| Error::postgres(&relation.name, source);
    let sql = format!("EXPLAIN {}", prepared.text.sql);
    let rows = client.query_typed_raw(&sql, typed(&prepared.params)).await;
    let mut rows = pin!(rows.map_err(failed)?);
    let mut lines = Vec::new();
    while let Some(row) = next(&mut rows).await {
        lines.push(row.and_then(|row| row.try_get(0)).map_err(failed)?);
    }
    check_plan(&lines)
}

/// Returns the next row of a statement.
pub(crate) async fn next(
    rows: &mut Pin<&mut RowStream>,
) -> Option<Result<Row, tokio_postgres::Error>> {
    poll_fn(|context| rows.as_mut().poll_next(context)).await
}

/// Runs a statement and returns its first row.
pub(crate) async fn first_row(
    client: &Client,
    sql: &str,
    params: &[Param],
) -> Result<Option<Row>, tokio_postgres::Error> {
    let mut rows = pin!(client.query_typed_raw(sql, typed(params)).await?);
    next(&mut rows).await.transpose()
}
