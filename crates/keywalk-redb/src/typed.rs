//! Tables of redb's own types, walked in redb's own order of their keys.

use std::cmp::Ordering;
use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow};
use std::panic;
use std::sync::Arc;

use keywalk::{
    Chunk, ChunkSource, Excerpt, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source,
};
use keywalk_bytes::{ByteStore, Error};
use redb::{Database, TableDefinition, TableHandle};

use crate::table::{Reader, Table};

mod decode;

pub use decode::{Copied, Decode, Filled, Mapped};

/// A table of redb's own types, `TableDefinition<K, V>`, walked in redb's order of its keys. Its items are
/// `(key, value)`.
///
/// A key is [`Encoded<K>`](Encoded). A value is [`Encoded<V>`](Encoded), or the result of [`map`](Self::map) or
/// [`map_into`](Self::map_into). For keys in keywalk's encoding, and walks of a [prefix](keywalk::Walk::prefix), use
/// [`Tree`](crate::Tree).
///
/// ```
/// use std::convert::Infallible;
/// use keywalk::Walk;
/// use keywalk_redb::{Encoded, TypedTable, redb};
/// use redb::{Database, TableDefinition, backends::InMemoryBackend};
///
/// const ORDERS: TableDefinition<(&str, u64), &str> = TableDefinition::new("orders");
///
/// # let db = Database::builder().create_with_backend(InMemoryBackend::new())?;
/// # let tx = db.begin_write()?;
/// # tx.open_table(ORDERS)?.insert(("ada", 7), "a book")?;
/// # tx.open_table(ORDERS)?.insert(("bob", 1), "a pen")?;
/// # tx.commit()?;
/// let orders = TypedTable::new(&db, ORDERS)
///     .map(|(name, number), text| Ok::<_, Infallible>(format!("{name} {number}: {text}")));
/// let mut walk = Walk::new(orders).range(Encoded::new(("bob", 0))..).items();
/// let (key, line) = walk.next().ok_or("no order of bob's")??;
/// assert_eq!((key.get(), &*line), (("bob", 1), "bob 1: a pen"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cost
///
/// A fetch opens the table in a read transaction of its own, or reads a [`Snapshot`](crate::Snapshot). Chunks that are
/// lent decode into the memory of earlier ones, and allocate nothing per item after the first chunk, if neither the
/// closure nor redb's decoding of `K` and `V` does.
///
/// # Tokens
///
/// A token holds the key's bytes. It belongs to the table's name and redb's [name](redb::Value::type_name) of `K`.
/// Bytes from a hostile token are decoded once to check them. redb's decoding panics over bytes of another type: such a
/// token is refused, and the panic hook prints the panic. With `panic = "abort"` it ends the process, so sign tokens
/// that clients return (`keywalk::SignedToken`).
#[must_use = "a source does nothing until it is walked"]
pub struct TypedTable<K, V, R = Arc<Database>, D = Copied> {
    table: Table<R>,
    decode: D,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: redb::Key + 'static, V: redb::Value + 'static, R: Reader> TypedTable<K, V, R> {
    /// Creates a source over a table of a database or a [`Snapshot`](crate::Snapshot). Nothing is read yet.
    ///
    /// As with [`Table`], a table that doesn't exist is an error of the fetch.
    pub fn new(reader: R, table: TableDefinition<'_, K, V>) -> Self {
        TypedTable::with(Table::of(reader, table.name()), Copied)
    }
}

impl<K: redb::Key + 'static, V: redb::Value + 'static, R, D> TypedTable<K, V, R, D> {
    fn with(table: Table<R>, decode: D) -> Self {
        let types = PhantomData;
        TypedTable {
            table,
            decode,
            types,
        }
    }

    /// Decodes each entry with a closure. Items are `(key, item)`.
    ///
    /// If the closure fails, so does the fetch: an [error](crate::ErrorKind::Value) names the key.
    pub fn map<T, E, F>(self, decode: F) -> TypedTable<K, V, R, Mapped<F>>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: FnMut(K::SelfType<'_>, V::SelfType<'_>) -> Result<T, E>,
    {
        TypedTable::with(self.table, Mapped(decode))
    }

    /// Decodes each entry in place, like [`map`](Self::map). The closure gets an item of the previous chunk, or a
    /// default one, and must set all of it. Lent chunks reuse that memory.
    pub fn map_into<T, E, F>(self, fill: F) -> TypedTable<K, V, R, Filled<F, T>>
    where
        T: Default,
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: FnMut(K::SelfType<'_>, V::SelfType<'_>, &mut T) -> Result<(), E>,
    {
        let item = PhantomData;
        TypedTable::with(self.table, Filled { fill, item })
    }
}

impl<K, V, R, D> Source for TypedTable<K, V, R, D>
where
    K: redb::Key + 'static,
    D: Decode<K, V>,
{
    type Key = Encoded<K>;
    type Item = (Encoded<K>, D::Item);
    type Error = Error<redb::Error>;
}

impl<K, V, R, D> ChunkSource for TypedTable<K, V, R, D>
where
    K: redb::Key + 'static,
    V: redb::Value + 'static,
    R: Reader,
    D: Decode<K, V>,
{
    fn fetch(
        &mut self,
        range: &KeyRange<Encoded<K>>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<Encoded<K>>, Error<redb::Error>> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        if chunk.is_full() {
            return Ok(Fetched::More);
        }
        let decode = &mut self.decode;
        let mut refused = None;
        let mut each = |key: &[u8], value: &[u8]| {
            if let Err(error) = push((key, value), decode, chunk) {
                refused = Some((Encoded::<K>::of(key), error));
                return ControlFlow::Break(());
            }
            match chunk.is_full() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let (lower, upper) = (bytes(range.lower()), bytes(range.upper()));
        let scanned = self
            .table
            .scan_by::<K, V>(lower, upper, range.order(), &mut each);
        if let Some((key, error)) = refused {
            let text = key.text();
            return Err(Error::of_value(&self.table, key.as_bytes(), text, error));
        }
        match scanned {
            Ok(ControlFlow::Continue(())) => Ok(Fetched::End),
            Ok(ControlFlow::Break(())) => Ok(Fetched::More),
            Err(error) => Err(Error::of_store(&self.table, error)),
        }
    }

    /// Reads only the key: a value that doesn't decode is no error here.
    fn last_key(
        &mut self,
        range: &KeyRange<Encoded<K>>,
    ) -> Result<LastKey<Encoded<K>>, Error<redb::Error>> {
        if range.is_empty() {
            return Ok(LastKey::Empty);
        }
        let mut found = None;
        let mut take = |key: &[u8], _: &[u8]| {
            found = Some(Encoded::of(key));
            ControlFlow::Break(())
        };
        let (lower, upper) = (bytes(range.lower()), bytes(range.upper()));
        let order = range.order().reversed();
        match self.table.scan_by::<K, V>(lower, upper, order, &mut take) {
            Ok(_) => Ok(LastKey::from(found)),
            Err(error) => Err(Error::of_store(&self.table, error)),
        }
    }
}

/// Adds an entry's item to the chunk.
#[inline]
fn push<K, V, D: Decode<K, V>>(
    (key, value): (&[u8], &[u8]),
    decode: &mut D,
    chunk: &mut Chunk<(Encoded<K>, D::Item)>,
) -> Result<(), D::Error> {
    if let Some((slot, item)) = chunk.spare() {
        slot.set(key);
        decode.decode_in_place(key, value, item)?;
        chunk.push_spare();
    } else {
        chunk.push((Encoded::of(key), decode.decode(key, value)?));
    }
    Ok(())
}

fn bytes<T>(bound: Bound<&Encoded<T>>) -> Bound<&[u8]> {
    bound.map(|key| &*key.bytes)
}

/// The fingerprint is the table's name and redb's name of the key type. Where the database lies, and how values are
/// decoded, doesn't matter.
impl<K, V, R, D> ResumableSource for TypedTable<K, V, R, D>
where
    K: redb::Key + 'static,
    V: redb::Value + 'static,
    R: Reader,
    D: Decode<K, V>,
{
    fn fingerprint(&self) -> Result<Fingerprint, Error<redb::Error>> {
        let name = String::from_utf8_lossy(&self.table.name()).into_owned();
        Ok(Fingerprint::new(Table::<R>::KIND)
            .relation(name)
            .key(format!("redb's {}", K::type_name().name())))
    }

    fn encode_key(&self, key: &Encoded<K>, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<Encoded<K>>, Error<redb::Error>> {
        if K::fixed_width().is_some_and(|width| width != bytes.len()) {
            return Ok(None);
        }
        let is_same = || K::as_bytes(&K::from_bytes(bytes)).as_ref() == bytes;
        let is_key = panic::catch_unwind(is_same).unwrap_or(false);
        Ok(is_key.then(|| Encoded::of(bytes)))
    }

    fn key_text(&self, key: &Encoded<K>) -> String {
        key.text()
    }
}

/// Prints the table's name.
impl<K, V, R, D> fmt::Debug for TypedTable<K, V, R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedTable").field(&self.table).finish()
    }
}

/// A key or value of redb's type `T`, as the bytes that redb stores. Keys compare as redb compares them.
///
/// ```
/// use keywalk_redb::Encoded;
///
/// let key = Encoded::<(&str, i64)>::new(("ada", -1));
/// assert!(key < Encoded::new(("ada", 1)));
/// assert_eq!(key.get(), ("ada", -1));
/// ```
pub struct Encoded<T> {
    bytes: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: redb::Value + 'static> Encoded<T> {
    /// Encodes a value.
    #[must_use]
    pub fn new<'a>(value: T::SelfType<'a>) -> Self
    where
        // Makes the lifetime early-bound: `Encoded::new` as a function pointer crashes Rust 1.95 otherwise.
        T: 'a,
    {
        Encoded::of(T::as_bytes(&value).as_ref())
    }

    /// Decodes the value, as [`AccessGuard::value`](redb::AccessGuard::value) does.
    #[must_use]
    pub fn get(&self) -> T::SelfType<'_> {
        T::from_bytes(&self.bytes)
    }

    /// Returns the value, human-readable.
    fn text(&self) -> String {
        /// How many characters are shown at most.
        const MOST_CHARS: usize = 80;
        Excerpt::new(&format!("{:?}", self.get()), MOST_CHARS).to_string()
    }
}

impl<T> Encoded<T> {
    /// Returns the bytes that redb stores.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn of(bytes: &[u8]) -> Self {
        let (bytes, of) = (bytes.to_vec(), PhantomData);
        Encoded { bytes, of }
    }

    fn set(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }
}

impl<T> Clone for Encoded<T> {
    fn clone(&self) -> Self {
        Encoded::of(&self.bytes)
    }

    fn clone_from(&mut self, other: &Self) {
        self.set(&other.bytes);
    }
}

impl<K: redb::Key> PartialEq for Encoded<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: redb::Key> Eq for Encoded<K> {}

impl<K: redb::Key> PartialOrd for Encoded<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: redb::Key> Ord for Encoded<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        K::compare(&self.bytes, &other.bytes)
    }
}

/// Prints the value.
impl<T: redb::Value + 'static> fmt::Debug for Encoded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoded").field(&self.get()).finish()
    }
}
