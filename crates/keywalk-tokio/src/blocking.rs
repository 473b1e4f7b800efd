use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keywalk::{
    AsyncChunkSource, AsyncSplitSource, Chunk, ChunkSource, Fetched, KeyRange, LastKey,
    SplitSource, forward_source,
};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// An asynchronous source as a blocking one. Everything that takes a [`ChunkSource`] then works over it: `for` loops,
/// prefetched walks, jobs and the conformance kit.
///
/// Each request blocks the calling thread until the runtime has completed it. Tokens are those of the source inside.
///
/// ```
/// use keywalk::{AsyncChunkSource, Error, Walk};
/// use keywalk_tokio::Blocking;
/// use tokio::runtime::Handle;
///
/// fn print_all<S>(source: S, runtime: &Handle) -> Result<(), Error<S::Error>>
/// where
///     S: AsyncChunkSource<Item: std::fmt::Debug>,
/// {
///     for item in Walk::new(Blocking::new(source, runtime.clone())) {
///         println!("{:?}", item?);
///     }
///     Ok(())
/// }
/// ```
///
/// # Panics
///
/// A request panics inside asynchronous code, where blocking would stop other tasks. There, use
/// [`Walk::async_chunks`](keywalk::Walk::async_chunks) or [`Walk::stream`](keywalk::Walk::stream) over the source
/// itself, or move the blocking walk to [`spawn_blocking`](tokio::task::spawn_blocking).
#[must_use = "a source does nothing until it is walked"]
pub struct Blocking<S> {
    // Dropped before its runtime.
    source: S,
    runtime: Waiter,
}

impl<S: AsyncChunkSource> Blocking<S> {
    /// Wraps `source`, which lives in this multi-thread runtime.
    ///
    /// # Panics
    ///
    /// If the runtime has a single thread. Nothing would then drive the source's connection while this thread waits.
    #[track_caller]
    pub fn new(source: S, runtime: Handle) -> Self {
        assert!(
            runtime.runtime_flavor() != RuntimeFlavor::CurrentThread,
            "a current-thread runtime doesn't drive connections while a thread waits for it: pass the handle of a \
             multi-thread runtime, or create the source in a runtime of its own with `Blocking::open`"
        );
        let runtime = Waiter {
            handle: runtime,
            own: None,
        };
        Blocking { source, runtime }
    }

    /// Creates a runtime for the source alone, and in it the source. The runtime runs on the calling thread, and
    /// only during requests. So a connection that the source opens is idle between two of them.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::io;
    /// use std::sync::{Arc, RwLock};
    ///
    /// use keywalk::Walk;
    /// use keywalk_memory::SharedMap;
    /// use keywalk_tokio::{Blocking, Offload};
    ///
    /// let map = Arc::new(RwLock::new(BTreeMap::from([(1, "one"), (2, "two")])));
    /// // Usually, this connects to a database.
    /// let source = Blocking::open(async { Ok::<_, io::Error>(Offload::new(SharedMap::new(map))) })?;
    /// assert_eq!(Walk::new(source).items().count(), 2);
    /// # Ok::<(), io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The future's own, or that of the system if it can't create a runtime.
    ///
    /// # Panics
    ///
    /// Inside asynchronous code, as a request does.
    pub fn open<E: From<io::Error>>(source: impl Future<Output = Result<S, E>>) -> Result<Self, E> {
        let own = Builder::new_current_thread().enable_all().build()?;
        let runtime = Waiter {
            handle: own.handle().clone(),
            own: Some(own),
        };
        let source = runtime.block_on(source)?;
        Ok(Blocking { source, runtime })
    }
}

impl<S> Blocking<S> {
    /// Returns the wrapped source, to reach its store while walking.
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// Returns the wrapped source, to change it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.source
    }
}

forward_source!([S: AsyncChunkSource] Blocking<S> => S, |blocking| blocking.source);

#[deny(clippy::missing_trait_methods)]
impl<S: AsyncChunkSource> ChunkSource for Blocking<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.runtime.block_on(self.source.fetch(range, chunk))
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.runtime.block_on(self.source.last_key(range))
    }
}

impl<S: AsyncSplitSource> SplitSource for Blocking<S> {
    fn split_points(
        &mut self,
        range: &KeyRange<S::Key>,
        parts: usize,
    ) -> Result<Vec<S::Key>, S::Error> {
        self.runtime
            .block_on(self.source.split_points(range, parts))
    }
}

/// Prints the source.
impl<S: fmt::Debug> fmt::Debug for Blocking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Blocks a thread until a future is complete.
struct Waiter {
    handle: Handle,
    own: Option<Runtime>,
}

impl Waiter {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let has_begun = Cell::new(false);
        let future = async {
            has_begun.set(true);
            future.await
        };
        let waited = catch_unwind(AssertUnwindSafe(|| match &self.own {
            Some(runtime) => runtime.block_on(future),
            None => self.handle.block_on(future),
        }));
        waited.unwrap_or_else(|panic| {
            // tokio's own message doesn't know the cure.
            assert!(
                has_begun.get(),
                "a blocking walk was called in asynchronous code: use `Walk::async_chunks` or `Walk::stream` \
                 without `Blocking` there, or move the walk to `tokio::task::spawn_blocking`"
            );
            resume_unwind(panic)
        })
    }
}

impl Drop for Waiter {
    /// Doesn't wait, so that a source can be dropped in asynchronous code, too.
    fn drop(&mut self) {
        if let Some(runtime) = self.own.take() {
            runtime.shutdown_background();
        }
    }
}
