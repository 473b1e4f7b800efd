use std::error::Error;
use std::fmt::Debug;

use keywalk::{Aspect, ChunkSource, Fingerprint};

use crate::{Capabilities, Faults, KeySpace};

/// What a harness can fail with. Everything that is an error converts into it by `?`.
pub type BoxError = Box<dyn Error>;

/// A store of `u64` values by key, and the source over it that is to be proven.
///
/// Six methods say how to make a store, change it and read it; the provided ones say what else it
/// can do, and which [`Capabilities`] that allows to be declared.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
///
/// use keywalk_conformance::{BoxError, Config, Harness, KeySpace};
/// use keywalk_memory::SharedMap;
///
/// struct Shared(Arc<RwLock<BTreeMap<i64, u64>>>);
///
/// impl Harness for Shared {
///     type Key = i64;
///     type Source<'a> = SharedMap<i64, u64>;
///
///     fn open() -> Result<Self, BoxError> {
///         Ok(Shared(Arc::default()))
///     }
///
///     fn source(&self) -> Result<SharedMap<i64, u64>, BoxError> {
///         Ok(SharedMap::new(Arc::clone(&self.0)))
///     }
///
///     fn put(&self, key: &i64, value: u64) -> Result<(), BoxError> {
///         self.0.write().map_err(|error| error.to_string())?.insert(*key, value);
///         Ok(())
///     }
///
///     fn delete(&self, key: &i64) -> Result<(), BoxError> {
///         self.0.write().map_err(|error| error.to_string())?.remove(key);
///         Ok(())
///     }
///
///     fn value((_, value): &(i64, u64)) -> u64 {
///         *value
///     }
///
///     fn keys() -> KeySpace<i64> {
///         KeySpace::known()
///     }
/// }
///
/// // In a test file: keywalk_conformance::conformance!(shared: Shared);
/// let report = keywalk_conformance::run::<Shared>(&Config::default().cases(4));
/// assert!(report.is_ok(), "{report}");
/// ```
#[diagnostic::on_unimplemented(
    message = "the kit doesn't know how to make, change and read a store by `{Self}`: it is no `Harness`",
    label = "not a harness",
    note = "implement `keywalk_conformance::Harness` for it: two types and six methods; its documentation has one"
)]
pub trait Harness: Sized + 'static {
    /// Its `Ord` is the store's declared order. Where the source's own key has none, since only the
    /// store knows it, the source to be proven is a wrapper that tells keys as a type that has it.
    type Key: Ord + Clone + Debug + Send + 'static;

    /// The source to be proven. It may borrow the harness, or own a handle of the store.
    type Source<'a>: ChunkSource<Key = Self::Key, Error: Debug>;

    /// A fresh and empty store, that shares nothing with others that are open. Dropping it cleans
    /// up.
    ///
    /// It is called some thousand times: a store that is slow to open may give each harness a
    /// table, tree or prefix of its own in one that stays open. One that waits for the disk is faster
    /// with its files in memory (on Linux, of the crate `tempfile`, by `TMPDIR=/dev/shm`).
    ///
    /// # Errors
    ///
    /// The store's own.
    fn open() -> Result<Self, BoxError>;

    /// What the store and this harness can do. Provided: walks in both orders beside changes, and
    /// nothing of what the other provided methods are for.
    #[must_use]
    fn capabilities() -> Capabilities {
        Capabilities::default()
    }

    /// Another source over the store. It has read nothing yet. Several are open at the same time, on
    /// one thread.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn source(&self) -> Result<Self::Source<'_>, BoxError>;

    /// Inserts, or replaces the value. When it returns, a fetch sees it.
    ///
    /// # Errors
    ///
    /// The store's own. Don't wait long for a lock that the source may hold: an error says more.
    fn put(&self, key: &Self::Key, value: u64) -> Result<(), BoxError>;

    /// Deletes the key where it is there, and does nothing where it isn't.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    fn delete(&self, key: &Self::Key) -> Result<(), BoxError>;

    /// The value that was put, told by an item.
    fn value(item: &<Self::Source<'_> as ChunkSource>::Item) -> u64;

    /// The keys to try the store with: [`KeySpace::known`] for the usual types, without those that
    /// the store doesn't take (an empty one, one that is too long).
    fn keys() -> KeySpace<Self::Key>;

    /// A writer for another thread. Provided: none.
    fn writer(&self) -> Option<Box<dyn Writer<Self::Key>>> {
        None
    }

    /// A way to make the store's operations fail. Provided: none.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

    /// Closes the store and opens it again, with what it held. Provided: an error.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn reopen(self) -> Result<Self, BoxError> {
        Err("this harness doesn't reopen its store".into())
    }

    /// How many items were read of the store so far, by all its sources. Provided: it isn't known.
    fn reads(&self) -> Option<u64> {
        None
    }

    /// Does something for which the store must be left alone: takes an exclusive lock, vacuums,
    /// completes a checkpoint. Called between two fetches, it fails if the source holds anything.
    /// Provided: nothing, so that only [`put`](Self::put) and [`delete`](Self::delete) tell.
    ///
    /// # Errors
    ///
    /// If the store is in use.
    fn use_alone(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Fingerprints of sources that walk something else than [`source`](Self::source), each with what it
    /// differs in: another table, the same with another filter, the key the other way round. A token of
    /// theirs must be refused; where several aspects differ, the first one is named. Provided: none.
    /// Ask the source type itself for them, over that other table: one that is made up by hand differs
    /// whatever the source forgets to say.
    ///
    /// For sources whose cursors can be written down ([`DurableHarness`](crate::DurableHarness)).
    ///
    /// # Errors
    ///
    /// The store's own.
    fn strangers(&self) -> Result<Vec<(Aspect, Fingerprint)>, BoxError> {
        Ok(Vec::new())
    }
}

/// Changes a store from another thread, while it is walked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't change the store from another thread: it is no `Writer<{K}>`",
    label = "not a writer of these keys",
    note = "implement `keywalk_conformance::Writer<{K}>` for it: `put` and `delete`"
)]
pub trait Writer<K>: Send {
    /// As [`Harness::put`].
    ///
    /// # Errors
    ///
    /// The store's own.
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError>;

    /// As [`Harness::delete`].
    ///
    /// # Errors
    ///
    /// The store's own.
    fn delete(&mut self, key: &K) -> Result<(), BoxError>;
}
