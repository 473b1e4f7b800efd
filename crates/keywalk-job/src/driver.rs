//! The traits through which a run is driven.
//!
//! A run is one async function, `run::run`, over these traits. They don't require `Send`: a run's future is
//! `Send` if the types that implement them allow it. Only items and keys need `Sync`: no other value is held by
//! shared reference across an await.

use std::error::Error;
use std::time::{Duration, SystemTime};

#[cfg(feature = "async")]
use keywalk::{AsyncChunkSource, AsyncChunks};
use keywalk::{ChunkSource, Chunks, Cursor, Keyed, ResumableSource, Step};

use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::checkpoints::Attempt;
use crate::dead_letter::DeadLetter;
use crate::error::BoxError;
use crate::next::Next;
use crate::progress::Progress;

/// The walk of a job.
pub(crate) trait Steps {
    type Key: Clone + PartialOrd;
    type Item: Keyed<Self::Key>;
    type Error;
    /// Encodes keys. It never waits.
    type Source: ResumableSource<Key = Self::Key, Item = Self::Item, Error = Self::Error>;

    /// Sends one request to the store; see [`keywalk::Chunks::step`].
    async fn step(&mut self) -> Result<Step<'_, Self::Item>, keywalk::Error<Self::Error>>;

    /// Returns the chunk that the last step fetched.
    fn items(&self) -> &[Self::Item];
    fn source(&self) -> &Self::Source;
    fn cursor(&self) -> Cursor<Self::Key>;
    fn cursor_after(&self, key: Self::Key) -> Cursor<Self::Key>;
    fn seek(&mut self, cursor: Cursor<Self::Key>);
    fn chunk_size(&self) -> usize;
    fn set_chunk_size(&mut self, items: usize);
    fn limit(&self) -> Option<u64>;
    fn set_limit(&mut self, items: Option<u64>);
}

macro_rules! steps {
    ($chunks:ident, $source:ident $(, $await:ident)?) => {
        impl<S: $source + ResumableSource> Steps for $chunks<S> {
            type Key = S::Key;
            type Item = S::Item;
            type Error = S::Error;
            type Source = S;

            async fn step(&mut self) -> Result<Step<'_, S::Item>, keywalk::Error<S::Error>> {
                $chunks::step(self) $(.$await)?
            }

            fn items(&self) -> &[S::Item] {
                $chunks::items(self)
            }

            fn source(&self) -> &S {
                $chunks::source(self)
            }

            fn cursor(&self) -> Cursor<S::Key> {
                $chunks::cursor(self)
            }

            fn cursor_after(&self, key: S::Key) -> Cursor<S::Key> {
                $chunks::cursor_after(self, key)
            }

            fn seek(&mut self, cursor: Cursor<S::Key>) {
                $chunks::seek(self, cursor);
            }

            fn chunk_size(&self) -> usize {
                $chunks::chunk_size(self)
            }

            fn set_chunk_size(&mut self, items: usize) {
                $chunks::set_chunk_size(self, items);
            }

            fn limit(&self) -> Option<u64> {
                $chunks::limit(self)
            }

            fn set_limit(&mut self, items: Option<u64>) {
                $chunks::set_limit(self, items);
            }
        }
    };
}

steps!(Chunks, ChunkSource);
#[cfg(feature = "async")]
steps!(AsyncChunks, AsyncChunkSource, await);

/// The checkpoints of a job, together with its function, which works on items of type `T` by keys of type `K`.
pub(crate) trait JobStore<K, T> {
    type Error: Error;
    type Lease;
    type Scope<'s>: OpenScope<K, T, Error = Self::Error>
    where
        Self: 's;

    async fn lease(&mut self, job: &str) -> Result<Option<Self::Lease>, Self::Error>;

    /// Ends the lease. A lease that is dropped ends too, but perhaps later.
    async fn release(&mut self, lease: Self::Lease);
    async fn begin(&mut self) -> Result<Self::Scope<'_>, Self::Error>;

    /// Reads a checkpoint, outside of a scope.
    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Self::Error>;
    fn is_transient(&self, error: &Self::Error) -> bool;

    /// Whether items that fail are recorded as dead letters and skipped.
    fn skips(&self) -> bool;
}

/// A scope that is open. Dropping it undoes what was done in it.
///
/// The methods belong to the scope. If [`JobStore`] had them as functions that take a scope, their futures wouldn't be
/// `Send`: the compiler can't prove it for all lifetimes.
pub(crate) trait OpenScope<K, T> {
    type Error;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Self::Error>;

    /// Calls the job's function with the items.
    async fn work(&mut self, batch: Batch<'_, K, T>) -> Result<Next, BoxError>;

    /// [Works](Self::work) on a part of the chunk, and undoes only that part if it fails. `next` is what the function
    /// returned, if the attempt is [`Attempt::Done`].
    async fn attempt(
        &mut self,
        batch: Batch<'_, K, T>,
        next: &mut Next,
    ) -> Result<Attempt, Self::Error>;

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), Self::Error>;
    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), Self::Error>;
}

/// The clock, and the functions that the caller has set.
pub(crate) trait Host {
    type Key;
    type Delays: Iterator<Item = Duration>;

    fn now(&self) -> Duration;
    fn time_of_day(&self) -> SystemTime;
    async fn sleep(&mut self, time: Duration);

    /// Starts the retry policy. Returns `None` if nothing is retried.
    fn delays(&self) -> Option<Self::Delays>;

    /// Returns whether a retry is worthwhile after this error of the job's function.
    fn is_worth_a_retry(&mut self, error: &BoxError) -> bool;

    /// Returns how long to wait before this is called again, or `None` to go on.
    fn hold(&mut self, progress: &Progress<'_, Self::Key>) -> Option<Duration>;
    fn tell(&mut self, progress: &Progress<'_, Self::Key>);
}
