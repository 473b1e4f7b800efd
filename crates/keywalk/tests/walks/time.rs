//! Chunks by time, under a clock of the test's own, and what a walk says of its time.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Source, Walk};
use proptest::prelude::*;

use crate::shelf::numbers;

/// In nanoseconds. It stands still but for what is said to pass.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn pass(&self, nanos: u64) {
        self.0.fetch_add(nanos, SeqCst);
    }

    fn now(&self) -> Duration {
        nanos(self.0.load(SeqCst))
    }
}

fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// The numbers from 0, as many as there are, some of which are there no longer.
struct Numbers {
    clock: Clock,
    len: u64,
    /// Of each fetch.
    fixed: u64,
    /// Of each number that is looked at.
    each: u64,
    last_key: u64,
    is_deleted: fn(u64) -> bool,
    /// What was asked for, and what came.
    log: Vec<(usize, usize)>,
}

impl Numbers {
    fn new(len: u64, each: u64) -> (Clock, Self) {
        let clock = Clock::default();
        let numbers = Numbers {
            clock: clock.clone(),
            len,
            fixed: 0,
            each,
            last_key: 0,
            is_deleted: |_| false,
            log: Vec::new(),
        };
        (clock, numbers)
    }

    fn walk(self) -> Walk<Self> {
        let clock = self.clock.clone();
        Walk::new(self).clock(move || clock.now())
    }

    fn limits(&self) -> Vec<usize> {
        self.log.iter().map(|(limit, _)| *limit).collect()
    }
}

impl Source for Numbers {
    type Key = u64;
    type Item = u64;
    type Error = Infallible;
}

impl ChunkSource for Numbers {
    fn fetch(
        &mut self,
        range: &KeyRange<u64>,
        chunk: &mut Chunk<u64>,
    ) -> Result<Fetched<u64>, Infallible> {
        let start = match range.start() {
            std::ops::Bound::Excluded(key) => *key + 1,
            _ => 0,
        };
        self.clock.pass(self.fixed);
        let mut looked_at = 0;
        for n in start..self.len {
            if chunk.is_full() {
                break;
            }
            self.clock.pass(self.each);
            if !(self.is_deleted)(n) {
                chunk.push(n);
            }
            looked_at += 1;
            if looked_at == chunk.limit() && !chunk.is_full() {
                self.log.push((chunk.limit(), chunk.len()));
                return Ok(Fetched::ScannedTo(n));
            }
        }
        self.log.push((chunk.limit(), chunk.len()));
        Ok(match chunk.is_full() {
            true => Fetched::More,
            false => Fetched::End,
        })
    }

    fn last_key(&mut self, _: &KeyRange<u64>) -> Result<LastKey<u64>, Infallible> {
        self.clock.pass(self.last_key);
        Ok(self.len.checked_sub(1).into())
    }
}

fn walked(walk: Walk<Numbers>) -> Numbers {
    let mut chunks = walk.chunks();
    while let Ok(Some(_)) = chunks.next() {}
    chunks.into_source()
}

proptest! {
    #[test]
    fn a_walk_by_time_yields_what_any_walk_does_within_its_limits(
        len in 0..3_000_u64,
        costs in (0..2_000_u64, 0..20_u64),
        target in 1..20_000_u64,
        chunk_size in prop_oneof![1..700_usize, Just(usize::MAX)],
    ) {
        let (_, mut numbers) = Numbers::new(len, costs.1);
        numbers.fixed = costs.0;
        let walk = numbers.walk().chunk_size(chunk_size).target_fetch_time(nanos(target));
        let mut items = walk.items();
        let seen: Vec<u64> = items.by_ref().collect::<Result<_, _>>()?;
        prop_assert_eq!(seen, (0..len).collect::<Vec<_>>());
        let numbers = items.into_source();
        for pair in numbers.limits().windows(2) {
            prop_assert!(pair[1] >= 1 && pair[1] <= chunk_size);
            prop_assert!(pair[1] <= 2 * pair[0] && pair[1] >= pair[0] / 2);
        }
    }
}

#[test]
fn a_fetch_soon_takes_about_the_time() {
    for (each, expected) in [(1_000, 100), (100, 1_000), (20, 5_000)] {
        let (_, numbers) = Numbers::new(60_000, each);
        let numbers = walked(numbers.walk().target_fetch_time(nanos(100_000)));
        let limits = numbers.limits();
        assert_eq!(limits[0], 512);
        assert!(
            limits[6..].iter().all(|limit| *limit == expected),
            "{limits:?}"
        );
    }
}

#[test]
fn the_size_never_goes_beyond_the_chunk_size_or_the_named_most() {
    let (_, numbers) = Numbers::new(60_000, 0);
    let limits = walked(numbers.walk().target_fetch_time(nanos(10))).limits();
    assert_eq!(limits[..5], [512, 1_024, 2_048, 4_096, 8_192]);
    let most = Walk::<Numbers>::MAX_CHUNK_SIZE;
    assert!(limits[5..].iter().all(|limit| *limit == most), "{limits:?}");

    for (chunk_size, first) in [(100, 100), (700, 512)] {
        let (_, numbers) = Numbers::new(9_000, 0);
        let walk = numbers
            .walk()
            .target_fetch_time(nanos(10))
            .chunk_size(chunk_size);
        let limits = walked(walk).limits();
        assert_eq!((limits[0], limits[1]), (first, chunk_size));
        assert_eq!(limits.iter().max(), Some(&chunk_size));
    }
}

#[test]
fn the_time_of_who_takes_the_items_does_not_count() {
    let (clock, numbers) = Numbers::new(20_000, 100);
    let mut chunks = numbers.walk().target_fetch_time(nanos(51_200)).chunks();
    while chunks.next().unwrap().is_some() {
        clock.pass(1_000_000_000);
    }
    assert_eq!(chunks.stats().time_in_store(), nanos(20_000 * 100));
    assert!(chunks.source().limits().iter().all(|limit| *limit == 512));
}

#[test]
fn the_question_for_the_last_key_does_not_count() {
    let (_, mut numbers) = Numbers::new(2_000, 100);
    numbers.last_key = 1_000_000_000;
    let numbers = walked(numbers.walk().target_fetch_time(nanos(51_200)));
    assert_eq!(numbers.limits(), [512; 4]);
}

#[test]
fn stretches_that_hold_little_do_not_let_it_grow() {
    let (_, mut numbers) = Numbers::new(20_000, 1);
    // Nothing but every fiftieth, at first.
    numbers.is_deleted = |n| n < 10_000 && n % 50 != 0;
    let numbers = walked(numbers.walk().target_fetch_time(nanos(100_000)));
    let short = numbers
        .log
        .iter()
        .take_while(|(limit, len)| len < limit)
        .count();
    assert!(short > 15, "{:?}", numbers.log);
    let limits = numbers.limits();
    assert!(
        limits[..=short].iter().all(|limit| *limit == 512),
        "{limits:?}"
    );
    // Then there is more.
    assert_eq!(limits[short + 1], 1_024);
}

#[test]
fn chunks_that_are_full_by_their_bytes_do_not_let_it_grow() {
    let (_, numbers) = Numbers::new(2_000, 1);
    let walk = numbers
        .walk()
        .target_fetch_time(nanos(100_000))
        .chunk_bytes(80);
    let numbers = walked(walk);
    assert!(
        numbers.log[..199].iter().all(|log| *log == (512, 10)),
        "{:?}",
        numbers.log
    );
}

#[test]
fn a_smaller_chunk_leaves_what_a_larger_one_left_to_fill_again_alone() {
    let clock = Clock::default();
    let now = move || {
        clock.pass(1_000);
        clock.now()
    };
    // Each fetch takes a thousand times as long as it should: each chunk has half as many items.
    let walk = Walk::new(numbers(2_000))
        .clock(now)
        .target_fetch_time(nanos(1));
    let mut chunks = walk.chunks();
    let (mut lens, mut keys) = (Vec::new(), Vec::new());
    while let Some(items) = chunks.next().unwrap() {
        lens.push(items.len());
        keys.extend_from_slice(items);
    }
    assert_eq!(lens[..4], [512, 256, 128, 64]);
    assert!(keys.into_iter().eq(0..2_000));
}

#[test]
fn a_clock_that_goes_back_counts_as_standing_still() {
    let (clock, numbers) = Numbers::new(2_000, 0);
    clock.pass(1_000_000_000);
    let back = clock.clone();
    let walk = Walk::new(numbers).clock(move || {
        back.0.fetch_sub(1_000, SeqCst);
        back.now()
    });
    let mut chunks = walk.target_fetch_time(nanos(10)).chunks();
    while chunks.next().unwrap().is_some() {}
    assert_eq!(chunks.stats().time_in_store(), Duration::ZERO);
    assert_eq!(chunks.source().limits(), [512, 1_024, 2_048]);
}

/// One item, that takes as long as a clock takes to move.
struct Slow;

impl Source for Slow {
    type Key = u64;
    type Item = u64;
    type Error = Infallible;
}

impl ChunkSource for Slow {
    fn fetch(
        &mut self,
        _: &KeyRange<u64>,
        chunk: &mut Chunk<u64>,
    ) -> Result<Fetched<u64>, Infallible> {
        pass();
        chunk.push(1);
        Ok(Fetched::End)
    }
}

fn pass() {
    let start = Instant::now();
    while start.elapsed().is_zero() {}
}

#[test]
fn by_the_systems_clock_the_time_in_the_store_is_that_of_its_queries() {
    let start = Instant::now();
    let mut items = Walk::new(Slow)
        .unbounded()
        .target_fetch_time(Duration::MAX)
        .items();
    assert_eq!(items.stats().time_in_store(), Duration::ZERO);
    assert_eq!(items.next(), Some(Ok(1)));
    let time = items.stats().time_in_store();
    assert!(!time.is_zero() && time <= start.elapsed());
    // Not that of the caller.
    pass();
    assert_eq!(items.stats().time_in_store(), time);
}
