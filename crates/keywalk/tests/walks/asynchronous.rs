//! What only an asynchronous walk can do: wait, be dropped, and be sent to another thread. That it is the same walk is
//! said where every walk is exact.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;
use keywalk::{AsyncChunkSource, DynAsyncChunkSource, ResumableSource, Token, Walk};
use proptest::prelude::*;

use crate::exact::{Spec, expected, spec};
use crate::shelf::{Broken, Shelf, numbers};
use crate::ways::{block_on, poll};

/// Compiles for sources of unknown type: each future can be spawned.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` would be `Send` for some sources only"
)]
fn spawned<S: AsyncChunkSource + ResumableSource + 'static>(
    mut source: S,
    mut unknown: Box<dyn DynAsyncChunkSource<Key = S::Key, Item = S::Item, Error = S::Error>>,
) -> impl Future<Output = Option<u64>> + Send + 'static {
    async move {
        let count = Walk::new(&mut source).async_count().await.ok()?;
        let mut chunks = Walk::new(&mut unknown).async_chunks();
        while chunks.next().await.ok()?.is_some() {}
        let mut chunks = Walk::new(&mut *unknown).async_chunks();
        chunks.step().await.ok()?;
        let mut stream = Walk::new(&mut source).chunk_size(2).stream();
        std::future::poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await;
        drop(stream);
        let page = Walk::new(source).async_page(2, None).await.ok()?;
        Some(count + page.items.len() as u64)
    }
}

#[test]
fn walks_over_any_source_and_over_pointers_to_it_can_be_spawned() {
    let count = spawned(numbers(9), Box::new(Box::new(numbers(9))));
    assert_eq!(
        std::thread::spawn(|| block_on(count)).join().unwrap(),
        Some(11)
    );
}

#[test]
fn pointers_to_asynchronous_sources_forward_every_method() {
    fn is_walked<S: AsyncChunkSource<Key = i64, Item = i64, Error = Broken>>(source: S) {
        let mut chunks = Walk::new(source).chunk_size(4).async_chunks();
        while block_on(chunks.next()).unwrap().is_some() {}
        // The last key, and two chunks: the last key's own fetch wasn't needed.
        assert_eq!((chunks.stats().items(), chunks.stats().queries()), (7, 3));
    }
    type Dyn = dyn DynAsyncChunkSource<Key = i64, Item = i64, Error = Broken>;
    is_walked(&mut Box::new(numbers(7)));
    is_walked::<&mut Dyn>(&mut numbers(7));
    is_walked::<Box<Dyn>>(Box::new(numbers(7)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// It goes on as an asynchronous or a blocking one, by cursor or by token, from where the future was dropped.
    #[test]
    fn a_walk_that_is_left_at_any_poll_goes_on_and_nothing_is_lost_or_repeated(
        spec in spec(),
        moves in prop::collection::vec((0..3_u8, 1..9_usize, any::<bool>()), 1..20),
    ) {
        let expected = expected(&spec);
        let shelf = spec.shelf();
        let mut walk = spec.walk(shelf.clone());
        let mut seen = Vec::new();
        // An unbounded walk that ends stays where it is.
        for (way, polls, by_token) in moves.into_iter().chain([(2, usize::MAX, false)]) {
            let (cursor, token) = match way {
                0 => {
                    let mut chunks = walk.async_chunks();
                    if let Some(chunk) = poll(chunks.next(), polls) {
                        seen.extend_from_slice(chunk.unwrap().unwrap_or_default());
                    }
                    (chunks.cursor(), chunks.token())
                }
                1 => {
                    let mut stream = walk.stream();
                    for _ in 0..polls {
                        let mut context = Context::from_waker(Waker::noop());
                        if let Poll::Ready(Some(item)) = Pin::new(&mut stream).poll_next(&mut context) {
                            seen.push(item.unwrap());
                        }
                    }
                    (stream.cursor(), stream.token())
                }
                _ => {
                    let mut items = walk.items();
                    seen.extend(items.by_ref().take(polls / 2).map(Result::unwrap));
                    (items.cursor(), items.token())
                }
            };
            let token: Token = token.unwrap();
            prop_assert_eq!(&token.cursor(&shelf).unwrap(), &cursor);
            walk = Walk::new(shelf.clone()).chunk_size(spec.size);
            walk = match by_token {
                true => walk.resume_token(&token).unwrap(),
                false => walk.resume(cursor),
            };
        }
        prop_assert_eq!(seen, expected);
    }
}

/// Counts how often it wakes.
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// The only way to reach a source that a fetch uses.
#[test]
fn the_first_token_of_a_stream_cancels_its_fetch_and_wakes_its_task_and_no_other_does() {
    let shelf = numbers(0);
    let mut stream = Walk::new(shelf.clone()).stream();
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut woken = Vec::new();
    // The last key is waited for; then it is cancelled; then it is waited for again.
    let mut context = Context::from_waker(&waker);
    while Pin::new(&mut stream).poll_next(&mut context).is_pending() {
        for _ in 0..2 {
            let before = wakes.0.load(SeqCst);
            assert_eq!(stream.token(), Walk::new(shelf.clone()).token());
            woken.push(wakes.0.load(SeqCst) - before);
        }
    }
    assert_eq!(woken, [1, 0, 0, 0]);
    assert!(stream.cursor().is_done());
}

#[test]
fn a_stream_that_is_dropped_or_unwrapped_in_flight_drops_its_fetch() {
    let of = |shelf: Shelf| {
        let mut stream = Walk::new(shelf).stream();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut stream).poll_next(&mut context).is_pending());
        stream
    };
    let shelf = numbers(4);
    let watch = shelf.watch.clone();
    let source = of(shelf).into_source();
    assert!(
        Spec::of(0..4, 2)
            .walk(source.clone())
            .items()
            .map(Result::unwrap)
            .eq(0..4)
    );
    drop(of(source));
    assert!(!watch.is_held());
}
