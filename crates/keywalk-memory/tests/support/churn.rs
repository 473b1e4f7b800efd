//! Threads that insert and delete while another walks, and what the walk must see none the less.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use keywalk::{ChunkSource, Order, Walk};

/// Keys from 0 to 600. Those that three divides are put in before and never deleted.
const KEYS: i64 = 600;

pub(crate) fn indelible() -> impl Iterator<Item = i64> {
    (0..KEYS).step_by(3)
}

/// How often each writer must have gone through all keys before the walking stops: however the
/// threads are scheduled, walks and writes overlap.
const ROUNDS: usize = 20;

/// What a value says of its key, so that a torn item shows.
pub(crate) fn value(key: i64) -> i64 {
    key * key + 1
}

/// Walks in both orders and many chunk sizes while one thread inserts and another deletes the other
/// keys, and appends and prepends keys out of the range without end.
pub(crate) fn walk_under_churn<S: ChunkSource<Key = i64, Item = (i64, i64)>>(
    source: impl Fn() -> S,
    put: impl Fn(i64) + Sync,
    delete: impl Fn(i64) + Sync,
) {
    let done = AtomicBool::new(false);
    let (put_rounds, delete_rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let others = || (0..KEYS).filter(|key| key % 3 != 0);
    thread::scope(|scope| {
        // Ends the writers also where an assertion fails.
        let _stop = Stop(&done);
        scope.spawn(|| {
            let mut outside = KEYS;
            while !done.load(Relaxed) {
                for key in others() {
                    put(key);
                }
                // A bounded few at a time, so that memory doesn't depend on the time that passes.
                outside = KEYS + (outside - KEYS + 1) % 1_000;
                put(outside);
                put(-outside);
                put_rounds.fetch_add(1, Relaxed);
            }
        });
        scope.spawn(|| {
            while !done.load(Relaxed) {
                for key in others().collect::<Vec<_>>().into_iter().rev() {
                    delete(key);
                }
                delete_rounds.fetch_add(1, Relaxed);
            }
        });
        while put_rounds.load(Relaxed).min(delete_rounds.load(Relaxed)) < ROUNDS {
            for chunk_size in [1, 2, 7, 64, 601] {
                for order in [Order::Ascending, Order::Descending] {
                    for live in [false, true] {
                        let walk = Walk::new(source()).range(0..KEYS).order(order);
                        let walk = if live { walk.live() } else { walk };
                        check(walk.chunk_size(chunk_size), &source, order);
                    }
                }
            }
        }
    });
}

/// Walks to the end, through a cursor in the middle.
fn check<S: ChunkSource<Key = i64, Item = (i64, i64)>>(
    walk: Walk<S>,
    source: impl Fn() -> S,
    order: Order,
) {
    let mut items = walk.into_iter();
    let mut seen: Vec<(i64, i64)> = items.by_ref().take(150).map_while(Result::ok).collect();
    let rest = Walk::new(source()).resume(items.cursor()).chunk_size(50);
    seen.extend(rest.into_iter().map_while(Result::ok));
    if order == Order::Descending {
        seen.reverse();
    }
    assert!(
        seen.is_sorted_by(|a, b| a.0 < b.0),
        "out of order, or twice"
    );
    assert!(seen.iter().all(|item| item.1 == value(item.0)), "torn");
    assert!(
        seen.iter().all(|item| (0..KEYS).contains(&item.0)),
        "out of the range"
    );
    let stayed: Vec<i64> = seen
        .iter()
        .map(|item| item.0)
        .filter(|key| key % 3 == 0)
        .collect();
    assert!(stayed.into_iter().eq(indelible()), "missed");
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
