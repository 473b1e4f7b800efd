use alloc::borrow::ToOwned;
use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::panic::AssertUnwindSafe;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::chunk::Chunk;
use crate::chunks::sealed::Drive;
use crate::chunks::{Chunks, Driver, Inline};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::items::Items;
use crate::source::{ChunkSource, Source};
use crate::stats::Stats;
use crate::walk::Walk;

mod handoff;
mod sync;

use handoff::Handoff;

/// A walk whose chunks are fetched ahead, in a thread of its own; created by [`Walk::prefetch`].
#[must_use = "a walk does nothing until it is iterated"]
pub struct Prefetch<S: SendSource> {
    pub(crate) walk: Walk<S>,
    pub(crate) depth: usize,
}

impl<S: SendSource> Prefetch<S> {
    /// Yields the walk's items one by one, as a `for` loop does. Call it to read the [cursor](Items::cursor)
    /// and the [stats](Items::stats) while iterating.
    ///
    /// # Panics
    ///
    /// See [`Walk::chunks`].
    pub fn items(self) -> Items<S, Prefetched<S>> {
        Items::new(self.chunks())
    }

    /// Lends the walk's items one chunk at a time. This is the fastest way: the thread that created the items
    /// refills them in place.
    ///
    /// # Panics
    ///
    /// See [`Walk::chunks`].
    pub fn chunks(self) -> Chunks<S, Prefetched<S>> {
        Chunks::new(Prefetched::new(self.walk.chunks().driver, self.depth))
    }
}

impl<S: SendSource> IntoIterator for Prefetch<S> {
    type Item = Result<S::Item, Error<S::Error>>;
    type IntoIter = Items<S, Prefetched<S>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items()
    }
}

/// A source that can move to another thread, with its keys, items and errors. [`Walk::prefetch`] requires it.
/// It is implemented for every such source; you never implement it.
///
/// A source that borrows its connection or map is not `SendSource`; give it an owned or shared (`Arc`) handle.
/// The same holds for a source whose closure builds items from values that can't change threads, such as an
/// `Rc`.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::LazyLock;
/// use keywalk::{Error, SendSource, Walk};
///
/// /// Over any store, as long as it can be prefetched.
/// fn count<S: SendSource>(source: S) -> Result<usize, Error<S::Error>> {
///     Walk::new(source).prefetch(1).into_iter().try_fold(0, |count, item| item.map(|_| count + 1))
/// }
///
/// static NUMBERS: LazyLock<BTreeMap<u8, &str>> = LazyLock::new(|| [(1, "one"), (2, "two")].into());
/// assert_eq!(count(&*NUMBERS)?, 2);
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be prefetched: it can't move to another thread",
    label = "the source, its keys, items or errors aren't `Send`",
    note = "give the source a connection or handle of its own: `Table::new(connection, \"items\")`, not \
            `Table::new(&connection, \"items\")`",
    note = "items that hold an `Rc`, a `Cell` or a borrowed value have to hold an `Arc` or a copy instead"
)]
pub trait SendSource: ChunkSource<Key: Send, Item: Send, Error: Send> + Send + 'static {}

// With this attribute, compiler messages name the source rather than a type deep inside it.
#[diagnostic::do_not_recommend]
impl<S> SendSource for S where S: ChunkSource<Key: Send, Item: Send, Error: Send> + Send + 'static {}

/// Fetches chunks ahead, in a thread of its own; used by [`Walk::prefetch`].
pub struct Prefetched<S: Source> {
    // Dropped first: its thread ends before the rest is dropped.
    ahead: Ahead<S>,
    /// Locked during a fetch, and otherwise only while a token is created.
    inline: Arc<Mutex<Inline<S>>>,
    depth: usize,
    last: PrefetchedChunk<S>,
    /// Whether the last chunk's items were yielded. False at the end and after a failure.
    has_items: bool,
    is_fused: bool,
}

/// Where chunks are fetched.
enum Ahead<S: Source> {
    Unasked,
    Thread(Worker<S>),
    /// In the caller: there is no thread.
    Nobody,
}

/// A fetched chunk, and the walk's position after it.
struct PrefetchedChunk<S: Source> {
    chunk: Chunk<S::Item>,
    cursor: Cursor<S::Key>,
    stats: Stats,
    /// Whether the walk is known to be over after it.
    is_over: bool,
}

impl<S: SendSource> PrefetchedChunk<S> {
    /// Returns the walk's position, without items.
    fn before(inline: &Inline<S>) -> Self {
        PrefetchedChunk {
            chunk: Chunk::with_limit(1),
            cursor: inline.cursor(),
            stats: inline.stats(),
            is_over: inline.is_over(),
        }
    }

    /// Fetches the next chunk, reusing `spare`. Returns `None` at the end. If the source panics, `spare` is
    /// lost.
    fn fetch(
        inline: &mut Inline<S>,
        mut spare: Chunk<S::Item>,
    ) -> Result<Option<Self>, Error<S::Error>> {
        mem::swap(inline.chunk(), &mut spare);
        let advanced = inline.advance();
        mem::swap(inline.chunk(), &mut spare);
        Ok(advanced?.then(|| PrefetchedChunk {
            chunk: spare,
            ..Self::before(inline)
        }))
    }
}

impl<S: SendSource> Prefetched<S> {
    fn new(inline: Inline<S>, depth: usize) -> Self {
        Prefetched {
            ahead: Ahead::Unasked,
            last: PrefetchedChunk::before(&inline),
            inline: Arc::new(Mutex::new(inline)),
            depth,
            has_items: false,
            is_fused: false,
        }
    }

    fn next(
        &mut self,
        used: Chunk<S::Item>,
    ) -> Result<Option<PrefetchedChunk<S>>, Error<S::Error>> {
        if let Ahead::Unasked = self.ahead {
            self.ahead = match Worker::start(&self.inline, self.depth) {
                Some(worker) => Ahead::Thread(worker),
                None => Ahead::Nobody,
            };
        }
        let Ahead::Thread(worker) = &mut self.ahead else {
            return PrefetchedChunk::fetch(&mut lock(&self.inline), used);
        };
        match worker.handoff.next(Spare(used)) {
            Some(fetched) => Ok(Some(fetched)),
            None => worker.join().map(|()| None),
        }
    }
}

impl<S: SendSource> Driver<S> for Prefetched<S> {}

impl<S: SendSource> Drive<S> for Prefetched<S> {
    /// Returns the last chunk for reuse and takes the next one.
    fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        self.has_items = false;
        if self.is_over() {
            self.is_fused = true;
            self.ahead = Ahead::Nobody;
            return Ok(false);
        }
        // Set also if the source panics.
        self.is_fused = true;
        let used = mem::replace(&mut self.last.chunk, Chunk::with_limit(1));
        match self.next(used) {
            Ok(Some(fetched)) => {
                self.last = fetched;
                self.is_fused = false;
                self.has_items = true;
                Ok(true)
            }
            ended => {
                self.last = PrefetchedChunk::before(&lock(&self.inline));
                ended.map(|_| false)
            }
        }
    }

    #[inline]
    fn chunk(&mut self) -> &mut Chunk<S::Item> {
        &mut self.last.chunk
    }

    fn items(&self) -> &[S::Item] {
        match self.has_items {
            true => self.last.chunk.as_slice(),
            false => &[],
        }
    }

    fn cursor(&self) -> Cursor<S::Key> {
        self.last.cursor.clone()
    }

    fn stats(&self) -> Stats {
        self.last.stats
    }

    fn is_over(&self) -> bool {
        self.is_fused || self.last.is_over
    }

    fn with_source<R>(&self, read: impl FnOnce(&S) -> R) -> R {
        read(&lock(&self.inline).source)
    }

    fn into_source(self) -> S {
        let Prefetched { ahead, inline, .. } = self;
        drop(ahead);
        let inline = Arc::into_inner(inline).expect("the thread that had the other one is gone");
        let inline = inline.into_inner().unwrap_or_else(PoisonError::into_inner);
        inline.source
    }
}

/// A panic leaves the walk intact, so poisoning is ignored.
fn lock<S: Source>(inline: &Mutex<Inline<S>>) -> MutexGuard<'_, Inline<S>> {
    inline.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A used chunk, to be refilled.
struct Spare<T>(Chunk<T>);

impl<T> Default for Spare<T> {
    /// Allocates nothing. The fetch sets the limit.
    fn default() -> Self {
        Spare(Chunk::with_limit(1))
    }
}

/// The thread that fetches.
struct Worker<S: Source> {
    handoff: Arc<Handoff<Spare<S::Item>, PrefetchedChunk<S>>>,
    /// Present until it is joined. Its result is how the walk ended.
    thread: Option<AssertUnwindSafe<JoinHandle<Ended<S>>>>,
}

type Ended<S> = Result<(), Error<<S as Source>::Error>>;

impl<S: SendSource> Worker<S> {
    /// Returns `None` if nothing is to be fetched ahead, or if no thread can be started.
    fn start(inline: &Arc<Mutex<Inline<S>>>, depth: usize) -> Option<Self> {
        if depth == 0 {
            return None;
        }
        let handoff = Arc::new(Handoff::new(depth));
        let (inline, of_thread) = (Arc::clone(inline), Arc::clone(&handoff));
        let serve = move || {
            of_thread.serve(|Spare(chunk)| PrefetchedChunk::fetch(&mut lock(&inline), chunk))
        };
        let thread = thread::Builder::new().name("keywalk prefetch".to_owned());
        Some(Worker {
            handoff,
            thread: Some(AssertUnwindSafe(thread.spawn(serve).ok()?)),
        })
    }
}

impl<S: Source> Worker<S> {
    /// Waits for the thread to end. Resumes the source's panic here.
    fn join(&mut self) -> Ended<S> {
        match self.thread.take() {
            Some(AssertUnwindSafe(thread)) => {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
            None => Ok(()),
        }
    }
}

impl<S: Source> Drop for Worker<S> {
    /// Waits for a running fetch. Its result no longer matters.
    fn drop(&mut self) {
        self.handoff.leave();
        if let Some(AssertUnwindSafe(thread)) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Prints the options and no keys.
impl<S: SendSource> fmt::Debug for Prefetch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetch")
            .field("depth", &self.depth)
            .field("walk", &self.walk)
            .finish()
    }
}

/// Prints counts and no data.
impl<S: Source> fmt::Debug for Prefetched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefetched")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}
