use alloc::boxed::Box;
use core::pin::Pin;

use crate::chunk::Chunk;
use crate::range::KeyRange;
use crate::source::{Fetched, Keyed, LastKey, Source};

/// A store that is fetched from asynchronously. It is [`ChunkSource`](crate::ChunkSource) with futures: the contract is
/// the same, and so are chunks, tokens and guarantees.
///
/// Implement its methods as `async fn`. Their futures must be `Send`, so that a walk can run in a spawned task.
pub trait AsyncChunkSource: Source<Key: Send + Sync, Item: Send, Error: Send> + Send {
    /// Fills `chunk` with the next items of `range`; see [`ChunkSource::fetch`](crate::ChunkSource::fetch).
    ///
    /// A caller may drop the future at any point, and fetch the same range again (clause 7 of the contract).
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

/// [`AsyncChunkSource`] for `dyn`: `Box<dyn DynAsyncChunkSource<Key = K, Item = T, Error = E>>` is a source.
///
/// Every asynchronous source implements it. Never implement it yourself.
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
