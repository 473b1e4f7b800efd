use core::fmt;

use crate::async_source::AsyncChunkSource;
use crate::chunk::Chunk;
use crate::chunks::{Clock, Inline, Step, Stepped};
use crate::cursor::Cursor;
use crate::engine::{Engine, Request};
use crate::error::Error;
use crate::resumable_source::ResumableSource;
use crate::source::Source;
use crate::stats::Stats;
use crate::token::Token;

/// A walk over an asynchronous source that lends its items one chunk at a time; created by
/// [`Walk::async_chunks`](crate::Walk::async_chunks). It is [`Chunks`](crate::Chunks) with `.await`: items, cursors,
/// tokens, statistics and errors are the same.
///
/// ```
/// use keywalk::{AsyncChunkSource, Error, Walk};
///
/// async fn export<S>(source: S) -> Result<u64, Error<S::Error>>
/// where
///     S: AsyncChunkSource<Item = (i64, String)>,
/// {
///     let mut chunks = Walk::new(source).async_chunks();
///     while let Some(rows) = chunks.next().await? {
///         for (id, name) in rows {
///             println!("{id}: {name}");
///         }
///     }
///     Ok(chunks.stats().items())
/// }
/// ```
///
/// # Dropped futures
///
/// You can drop the future of [`next`](Self::next) or [`step`](Self::step) at any point, as a timeout or `select!`
/// does. The walk doesn't move then, and the next call makes the same request again. So nothing is lost, and nothing is
/// yielded twice. But a caller that always drops the future before its fetch is complete makes no progress.
///
/// Every future is `Send`, so a walk can run in a spawned task.
#[must_use = "a walk does nothing until it is iterated"]
pub struct AsyncChunks<S: Source> {
    inline: Inline<S>,
}

impl<S: AsyncChunkSource> AsyncChunks<S> {
    /// Fetches and lends the next chunk: at least one item, in key order. Returns `None` at the end or the
    /// [limit](crate::Walk::limit), and always after the end or an error (G12).
    ///
    /// # Errors
    ///
    /// See [`Chunks::next`](crate::Chunks::next).
    ///
    /// # Panics
    ///
    /// If the source does. The walk doesn't move, and the next call requests the same chunk.
    pub async fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        Ok(match self.inline.advance_async().await? {
            true => Some(self.inline.engine.items_mut()),
            false => None,
        })
    }

    /// Makes one request to the store. [`next`](Self::next) makes requests until there are items. See
    /// [`Chunks::step`](crate::Chunks::step).
    ///
    /// # Errors
    ///
    /// See [`next`](Self::next).
    ///
    /// # Panics
    ///
    /// See [`next`](Self::next).
    pub async fn step(&mut self) -> Result<Step<'_, S::Item>, Error<S::Error>> {
        let Inline {
            source,
            engine,
            clock,
        } = &mut self.inline;
        Ok(match step(source, engine, clock).await? {
            Stepped::Items => Step::Items(engine.items_mut()),
            Stepped::Progress => Step::Progress,
            Stepped::End => Step::End,
        })
    }
}

impl<S: Source> AsyncChunks<S> {
    pub(crate) fn new(inline: Inline<S>) -> Self {
        AsyncChunks { inline }
    }

    /// Returns the position after the last lent chunk. O(1); clones keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.inline.engine.cursor()
    }

    /// Returns the position after the item with this key, which must be in the last lent chunk. See
    /// [`Chunks::cursor_after`](crate::Chunks::cursor_after).
    pub fn cursor_after(&self, key: S::Key) -> Cursor<S::Key> {
        self.cursor().after(key)
    }

    /// Returns a token of the [`cursor`](Self::cursor), for another process. A blocking walk can resume from it, too.
    ///
    /// # Errors
    ///
    /// See [`Token::new`].
    pub fn token(&self) -> Result<Token, Error<S::Error>>
    where
        S: ResumableSource,
    {
        Token::new(&self.cursor(), &self.inline.source)
    }

    /// Returns the items of the last lent chunk. Empty before the first chunk, after the end, and after an error, a
    /// panic or a dropped future.
    pub fn items(&self) -> &[S::Item] {
        self.inline.engine.items()
    }

    /// Exchanges the last lent chunk for `chunk`, whose slots the next fetch reuses. [`items`](Self::items) is then
    /// empty. Use it to keep a chunk while the next one is fetched, for example to fetch ahead in another task.
    pub fn swap_chunk(&mut self, chunk: &mut Chunk<S::Item>) {
        self.inline.engine.swap_chunk(chunk);
    }

    /// Returns what the walk did up to the last lent chunk. Requests whose future was dropped don't count.
    pub fn stats(&self) -> Stats {
        self.inline.engine.stats()
    }

    /// Moves the walk to `cursor`, which must be one of this walk's. See [`Chunks::seek`](crate::Chunks::seek).
    pub fn seek(&mut self, cursor: Cursor<S::Key>) {
        self.inline.engine.seek(cursor);
    }

    /// Returns the number of items that may still be yielded; see [`Engine::limit`].
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.inline.engine.limit()
    }

    /// Sets the number of items that may still be yielded. [`seek`](Self::seek) doesn't change that number. See
    /// [`Engine::set_limit`].
    pub fn set_limit(&mut self, items: Option<u64>) {
        self.inline.engine.set_limit(items);
    }

    /// Returns the maximum number of items per chunk.
    #[must_use]
    pub fn chunk_size(&self) -> usize {
        self.inline.engine.chunk_size()
    }

    /// Sets the maximum number of items per chunk, from the next request on; see [`Engine::set_chunk_size`].
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn set_chunk_size(&mut self, items: usize) {
        self.inline.engine.set_chunk_size(items);
    }

    /// Returns the source, to use the store (through its connection, say) between two chunks.
    pub fn source(&self) -> &S {
        &self.inline.source
    }

    /// Ends the walk and returns the source.
    pub fn into_source(self) -> S {
        self.inline.source
    }
}

impl<S: AsyncChunkSource> Inline<S> {
    /// Fetches until there are items. Returns `false` at the end.
    pub(crate) async fn advance_async(&mut self) -> Result<bool, Error<S::Error>> {
        loop {
            match step(&mut self.source, &mut self.engine, &self.clock).await? {
                Stepped::Items => return Ok(true),
                Stepped::Progress => {}
                Stepped::End => return Ok(false),
            }
        }
    }
}

/// Makes one request of the engine to the source.
async fn step<S: AsyncChunkSource>(
    source: &mut S,
    engine: &mut Engine<S::Key, S::Item>,
    clock: &Clock,
) -> Result<Stepped, Error<S::Error>> {
    match engine.request()? {
        Request::Done => return Ok(Stepped::End),
        Request::LastKey(range) => {
            let start = clock.now();
            let answer = source.last_key(range).await;
            engine.last_key(answer, clock.since(start))?;
        }
        Request::Fetch(range, chunk) => {
            let start = clock.now();
            let answer = source.fetch(range, chunk).await;
            engine.fetched(answer, clock.since(start))?;
        }
    }
    Ok(Stepped::of(engine))
}

/// Runs the engine to its end, and returns the number of items.
pub(crate) async fn count<S: AsyncChunkSource>(
    source: &mut S,
    mut engine: Engine<S::Key, S::Item>,
    clock: &Clock,
) -> Result<u64, Error<S::Error>> {
    while !matches!(step(source, &mut engine, clock).await?, Stepped::End) {}
    Ok(engine.stats().items())
}

/// Prints counts and no data.
impl<S: Source> fmt::Debug for AsyncChunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncChunks")
            .field("stats", &self.stats())
            .field("over", &self.inline.engine.is_over())
            .finish()
    }
}
