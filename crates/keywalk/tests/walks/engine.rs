//! The loop of a walk: driven by hand, and by an asynchronous driver whose fetches are dropped.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keywalk::{Chunk, Engine, Error, Fetched, KeyRange, LastKey, Order, Request, Source, Walk};
use proptest::prelude::*;

/// A set that is fetched from by futures, which are pending now and then.
struct Slow {
    keys: BTreeSet<i64>,
    /// How often the next futures are pending.
    waits: Vec<u8>,
    knows_last: bool,
}

impl Source for Slow {
    type Key = i64;
    type Item = i64;
    type Error = Infallible;
}

impl Slow {
    fn of(keys: impl IntoIterator<Item = i64>) -> Self {
        Slow {
            keys: keys.into_iter().collect(),
            waits: Vec::new(),
            knows_last: true,
        }
    }

    async fn wait(&mut self) {
        for _ in 0..self.waits.pop().unwrap_or(0) {
            let mut polls = [Poll::Ready(()), Poll::Pending].into_iter().rev();
            poll_fn(|_| polls.next().expect("it is ready the second time")).await;
        }
    }

    fn within(&self, range: &KeyRange<i64>) -> Vec<i64> {
        let mut keys: Vec<i64> = self.keys.iter().copied().collect();
        keys.retain(|key| range.may_contain(key));
        if range.order() == Order::Descending {
            keys.reverse();
        }
        keys
    }

    async fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<i64>,
    ) -> Result<Fetched<i64>, Infallible> {
        for key in self.within(range) {
            self.wait().await;
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(key);
        }
        self.wait().await;
        Ok(Fetched::End)
    }

    async fn last_key(&mut self, range: &KeyRange<i64>) -> Result<LastKey<i64>, Infallible> {
        self.wait().await;
        Ok(match self.knows_last {
            true => self.within(range).pop().into(),
            false => LastKey::Unknown,
        })
    }
}

struct AsyncChunks {
    source: Slow,
    engine: Engine<i64, i64>,
}

impl AsyncChunks {
    fn new(walk: Walk<Slow>) -> Self {
        let (source, engine) = walk.into_engine();
        AsyncChunks { source, engine }
    }

    async fn next(&mut self) -> Result<Option<&mut [i64]>, Error<Infallible>> {
        loop {
            match self.engine.request()? {
                Request::LastKey(range) => {
                    let answer = self.source.last_key(range).await;
                    self.engine.last_key(answer, Duration::ZERO)?;
                }
                Request::Fetch(range, chunk) => {
                    let answer = self.source.fetch(range, chunk).await;
                    self.engine.fetched(answer, Duration::ZERO)?;
                }
                Request::Done => return Ok(None),
            }
            if !self.engine.items().is_empty() {
                return Ok(Some(self.engine.items_mut()));
            }
        }
    }
}

proptest! {
    #[test]
    fn what_an_asynchronous_walk_yields_doesnt_depend_on_the_fetches_that_are_dropped(
        keys in prop::collection::btree_set(0..60_i64, 0..40),
        size in 1..7_usize,
        waits in prop::collection::vec(0..3_u8, 0..200),
        patience in prop::collection::vec((0..6_u8, any::<bool>()), 1..40),
        is_descending in any::<bool>(),
        is_unbounded in any::<bool>(),
        knows_last in any::<bool>(),
    ) {
        let walk = |source: Slow| {
            let walk = Walk::new(source).range(3..50).chunk_size(size);
            let walk = if is_unbounded { walk.unbounded() } else { walk };
            if is_descending { walk.descending() } else { walk }
        };
        let source = Slow { waits, knows_last, ..Slow::of(keys) };
        let mut expected: Vec<i64> = source.keys.range(3..50).copied().collect();
        if is_descending {
            expected.reverse();
        }
        let mut chunks = AsyncChunks::new(walk(source));
        let mut came = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        'walk: for (polls, moves_on) in patience.into_iter().cycle() {
            if moves_on {
                // Another process goes on.
                let cursor = chunks.engine.cursor();
                chunks = AsyncChunks::new(Walk::new(chunks.source).resume(cursor).chunk_size(size));
            }
            let mut next = pin!(chunks.next());
            // The waits are over some time, so each poll gets further in the end.
            for _ in 0..=polls {
                if let Poll::Ready(chunk) = next.as_mut().poll(&mut context) {
                    match chunk.unwrap() {
                        Some(keys) => came.extend_from_slice(keys),
                        None => break 'walk,
                    }
                    break;
                }
            }
        }
        prop_assert_eq!(came, expected);
    }
}

#[test]
fn an_answer_that_comes_out_of_turn_changes_nothing() {
    let walk = Walk::new(Slow::of([])).range(0..=9);
    for (walk, asks_the_last_key) in [(walk, true), (Walk::new(Slow::of([])).unbounded(), false)] {
        let (_, mut engine) = walk.into_engine();
        let before = engine.cursor();
        let last = Ok::<_, Infallible>(LastKey::Known(3));
        let fetched = Ok::<_, Infallible>(Fetched::End);
        for seeks in [false, true] {
            // Nothing is requested; then something is, and forgotten by a seek.
            if seeks {
                assert!(engine.request().is_ok());
                engine.seek(before.clone());
            }
            assert_eq!(engine.last_key(last, Duration::ZERO), Ok(()));
            assert_eq!(engine.fetched(fetched, Duration::ZERO), Ok(()));
            assert_eq!(engine.cursor(), before);
        }
        // Only what was requested.
        assert!(engine.request().is_ok());
        match asks_the_last_key {
            true => assert_eq!(engine.fetched(fetched, Duration::ZERO), Ok(())),
            false => assert_eq!(engine.last_key(last, Duration::ZERO), Ok(())),
        }
        assert_eq!((engine.cursor(), engine.stats().queries()), (before, 0));
    }
}

#[test]
fn at_its_end_a_bounded_walk_stands_at_its_bound_and_a_live_one_at_its_last_item() {
    let walk = || Walk::new(Slow::of([])).range(..=9);
    for (walk, is_left) in [(walk(), false), (walk().unbounded(), true)] {
        let (_, mut engine) = walk.into_engine();
        let last = Ok::<_, Infallible>(LastKey::Known(9));
        if let Ok(Request::LastKey(_)) = engine.request() {
            assert_eq!(engine.last_key(last, Duration::ZERO), Ok(()));
        }
        // What was the last key is gone.
        if let Ok(Request::Fetch(_, chunk)) = engine.request() {
            chunk.push(1);
        }
        let end = Ok::<_, Infallible>(Fetched::End);
        assert_eq!(engine.fetched(end, Duration::ZERO), Ok(()));
        assert_eq!(engine.cursor().range().may_contain(&3), is_left);
    }
}
