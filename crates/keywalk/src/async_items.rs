use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use futures_core::Stream;
use futures_core::stream::FusedStream;

use crate::async_source::{AsyncChunkSource, BoxFuture};
use crate::chunk::Chunk;
use crate::chunks::sealed::Drive;
use crate::chunks::{Chunks, Driver, Inline};
use crate::cursor::Cursor;
use crate::engine::Engine;
use crate::error::Error;
use crate::items::Items;
use crate::resumable_source::ResumableSource;
use crate::source::Source;
use crate::stats::Stats;
use crate::token::Token;

/// A [`Stream`] of the items of a walk; created by [`Walk::stream`](crate::Walk::stream). It is [`Items`] over an
/// asynchronous source: items, cursors, tokens, statistics and errors are the same.
///
/// ```
/// use std::pin::Pin;
/// use futures_core::Stream;
/// use keywalk::{AsyncChunkSource, AsyncItems, Error, Walk};
///
/// /// A body of a response, say. With a stream of `futures` you can also `map`, `take` and `buffered`.
/// fn rows<S>(source: S) -> AsyncItems<'static, S>
/// where
///     S: AsyncChunkSource<Item = (i64, String)> + 'static,
/// {
///     Walk::new(source).stream()
/// }
///
/// async fn export<S>(source: S) -> Result<u64, Error<S::Error>>
/// where
///     S: AsyncChunkSource<Item = (i64, String)> + 'static,
/// {
///     let mut rows = rows(source);
///     // `next()` and `try_next()` of futures or tokio-stream are shorter.
///     while let Some(row) = std::future::poll_fn(|context| Pin::new(&mut rows).poll_next(context)).await {
///         let (id, name) = row?;
///         println!("{id}: {name}");
///     }
///     Ok(rows.stats().items())
/// }
/// ```
///
/// # A fetch in flight
///
/// The stream owns the fetch that it waits for. So dropping the future of `next()`, as a timeout or `select!` does,
/// neither loses nor repeats anything, and the fetch goes on at the next poll. [`cursor`](Self::cursor),
/// [`token`](Self::token) and [`stats`](Self::stats) stay available and are those of the last item that was yielded.
/// Dropping the stream drops the fetch, and nothing of the store is held after that.
///
/// It fetches nothing ahead: a fetch runs only while the stream is polled and holds no item.
///
/// `'s` is how long the source lives: `'static` if it owns its connection or handle. The stream is `Unpin`, so it need
/// not be pinned.
///
/// # Cost
///
/// One allocation per chunk. The rest is as for [`Items`]; [`AsyncChunks`](crate::AsyncChunks) is faster.
///
/// # Panics
///
/// A panic of the source reaches the caller and doesn't move the walk, as with [`Items`].
#[must_use = "streams are lazy and do nothing unless polled"]
pub struct AsyncItems<'s, S: Source> {
    items: Items<S, Awaited<'s, S>>,
}

// No field is ever pinned.
impl<S: Source> Unpin for AsyncItems<'_, S> {}

impl<S: Source> AsyncItems<'_, S> {
    pub(crate) fn new(inline: Inline<S>) -> Self {
        AsyncItems {
            items: Items::new(Chunks::new(Awaited::new(inline))),
        }
    }

    /// Returns the position after the last item that was yielded. O(1); clones keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.items.cursor()
    }

    /// Returns a token of the [`cursor`](Self::cursor), for another process. A blocking walk can resume from it, too.
    /// It never waits.
    ///
    /// The first call cancels a fetch that is in flight, which the next poll makes again. From then on the stream
    /// creates a token before each fetch, so that no further call cancels one.
    ///
    /// # Errors
    ///
    /// See [`Token::new`].
    pub fn token(&self) -> Result<Token, Error<S::Error>>
    where
        S: ResumableSource,
    {
        let driver = &self.items.chunks.driver;
        driver
            .keep
            .get_or_init(|| |source, cursor| Token::new(cursor, source).ok());
        let is_in_flight = driver.settled(|_| ()).is_none();
        match driver.token.as_ref().filter(|_| is_in_flight) {
            Some(token) => Ok(token.clone()),
            None => self.items.token(),
        }
    }

    /// Returns what the walk did so far. A fetch in flight doesn't count yet.
    pub fn stats(&self) -> Stats {
        self.items.stats()
    }

    /// Ends the walk and returns the source. Drops a fetch that is in flight, and items that were fetched and not
    /// yielded.
    pub fn into_source(self) -> S {
        self.items.into_source()
    }
}

impl<'s, S: AsyncChunkSource + 's> Stream for AsyncItems<'s, S> {
    type Item = Result<S::Item, Error<S::Error>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let items = &mut self.get_mut().items;
        if items.buffered == 0 {
            ready!(items.chunks.driver.poll_fetch(context));
        }
        Poll::Ready(items.next())
    }

    /// The lower bound is the number of items that were fetched. It is exact once the walk has nothing more to fetch.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<'s, S: AsyncChunkSource + 's> FusedStream for AsyncItems<'s, S> {
    /// Whether the stream only yields `None` from now on.
    fn is_terminated(&self) -> bool {
        self.size_hint() == (0, Some(0))
    }
}

/// Prints counts and no data.
impl<S: Source> fmt::Debug for AsyncItems<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncItems")
            .field("items", &self.items)
            .finish()
    }
}

/// The driver of a stream. Its `advance` takes the answer that [`poll_fetch`](Self::poll_fetch) waited for.
pub(crate) struct Awaited<'s, S: Source> {
    // Dropped first: it returns the walk.
    flight: Mutex<Option<BoxFuture<'s, Answer<S>>>>,
    /// The walk, unless a fetch uses it or has returned it.
    walk: Option<Inline<S>>,
    returned: Returned<S>,
    /// The answer of a fetch that is complete, until it is taken.
    answer: Option<Answer<S>>,
    /// The walk's position before the fetch.
    before: Cursor<S::Key>,
    stats: Stats,
    /// The token of `before`, if tokens are kept.
    token: Option<Token>,
    /// Creates the kept tokens. Set by the first request for a token: only that one knows that the source has tokens.
    keep: OnceLock<KeepToken<S>>,
    /// Who waits for the fetch.
    waker: Option<Waker>,
}

type Answer<S> = Result<bool, Error<<S as Source>::Error>>;
type Returned<S> = Arc<Mutex<Option<Inline<S>>>>;
type KeepToken<S> = fn(&S, &Cursor<<S as Source>::Key>) -> Option<Token>;

impl<S: Source> Awaited<'_, S> {
    fn new(walk: Inline<S>) -> Self {
        Awaited {
            flight: Mutex::new(None),
            returned: Arc::new(Mutex::new(None)),
            answer: None,
            before: walk.engine.cursor(),
            stats: walk.engine.stats(),
            walk: Some(walk),
            token: None,
            keep: OnceLock::new(),
            waker: None,
        }
    }

    /// Returns the walk. A fetch that uses it is dropped.
    fn walk(&mut self) -> &mut Inline<S> {
        match &mut self.walk {
            Some(walk) => walk,
            none => {
                self.flight = Mutex::new(None);
                none.insert(take_back(&mut lock(&self.returned)))
            }
        }
    }

    /// Reads the engine, if its position is the stream's: no fetch is in flight, and no answer is to be taken.
    fn settled<R>(&self, read: impl FnOnce(&Engine<S::Key, S::Item>) -> R) -> Option<R> {
        match (&self.answer, &self.walk) {
            (Some(_), _) => None,
            (None, Some(walk)) => Some(read(&walk.engine)),
            (None, None) => lock(&self.returned).as_ref().map(|walk| read(&walk.engine)),
        }
    }
}

impl<'s, S: AsyncChunkSource + 's> Awaited<'s, S> {
    /// Waits until the next chunk is fetched.
    fn poll_fetch(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let flight = self.flight.get_mut();
        let flight = flight.unwrap_or_else(PoisonError::into_inner).take();
        let mut flight = flight.unwrap_or_else(|| self.begin());
        // If it panics, the fetch is dropped and returns the walk.
        match flight.as_mut().poll(context) {
            Poll::Ready(answer) => {
                drop(flight);
                self.walk();
                self.answer = Some(answer);
                Poll::Ready(())
            }
            Poll::Pending => {
                self.flight = Mutex::new(Some(flight));
                match &mut self.waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    fn begin(&mut self) -> BoxFuture<'s, Answer<S>> {
        let walk = self.walk();
        let (before, stats) = (walk.engine.cursor(), walk.engine.stats());
        let keep = self.keep.get().copied();
        self.token = keep.and_then(|keep| keep(&self.walk().source, &before));
        (self.before, self.stats) = (before, stats);
        let mut lent = Lent {
            walk: self.walk.take(),
            to: Arc::clone(&self.returned),
        };
        Box::pin(async move {
            match &mut lent.walk {
                Some(walk) => walk.advance_async().await,
                None => Ok(false),
            }
        })
    }
}

impl<S: Source> Driver<S> for Awaited<'_, S> {}

impl<S: Source> Drive<S> for Awaited<'_, S> {
    fn advance(&mut self) -> Answer<S> {
        self.answer.take().unwrap_or(Ok(false))
    }

    #[inline]
    fn chunk(&mut self) -> &mut Chunk<S::Item> {
        self.walk().engine.chunk()
    }

    fn items(&self) -> &[S::Item] {
        self.walk.as_ref().map_or(&[], |walk| walk.engine.items())
    }

    fn cursor(&self) -> Cursor<S::Key> {
        self.settled(Engine::cursor)
            .unwrap_or_else(|| self.before.clone())
    }

    fn stats(&self) -> Stats {
        self.settled(Engine::stats).unwrap_or(self.stats)
    }

    fn is_over(&self) -> bool {
        self.settled(Engine::is_over).unwrap_or(false)
    }

    /// Drops a fetch in flight. The next poll makes it again; the task that waits for it is woken.
    fn with_source<R>(&self, read: impl FnOnce(&S) -> R) -> R {
        if let Some(walk) = &self.walk {
            return read(&walk.source);
        }
        let flight = lock(&self.flight).take();
        if flight.is_some() {
            drop(flight);
            self.waker.iter().for_each(Waker::wake_by_ref);
        }
        let mut returned = lock(&self.returned);
        let walk = take_back(&mut returned);
        read(&returned.insert(walk).source)
    }

    fn into_source(mut self) -> S {
        self.walk();
        let Awaited { walk, returned, .. } = self;
        walk.unwrap_or_else(|| take_back(&mut lock(&returned)))
            .source
    }
}

/// Takes the walk that a fetch returned.
fn take_back<S: Source>(returned: &mut Option<Inline<S>>) -> Inline<S> {
    returned
        .take()
        .expect("a fetch returns its walk when it is dropped")
}

/// A panic leaves the walk intact, so poisoning is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A walk that a fetch uses. It is returned when the fetch is complete, is dropped or panics.
struct Lent<S: Source> {
    walk: Option<Inline<S>>,
    to: Returned<S>,
}

impl<S: Source> Drop for Lent<S> {
    fn drop(&mut self) {
        *lock(&self.to) = self.walk.take();
    }
}

/// Prints counts and no data.
impl<S: Source> fmt::Debug for Awaited<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaited")
            .field("in_flight", &self.walk.is_none())
            .finish()
    }
}
