use std::error::Error;
use std::fmt::Debug;

use keywalk::ChunkSource;

/// What a store's set-up and mutations can fail with.
pub type BoxError = Box<dyn Error>;

/// A store of `u64` values by key, that can be changed between the fetches of a walk over it.
pub trait Store: Sized {
    /// Its `Ord` is the store's order.
    type Key: Ord + Clone + Debug;

    /// The source under test. It may borrow the store.
    type Source<'a>: ChunkSource<Key = Self::Key, Error: Debug>
    where
        Self: 'a;

    /// A fresh and empty store; dropping it cleans up.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn open() -> Result<Self, BoxError>;

    /// Another source over the store.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn source(&self) -> Result<Self::Source<'_>, BoxError>;

    /// The value of an item.
    fn value(item: &<Self::Source<'_> as ChunkSource>::Item) -> u64;

    /// Inserts, or replaces the value.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn put(&self, key: &Self::Key, value: u64) -> Result<(), BoxError>;

    /// Deletes, where it is there.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn delete(&self, key: &Self::Key) -> Result<(), BoxError>;
}
