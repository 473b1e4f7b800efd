//! The loop of a walk: driven by hand, and by an asynchronous driver whose fetches are dropped.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keywalk::{
    Chunk, Cursor, Engine, Error, Fetched, KeyRange, LastKey, Order, Request, Source, Violation,
    Walk,
};
use proptest::prelude::*;

/// A set that is fetched from by futures, which are pending now and then.
struct Slow {
    keys: BTreeSet<i64>,
    /// How often the next futures are pending, before each item too; then never.
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
        let mut left = self.waits.pop().unwrap_or(0);
        let pending = |_: &mut Context<'_>| match left {
            0 => Poll::Ready(()),
            _ => {
                left -= 1;
                Poll::Pending
            }
        };
        poll_fn(pending).await;
    }

    fn within(&self, range: &KeyRange<i64>) -> Vec<i64> {
        let mut keys: Vec<i64> = self.keys.iter().copied().collect();
        keys.retain(|key| range.admits(key));
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

/// The asynchronous driver.
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
        is_live in any::<bool>(),
        knows_last in any::<bool>(),
    ) {
        let walk = |source: Slow| {
            let walk = Walk::new(source).range(3..50).chunk_size(size);
            let walk = if is_live { walk.live() } else { walk };
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

fn ascending(bounds: impl std::ops::RangeBounds<i64>) -> KeyRange<i64> {
    KeyRange::new(bounds, Order::Ascending)
}

fn last_key(engine: &mut Engine<i64, i64>, answer: LastKey<i64>) -> Result<(), Error<Infallible>> {
    assert!(matches!(engine.request(), Ok(Request::LastKey(_))));
    engine.last_key(Ok(answer), Duration::ZERO)
}

/// The range of the next fetch, which is answered by these items.
fn fetch(
    engine: &mut Engine<i64, i64>,
    items: &[i64],
    fetched: Fetched<i64>,
) -> Result<KeyRange<i64>, Error<Infallible>> {
    let Ok(Request::Fetch(range, chunk)) = engine.request() else {
        panic!("no fetch is requested");
    };
    let range = *range;
    items.iter().for_each(|item| chunk.push(*item));
    engine.fetched(Ok::<_, Infallible>(fetched), Duration::ZERO)?;
    Ok(range)
}

fn is_done(engine: &mut Engine<i64, i64>) -> bool {
    engine.is_over() && matches!(engine.request(), Ok(Request::Done))
}

/// A walk over 0 to 9 where it looks for its last key, bounded by 8, and live.
fn stages() -> [Engine<i64, i64>; 3] {
    let start = |walk: Walk<Slow>| walk.range(0..=9).chunk_size(3).into_engine().1;
    let mut backward = start(Walk::new(Slow::of([])));
    last_key(&mut backward, LastKey::Unknown).expect("it is its turn");
    let mut bounded = start(Walk::new(Slow::of([])));
    last_key(&mut bounded, LastKey::Is(8)).expect("it lies in the range");
    [backward, bounded, start(Walk::new(Slow::of([])).live())]
}

#[test]
fn a_bounded_walk_requests_the_last_key_then_the_last_item_which_bounds_it_then_items() {
    let [mut backward, mut bounded, mut live] = stages();
    let (range, more) = (ascending(0..=9), Fetched::More);
    assert_eq!(fetch(&mut backward, &[7], more), Ok(range.reversed()));
    assert!(backward.items().is_empty(), "it is not walked yet");
    assert_eq!(fetch(&mut backward, &[1], more), Ok(ascending(0..=7)));
    assert_eq!(fetch(&mut bounded, &[1], more), Ok(ascending(0..=8)));
    assert_eq!(fetch(&mut live, &[1], more), Ok(range));
    assert_eq!(live.items(), [1]);
}

#[test]
fn no_last_key_is_the_end() {
    let [mut backward, ..] = stages();
    fetch(&mut backward, &[], Fetched::End).unwrap();
    let mut start = Walk::new(Slow::of([])).into_engine().1;
    last_key(&mut start, LastKey::Empty).unwrap();
    for mut engine in [start, backward] {
        assert!(is_done(&mut engine) && engine.cursor().is_done());
    }
}

#[test]
fn what_breaks_the_contract_ends_the_walk_where_it_stood() {
    let answers: [(&[i64], Fetched<i64>); 6] = [
        (&[], Fetched::More),
        (&[5, 5], Fetched::More),
        (&[-1], Fetched::End),
        (&[10], Fetched::End),
        (&[], Fetched::ScannedTo(10)),
        (&[], Fetched::ScannedTo(-1)),
    ];
    for (items, fetched) in answers {
        for mut engine in stages() {
            let before = engine.cursor();
            assert!(matches!(
                fetch(&mut engine, items, fetched),
                Err(Error::Contract(_))
            ));
            assert_eq!((engine.cursor(), engine.items()), (before.clone(), &[][..]));
            assert!(is_done(&mut engine));
            engine.seek(before);
            assert!(!engine.is_over());
        }
    }
    let mut start = Walk::new(Slow::of([])).range(0..=9).into_engine().1;
    let outside = last_key(&mut start, LastKey::Is(10));
    assert_eq!(outside, Err(Violation::LastKeyOutside.into()));
    assert!(is_done(&mut start));
}

#[test]
fn an_answer_that_comes_out_of_turn_changes_nothing() {
    for mut engine in stages() {
        let (before, queries) = (engine.cursor(), engine.stats().queries());
        let fetched = Ok::<_, Infallible>(Fetched::End);
        for seeks in [false, true] {
            // Nothing is requested; then a fetch is, and forgotten by a seek.
            if seeks {
                assert!(matches!(engine.request(), Ok(Request::Fetch(..))));
                engine.seek(before.clone());
            }
            for answer in [LastKey::Is(3), LastKey::Is(100), LastKey::Empty] {
                let answer = Ok::<_, Infallible>(answer);
                assert_eq!(engine.last_key(answer, Duration::ZERO), Ok(()));
            }
            assert_eq!(engine.fetched(fetched, Duration::ZERO), Ok(()));
            assert_eq!(engine.cursor(), before);
            assert_eq!(engine.stats().queries(), queries);
        }
    }
}

#[test]
fn a_walk_goes_on_from_the_cursor_past_an_item() {
    for mut engine in stages().into_iter().skip(1) {
        fetch(&mut engine, &[1, 2, 3], Fetched::More).unwrap();
        let cursor = engine.cursor().after(2);
        engine.seek(cursor.clone());
        assert_eq!(engine.cursor(), cursor);
        let range = fetch(&mut engine, &[], Fetched::End).unwrap();
        assert!(range.admits(&3) && !range.admits(&2));
    }
}

#[test]
fn at_its_end_a_bounded_walk_stands_at_its_bound_and_a_live_one_at_its_last_item() {
    let [_, bounded, live] = stages();
    for (mut engine, is_left) in [(bounded, false), (live, true)] {
        // What was the last key is gone.
        fetch(&mut engine, &[1, 2], Fetched::End).unwrap();
        assert!(is_done(&mut engine));
        assert_eq!(engine.cursor().range().admits(&3), is_left);
    }
}

#[test]
fn the_start_of_a_walk_is_that_of_its_options() {
    let walk = || Walk::new(Slow::of([])).range(0..=9);
    let range = ascending(0..=9);
    assert_eq!(walk().cursor(), Cursor::bounded(range));
    assert_eq!(walk().live().cursor(), Cursor::live(range));
}
