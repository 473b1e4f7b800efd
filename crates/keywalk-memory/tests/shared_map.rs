//! What is particular to a walk over a map that threads share.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic;
use std::sync::{Arc, RwLock};
use std::thread;

use keywalk::{Chunk, ChunkSource, Error, Fetched, KeyRange, Order, Walk};
use keywalk_memory::{Poisoned, SharedMap};

#[path = "support/churn.rs"]
mod churn;
use churn::{indelible, value, walk_under_churn};
#[path = "support/counted.rs"]
mod counted;
use counted::{Counted, counts};

type Shared<V> = Arc<RwLock<BTreeMap<i64, V>>>;

fn shared(len: i64) -> Shared<i64> {
    Arc::new(RwLock::new((1..=len).map(|n| (n, n)).collect()))
}

fn poison(map: &Shared<i64>) {
    let map = Arc::clone(map);
    let panicked = thread::spawn(move || {
        let _guard = map.write().expect("poisoned once only");
        // Not `panic!`: its message would look like a failing test.
        panic::resume_unwind(Box::new(()));
    });
    assert!(panicked.join().is_err());
}

#[test]
fn a_poisoned_lock_is_an_error_and_the_walk_goes_on_once_it_is_repaired() {
    let map = shared(6);
    let mut items = Walk::new(SharedMap::new(Arc::clone(&map)))
        .chunk_size(2)
        .into_iter();
    assert_eq!(items.by_ref().take(2).count(), 2);
    poison(&map);
    assert!(matches!(
        items.next(),
        Some(Err(Error::Source(Poisoned { .. })))
    ));
    assert_eq!(items.next(), None);

    map.clear_poison();
    let rest = Walk::new(SharedMap::new(map))
        .resume(items.cursor())
        .into_iter();
    assert_eq!(
        rest.map(|item| item.unwrap().0).collect::<Vec<_>>(),
        [3, 4, 5, 6]
    );
}

#[test]
fn a_lock_poisoned_from_the_start_is_an_error_not_an_empty_map() {
    let map = shared(6);
    poison(&map);
    for order in [Order::Ascending, Order::Descending] {
        let mut chunks = Walk::new(SharedMap::new(Arc::clone(&map)))
            .order(order)
            .chunks();
        assert!(matches!(chunks.next(), Err(Error::Source(Poisoned { .. }))));
    }
}

#[test]
fn poisoned_is_an_error_that_names_the_cure() {
    fn assert_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> String {
        error.to_string()
    }
    let map = shared(1);
    poison(&map);
    let mut chunk = Chunk::with_limit(1);
    let error = SharedMap::new(map).fetch(&KeyRange::all(Order::Ascending), &mut chunk);
    assert!(assert_error(error.unwrap_err()).contains("clear_poison"));
}

#[test]
fn the_lock_is_free_between_two_fetches() {
    let map = shared(6);
    let mut chunks = Walk::new(SharedMap::new(Arc::clone(&map)))
        .chunk_size(2)
        .chunks();
    assert!(map.try_write().is_ok());
    while let Some(items) = chunks.next().unwrap() {
        let last = items.last().unwrap().0;
        // The same thread writes: with the lock held this would fail, or never return.
        let mut map = map.try_write().expect("the walk holds the lock");
        map.remove(&(last + 1));
        map.insert(last, -1);
    }
    assert!(map.try_write().is_ok());

    for item in Walk::new(SharedMap::new(Arc::clone(&map))).chunk_size(2) {
        item.unwrap();
        assert!(map.try_write().is_ok(), "also while items are buffered");
    }
}

#[test]
fn the_lock_is_free_after_an_error() {
    let map = shared(2);
    poison(&map);
    let mut items = Walk::new(SharedMap::new(Arc::clone(&map))).into_iter();
    assert!(items.next().unwrap().is_err());
    map.clear_poison();
    assert!(map.try_write().is_ok());
}

#[test]
fn chunks_are_filled_again_in_place() {
    let map = Arc::new(RwLock::new((0..10).map(|n| (n, Counted(7))).collect()));
    counts();
    let mut chunks = Walk::new(SharedMap::new(map)).live().chunk_size(4).chunks();
    let mut seen = 0;
    while let Some(items) = chunks.next().unwrap() {
        seen += items.len();
        assert!(items.iter().all(|item| item.1 == Counted(7)));
        // Whatever the caller leaves in the slots doesn't come again.
        items.iter_mut().for_each(|item| item.1 = Counted(0));
    }
    assert_eq!(seen, 10);
    assert_eq!(
        counts(),
        (4, 6),
        "the first chunk is made, the others are refilled"
    );
}

#[test]
fn an_empty_or_inverted_range_is_the_end_whatever_the_lock() {
    let map = shared(9);
    // Shows whether the lock is asked for, without waiting for it.
    poison(&map);
    let mut source = SharedMap::new(Arc::clone(&map));
    let excluded = (Bound::Excluded(5), Bound::Excluded(5));
    let inverted = (Bound::Included(7), Bound::Included(3));
    for bounds in [excluded, inverted] {
        let range = KeyRange::new(bounds, Order::Ascending);
        assert_eq!(
            source.fetch(&range, &mut Chunk::with_limit(3)),
            Ok(Fetched::End)
        );
    }
}

#[test]
fn a_clone_walks_the_same_map() {
    let map = shared(2);
    let source = SharedMap::new(Arc::clone(&map));
    let clone = source.clone();
    map.write().unwrap().insert(3, 3);
    assert_eq!(Walk::new(source).into_iter().count(), 3);
    assert_eq!(Walk::new(clone).into_iter().count(), 3);
}

#[test]
fn debug_shows_no_entries_and_takes_no_lock() {
    let map = Arc::new(RwLock::new(BTreeMap::from([("secret", "secret")])));
    let source = SharedMap::new(Arc::clone(&map));
    let _writing = map.write().unwrap();
    assert_eq!(format!("{source:?}"), "SharedMap { .. }");
}

#[test]
fn keys_that_stay_come_once_while_threads_insert_and_delete() {
    let map: Shared<i64> = Arc::new(RwLock::new(
        indelible().map(|key| (key, value(key))).collect(),
    ));
    walk_under_churn(
        || SharedMap::new(Arc::clone(&map)),
        |key| {
            map.write().unwrap().insert(key, value(key));
        },
        |key| {
            map.write().unwrap().remove(&key);
        },
    );
}
