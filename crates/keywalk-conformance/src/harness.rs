use std::error::Error;
use std::fmt::Debug;

use keywalk::{ChunkSource, Fingerprint, FingerprintField, ResumableSource};

use crate::faults::Faults;
use crate::key_space::KeySpace;

/// The error type of a harness. Any error converts into it with `?`.
pub type BoxError = Box<dyn Error>;

/// A store that maps keys to `u64` values, and the source under test over it.
///
/// Implement it once per store to run the checks. Six required methods make, change and read the store. The provided
/// methods are optional: each backs one of the [`Capabilities`], and more capabilities mean more checks.
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
    /// The key type. Its `Ord` is the store's declared order. If the source's own key has no `Ord`, because only the
    /// store knows the order, wrap the source so that it yields a key type that has one.
    type Key: Ord + Clone + Debug + Send + 'static;

    /// The source under test. It may borrow the harness, or own a handle to the store.
    type Source<'a>: ChunkSource<Key = Self::Key, Error: Debug>;

    /// Opens a new, empty store that shares nothing with other open stores. Dropping it cleans up.
    ///
    /// The kit calls this several hundred times. If your store is slow to open, keep one store open and give each
    /// harness a table, tree or prefix of its own from a [`Pool`](crate::Pool). If your store waits for the disk, keep its files in memory (on Linux, with the
    /// crate `tempfile`, set `TMPDIR=/dev/shm`).
    ///
    /// # Errors
    ///
    /// The store's own.
    fn open() -> Result<Self, BoxError>;

    /// Returns what the store and this harness can do. Default: both orders, changes while a source is open, and
    /// replacement. All other capabilities are off.
    #[must_use]
    fn capabilities() -> Capabilities {
        Capabilities::default()
    }

    /// Returns a new source over the store. The source must not have read anything yet. The kit opens up to ten sources
    /// at the same time, on one thread.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn source(&self) -> Result<Self::Source<'_>, BoxError>;

    /// Inserts the key or replaces its value. Every fetch after the return sees it.
    ///
    /// Values of all sizes come, also 0, equal ones and `u64::MAX`. If the store takes signed integers only, either
    /// return an error for a value above `i64::MAX`, and the kit puts none, or cast it here and back in
    /// [`value`](Self::value).
    ///
    /// # Errors
    ///
    /// The store's own. Don't wait long for a lock that the source may hold: an error is more informative.
    fn put(&self, key: &Self::Key, value: u64) -> Result<(), BoxError>;

    /// Does the same as [`put`](Self::put) for each entry, in this order. Default: calls `put`.
    ///
    /// The kit fills its stores with it, the largest with 5,000 keys, by at most 1,000 different keys per call. If a
    /// transaction is slow, make one here for all entries: `BEGIN`, a [`put`](Self::put) of each, then `COMMIT`, or
    /// `ROLLBACK` if one failed. If the call fails, the kit puts the entries one by one.
    ///
    /// # Errors
    ///
    /// The same as for [`put`](Self::put).
    fn put_all(&self, entries: &[(Self::Key, u64)]) -> Result<(), BoxError> {
        let mut entries = entries.iter();
        entries.try_for_each(|(key, value)| self.put(key, *value))
    }

    /// Deletes the key. Does nothing if the key doesn't exist.
    ///
    /// # Errors
    ///
    /// The same as for [`put`](Self::put).
    fn delete(&self, key: &Self::Key) -> Result<(), BoxError>;

    /// Returns the value of an item, as it was put.
    fn value(item: &<Self::Source<'_> as keywalk::Source>::Item) -> u64;

    /// Returns the keys to test the store with: [`KeySpace::known`] for the usual types.
    /// [Filter](KeySpace::filter) out keys that the store rejects, such as empty or overlong ones.
    fn keys() -> KeySpace<Self::Key>;

    /// Returns a writer for another thread. Default: `None`.
    fn writer(&self) -> Option<Box<dyn Writer<Self::Key>>> {
        None
    }

    /// Returns a way to make the store's operations fail. Default: `None`.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

    /// Closes the store and opens it again with the same contents. Default: returns an error.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn reopen(self) -> Result<Self, BoxError> {
        Err("this harness doesn't reopen its store".into())
    }

    /// Returns how many items all sources of this store have read so far. Default: `None`, unknown.
    fn rows_read(&self) -> Option<u64> {
        None
    }

    /// Performs an operation that needs exclusive access: takes an exclusive lock, vacuums or completes a checkpoint.
    ///
    /// The kit calls it between two fetches. If it fails there, the source holds something. Default: does nothing, so
    /// only [`put`](Self::put) and [`delete`](Self::delete) detect a source that holds something.
    ///
    /// # Errors
    ///
    /// If the store is in use.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Returns the fingerprints of other sources, each with the field in which it differs from
    /// [`source`](Self::source). Default: none.
    ///
    /// Examples are a source over another table, over the same table with another filter, or with the key reversed.
    /// Tokens of these sources must be refused. If several fields differ, give the one that [`FingerprintField`] lists
    /// first.
    ///
    /// Get each fingerprint from a real source. A fingerprint made by hand always differs, so it can't reveal what the
    /// source's own fingerprint leaves out.
    ///
    /// Used for resumable sources only ([`DurableHarness`](crate::DurableHarness)).
    ///
    /// # Errors
    ///
    /// The store's own.
    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        Ok(Vec::new())
    }
}

/// Changes a store from another thread while it is walked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't change the store from another thread: it is no `Writer<{K}>`",
    label = "not a writer of these keys",
    note = "implement `keywalk_conformance::Writer<{K}>` for it: `put` and `delete`"
)]
pub trait Writer<K>: Send {
    /// Does the same as [`Harness::put`].
    ///
    /// # Errors
    ///
    /// The store's own.
    fn put(&mut self, key: &K, value: u64) -> Result<(), BoxError>;

    /// Does the same as [`Harness::delete`].
    ///
    /// # Errors
    ///
    /// The store's own.
    fn delete(&mut self, key: &K) -> Result<(), BoxError>;
}

/// A [`Harness`] whose source is a [`ResumableSource`], so its cursors can become tokens. Implemented automatically
/// for every such harness.
///
/// To test tokens, use `conformance!(name: Harness, durable)`, or [`run_durable`](crate::run_durable) for a report.
/// The kit tests the bytes of keys, a token at every position of a walk, and the fingerprint. To test that tokens of
/// other sources are refused, it needs [`foreign_fingerprints`](Harness::foreign_fingerprints) from the harness.
pub trait DurableHarness: for<'a> Harness<Source<'a>: ResumableSource> {}

impl<H: for<'a> Harness<Source<'a>: ResumableSource>> DurableHarness for H {}

/// A [`Harness`] whose source can move to another thread with its items and errors, so it can be
/// [prefetched](keywalk::Walk::prefetch). Implemented automatically for every such harness.
///
/// To test prefetched walks, use `conformance!(name: Harness, prefetched)`, or
/// [`run_prefetched`](crate::run_prefetched) for a report.
#[diagnostic::on_unimplemented(
    message = "the source of `{Self}` can't be prefetched: it can't move to another thread",
    label = "its source isn't a `SendSource`",
    note = "let the source own its handle of the store, `Arc` for `Rc`, and its items and errors too: all are to \
            be `Send + 'static`; or leave `prefetched` out"
)]
pub trait PrefetchedHarness:
    for<'a> Harness<Source<'a>: ChunkSource<Item: Send, Error: Send> + Send + 'static>
{
}

#[diagnostic::do_not_recommend]
impl<H> PrefetchedHarness for H where
    H: for<'a> Harness<Source<'a>: ChunkSource<Item: Send, Error: Send> + Send + 'static>
{
}

/// The optional capabilities of a store and its harness. Set those that differ from the
/// [default](Capabilities::default).
///
/// A check that needs a missing capability is skipped, and the declared reason is printed. A check fails if a
/// declaration is wrong: it claims a capability that doesn't exist, or denies one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The source fetches in descending order. Default: yes.
    ///
    /// A source without this capability must return an error for a descending fetch. It must also know its
    /// [last key](keywalk::ChunkSource::last_key), because a bounded walk needs that key to begin. For a source that
    /// doesn't know it, wrap the source in [`ScanForLastKey`](crate::ScanForLastKey) in the harness.
    pub descending: Capability,
    /// [`put`](crate::Harness::put) and [`delete`](crate::Harness::delete) work while a source is
    /// open. Default: yes.
    pub mutation: Capability,
    /// Replacing the value of a key never makes the key disappear, not even briefly. Default: yes.
    pub replacement: Capability,
    /// All fetches of a source read one snapshot, such as one transaction, taken when the walk began. Default: no, each
    /// fetch reads the store's current state.
    pub snapshot: Capability,
    /// [`writer`](crate::Harness::writer) returns writers for other threads. Default: no.
    pub threads: Capability,
    /// [`faults`](crate::Harness::faults) makes operations fail. Without this, the kit can't detect a source that takes
    /// an error for the end. Default: no.
    pub faults: Capability,
    /// [`reopen`](crate::Harness::reopen) preserves the contents. Default: no.
    pub reopening: Capability,
    /// [`rows_read`](crate::Harness::rows_read) returns a count. Default: no.
    pub counting: Capability,
}

/// Whether a store or harness has a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It has the capability.
    Yes,
    /// It lacks the capability, for this reason.
    No(&'static str),
}

impl Capability {
    /// Returns whether the capability exists.
    #[must_use]
    pub fn is_yes(self) -> bool {
        self == Capability::Yes
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Capabilities {
            descending: Capability::Yes,
            mutation: Capability::Yes,
            replacement: Capability::Yes,
            snapshot: Capability::No("each fetch returns what the store holds then"),
            threads: Capability::No("the harness has no writer for other threads"),
            faults: Capability::No("the harness can't make the store fail"),
            reopening: Capability::No("the harness can't reopen the store"),
            counting: Capability::No("the harness doesn't count what is read"),
        }
    }
}

impl Capabilities {
    /// Returns all capabilities with their names.
    #[must_use]
    pub fn each(&self) -> [(&'static str, Capability); 8] {
        [
            ("descending", self.descending),
            ("mutation", self.mutation),
            ("replacement", self.replacement),
            ("snapshot", self.snapshot),
            ("threads", self.threads),
            ("faults", self.faults),
            ("reopening", self.reopening),
            ("counting", self.counting),
        ]
    }
}
