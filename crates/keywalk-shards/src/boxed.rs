use std::fmt;

#[cfg(feature = "async")]
use keywalk::{AsyncChunkSource, DynAsyncChunkSource};
use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Keyed, LastKey, ResumableSource, Source,
    forward_source,
};

use crate::shard_error::BoxError;

/// A resumable shard of any type, in a box. Use it to [merge](crate::Merge) shards of different engines.
///
/// All shards have the same key and item types; a backend's `map` makes the items alike. Errors of all types become
/// boxed ones. A shard with an asynchronous client becomes a blocking one by `Blocking` of `keywalk-tokio`, and the
/// reverse by `Offload`.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
///
/// use keywalk::Walk;
/// use keywalk_memory::{Named, SharedMap};
/// use keywalk_shards::{BoxShard, Merge};
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
/// #     INSERT INTO users VALUES (1, 'ada'), (3, 'cy')")?;
/// let stored = Table::new(&db, "users").key::<i64>(["id"])?.columns(["name"]);
/// let stored = stored.map(|row| row.get::<_, String>(0));
/// let kept = Arc::new(RwLock::new(BTreeMap::from([(2_i64, "bob".to_owned())])));
///
/// let users = Merge::new([
///     ("stored", BoxShard::new(stored)),
///     ("kept", BoxShard::new(Named::new("users", SharedMap::new(kept)))),
/// ])?;
/// let names: Vec<String> = Walk::new(users).items().map(|user| Ok(user?.1)).collect::<Result<_, keywalk::Error<_>>>()?;
/// assert_eq!(names, ["ada", "bob", "cy"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a source does nothing until it is walked"]
pub struct BoxShard<'s, K, T>(Box<Resumable<'s, K, T>>);

type Resumable<'s, K, T> = dyn ResumableChunkSource<Key = K, Item = T, Error = BoxError> + 's;

/// What a [`BoxShard`] holds.
#[expect(unnameable_types, reason = "only the box uses it")]
pub trait ResumableChunkSource: ChunkSource + ResumableSource {}

impl<S: ChunkSource + ResumableSource> ResumableChunkSource for S {}

impl<'s, K: Clone + PartialOrd, T: Keyed<K>> BoxShard<'s, K, T> {
    /// Boxes this source.
    pub fn new<S>(source: S) -> Self
    where
        S: ChunkSource<Key = K, Item = T, Error: Into<BoxError>> + ResumableSource + 's,
    {
        BoxShard(Box::new(Erased(source)))
    }
}

forward_source!(
    ['s, K: Clone + PartialOrd, T: Keyed<K>] BoxShard<'s, K, T> => Box<Resumable<'s, K, T>>,
    |shard| shard.0
);

#[deny(clippy::missing_trait_methods)]
impl<K: Clone + PartialOrd, T: Keyed<K>> ChunkSource for BoxShard<'_, K, T> {
    fn fetch(&mut self, range: &KeyRange<K>, chunk: &mut Chunk<T>) -> Result<Fetched<K>, BoxError> {
        self.0.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, BoxError> {
        self.0.last_key(range)
    }
}

impl<K, T> fmt::Debug for BoxShard<'_, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxShard")
    }
}

/// [`BoxShard`] for asynchronous shards.
///
/// ```
/// use keywalk::{AsyncChunkSource, ResumableSource};
/// use keywalk_shards::{BoxAsyncShard, Merge, ShardError};
///
/// type User = (i64, String);
///
/// fn users<A, B>(eu: A, us: B) -> Result<Merge<BoxAsyncShard<'static, i64, User>>, ShardError>
/// where
///     A: AsyncChunkSource<Key = i64, Item = User, Error = std::io::Error> + ResumableSource + 'static,
///     B: AsyncChunkSource<Key = i64, Item = User, Error = std::fmt::Error> + ResumableSource + 'static,
/// {
///     Merge::new([("eu", BoxAsyncShard::new(eu)), ("us", BoxAsyncShard::new(us))])
/// }
/// ```
#[cfg(feature = "async")]
#[must_use = "a source does nothing until it is walked"]
pub struct BoxAsyncShard<'s, K: Send + Sync, T: Send>(Box<AsyncResumable<'s, K, T>>);

#[cfg(feature = "async")]
type AsyncResumable<'s, K, T> =
    dyn AsyncResumableChunkSource<Key = K, Item = T, Error = BoxError> + 's;

/// What a [`BoxAsyncShard`] holds.
#[cfg(feature = "async")]
#[expect(unnameable_types, reason = "only the box uses it")]
pub trait AsyncResumableChunkSource: DynAsyncChunkSource + ResumableSource {}

#[cfg(feature = "async")]
impl<S: DynAsyncChunkSource + ResumableSource> AsyncResumableChunkSource for S {}

#[cfg(feature = "async")]
impl<'s, K, T> BoxAsyncShard<'s, K, T>
where
    K: Clone + PartialOrd + Send + Sync,
    T: Keyed<K> + Send,
{
    /// Boxes this source.
    pub fn new<S>(source: S) -> Self
    where
        S: AsyncChunkSource<Key = K, Item = T, Error: Into<BoxError>> + ResumableSource + 's,
    {
        BoxAsyncShard(Box::new(Erased(source)))
    }
}

#[cfg(feature = "async")]
forward_source!(
    ['s, K: Clone + PartialOrd + Send + Sync, T: Keyed<K> + Send]
    BoxAsyncShard<'s, K, T> => Box<AsyncResumable<'s, K, T>>,
    |shard| shard.0
);

#[cfg(feature = "async")]
#[deny(clippy::missing_trait_methods)]
impl<K, T> AsyncChunkSource for BoxAsyncShard<'_, K, T>
where
    K: Clone + PartialOrd + Send + Sync,
    T: Keyed<K> + Send,
{
    async fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<T>,
    ) -> Result<Fetched<K>, BoxError> {
        self.0.fetch_boxed(range, chunk).await
    }

    async fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, BoxError> {
        self.0.last_key_boxed(range).await
    }
}

#[cfg(feature = "async")]
impl<K: Send + Sync, T: Send> fmt::Debug for BoxAsyncShard<'_, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxAsyncShard")
    }
}

/// A source whose errors are boxed.
struct Erased<S>(S);

impl<S: Source<Error: Into<BoxError>>> Source for Erased<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = BoxError;
}

impl<S: ChunkSource<Error: Into<BoxError>>> ChunkSource for Erased<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, BoxError> {
        self.0.fetch(range, chunk).map_err(Into::into)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, BoxError> {
        self.0.last_key(range).map_err(Into::into)
    }
}

#[cfg(feature = "async")]
impl<S: AsyncChunkSource<Error: Into<BoxError>>> AsyncChunkSource for Erased<S> {
    async fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, BoxError> {
        self.0.fetch(range, chunk).await.map_err(Into::into)
    }

    async fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, BoxError> {
        self.0.last_key(range).await.map_err(Into::into)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ResumableSource<Error: Into<BoxError>>> ResumableSource for Erased<S> {
    fn fingerprint(&self) -> Result<Fingerprint, BoxError> {
        self.0.fingerprint().map_err(Into::into)
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.0.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, BoxError> {
        self.0.decode_key(bytes).map_err(Into::into)
    }

    fn key_text(&self, key: &S::Key) -> String {
        self.0.key_text(key)
    }

    fn fraction(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        self.0.fraction(first, last, at)
    }
}
