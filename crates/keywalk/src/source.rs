use alloc::boxed::Box;

use crate::chunk::Chunk;
use crate::range::KeyRange;

/// The types of a store's keys, items and errors.
///
/// Implement it for every store, together with [`ChunkSource`], which fetches.
/// [`ResumableSource`](crate::ResumableSource) adds tokens. [`Walk`](crate::Walk), [`Engine`](crate::Engine)
/// and [`Token`](crate::Token) need only this trait, so blocking and asynchronous sources share them.
#[diagnostic::on_unimplemented(
    message = "a walk can't go over `{Self}`: it is no `Source`",
    label = "not a source",
    note = "`&BTreeMap` and `&BTreeSet` are sources; others are made by keywalk-memory \
            (`SharedMap::new(map)`), of a SQLite connection by keywalk-sqlite \
            (`Table::new(&db, \"items\").key::<i64>([\"id\"])?`), of a sled tree by keywalk-sled \
            (`Tree::<u64>::new(tree)`)",
    note = "for a store of your own implement `Source` (its types) and `ChunkSource` (`fetch`)"
)]
pub trait Source {
    /// A position in the store's order.
    ///
    /// `PartialOrd` must agree with the store's order. If only the store knows the order of two unequal keys
    /// (text under an ICU collation, say), `partial_cmp` returns `None`; the walk then compares only for
    /// equality. Every key must equal itself, so NaN can't be a key.
    type Key: Clone + PartialOrd;

    /// The item type. It knows its key. `(key, value)` is the usual one.
    type Item: Keyed<Self::Key>;

    /// The store's error; [`Infallible`](core::convert::Infallible) if it can't fail. If it is an
    /// [`Error`](core::error::Error) that is `Send + Sync + 'static`, `?` converts a walk's error into a boxed
    /// one.
    type Error;

    /// Writes an item's key into `key`. The default calls [`Keyed::key_into`].
    ///
    /// A walk that yields [single items](crate::Items) calls it once per item. `Keyed::key_into` usually uses
    /// [`Clone::clone_from`]. Override this method if the `clone_from` of `Key` doesn't reuse memory. For
    /// example, a tuple's `clone_from` doesn't. A pointer to a source (`&mut S`, `Box<S>`) always uses the default.
    #[inline]
    fn key_into(item: &Self::Item, key: &mut Self::Key)
    where
        Self: Sized,
    {
        item.key_into(key);
    }
}

/// An item that knows its key, so a walk's position follows from the item alone.
///
/// It is implemented for `(K, V)`, for keys themselves, and for the items of borrowed maps and sets (`(&K,
/// &V)`, `&K`). Implement it for your own rows:
///
/// ```
/// use keywalk::Keyed;
///
/// struct User {
///     id: i64,
///     name: String,
/// }
///
/// impl Keyed<i64> for User {
///     fn key(&self) -> i64 {
///         self.id
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "an item `{Self}` doesn't know its key, a `{K}`",
    label = "not `Keyed<{K}>`",
    note = "yield `(key, value)`, or implement `Keyed<{K}>` for the item"
)]
pub trait Keyed<K> {
    /// Returns the item's key. It must always return the same key, and must not panic.
    ///
    /// The walk calls it for the first and the last item of each chunk.
    fn key(&self) -> K;

    /// Writes the item's key into `key`. The default assigns [`key`](Self::key).
    ///
    /// Override it if keys own memory, to reuse that memory as [`Clone::clone_from`] does.
    fn key_into(&self, key: &mut K) {
        *key = self.key();
    }
}

impl<K: Clone, V> Keyed<K> for (K, V) {
    #[inline]
    fn key(&self) -> K {
        self.0.clone()
    }

    #[inline]
    fn key_into(&self, key: &mut K) {
        key.clone_from(&self.0);
    }
}

impl<K: Clone, V: ?Sized> Keyed<K> for (&K, &V) {
    #[inline]
    fn key(&self) -> K {
        self.0.clone()
    }

    #[inline]
    fn key_into(&self, key: &mut K) {
        key.clone_from(self.0);
    }
}

/// An item that is its own key.
impl<K: Clone> Keyed<K> for K {
    #[inline]
    fn key(&self) -> K {
        self.clone()
    }

    #[inline]
    fn key_into(&self, key: &mut K) {
        key.clone_from(self);
    }
}

impl<K: Clone> Keyed<K> for &K {
    #[inline]
    fn key(&self) -> K {
        (*self).clone()
    }

    #[inline]
    fn key_into(&self, key: &mut K) {
        key.clone_from(self);
    }
}

/// A store that returns up to N items of a key range, in key order. A walk needs nothing else.
///
/// A *backend* implements the trait for its store. A [`Walk`](crate::Walk) calls it. A *wrapper* (retrying,
/// measuring, limiting) implements it by calling another source.
///
/// # Contract
///
/// 1. **Order.** Items are pushed strictly in the range's order: no key twice (G1, G2).
/// 2. **Bounds.** Every key lies in the range. An excluded start is the position of the walk: its key must not
///    be pushed again, whether or not the store still holds it (G6).
/// 3. **Complete and sound.** A fetch covers the keys from the range's start to the chunk's last item. After
///    [`Fetched::ScannedTo`] it covers the keys up to the scanned key, and after [`Fetched::End`] up to the
///    range's end. Every covered key that was present throughout the call is pushed. No key that was absent
///    throughout the call is pushed (G3, G4). Items are whole and current (G5).
/// 4. **Explicit end.** [`Fetched::End`] means that the range held nothing more. A chunk that isn't full
///    doesn't imply the end (G8).
/// 5. **Errors move nothing.** Items that were pushed before an error are discarded. The same range may be
///    fetched again (G11).
/// 6. **Nothing is held.** When `fetch` returns, no statement, transaction, lock or iterator of the store stays
///    open (G14). A fetch reads about as many items as the chunk takes (G13).
/// 7. **A dropped fetch is a failed fetch.** If fetching is asynchronous, a caller may drop the future at any
///    point and fetch the same range again. The same holds for a fetch that panics (G11).
///
/// Return `End` for an empty or inverted range ([`KeyRange::is_empty`]). A walk never fetches one, but other
/// callers may. If the store panics on such a range, as `BTreeMap::range` does, check first.
///
/// A store that can only ascend returns an error for a descending range. It also overrides
/// [`last_key`](Self::last_key), because the default makes the walk fetch in the opposite order. If the store can't
/// find its last key, all its walks must be [`unbounded`](crate::Walk::unbounded).
///
/// # Implementing
///
/// Implement the types and [`fetch`](Self::fetch):
///
/// ```
/// use std::convert::Infallible;
/// use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Source, Walk};
///
/// /// The squares of the whole numbers from 0 to 99, by number.
/// struct Squares;
///
/// impl Source for Squares {
///     type Key = u32;
///     type Item = (u32, u32);
///     type Error = Infallible;
/// }
///
/// impl ChunkSource for Squares {
///     fn fetch(
///         &mut self,
///         range: &KeyRange<u32>,
///         chunk: &mut Chunk<(u32, u32)>,
///     ) -> Result<Fetched<u32>, Infallible> {
///         let mut numbers: Vec<u32> = (0..100).filter(|n| range.may_contain(n)).collect();
///         if range.order() == Order::Descending {
///             numbers.reverse();
///         }
///         for n in numbers {
///             if chunk.is_full() {
///                 return Ok(Fetched::More);
///             }
///             chunk.push((n, n * n));
///         }
///         Ok(Fetched::End)
///     }
/// }
///
/// let last = Walk::new(Squares).descending().items().next();
/// assert_eq!(last, Some(Ok((99, 9801))));
/// ```
///
/// If items own memory, refill old ones ([`Chunk::push_with`], [`Chunk::spare`]). If the store can find its
/// last key without reading the item, override [`last_key`](Self::last_key). To support tokens, implement
/// [`ResumableSource`](crate::ResumableSource) too.
///
/// The crate [`keywalk-conformance`](https://docs.rs/keywalk-conformance) tests a source, one test per rule.
/// The repository's WRITE_A_BACKEND.md shows a whole backend step by step, and covers unusual stores.
///
/// # Wrapping
///
/// `&mut S`, `Box<S>` and `Box<dyn ChunkSource<Key = K, Item = T, Error = E>>` are sources. A wrapper of your
/// own forwards `fetch` and `last_key`; [`forward_source!`](crate::forward_source) implements the rest. A
/// wrapper that retries a failed fetch first removes that fetch's items with [`Chunk::truncate`].
///
/// ```
/// use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, forward_source};
///
/// /// Counts the requests to the store.
/// struct Counted<S> {
///     source: S,
///     questions: u64,
/// }
///
/// forward_source!([S: ChunkSource] Counted<S> => S, |counted| counted.source);
///
/// #[deny(clippy::missing_trait_methods)]
/// impl<S: ChunkSource> ChunkSource for Counted<S> {
///     fn fetch(
///         &mut self,
///         range: &KeyRange<S::Key>,
///         chunk: &mut Chunk<S::Item>,
///     ) -> Result<Fetched<S::Key>, S::Error> {
///         self.questions += 1;
///         self.source.fetch(range, chunk)
///     }
///
///     fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
///         self.questions += 1;
///         self.source.last_key(range)
///     }
/// }
/// ```
///
/// # Cost
///
/// A bounded walk queries the last key once, and then fetches once per chunk. If the last key is
/// [`LastKey::Unknown`], it fetches one item in the opposite order. Per chunk, the walk takes the keys of the
/// first and the last item and clones a few keys. Lent chunks cost nothing more; single items cost one
/// [`key_into`](Keyed::key_into) each. The rest is the store's cost: one search plus reading the requested items.
#[diagnostic::on_unimplemented(
    message = "a walk can't go over `{Self}`: it is no `ChunkSource`",
    label = "not a source of chunks",
    note = "`&BTreeMap` and `&BTreeSet` are sources; others are made by keywalk-memory \
            (`SharedMap::new(map)`), of a SQLite connection by keywalk-sqlite \
            (`Table::new(&db, \"items\").key::<i64>([\"id\"])?`), of a sled tree by keywalk-sled \
            (`Tree::<u64>::new(tree)`)",
    note = "for a store of your own implement `Source` (its types) and `ChunkSource` (`fetch`)"
)]
pub trait ChunkSource: Source {
    /// Fills `chunk` with the next items of `range`, in the range's order, until it is full.
    ///
    /// The chunk is empty when the walk calls; it may hold [spare](Chunk::spare) items. A panic reaches the
    /// walk's caller, and the same range may be fetched again.
    ///
    /// # Errors
    ///
    /// The store's own. The walk then yields nothing of this fetch.
    fn fetch(
        &mut self,
        range: &KeyRange<Self::Key>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<Self::Key>, Self::Error>;

    /// Returns the last key of `range`. A bounded walk calls it once. The default returns [`LastKey::Unknown`],
    /// and the walk then fetches one item in the opposite order.
    ///
    /// Override it if the store can find the key without reading the item. In SQL that is `max(key)` for an
    /// ascending range and `min(key)` for a descending one.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn last_key(&mut self, range: &KeyRange<Self::Key>) -> Result<LastKey<Self::Key>, Self::Error> {
        let _ = range;
        Ok(LastKey::Unknown)
    }
}

/// How far a fetch got.
///
/// | The chunk | The store reported the end | The store reported that there is more, or didn't say |
/// |---|---|---|
/// | has items | [`End`](Self::End) | [`More`](Self::More), or [`ScannedTo`](Self::ScannedTo) if the scan went past the last item |
/// | is empty | [`End`](Self::End) | [`ScannedTo`](Self::ScannedTo) the last key that was scanned |
///
/// `More` is always correct after a full chunk: if nothing is left, the next fetch returns `End`. When in
/// doubt, never return `End`. It ends the walk, and the items beyond it are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fetched<K> {
    /// The range holds nothing beyond the chunk's items. After a full chunk, return `End` only if you checked that
    /// no item follows; otherwise return [`More`](Self::More).
    End,
    /// There may be more beyond the chunk's last item. The chunk isn't empty, but need not be full: the store
    /// may return pages of its own size.
    More,
    /// Everything up to this key was scanned, and there may be more beyond it. The chunk may be short or empty:
    /// there were tombstones, or a filter matched nothing, or the server returned pages of its own size. The
    /// key lies in the range, and no item of the chunk lies after it.
    ScannedTo(K),
}

/// What a source knows about the last key of a range without fetching items.
///
/// ```
/// use keywalk::LastKey;
///
/// // As `SELECT max(id)` returns it, of an empty table and of another one.
/// assert_eq!(LastKey::from(None::<i64>), LastKey::Empty);
/// assert_eq!(LastKey::from(Some(7)), LastKey::Known(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LastKey<K> {
    /// The range's last key, in the range's order.
    Known(K),
    /// The range holds nothing.
    Empty,
    /// Finding out takes a fetch.
    Unknown,
}

/// `None` is an empty range, as with SQL's `max`.
impl<K> From<Option<K>> for LastKey<K> {
    fn from(key: Option<K>) -> Self {
        match key {
            Some(key) => LastKey::Known(key),
            None => LastKey::Empty,
        }
    }
}

/// Implements [`Source`] and [`ResumableSource`](crate::ResumableSource) for a wrapper by forwarding to the
/// source inside it.
///
/// The syntax is `forward_source!([GENERICS] WRAPPER => SOURCE, |wrapper| wrapper.field);`. The wrapper gets
/// the source's key, item, error and fingerprint, so both have the same tokens. Implement [`ChunkSource`]
/// yourself; its documentation has an example.
#[macro_export]
macro_rules! forward_source {
    ([$($generics:tt)*] $wrapper:ty => $source:ty, |$this:ident| $inner:expr) => {
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<$($generics)*> $crate::Source for $wrapper {
            type Key = <$source as $crate::Source>::Key;
            type Item = <$source as $crate::Source>::Item;
            type Error = <$source as $crate::Source>::Error;

            #[inline]
            fn key_into(item: &Self::Item, key: &mut Self::Key) {
                <$source as $crate::Source>::key_into(item, key);
            }
        }

        $crate::forward_source!(@ [$($generics)*] $wrapper => $source, |$this| $inner);
    };
    (@ [$($generics:tt)*] $wrapper:ty => $source:ty, |$this:ident| $inner:expr) => {
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<$($generics)*> $crate::ResumableSource for $wrapper
        where
            $source: $crate::ResumableSource,
        {
            fn fingerprint(
                &self,
            ) -> ::core::result::Result<$crate::Fingerprint, <$source as $crate::Source>::Error> {
                let $this = self;
                <$source as $crate::ResumableSource>::fingerprint(&$inner)
            }

            fn encode_key(
                &self,
                key: &<$source as $crate::Source>::Key,
                bytes: &mut $crate::__alloc::vec::Vec<u8>,
            ) {
                let $this = self;
                <$source as $crate::ResumableSource>::encode_key(&$inner, key, bytes);
            }

            fn decode_key(
                &self,
                bytes: &[u8],
            ) -> ::core::result::Result<
                ::core::option::Option<<$source as $crate::Source>::Key>,
                <$source as $crate::Source>::Error,
            > {
                let $this = self;
                <$source as $crate::ResumableSource>::decode_key(&$inner, bytes)
            }

            fn key_text(
                &self,
                key: &<$source as $crate::Source>::Key,
            ) -> $crate::__alloc::string::String {
                let $this = self;
                <$source as $crate::ResumableSource>::key_text(&$inner, key)
            }

            fn fraction(
                &self,
                first: &<$source as $crate::Source>::Key,
                last: &<$source as $crate::Source>::Key,
                at: &<$source as $crate::Source>::Key,
            ) -> ::core::option::Option<f64> {
                let $this = self;
                <$source as $crate::ResumableSource>::fraction(&$inner, first, last, at)
            }
        }
    };
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        impl<S: Source + ?Sized> Source for $pointer {
            type Key = S::Key;
            type Item = S::Item;
            type Error = S::Error;
        }

        forward_source!(@ [S: Source + ?Sized] $pointer => S, |pointer| **pointer);

        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<S: ChunkSource + ?Sized> ChunkSource for $pointer {
            fn fetch(
                &mut self,
                range: &KeyRange<S::Key>,
                chunk: &mut Chunk<S::Item>,
            ) -> Result<Fetched<S::Key>, S::Error> {
                (**self).fetch(range, chunk)
            }

            fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
                (**self).last_key(range)
            }
        }
    )+};
}

pointers!(&mut S, Box<S>);
