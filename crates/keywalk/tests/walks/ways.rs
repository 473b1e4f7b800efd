//! The ways to go through a walk, by one face.

use keywalk::{ChunkSource, Chunks, Cursor, Driver, Error, Items, Stats, Step, Token, Walk};

use crate::shelf::{Broken, Shelf, Stored};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// One question at a time.
    Steps,
    Chunks,
    Items,
    /// Each item by a walk of its own, which goes on from the cursor of the one before.
    Resumed,
    /// As chunks, so many of them fetched ahead.
    ChunksAhead(usize),
    ItemsAhead(usize),
    /// As [`Way::Steps`], [`Way::Chunks`] and [`Way::Items`], of the shelf as an asynchronous source. Before each
    /// answer a future is dropped: after one poll, then after two, and so on.
    #[cfg(feature = "async")]
    AsyncSteps,
    #[cfg(feature = "async")]
    AsyncChunks,
    #[cfg(feature = "async")]
    Stream,
}

/// Those that yield what [`Way::Steps`], [`Way::Chunks`] and [`Way::Items`] yield, each with that one.
pub(crate) fn alike(depth: usize) -> Vec<(Way, Way)> {
    vec![
        (Way::ChunksAhead(depth), Way::Chunks),
        (Way::ItemsAhead(depth), Way::Items),
        #[cfg(feature = "async")]
        (Way::AsyncSteps, Way::Steps),
        #[cfg(feature = "async")]
        (Way::AsyncChunks, Way::Chunks),
        #[cfg(feature = "async")]
        (Way::Stream, Way::Items),
    ]
}

/// All but [`Way::Resumed`], which goes on where others end.
pub(crate) fn ways(depth: usize) -> impl Iterator<Item = Way> {
    let inline = [Way::Steps, Way::Chunks, Way::Items];
    inline
        .into_iter()
        .chain(alike(depth).into_iter().map(|(way, _)| way))
}

/// What came of a call: nothing at the end, and no items of a step that only moved.
pub(crate) type Came<K> = Result<Option<Vec<K>>, Error<Broken>>;

/// All that can be known of a walk between two calls.
#[derive(Debug, PartialEq)]
pub(crate) struct Place<K> {
    pub(crate) cursor: Cursor<K>,
    pub(crate) token: Result<Token, Error<Broken>>,
    pub(crate) stats: Stats,
    /// How many items there are ahead, of those who say.
    pub(crate) hint: Option<(usize, Option<usize>)>,
}

pub(crate) trait Going<K> {
    fn go(&mut self) -> Came<K>;

    fn place(&self) -> Place<K>;

    /// The cursor past an item that was lent.
    fn past(&self, _: K) -> Option<Cursor<K>> {
        None
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K>;
}

impl Way {
    pub(crate) fn start<K: Stored>(self, walk: Walk<Shelf<K>>, size: usize) -> Box<dyn Going<K>> {
        match self {
            Way::Steps => Box::new(Steps(walk.chunks())),
            Way::Chunks => Box::new(walk.chunks()),
            Way::Items => Box::new(walk.items()),
            Way::Resumed => Box::new(Resumed(Some(walk.items()), size)),
            Way::ChunksAhead(depth) => Box::new(walk.prefetch(depth).chunks()),
            Way::ItemsAhead(depth) => Box::new(walk.prefetch(depth).items()),
            #[cfg(feature = "async")]
            Way::AsyncSteps => Box::new(in_async::AsyncSteps(walk.async_chunks())),
            #[cfg(feature = "async")]
            Way::AsyncChunks => Box::new(walk.async_chunks()),
            #[cfg(feature = "async")]
            Way::Stream => Box::new(walk.stream()),
        }
    }
}

/// What a caller does to the items that are lent to it mustn't matter.
fn taken<K: Clone>(lent: &mut [K]) -> Vec<K> {
    let keys = lent.to_vec();
    let first = keys[0].clone();
    lent.fill(first);
    keys
}

impl<K: Stored, D: Driver<Shelf<K>>> Going<K> for Chunks<Shelf<K>, D> {
    fn go(&mut self) -> Came<K> {
        Ok(self.next()?.map(taken))
    }

    fn place(&self) -> Place<K> {
        Place {
            cursor: self.cursor(),
            token: self.token(),
            stats: self.stats(),
            hint: None,
        }
    }

    fn past(&self, key: K) -> Option<Cursor<K>> {
        Some(self.cursor_after(key))
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.into_source()
    }
}

impl<K: Stored, D: Driver<Shelf<K>>> Going<K> for Items<Shelf<K>, D> {
    fn go(&mut self) -> Came<K> {
        Ok(self.next().transpose()?.map(|key| vec![key]))
    }

    fn place(&self) -> Place<K> {
        Place {
            cursor: self.cursor(),
            token: self.token(),
            stats: self.stats(),
            hint: Some(self.size_hint()),
        }
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.into_source()
    }
}

struct Steps<S: ChunkSource>(Chunks<S>);

impl<K: Stored> Going<K> for Steps<Shelf<K>> {
    fn go(&mut self) -> Came<K> {
        Ok(match self.0.step()? {
            Step::Items([]) => panic!("an empty chunk"),
            Step::Items(items) => Some(taken(items)),
            Step::Progress => Some(Vec::new()),
            Step::End => None,
        })
    }

    fn place(&self) -> Place<K> {
        self.0.place()
    }

    fn past(&self, key: K) -> Option<Cursor<K>> {
        self.0.past(key)
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.0.into_source()
    }
}

/// The walk that yielded the last item, and the chunk size.
struct Resumed<S: ChunkSource>(Option<Items<S>>, usize);

impl<S: ChunkSource> Resumed<S> {
    fn items(&self) -> &Items<S> {
        self.0.as_ref().expect("there is always one")
    }
}

impl<K: Stored> Going<K> for Resumed<Shelf<K>> {
    fn go(&mut self) -> Came<K> {
        let items = self.0.take().expect("there is always one");
        let cursor = items.cursor();
        let walk = Walk::new(items.into_source()).resume(cursor);
        self.0.insert(walk.chunk_size(self.1).items()).go()
    }

    fn place(&self) -> Place<K> {
        self.items().place()
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.0.expect("there is always one").into_source()
    }
}

#[cfg(feature = "async")]
mod in_async {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use futures_core::Stream;
    use futures_core::stream::FusedStream;
    use keywalk::{AsyncChunks, AsyncItems, Step};

    use super::{Came, Going, Place, Shelf, Stored, taken};
    use keywalk::Cursor;

    /// Polls until it is ready, so many times at most.
    pub(crate) fn poll<R>(future: impl Future<Output = R>, times: usize) -> Option<R> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
            Poll::Ready(ready) => Some(ready),
            Poll::Pending => None,
        })
    }

    pub(crate) fn block_on<R>(future: impl Future<Output = R>) -> R {
        poll(future, usize::MAX).expect("it is ready some time")
    }

    /// Drops a future after one poll, the next one after two, and so on, until one is ready.
    fn impatiently<W, R>(walk: &mut W, call: impl AsyncFn(&mut W) -> R) -> R {
        (1..)
            .find_map(|polls| poll(call(walk), polls))
            .expect("it is ready some time")
    }

    impl<K: Stored> Going<K> for AsyncChunks<Shelf<K>> {
        fn go(&mut self) -> Came<K> {
            impatiently(self, async |chunks| Ok(chunks.next().await?.map(taken)))
        }

        fn place(&self) -> Place<K> {
            Place {
                cursor: self.cursor(),
                token: self.token(),
                stats: self.stats(),
                hint: None,
            }
        }

        fn past(&self, key: K) -> Option<Cursor<K>> {
            Some(self.cursor_after(key))
        }

        fn into_shelf(self: Box<Self>) -> Shelf<K> {
            self.into_source()
        }
    }

    pub(super) struct AsyncSteps<K: Stored>(pub(super) AsyncChunks<Shelf<K>>);

    impl<K: Stored> Going<K> for AsyncSteps<K> {
        fn go(&mut self) -> Came<K> {
            impatiently(&mut self.0, async |chunks| {
                Ok(match chunks.step().await? {
                    Step::Items([]) => panic!("an empty chunk"),
                    Step::Items(items) => Some(taken(items)),
                    Step::Progress => Some(Vec::new()),
                    Step::End => None,
                })
            })
        }

        fn place(&self) -> Place<K> {
            self.0.place()
        }

        fn past(&self, key: K) -> Option<Cursor<K>> {
            self.0.past(key)
        }

        fn into_shelf(self: Box<Self>) -> Shelf<K> {
            self.0.into_source()
        }
    }

    /// While a fetch is in flight, the place is the one before it.
    impl<K: Stored> Going<K> for AsyncItems<'_, Shelf<K>> {
        fn go(&mut self) -> Came<K> {
            let before = self.place();
            let mut context = Context::from_waker(Waker::noop());
            loop {
                let is_over = self.is_terminated();
                match Pin::new(&mut *self).poll_next(&mut context) {
                    Poll::Ready(item) => {
                        assert!(
                            !is_over && item.is_some() || self.is_terminated() && item.is_none()
                        );
                        return Ok(item.transpose()?.map(|key| vec![key]));
                    }
                    Poll::Pending => {
                        let Place {
                            cursor,
                            token,
                            stats,
                            ..
                        } = self.place();
                        assert_eq!((cursor, stats), (before.cursor.clone(), before.stats));
                        assert_eq!(token, before.token);
                    }
                }
            }
        }

        fn place(&self) -> Place<K> {
            Place {
                cursor: self.cursor(),
                token: self.token(),
                stats: self.stats(),
                hint: Some(self.size_hint()),
            }
        }

        fn into_shelf(self: Box<Self>) -> Shelf<K> {
            self.into_source()
        }
    }
}
#[cfg(feature = "async")]
pub(crate) use in_async::{block_on, poll};
