//! Walks through the bridges, whose futures are dropped, whose source fails or panics, and whose chunks come ahead.

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use keywalk::{
    AsyncChunkSource, Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order,
    ResumableSource, Source, SplitSource, Walk,
};
use keywalk_tokio::{Blocking, Offload, ahead};
use tokio::runtime::{Builder, Runtime};

/// The numbers below `len` as text, which is refilled in place.
#[derive(Clone, Default)]
struct Numbers {
    len: u32,
    /// Counts fetches. They wait while a test holds it.
    fetches: Arc<Mutex<u32>>,
    /// The fetches that do something else than fill the chunk.
    fails: Option<u32>,
    panics: Option<u32>,
}

impl Numbers {
    fn new(len: u32) -> Self {
        Numbers {
            len,
            ..Numbers::default()
        }
    }

    fn fetches(&self) -> MutexGuard<'_, u32> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Numbers {
    type Key = u32;
    type Item = (u32, String);
    type Error = String;
}

impl ChunkSource for Numbers {
    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<(u32, String)>,
    ) -> Result<Fetched<u32>, String> {
        let mut fetches = self.fetches();
        *fetches += 1;
        assert_ne!(Some(*fetches), self.panics, "broken");
        if Some(*fetches) == self.fails {
            return Err("lost".to_owned());
        }
        for number in (0..self.len).filter(|number| range.may_contain(number)) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push_with(|(key, text)| {
                *key = number;
                text.clear();
                text.push_str(&number.to_string());
            });
        }
        Ok(Fetched::End)
    }

    fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, String> {
        Ok((0..self.len)
            .rev()
            .find(|number| range.may_contain(number))
            .into())
    }
}

impl SplitSource for Numbers {
    fn split_points(&mut self, _: &KeyRange<u32>, parts: usize) -> Result<Vec<u32>, String> {
        Ok(keywalk::even_split_points(0..self.len, parts))
    }
}

/// Its futures are ready at once.
impl AsyncChunkSource for Numbers {
    async fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<(u32, String)>,
    ) -> Result<Fetched<u32>, String> {
        ChunkSource::fetch(self, range, chunk)
    }

    async fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, String> {
        ChunkSource::last_key(self, range)
    }
}

impl ResumableSource for Numbers {
    fn fingerprint(&self) -> Result<Fingerprint, String> {
        Ok(Fingerprint::new("numbers"))
    }

    fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
        bytes.extend(key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, String> {
        Ok(bytes.try_into().ok().map(u32::from_be_bytes))
    }
}

fn threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("the system has threads")
}

fn one_thread() -> Runtime {
    let runtime = Builder::new_current_thread().build();
    runtime.expect("the system has resources")
}

/// Walks until a thousand futures were dropped on the way: before they run, while their fetch is held up, and after
/// a few polls.
macro_rules! walk_with_drops {
    ($numbers:ident, $chunks:expr) => {{
        let (mut drops, mut seed) = (0, 1_u64);
        while drops < 1_000 {
            let (mut chunks, mut keys) = ($chunks, Vec::new());
            loop {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let way = (seed >> 33) % 8;
                let held = (way == 1).then(|| $numbers.fetches());
                let mut polls = 0;
                let mut next = pin!(chunks.next());
                let next = poll_fn(|context| {
                    while polls < way.min(4) {
                        polls += 1;
                        if let Poll::Ready(items) = next.as_mut().poll(context) {
                            return Poll::Ready(Some(items));
                        }
                        std::thread::yield_now();
                    }
                    // Half of them go on to the end.
                    if way < 4 {
                        Poll::Ready(None)
                    } else {
                        next.as_mut().poll(context).map(Some)
                    }
                });
                match next.await {
                    None => drops += 1,
                    Some(items) => match items.unwrap() {
                        Some(items) => keys.extend(items.iter().map(|(key, _)| *key)),
                        None => break,
                    },
                }
                drop(held);
            }
            assert!(keys.into_iter().eq(0..$numbers.len));
        }
    }};
}

#[test]
fn a_thousand_dropped_futures_lose_and_repeat_nothing() {
    for runtime in [one_thread(), threads()] {
        runtime.block_on(async {
            let numbers = Numbers::new(2_000);
            let walk = || Walk::new(Offload::new(numbers.clone())).chunk_size(1);
            walk_with_drops!(numbers, walk().async_chunks());
            walk_with_drops!(numbers, ahead(walk().async_chunks(), 2));
        });
    }
}

#[test]
fn a_split_through_the_bridges_is_that_of_the_source() {
    let parts = Walk::new(Numbers::new(40)).split(4);
    assert_eq!(parts.as_ref().map(Vec::len), Ok(4));
    let runtime = threads();
    let offloaded = || Offload::new(Numbers::new(40));
    assert_eq!(
        runtime.block_on(Walk::new(offloaded()).async_split(4)),
        parts
    );
    let blocking = Blocking::new(offloaded(), runtime.handle().clone());
    assert_eq!(Walk::new(blocking).split(4), parts);
}

/// What a walk yields: each chunk, or how it ended, with the cursor and the counts after it.
macro_rules! trace {
    ($chunks:expr, |$walk:ident| $token:expr) => {{
        let mut $walk = $chunks;
        let mut trace = Vec::new();
        for _ in 0..12 {
            let next = $walk
                .next()
                .await
                .map(|items| items.map(|items| items.to_vec()));
            let token = $token.map(|token| token.to_string());
            let (stats, cursor) = ($walk.stats(), $walk.cursor());
            let counts = (stats.items(), stats.chunks(), stats.queries());
            trace.push((next, $walk.items().to_vec(), cursor, token, counts));
        }
        trace
    }};
}

#[test]
fn chunks_ahead_are_those_of_the_walk_with_its_cursors_counts_tokens_and_errors() {
    for fails in [None, Some(1), Some(3)] {
        for size in [1, 4, 5, 99] {
            for depth in 0..4 {
                one_thread().block_on(async {
                    let walk = || {
                        let numbers = Numbers {
                            fails,
                            ..Numbers::new(10)
                        };
                        Walk::new(Offload::new(numbers))
                            .chunk_size(size)
                            .limit(9)
                            .async_chunks()
                    };
                    let expected = trace!(walk(), |walk| walk.token());
                    assert_eq!(
                        trace!(ahead(walk(), depth), |walk| walk.token().await),
                        expected
                    );
                });
            }
        }
    }
}

#[test]
fn refilled_items_keep_their_memory() {
    /// Counts the texts that were allocated.
    macro_rules! texts {
        ($chunks:expr) => {{
            let (mut chunks, mut texts) = ($chunks, HashSet::new());
            while let Some(items) = chunks.next().await.unwrap() {
                texts.extend(items.iter().map(|(_, text)| text.as_ptr()));
            }
            texts.len()
        }};
    }
    one_thread().block_on(async {
        let walk = Walk::new(Offload::new(Numbers::new(200))).chunk_size(5);
        assert_eq!(texts!(walk.async_chunks()), 5);
        let walk = Walk::new(Numbers::new(200)).chunk_size(5);
        assert_eq!(texts!(ahead(walk.async_chunks(), 2)), 15);
    });
}

#[test]
fn a_walk_ahead_fetches_nothing_before_it_is_asked_then_its_depth_and_stops_when_it_is_dropped() {
    one_thread().block_on(async {
        let numbers = Numbers::new(100);
        let mut chunks = ahead(
            Walk::new(numbers.clone())
                .chunk_size(1)
                .unbounded()
                .async_chunks(),
            3,
        );
        let yields = async || {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        yields().await;
        assert_eq!(*numbers.fetches(), 0);
        for lent in 1..5 {
            chunks.next().await.unwrap();
            yields().await;
            assert_eq!(*numbers.fetches(), lent + 3);
        }
        // It has room for one more.
        chunks.next().await.unwrap();
        drop(chunks);
        yields().await;
        assert_eq!(*numbers.fetches(), 7);
        assert_eq!(Arc::strong_count(&numbers.fetches), 1);
    });
}

/// Returns the message of the panic.
fn panics(call: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("it panics");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or_else(|_| String::new(), |text| (*text).into()),
    }
}

#[test]
fn a_panic_of_the_source_reaches_the_caller_and_an_offloaded_walk_goes_on() {
    let runtime = one_thread();
    let panicking = || Numbers {
        panics: Some(2),
        ..Numbers::new(10)
    };
    let walk = |numbers| {
        Walk::new(Offload::new(numbers))
            .chunk_size(5)
            .unbounded()
            .async_chunks()
    };
    let numbers = panicking();
    let (mut chunks, mut chunks_ahead) = (walk(numbers.clone()), ahead(walk(panicking()), 1));
    runtime.block_on(chunks.next()).unwrap().unwrap();
    runtime.block_on(chunks_ahead.next()).unwrap().unwrap();
    assert!(panics(|| drop(runtime.block_on(chunks.next()))).contains("broken"));
    assert!(panics(|| drop(runtime.block_on(chunks_ahead.next()))).contains("broken"));
    let rest = runtime.block_on(chunks.next()).unwrap().unwrap();
    assert!(rest.iter().map(|(key, _)| *key).eq(5..10));
    assert_eq!(runtime.block_on(chunks_ahead.next()), Ok(None));
    // A request that was dropped still runs.
    let mut source = chunks.into_source();
    let held = numbers.fetches();
    let range = KeyRange::all(Order::Ascending);
    let mut chunk = Chunk::with_budget(5, 9, |(_, text): &(u32, String)| text.len());
    let _entered = runtime.enter();
    let mut context = Context::from_waker(Waker::noop());
    let fetched = pin!(source.fetch(&range, &mut chunk)).poll(&mut context);
    assert!(fetched.is_pending());
    assert_eq!((chunk.limit(), chunk.budget()), (5, Some(9)));
    let mut source = pin!(source.into_inner());
    assert!(source.as_mut().poll(&mut context).is_pending());
    drop(held);
    let source = runtime.block_on(source);
    assert_eq!(*source.fetches(), 4);
}

#[test]
fn a_blocking_walk_in_asynchronous_code_panics_with_the_cure() {
    let (threads, one_thread) = (threads(), one_thread());
    let open = || Blocking::open(async { Ok::<_, std::io::Error>(Numbers::new(10)) }).unwrap();
    let count = |source: Blocking<Numbers>| Walk::new(source).items().filter(Result::is_ok).count();
    let of_threads = || Blocking::new(Numbers::new(10), threads.handle().clone());
    for runtime in [&threads, &one_thread] {
        let own = open();
        let cure = "`Walk::async_chunks`";
        let message = panics(|| runtime.block_on(async { _ = count(own) }));
        assert!(message.contains(cure), "{message}");
        let message = panics(|| runtime.block_on(async { _ = count(of_threads()) }));
        assert!(message.contains(cure), "{message}");
        let message = panics(|| runtime.block_on(async { drop(open()) }));
        assert!(message.contains(cure), "{message}");
        let own = open();
        runtime.block_on(async { drop(own) });
        let moved = of_threads();
        let moved = runtime.block_on(runtime.spawn_blocking(move || count(moved)));
        assert_eq!(moved.unwrap(), 10);
    }
    let handle = one_thread.handle().clone();
    let message = panics(|| drop(Blocking::new(Numbers::new(10), handle)));
    assert!(message.contains("`Blocking::open`"), "{message}");
}
