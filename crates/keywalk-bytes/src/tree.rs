use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;

use crate::decode::{Copied, Filled, Mapped};
use crate::edge::Edge;
use crate::error::Place;
use crate::{ByteStore, Key};

mod reader;
mod source;
mod split;

/// A table of a [byte-ordered store](ByteStore), walked by keys of type `K`. Its items are `(key, value)`.
///
/// A value is a copy of the stored bytes, or the result of [`map`](Self::map) or [`map_into`](Self::map_into).
///
/// ```
/// # use keywalk_bytes::{ByteStore, Each, Key};
/// # use std::{borrow::Cow, collections::BTreeMap, convert::Infallible, ops::{Bound, ControlFlow}};
/// # struct Map(BTreeMap<Vec<u8>, Vec<u8>>);
/// # impl ByteStore for Map {
/// #     type Error = Infallible;
/// #     const KIND: &'static str = "map";
/// #     fn name(&self) -> Cow<'_, [u8]> { b"items".into() }
/// #     fn scan(&mut self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, order: keywalk::Order, each: &mut Each<'_>)
/// #         -> Result<ControlFlow<()>, Infallible> {
/// #         let mut entries = self.0.range::<[u8], _>((lower, upper));
/// #         Ok(match order {
/// #             keywalk::Order::Ascending => entries.try_for_each(|(key, value)| each(key, value)),
/// #             keywalk::Order::Descending => entries.rev().try_for_each(|(key, value)| each(key, value)),
/// #         })
/// #     }
/// # }
/// # let map = Map((1..=900_u64).map(|id| (id.to_bytes(), b"1".to_vec())).collect());
/// use keywalk::{Cursor, Walk};
/// use keywalk_bytes::Tree;
///
/// // Counts are stored as text.
/// let mut counts = Tree::<Map, u64>::new(map).map(|value| std::str::from_utf8(value).map(str::len));
///
/// // The keys in three parts, for three workers.
/// let parts = Walk::new(&mut counts).split(3)?;
/// for part in parts {
///     // Unbounded, because a part has its own end.
///     let walk = Walk::new(&mut counts).resume(Cursor::unbounded(part));
///     assert!((290..310).contains(&walk.items().count()));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cost
///
/// A fetch is one [`scan`](ByteStore::scan), a search for the last key another one. Chunks that are lent decode into the
/// memory of earlier ones, and allocate nothing per item after the first chunk, if the closure doesn't.
#[must_use = "a source does nothing until it is walked"]
pub struct Tree<B, K, D = Copied> {
    store: B,
    decode: D,
    lower: Edge,
    upper: Edge,
    /// Memory for encoding a key again.
    again: Vec<u8>,
    key: PhantomData<fn() -> K>,
}

impl<B, K> Tree<B, K> {
    /// Creates a source over a store. Reads nothing yet.
    // The bounds are here and not at the block, so that the compiler explains which types are keys.
    pub fn new(store: impl Into<B>) -> Self
    where
        B: ByteStore,
        K: Key,
    {
        Tree::with(store.into(), Copied)
    }
}

impl<B: ByteStore, K: Key, D> Tree<B, K, D> {
    /// Decodes each value with a closure, which receives the stored bytes. Items are `(key, item)`.
    ///
    /// If the closure fails, so does the fetch: an [error](crate::ErrorKind::Value) names the key.
    pub fn map<T, E, F>(self, decode: F) -> Tree<B, K, Mapped<F>>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: FnMut(&[u8]) -> Result<T, E>,
    {
        Tree::with(self.store, Mapped(decode))
    }

    /// Decodes each value in place, like [`map`](Self::map). The closure gets an item of the previous chunk, or a
    /// default one, and must set all of it. Lent chunks reuse that memory: once it is large enough, they allocate
    /// nothing.
    ///
    /// ```
    /// # fn of<B: keywalk_bytes::ByteStore>(store: B) {
    /// use keywalk_bytes::Tree;
    ///
    /// let names = Tree::<B, u64>::new(store).map_into(|value, name: &mut String| {
    ///     name.clear();
    ///     std::str::from_utf8(value).map(|text| name.push_str(text))
    /// });
    /// # drop(names);
    /// # }
    /// ```
    pub fn map_into<T, E, F>(self, fill: F) -> Tree<B, K, Filled<F, T>>
    where
        T: Default,
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: FnMut(&[u8], &mut T) -> Result<(), E>,
    {
        let item = PhantomData;
        Tree::with(self.store, Filled { fill, item })
    }
}

impl<B, K, D> Tree<B, K, D> {
    fn with(store: B, decode: D) -> Self {
        Tree {
            store,
            decode,
            lower: Edge::new(),
            upper: Edge::new(),
            again: Vec::new(),
            key: PhantomData,
        }
    }

    /// Returns the store. You can use it freely between two fetches.
    #[must_use]
    pub fn store(&self) -> &B {
        &self.store
    }
}

/// Prints the store's kind and name, and no data.
impl<B: ByteStore, K, D> fmt::Debug for Tree<B, K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree")
            .field(&format_args!("{}", Place::of(&self.store)))
            .finish()
    }
}
