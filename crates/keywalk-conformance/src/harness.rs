use std::error::Error;
use std::fmt::Debug;

use keywalk::{ChunkSource, Fingerprint, FingerprintField, ResumableSource};

use crate::faults::Faults;
use crate::key_space::KeySpace;

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
    fn value(item: &<Self::Source<'_> as keywalk::Source>::Item) -> u64;

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
    fn rows_read(&self) -> Option<u64> {
        None
    }

    /// Does something for which the store must be left alone: takes an exclusive lock, vacuums,
    /// completes a checkpoint. Called between two fetches, it fails if the source holds anything.
    /// Provided: nothing, so that only [`put`](Self::put) and [`delete`](Self::delete) tell.
    ///
    /// # Errors
    ///
    /// If the store is in use.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
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
    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
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

/// A [`Harness`] whose source is a [`ResumableSource`]: its cursors can be written down. Every such harness
/// is one; nothing is to be implemented.
///
/// `conformance!(name: Harness, durable)` proves that too; so does [`run_durable`](crate::run_durable), which
/// answers a report. The bytes of keys, tokens of every place of a walk, and the fingerprint are tried by
/// themselves; of the sources that it must be told apart from the harness has to [tell](Harness::foreign_fingerprints).
pub trait DurableHarness: for<'a> Harness<Source<'a>: ResumableSource> {}

impl<H: for<'a> Harness<Source<'a>: ResumableSource>> DurableHarness for H {}

/// A [`Harness`] whose source can move to another thread, with its items and errors: it can be
/// [prefetched](keywalk::Walk::prefetch). Every such harness is one; nothing is to be implemented.
///
/// `conformance!(name: Harness, prefetched)` proves that too; so does
/// [`run_prefetched`](crate::run_prefetched), which answers a report.
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

/// What a store and its harness can do. A check that needs what they can't is skipped, and the
/// reason printed; what is declared and isn't so fails, in either direction.
///
/// ```
/// use keywalk_conformance::{Capabilities, Capability};
///
/// let durable = Capabilities {
///     reopening: Capability::Yes,
///     threads: Capability::No("one connection, and the database is in memory"),
///     ..Capabilities::default()
/// };
/// assert_eq!(durable.descending, Capability::Yes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Fetches in descending order. Without it the source answers them with an error, and knows its
    /// [last key](keywalk::ChunkSource::last_key): else no bounded walk could begin. Where that key
    /// can't be had, prove a wrapper that finds it by fetching on. Default: yes.
    pub descending: Capability,
    /// [`put`](crate::Harness::put) and [`delete`](crate::Harness::delete) work while a source is
    /// open. Default: yes.
    pub mutation: Capability,
    /// Putting a key that is there leaves it there at every moment. Default: yes.
    pub replacement: Capability,
    /// The source answers what the store held when the walk began: one transaction, kept for all of
    /// its fetches. Default: no, each fetch answers what it holds then.
    pub snapshot: Capability,
    /// [`writer`](crate::Harness::writer) gives writers for other threads. Default: no.
    pub threads: Capability,
    /// [`faults`](crate::Harness::faults) makes operations fail. Without it an error that is taken
    /// for the end isn't found. Default: no.
    pub faults: Capability,
    /// [`reopen`](crate::Harness::reopen) keeps what was put. Default: no.
    pub reopening: Capability,
    /// [`reads`](crate::Harness::rows_read) counts. Default: no.
    pub counting: Capability,
}

/// Whether something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It can.
    Yes,
    /// It can't, for this reason.
    No(&'static str),
}

impl Capability {
    /// Whether it can be done.
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
            snapshot: Capability::No("each fetch answers what the store holds then"),
            threads: Capability::No("the harness has no writer for other threads"),
            faults: Capability::No("the harness can't make the store fail"),
            reopening: Capability::No("the harness can't reopen the store"),
            counting: Capability::No("the harness doesn't count what is read"),
        }
    }
}

impl Capabilities {
    /// All, by name.
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
