use std::fmt;
use std::thread;
use std::time::Duration;

use backon::BackoffBuilder;
#[cfg(feature = "async")]
use backon::Sleeper;
#[cfg(feature = "async")]
use keywalk::{AsyncChunkSource, AsyncSplitSource};
use keywalk::{
    Chunk, ChunkSource, Fetched, KeyRange, LastKey, Source, SplitSource, forward_source,
};

/// A source that retries the failed requests of another source.
///
/// A request is a fetch, a look-up of the last key or a split. For each request the policy starts from its first delay.
/// A request is tried once, and then once after each of the policy's delays, until it succeeds. It fails for
/// good if the policy has no further delay, or if the error isn't worth a retry. The walk then ends with that
/// error (G11), and its cursor stands at the last item. What a failed fetch put into the chunk is discarded.
///
/// Between two tries the thread sleeps, and holds nothing of the store. Over an asynchronous source (feature `async`)
/// the task waits instead, by the function that you pass to `with_async_sleep`.
///
/// # Bounds
///
/// The policy bounds the number of tries. [`ExponentialBuilder`] has three delays by default: 1, 2 and 4
/// seconds. For SQLite set a busy timeout too (rusqlite's is 5 seconds). With it, SQLite itself waits for a
/// lock, and a request fails only after that.
///
/// [`ExponentialBuilder`]: crate::ExponentialBuilder
#[must_use = "a source does nothing until it is walked"]
pub struct Retry<S, B, W, Z = fn(Duration)> {
    source: S,
    policy: B,
    when: W,
    sleep: Z,
    retries: u64,
}

impl<S: Source, B, W> Retry<S, B, W>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool,
{
    /// Wraps `source` and retries by this policy, if `when` returns `true` for the error. `when` is called for
    /// every failure, including the last one, and may log it. Sends no request yet.
    pub fn new(source: S, policy: B, when: W) -> Self {
        Retry {
            source,
            policy,
            when,
            sleep: thread::sleep,
            retries: 0,
        }
    }
}

impl<S, B, W, Z> Retry<S, B, W, Z> {
    /// Replaces the way to wait. The closure gets each delay before the next try. Default: the thread sleeps.
    ///
    /// ```
    /// use keywalk_retry::{ExponentialBuilder, Retry};
    /// use keywalk_sqlite::{Error, Table};
    ///
    /// # let db = rusqlite::Connection::open_in_memory()?;
    /// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")?;
    /// let items = Table::new(&db, "items").key::<i64>(["id"])?;
    /// let items = Retry::new(items, ExponentialBuilder::default(), Error::is_transient)
    ///     .with_sleep(|delay| println!("locked; again in {delay:?}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_sleep<Z2: FnMut(Duration)>(self, sleep: Z2) -> Retry<S, B, W, Z2> {
        self.waiting_by(sleep)
    }

    /// Replaces the way to wait, for an asynchronous source. There is no default, so that the crate needs no runtime:
    /// without this call the wrapper isn't an [`AsyncChunkSource`].
    ///
    /// `sleep` is a function that returns a future, such as `tokio::time::sleep`, or another [`Sleeper`] of backon.
    ///
    /// ```
    /// use keywalk::AsyncChunkSource;
    /// use keywalk_retry::{ExponentialBuilder, Retry};
    /// # mod tokio { pub mod time { pub use std::future::ready as sleep; } }
    ///
    /// /// Retries every error.
    /// fn patient<S: AsyncChunkSource>(source: S) -> impl AsyncChunkSource<Key = S::Key, Item = S::Item> {
    ///     let policy = ExponentialBuilder::default().with_max_times(5);
    ///     Retry::new(source, policy, |_: &S::Error| true).with_async_sleep(tokio::time::sleep)
    /// }
    /// ```
    #[cfg(feature = "async")]
    pub fn with_async_sleep<Z2: Sleeper>(self, sleep: Z2) -> Retry<S, B, W, Z2> {
        self.waiting_by(sleep)
    }

    fn waiting_by<Z2>(self, sleep: Z2) -> Retry<S, B, W, Z2> {
        Retry {
            source: self.source,
            policy: self.policy,
            when: self.when,
            sleep,
            retries: self.retries,
        }
    }

    /// Returns the number of retries so far, over all requests; 0 if nothing failed.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// Returns the wrapped source, to reach its store while walking.
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// Returns the wrapped source, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// Unwraps the source.
    pub fn into_inner(self) -> S {
        self.source
    }
}

impl<S: Source, B, W, Z> Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool,
{
    /// Returns how long to wait before the next try.
    fn delay(&mut self, delays: &mut B::Backoff, error: S::Error) -> Result<Duration, S::Error> {
        match (self.when)(&error).then(|| delays.next()).flatten() {
            Some(delay) => Ok(delay),
            None => Err(error),
        }
    }
}

impl<S: ChunkSource, B, W, Z> Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool,
    Z: FnMut(Duration),
{
    fn ask<T>(
        &mut self,
        mut question: impl FnMut(&mut S) -> Result<T, S::Error>,
    ) -> Result<T, S::Error> {
        let mut delays = self.policy.clone().build();
        loop {
            let error = match question(&mut self.source) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let delay = self.delay(&mut delays, error)?;
            (self.sleep)(delay);
            self.retries += 1;
        }
    }
}

// Tokens are those of the wrapped source: the wrapper can be added or removed when a walk is resumed. Failures
// to encode or decode a token are not retried.
forward_source!([S: Source, B, W, Z] Retry<S, B, W, Z> => S, |retry| retry.source);

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource, B, W, Z> ChunkSource for Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool,
    Z: FnMut(Duration),
{
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        let len = chunk.len();
        self.ask(|source| {
            chunk.truncate(len);
            source.fetch(range, chunk)
        })
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.ask(|source| source.last_key(range))
    }
}

impl<S: SplitSource, B, W, Z> SplitSource for Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool,
    Z: FnMut(Duration),
{
    fn split_points(
        &mut self,
        range: &KeyRange<S::Key>,
        parts: usize,
    ) -> Result<Vec<S::Key>, S::Error> {
        self.ask(|source| source.split_points(range, parts))
    }
}

#[cfg(feature = "async")]
impl<S: AsyncChunkSource, B, W, Z> Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool + Send,
    Z: Sleeper<Sleep: Send> + Send,
{
    async fn wait(&mut self, delays: &mut B::Backoff, error: S::Error) -> Result<(), S::Error> {
        let delay = self.delay(delays, error)?;
        self.sleep.sleep(delay).await;
        self.retries += 1;
        Ok(())
    }
}

#[cfg(feature = "async")]
#[deny(clippy::missing_trait_methods)]
impl<S: AsyncChunkSource, B, W, Z> AsyncChunkSource for Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool + Send,
    Z: Sleeper<Sleep: Send> + Send,
{
    async fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        let (len, mut delays) = (chunk.len(), self.policy.clone().build());
        loop {
            chunk.truncate(len);
            match self.source.fetch(range, chunk).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => self.wait(&mut delays, error).await?,
            }
        }
    }

    async fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        let mut delays = self.policy.clone().build();
        loop {
            match self.source.last_key(range).await {
                Ok(last) => return Ok(last),
                Err(error) => self.wait(&mut delays, error).await?,
            }
        }
    }
}

#[cfg(feature = "async")]
impl<S: AsyncSplitSource, B, W, Z> AsyncSplitSource for Retry<S, B, W, Z>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool + Send,
    Z: Sleeper<Sleep: Send> + Send,
{
    async fn split_points(
        &mut self,
        range: &KeyRange<S::Key>,
        parts: usize,
    ) -> Result<Vec<S::Key>, S::Error> {
        let mut delays = self.policy.clone().build();
        loop {
            match self.source.split_points(range, parts).await {
                Ok(points) => return Ok(points),
                Err(error) => self.wait(&mut delays, error).await?,
            }
        }
    }
}

/// Prints the source and the number of retries.
impl<S: fmt::Debug, B, W, Z> fmt::Debug for Retry<S, B, W, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("source", &self.source)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}
