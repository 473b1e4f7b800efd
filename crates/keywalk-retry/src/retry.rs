use std::fmt;
use std::thread;
use std::time::Duration;

use backon::BackoffBuilder;
use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, forward_source};

/// A source that asks another one again where that failed.
///
/// Each fetch, and the question for the last key, has the whole policy to itself: it is asked once,
/// and then once after each of the policy's delays, until it succeeds or fails for good. What a failed
/// fetch put into the chunk is thrown away. When the policy has no further delay, or the error isn't
/// worth another try, the error is the walk's, which ends (G11), and its cursor is right.
///
/// The thread sleeps meanwhile, and holds nothing of the store.
///
/// # Bounded
///
/// A fetch fails for good after as many tries as the policy has. [`ExponentialBuilder`] has three
/// delays by default: 1, 2 and 4 seconds. For SQLite set a busy timeout too (rusqlite's is 5 seconds):
/// it is the store's own way to wait, and comes before the first failure.
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

impl<S: ChunkSource, B, W> Retry<S, B, W>
where
    B: BackoffBuilder + Clone,
    W: FnMut(&S::Error) -> bool,
{
    /// Asks `source` again, by this policy, `when` this says of the error that another try is worth it.
    /// `when` hears of every failure, also of the last one, and may log it. Asks the store nothing yet.
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
    /// Waits in another way than by putting the thread to sleep, the default. The closure gets each delay
    /// before the next try.
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
        Retry {
            source: self.source,
            policy: self.policy,
            when: self.when,
            sleep,
            retries: self.retries,
        }
    }

    /// How many times it has asked again so far, over all questions; 0 if nothing failed.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// The source inside, to reach its store while walking.
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// The source inside, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// Takes the source out.
    pub fn into_inner(self) -> S {
        self.source
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
                Err(error) if (self.when)(&error) => error,
                answer => return answer,
            };
            let Some(delay) = delays.next() else {
                return Err(error);
            };
            (self.sleep)(delay);
            self.retries += 1;
        }
    }
}

// Its tokens are those of the source inside: a walk may be wrapped when it is resumed, or no longer be. What fails as a
// token is made or read isn't asked again.
forward_source!([S: ChunkSource, B, W, Z] Retry<S, B, W, Z> => S, |retry| retry.source);

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

/// Prints the source, and how many times it was asked again.
impl<S: fmt::Debug, B, W, Z> fmt::Debug for Retry<S, B, W, Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("source", &self.source)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}
