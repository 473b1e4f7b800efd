use alloc::boxed::Box;
use core::pin::Pin;

use crate::chunk::Chunk;
use crate::range::KeyRange;
use crate::source::{Fetched, Keyed, LastKey, Source};

/// A store that is fetched from asynchronously. It is [`ChunkSource`](crate::ChunkSource) with futures: the contract is
/// the same, and so are chunks, tokens and guarantees.
///
/// [`Walk::async_chunks`](crate::Walk::async_chunks) and `Walk::stream` walk it. No runtime is needed or named: the
/// source does the waiting. Use it for clients that are asynchronous themselves. In an asynchronous program,
/// keywalk-tokio turns a blocking source into one.
///
/// # Implementing
///
/// Implement [`Source`] and [`fetch`](Self::fetch), as an `async fn`. Its future must be `Send`, so that a walk can run
/// in a spawned task.
///
/// ```
/// use std::convert::Infallible;
/// use keywalk::{AsyncChunkSource, Chunk, Error, Fetched, KeyRange, Order, Source, Walk};
///
/// /// The squares of the whole numbers from 0 to 99, by number.
/// struct Squares;
///
/// impl Source for Squares {
///     type Key = u32;
///     type Item = (u32, u32);
///     type Error = Infallible;
/// }
///
/// impl Squares {
///     /// Here a store would wait for its server.
///     async fn numbers(&self, range: &KeyRange<u32>) -> Vec<u32> {
///         let numbers = (0..100).filter(|n| range.may_contain(n));
///         match range.order() {
///             Order::Ascending => numbers.collect(),
///             Order::Descending => numbers.rev().collect(),
///         }
///     }
/// }
///
/// impl AsyncChunkSource for Squares {
///     async fn fetch(
///         &mut self,
///         range: &KeyRange<u32>,
///         chunk: &mut Chunk<(u32, u32)>,
///     ) -> Result<Fetched<u32>, Infallible> {
///         let numbers = self.numbers(range).await;
///         Ok(match chunk.fill_from(numbers.into_iter().map(|n| (n, n * n))) {
///             true => Fetched::More,
///             false => Fetched::End,
///         })
///     }
/// }
///
/// async fn sum() -> Result<u32, Error<Infallible>> {
///     let mut chunks = Walk::new(Squares).range(3..=5).async_chunks();
///     let mut sum = 0;
///     while let Some(items) = chunks.next().await? {
///         sum += items.iter().map(|(_, square)| square).sum::<u32>();
///     }
///     Ok(sum)
/// }
/// # let sum = std::pin::pin!(sum());
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert_eq!(sum.poll(&mut context), std::task::Poll::Ready(Ok(9 + 16 + 25)));
/// ```
///
/// To support tokens, implement [`ResumableSource`](crate::ResumableSource) too. Its methods never wait. The
/// [contract](crate::ChunkSource#contract) and [hints](crate::ChunkSource#implementing) of blocking sources apply.
///
/// # Dropped futures
///
/// A timeout or `select!` drops the future of a fetch at any `.await` (clause 7 of the contract). The next fetch must
/// then return its own rows. Some clients return rows of the query that was dropped, or leave a transaction open. If
/// yours does, note in the source that a fetch is running, and replace the connection if the note still stands at the
/// next fetch.
///
/// # Wrapping
///
/// `&mut S`, `Box<S>` and `Box<dyn DynAsyncChunkSource<Key = K, Item = T, Error = E>>` are sources. For a wrapper of
/// your own, [`forward_source!`](crate::forward_source) implements all but this trait.
#[diagnostic::on_unimplemented(
    message = "an asynchronous walk can't go over `{Self}`: it is no `AsyncChunkSource`",
    label = "not an asynchronous source",
    note = "walk a blocking source with `items()` or `chunks()`; in an asynchronous program, `Offload` of \
            keywalk-tokio makes it asynchronous",
    note = "keywalk-retry's `Retry` is one if it knows how to wait: `retry.with_async_sleep(tokio::time::sleep)`",
    note = "for a store of your own implement `Source` (its types) and `AsyncChunkSource` (`fetch`)"
)]
pub trait AsyncChunkSource: Source<Key: Send + Sync, Item: Send, Error: Send> + Send {
    /// Fills `chunk` with the next items of `range`; see [`ChunkSource::fetch`](crate::ChunkSource::fetch).
    ///
    /// A caller may drop the future at any point, and fetch the same range again.
    ///
    /// # Errors
    ///
    /// The store's own. The walk then yields nothing of this fetch.
    fn fetch(
        &mut self,
        range: &KeyRange<Self::Key>,
        chunk: &mut Chunk<Self::Item>,
    ) -> impl Future<Output = Result<Fetched<Self::Key>, Self::Error>> + Send;

    /// Returns the last key of `range`; see [`ChunkSource::last_key`](crate::ChunkSource::last_key).
    ///
    /// # Errors
    ///
    /// The store's own.
    fn last_key(
        &mut self,
        range: &KeyRange<Self::Key>,
    ) -> impl Future<Output = Result<LastKey<Self::Key>, Self::Error>> + Send {
        let _ = range;
        async { Ok(LastKey::Unknown) }
    }
}

/// A future in a box, which can be sent to another thread.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`AsyncChunkSource`] for `dyn`: `Box<dyn DynAsyncChunkSource<Key = K, Item = T, Error = E>>` is a source, and so is
/// `&mut dyn`. Use it for sources of several types in one place. It costs one allocation per request.
///
/// Every asynchronous source implements it. Never implement it yourself.
///
/// ```
/// use keywalk::{AsyncChunkSource, DynAsyncChunkSource};
///
/// type Users = Box<dyn DynAsyncChunkSource<Key = i64, Item = (i64, String), Error = std::io::Error>>;
///
/// fn users(primary: Users, replica: Option<Users>) -> impl AsyncChunkSource {
///     replica.unwrap_or(primary)
/// }
/// ```
pub trait DynAsyncChunkSource: Source<Key: Send + Sync, Item: Send, Error: Send> + Send {
    /// [`AsyncChunkSource::fetch`], in a box.
    fn fetch_boxed<'a>(
        &'a mut self,
        range: &'a KeyRange<Self::Key>,
        chunk: &'a mut Chunk<Self::Item>,
    ) -> BoxFuture<'a, Result<Fetched<Self::Key>, Self::Error>>;

    /// [`AsyncChunkSource::last_key`], in a box.
    fn last_key_boxed<'a>(
        &'a mut self,
        range: &'a KeyRange<Self::Key>,
    ) -> BoxFuture<'a, Result<LastKey<Self::Key>, Self::Error>>;
}

#[diagnostic::do_not_recommend]
impl<S: AsyncChunkSource> DynAsyncChunkSource for S {
    fn fetch_boxed<'a>(
        &'a mut self,
        range: &'a KeyRange<S::Key>,
        chunk: &'a mut Chunk<S::Item>,
    ) -> BoxFuture<'a, Result<Fetched<S::Key>, S::Error>> {
        Box::pin(self.fetch(range, chunk))
    }

    fn last_key_boxed<'a>(
        &'a mut self,
        range: &'a KeyRange<S::Key>,
    ) -> BoxFuture<'a, Result<LastKey<S::Key>, S::Error>> {
        Box::pin(self.last_key(range))
    }
}

macro_rules! pointers {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<S: AsyncChunkSource> AsyncChunkSource for $pointer {
            fn fetch(
                &mut self,
                range: &KeyRange<S::Key>,
                chunk: &mut Chunk<S::Item>,
            ) -> impl Future<Output = Result<Fetched<S::Key>, S::Error>> + Send {
                (**self).fetch(range, chunk)
            }

            fn last_key(
                &mut self,
                range: &KeyRange<S::Key>,
            ) -> impl Future<Output = Result<LastKey<S::Key>, S::Error>> + Send {
                (**self).last_key(range)
            }
        }
    )+};
}

pointers!(&mut S, Box<S>);

/// A source of unknown type, behind a pointer.
macro_rules! dyn_pointers {
    ($([$($a:lifetime)?] $pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<$($a,)? 's, K, T, E> AsyncChunkSource for $pointer
        where
            K: Clone + PartialOrd + Send + Sync,
            T: Keyed<K> + Send,
            E: Send,
        {
            async fn fetch(
                &mut self,
                range: &KeyRange<K>,
                chunk: &mut Chunk<T>,
            ) -> Result<Fetched<K>, E> {
                (**self).fetch_boxed(range, chunk).await
            }

            async fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, E> {
                (**self).last_key_boxed(range).await
            }
        }
    )+};
}

type Dyn<'s, K, T, E> = dyn DynAsyncChunkSource<Key = K, Item = T, Error = E> + 's;

dyn_pointers!(['a] &'a mut Dyn<'s, K, T, E>, [] Box<Dyn<'s, K, T, E>>);
