use alloc::boxed::Box;

use crate::{Chunk, KeyRange};

/// A store that answers "up to N items of this key range, in its order": all that a walk needs.
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
///
/// An empty or inverted range ([`KeyRange::is_empty`]) is answered with `End`; a walk doesn't ask
/// for one. Where the store panics over it, as `BTreeMap::range` does, ask first.
///
/// A store that goes up only declines a descending range with an error that says so, and overrides
/// [`last_key`](Self::last_key). Where it can't know that key either, all its walks have to be
/// [`live`](crate::Walk::live).
///
/// # Implementing
///
/// [`fetch`](Self::fetch) and [`key_of`](Self::key_of) are enough:
///
/// ```
/// use std::convert::Infallible;
/// use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
///
/// /// The squares of the whole numbers from 0 to 99, by number.
/// struct Squares;
///
/// impl ChunkSource for Squares {
///     type Key = u32;
///     type Item = (u32, u32);
///     type Error = Infallible;
///
///     fn fetch(
///         &mut self,
///         range: &KeyRange<u32>,
///         chunk: &mut Chunk<(u32, u32)>,
///     ) -> Result<Fetched<u32>, Infallible> {
///         let mut numbers: Vec<u32> = (0..100).filter(|n| range.admits(n)).collect();
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
///
///     fn key_of(&self, item: &(u32, u32)) -> u32 {
///         item.0
///     }
/// }
///
/// let last = Walk::new(Squares).descending().items().next();
/// assert_eq!(last, Some(Ok((99, 9801))));
/// ```
///
/// A source whose items own memory fills old ones again ([`Chunk::push_with`], [`Chunk::spare`]); one whose
/// keys do overrides [`key_into`](Self::key_into); one that knows its last key without reading the item
/// overrides [`last_key`](Self::last_key). Where cursors are to be written down, it is a
/// [`DurableSource`](crate::DurableSource) too.
///
/// The crate [`keywalk-conformance`] proves a source by a test for each rule. The repository's
/// CONTRIBUTING.md goes through a whole backend in steps, and through stores that are different.
///
/// # Wrapping
///
/// `&mut S`, `Box<S>` and `Box<dyn ChunkSource<Key = K, Item = T, Error = E>>` are sources.
/// Forward every method, also the provided ones: one that is left out loses what the source inside knows,
/// and Clippy's `missing_trait_methods` tells which is. Before it asks again after a failure, a wrapper
/// takes back what came ([`Chunk::truncate`]).
///
/// ```
/// use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};
///
/// /// Counts how often the store is asked.
/// struct Counted<S> {
///     source: S,
///     questions: u64,
/// }
///
/// #[deny(clippy::missing_trait_methods)]
/// impl<S: ChunkSource> ChunkSource for Counted<S> {
///     type Key = S::Key;
///     type Item = S::Item;
///     type Error = S::Error;
///
///     fn fetch(
///         &mut self,
///         range: &KeyRange<S::Key>,
///         chunk: &mut Chunk<S::Item>,
///     ) -> Result<Fetched<S::Key>, S::Error> {
///         self.questions += 1;
///         self.source.fetch(range, chunk)
///     }
///
///     fn key_of(&self, item: &S::Item) -> S::Key {
///         self.source.key_of(item)
///     }
///
///     fn key_into(&self, item: &S::Item, key: &mut S::Key) {
///         self.source.key_into(item, key);
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
/// opposite order), and then fetches once for each chunk. [`key_of`](Self::key_of) is called for the first and last item of a chunk, and a few keys are cloned; nothing more if chunks are
/// lent. Handed out one by one, each item costs a [`key_into`](Self::key_into). A fetch costs what the store
/// makes it cost: a search and as many items as were asked for, if the contract is kept.
///
#[cfg_attr(
    docsrs,
    doc = "[`keywalk-conformance`]: https://docs.rs/keywalk-conformance"
)]
#[cfg_attr(
    not(docsrs),
    doc = "[`keywalk-conformance`]: ../keywalk_conformance/index.html"
)]
#[diagnostic::on_unimplemented(
    message = "a walk can't go over `{Self}`: it is no `ChunkSource`",
    label = "not a source",
    note = "sources are made of a map or a sorted slice by keywalk-memory (`Map::new(&map)`), of a SQLite connection \
            by keywalk-sqlite (`Table::new(&db, \"items\").key::<i64>([\"id\"])?`), of a sled tree by \
            keywalk-sled (`Tree::<u64>::new(tree)`)",
    note = "for a store of your own implement `ChunkSource`: `fetch` and `key_of` are enough"
)]
pub trait ChunkSource {
    /// A position in the store's order.
    ///
    /// `PartialOrd` must agree with the store. A key whose order only the store knows (text under
    /// an ICU collation, say) compares as `None` unless equal; the walk then judges by equality
    /// alone. Every key equals itself (a NaN doesn't, and is no key).
    type Key: Clone + PartialOrd;

    /// What the walk yields: the key among it, or something that tells it ([`key_of`](Self::key_of)).
    type Item;

    /// What can go wrong in the store; [`Infallible`](core::convert::Infallible) where nothing can. An
    /// [`Error`](core::error::Error) that is `Send + Sync + 'static` goes through `?` into a boxed one.
    type Error;

    /// Fills `chunk` with the next items of `range`, in the range's order, until it is full.
    ///
    /// The chunk is empty when the walk calls; it may hold [spare](Chunk::spare) items. A panic goes on to
    /// the caller, and the same range may be asked again.
    ///
    /// # Errors
    ///
    /// The store's own. The walk then hands out nothing of this fetch.
    fn fetch(
        &mut self,
        range: &KeyRange<Self::Key>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<Self::Key>, Self::Error>;

    /// The key of an item that this source fetched.
    fn key_of(&self, item: &Self::Item) -> Self::Key;

    /// Puts the key of `item` into `key`. Provided: assigns [`key_of`](Self::key_of).
    ///
    /// Override it where keys own memory, in the spirit of [`Clone::clone_from`]: the iterator
    /// calls it for every item, to know where it is.
    fn key_into(&self, item: &Self::Item, key: &mut Self::Key) {
        *key = self.key_of(item);
    }

    /// The key at the far end of `range`, asked once by a bounded walk. Provided:
    /// [`LastKey::Unknown`], and the walk fetches one item in the opposite order.
    ///
    /// Override it where the store knows without reading the item (SQL `max(key)`).
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
/// // As `SELECT max(id)` answers, over an empty table and over another one.
/// assert_eq!(LastKey::from(None::<i64>), LastKey::Empty);
/// assert_eq!(LastKey::from(Some(7)), LastKey::Is(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LastKey<K> {
    /// The range's last key, in the range's order.
    Is(K),
    /// The range holds nothing.
    Empty,
    /// It takes a fetch to know.
    Unknown,
}

/// `None` is an empty range, as SQL's `max` says it.
impl<K> From<Option<K>> for LastKey<K> {
    fn from(key: Option<K>) -> Self {
        match key {
            Some(key) => LastKey::Is(key),
            None => LastKey::Empty,
        }
    }
}

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<S: ChunkSource + ?Sized> ChunkSource for $pointer {
            type Key = S::Key;
            type Item = S::Item;
            type Error = S::Error;

            fn fetch(
                &mut self,
                range: &KeyRange<S::Key>,
                chunk: &mut Chunk<S::Item>,
            ) -> Result<Fetched<S::Key>, S::Error> {
                (**self).fetch(range, chunk)
            }

            fn key_of(&self, item: &S::Item) -> S::Key {
                (**self).key_of(item)
            }

            fn key_into(&self, item: &S::Item, key: &mut S::Key) {
                (**self).key_into(item, key);
            }

            fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
                (**self).last_key(range)
            }
        }
    )+};
}

forward!(&mut S, Box<S>);
