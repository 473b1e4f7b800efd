//! What is particular to a walk over a lock-free skip list.

#![forbid(unsafe_code)]

use std::ops::Bound;
use std::sync::Arc;
use std::thread;

use crossbeam_skiplist::SkipMap;
use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};
use keywalk_memory::SkipList;

#[path = "support/churn.rs"]
mod churn;
use churn::{indelible, value, walk_under_churn};
#[path = "support/counted.rs"]
mod counted;
use counted::{Counted, counts};

fn list(len: i64) -> Arc<SkipMap<i64, i64>> {
    Arc::new((1..=len).map(|n| (n, n)).collect())
}

#[test]
fn keys_that_stay_come_once_while_threads_insert_and_delete() {
    let map: Arc<SkipMap<i64, i64>> = Arc::new(indelible().map(|key| (key, value(key))).collect());
    walk_under_churn(
        || SkipList::new(Arc::clone(&map)),
        |key| drop(map.insert(key, value(key))),
        |key| drop(map.remove(&key)),
    );
}

#[test]
fn many_threads_walk_one_list() {
    let map = list(500);
    thread::scope(|scope| {
        for chunk_size in [1, 3, 100, 1_000] {
            let source = SkipList::new(Arc::clone(&map));
            scope.spawn(move || {
                let items = Walk::new(source).chunk_size(chunk_size).into_iter();
                let keys = items.map(|item| item.unwrap().0);
                assert!(keys.eq(1..=500));
            });
        }
    });
}

#[test]
fn the_loop_itself_may_insert_and_delete() {
    let map = list(6);
    let mut chunks = Walk::new(SkipList::new(Arc::clone(&map)))
        .chunk_size(2)
        .chunks();
    let mut seen = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        for (key, _) in items.iter() {
            seen.push(*key);
            map.remove(key);
            map.insert(key - 100, 0);
            map.insert(key + 100, 0);
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn an_entry_that_was_removed_is_not_kept_by_the_walk() {
    let value = Arc::new(());
    let map: Arc<SkipMap<i64, i64>> = list(3);
    let values = Arc::new(SkipMap::new());
    values.insert(1, Arc::clone(&value));
    let mut items = Walk::new(SkipList::new(values)).into_iter();
    let (_, item) = items.next().unwrap().unwrap();
    assert!(Arc::ptr_eq(&item, &value), "items are clones of the values");

    let mut chunks = Walk::new(SkipList::new(Arc::clone(&map)))
        .chunk_size(1)
        .chunks();
    chunks.next().unwrap();
    map.clear();
    assert_eq!(chunks.next(), Ok(None));
}

#[test]
fn chunks_are_filled_again_in_place() {
    let map = Arc::new((0..10).map(|n| (n, Counted(7))).collect::<SkipMap<_, _>>());
    counts();
    let mut chunks = Walk::new(SkipList::new(map)).live().chunk_size(4).chunks();
    let mut seen = 0;
    while let Some(items) = chunks.next().unwrap() {
        seen += items.len();
    }
    assert_eq!(seen, 10);
    assert_eq!(
        counts(),
        (4, 6),
        "the first chunk is made, the others are refilled"
    );
}

#[test]
fn a_fetch_over_an_empty_or_inverted_range_answers_the_end() {
    let mut source = SkipList::new(list(9));
    let excluded = (Bound::Excluded(5), Bound::Excluded(5));
    let inverted = (Bound::Included(7), Bound::Included(3));
    for bounds in [excluded, inverted] {
        for order in [Order::Ascending, Order::Descending] {
            let mut chunk = Chunk::with_limit(3);
            let fetched = source.fetch(&KeyRange::new(bounds, order), &mut chunk);
            assert_eq!((fetched, chunk.len()), (Ok(Fetched::End), 0));
        }
    }
}

#[test]
fn debug_shows_the_number_of_entries_and_none_of_them() {
    let map = Arc::new(SkipMap::new());
    map.insert("secret key", "secret value");
    assert_eq!(
        format!("{:?}", SkipList::new(map)),
        "SkipList { len: 1, .. }"
    );
}
