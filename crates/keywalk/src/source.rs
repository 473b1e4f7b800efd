use alloc::boxed::Box;

use crate::chunk::Chunk;
use crate::range::KeyRange;

/// What is walked: the types of a store's keys, items and errors.
///
/// [`ChunkSource`] fetches, [`ResumableSource`](crate::ResumableSource) writes keys down; both
/// stand on this trait, so that one [`Walk`](crate::Walk), [`Engine`](crate::Engine) and
/// [`Token`](crate::Token) serves every way to fetch.
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
    /// `PartialOrd` must agree with the store. A key whose order only the store knows (text under
    /// an ICU collation, say) compares as `None` unless equal; the walk then judges by equality
    /// alone. Every key equals itself (a NaN doesn't, and is no key).
    type Key: Clone + PartialOrd;

    /// What the walk yields. It knows its key; `(key, value)` is the usual one.
    type Item: Keyed<Self::Key>;

    /// What can go wrong in the store; [`Infallible`](core::convert::Infallible) where nothing can. An
    /// [`Error`](core::error::Error) that is `Send + Sync + 'static` goes through `?` into a boxed one.
    type Error;

    /// Puts an item's key into `key`. Provided: [`Keyed::key_into`].
    ///
    /// A walk that yields its items [one by one](crate::Items) calls it for each. Override it where `Key` owns memory
    /// that its [`Clone::clone_from`] doesn't reuse: a tuple's doesn't. A pointer to a source (`&mut S`, `Box<S>`)
    /// has the provided one.
    #[inline]
    fn key_into(item: &Self::Item, key: &mut Self::Key)
    where
        Self: Sized,
    {
        item.key_into(key);
    }
}

/// An item that knows its key, so that no source is needed to say where a walk stands.
///
/// Implemented for `(K, V)`, for keys themselves, for what borrowing maps and sets yield (`(&K, &V)`, `&K`), and by
/// you for rows of your own:
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
    /// Returns the item's key: always the same one, and without a panic.
    ///
    /// Called for the first and the last item of each chunk.
    fn key(&self) -> K;

    /// Puts the item's key into `key`. Provided: assigns [`key`](Self::key).
    ///
    /// Override it where keys own memory, in the spirit of [`Clone::clone_from`].
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

/// A store that returns "up to N items of this key range, in its order": all that a walk needs.
///
/// Three roles meet here. A *backend* implements the trait for its store; a [`Walk`](crate::Walk)
/// calls it; a *wrapper* (retrying, measuring, limiting) implements it by calling another source.
///
/// # Contract
///
/// 1. **Order.** Items are pushed in the range's order, strictly: no key twice (G1, G2).
/// 2. **Bounds.** Every key lies in the range. An excluded near bound is the position of the walk:
///    its own key must not come again, whether or not the store still holds it (G6).
/// 3. **Complete and sound.** From the near bound to the last item (or the scanned key, or the
///    range's end), every key that was there throughout the call comes, and none that wasn't there
///    at any time of it (G3, G4). Items are whole and current (G5).
/// 4. **The end is said.** [`Fetched::End`] means that nothing more was in the range. A chunk that
///    isn't full says nothing (G8).
/// 5. **Errors move nothing.** What was pushed before an error is thrown away; the same range may
///    be asked again (G11).
/// 6. **Nothing is held.** When `fetch` returns, no statement, transaction, lock or iterator of the
///    store stays open (G14), and it read about as much as it was asked for (G13).
/// 7. **A dropped fetch is a failed fetch.** Where fetching is asynchronous, a caller may drop the future at
///    any point, and ask for the same range again; a fetch that panics counts likewise (G11).
///
/// An empty or inverted range ([`KeyRange::is_empty`]) is answered with `End`; a walk doesn't ask
/// for one. Where the store panics over it, as `BTreeMap::range` does, ask first.
///
/// A store that can only ascend returns an error for a descending range, and overrides
/// [`last_key`](Self::last_key). Where it can't know that key either, all its walks have to be
/// [`unbounded`](crate::Walk::unbounded).
///
/// # Implementing
///
/// The types and [`fetch`](Self::fetch) are enough:
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
/// A source whose items own memory fills old ones again ([`Chunk::push_with`], [`Chunk::spare`]); one that
/// knows its last key without reading the item overrides [`last_key`](Self::last_key). Where cursors are to be
/// written down, it is a [`ResumableSource`](crate::ResumableSource) too.
///
/// The crate [`keywalk-conformance`](https://docs.rs/keywalk-conformance) proves a source by a test for each rule.
/// The repository's WRITE_A_BACKEND.md shows a whole backend step by step, and covers unusual stores.
///
/// # Wrapping
///
/// `&mut S`, `Box<S>` and `Box<dyn ChunkSource<Key = K, Item = T, Error = E>>` are sources. A wrapper of your own
/// forwards `fetch` and `last_key`; [`forward_source!`](crate::forward_source) implements the rest. Before it asks
/// again after a failure, it takes back what came ([`Chunk::truncate`]).
///
/// ```
/// use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, forward_source};
///
/// /// Counts how often the store is asked.
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
/// A bounded walk asks for the last key once (and where that is [`LastKey::Unknown`] fetches one item in the
/// opposite order), and then fetches once for each chunk. It takes the key of the first and last item of a chunk,
/// and clones a few keys; nothing more if chunks are lent. Yielded one by one, each item costs a
/// [`key_into`](Keyed::key_into). A fetch costs what the store makes it cost: a search and as many items as were
/// asked for, if the contract is kept.
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
    /// The chunk is empty when the walk calls; it may hold [spare](Chunk::spare) items. A panic goes on to
    /// the caller, and the same range may be asked again.
    ///
    /// # Errors
    ///
    /// The store's own. The walk then yields nothing of this fetch.
    fn fetch(
        &mut self,
        range: &KeyRange<Self::Key>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<Self::Key>, Self::Error>;

    /// The key at the far end of `range`, asked once by a bounded walk. Provided:
    /// [`LastKey::Unknown`], and the walk fetches one item in the opposite order.
    ///
    /// Override it where the store knows without reading the item: in SQL `max(key)` of a range that ascends, and
    /// `min(key)` of one that descends.
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
/// | The chunk is | The store said that it has no more | It said nothing, or that it has more |
/// |---|---|---|
/// | holds items | [`End`](Self::End) | [`More`](Self::More) |
/// | empty | [`End`](Self::End) | [`ScannedTo`](Self::ScannedTo) the last key that was looked at |
///
/// After a full chunk `More` is always right: if nothing is left, the walk asks once more and is told so. Where
/// in doubt, never `End`: it ends the walk, and what lies beyond is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fetched<K> {
    /// The range holds nothing beyond what is in the chunk. After a full chunk only a look further
    /// can tell; without one, say [`More`](Self::More).
    End,
    /// There may be more beyond the chunk's last item. The chunk isn't empty; it need not be full,
    /// where the store answers in pages.
    More,
    /// Everything up to this key was looked at; there may be more beyond. The chunk may be short or
    /// empty: tombstones, a filter that matched nothing, a server that answers in pages of its own.
    /// The key lies in the range, and none of the chunk's lies past it.
    ScannedTo(K),
}

/// What a source knows of the last key of a range, without fetching items.
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
    /// It takes a fetch to know.
    Unknown,
}

/// `None` is an empty range, as SQL's `max` says it.
impl<K> From<Option<K>> for LastKey<K> {
    fn from(key: Option<K>) -> Self {
        match key {
            Some(key) => LastKey::Known(key),
            None => LastKey::Empty,
        }
    }
}

/// Implements [`Source`] and [`ResumableSource`](crate::ResumableSource) for a wrapper, by the source inside it.
///
/// `forward_source!([GENERICS] WRAPPER => SOURCE, |wrapper| wrapper.field);`. The wrapper has the source's key,
/// item and error, and its fingerprint: its tokens are those of the source inside. [`ChunkSource`], whose two
/// methods are what a wrapper is for, stays yours to implement; its documentation has an example.
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
