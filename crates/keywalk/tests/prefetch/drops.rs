//! Walks that are left before their end.

use std::thread;

use keywalk::{ChunkSource, Walk};

use crate::numbers::{Numbers, Trouble};

#[test]
fn after_a_walk_is_dropped_nothing_is_held() {
    for depth in 0..4 {
        for taken in 0..12 {
            let (numbers, watch) = Numbers::new(20, Trouble::None);
            let mut chunks = Walk::new(numbers).chunk_size(2).prefetch(depth).chunks();
            for _ in 0..taken {
                chunks.next().unwrap();
            }
            drop(chunks);
            assert!(!watch.is_held());

            let (numbers, watch) = Numbers::new(20, Trouble::None);
            let mut items = Walk::new(numbers).chunk_size(2).prefetch(depth).items();
            assert_eq!(items.by_ref().take(taken).count(), taken);
            drop(items);
            assert!(!watch.is_held());
        }
    }
}

#[test]
fn dropping_waits_for_the_fetch_that_runs() {
    let (numbers, watch) = Numbers::new(100, Trouble::None);
    watch.allow(3);
    let mut chunks = Walk::new(numbers).chunk_size(2).prefetch(5).chunks();
    chunks.next().unwrap();
    watch.wait_until_begun(4);
    let dropper = thread::spawn(move || drop(chunks));
    assert!(watch.is_held());
    watch.allow(usize::MAX);
    dropper.join().unwrap();
    assert!(!watch.is_held());
}

#[test]
fn the_source_comes_back_at_any_moment() {
    for depth in 0..4 {
        for taken in 0..12 {
            let (numbers, _) = Numbers::new(20, Trouble::None);
            let walk = Walk::new(numbers).chunk_size(3).prefetch(depth);
            let mut items = walk.items();
            let mut seen: Vec<u32> = items
                .by_ref()
                .take(taken)
                .map(|item| *item.unwrap())
                .collect();
            let cursor = items.cursor();
            let rest = Walk::new(items.into_source()).resume(cursor).chunk_size(3);
            let mut rest = rest.prefetch(depth).chunks();
            while let Some(items) = rest.next().unwrap() {
                seen.extend(items.iter().map(|item| **item));
            }
            assert_eq!(seen, Vec::from_iter(0..20));
            assert_eq!(rest.into_source().key_of(&Box::new(7)), 7);
        }
    }
}

/// A walk that is moved, sent and left to another thread, half done.
#[test]
fn a_walk_can_be_finished_by_another_thread() {
    let (numbers, _) = Numbers::new(20, Trouble::None);
    let mut items = Walk::new(numbers).chunk_size(3).prefetch(2).items();
    assert_eq!(items.by_ref().take(4).count(), 4);
    let rest = thread::spawn(move || items.count());
    assert_eq!(rest.join().unwrap(), 16);
}
