//! What is fetched before it is asked for, and how much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Walk};

use crate::numbers::{Broken, Numbers, Trouble};

#[test]
fn nothing_is_fetched_before_the_first_chunk_is_asked_for() {
    for depth in 0..3 {
        let (numbers, watch) = Numbers::new(10, Trouble::None);
        let walk = Walk::new(numbers).chunk_size(2).prefetch(depth);
        let mut chunks = walk.chunks();
        // A thread that was started too early has run before these have.
        for _ in 0..30 {
            thread::spawn(|| ()).join().unwrap();
        }
        assert_eq!(watch.begun(), 0);
        chunks.next().unwrap();
        assert!(watch.begun() > 0);
    }
}

#[test]
fn as_many_chunks_as_the_depth_are_fetched_while_the_caller_has_one() {
    for depth in 1..5 {
        let (numbers, watch) = Numbers::new(100, Trouble::None);
        let mut chunks = Walk::new(numbers).chunk_size(2).prefetch(depth).chunks();
        for handed_out in 1..20 {
            let items = chunks.next().unwrap().unwrap();
            watch.wait_until_done(handed_out + depth);
            assert_eq!(*items[0], 2 * (u32::try_from(handed_out).unwrap() - 1));
        }
    }
}

/// Looks at each fetch, whether it is too early.
struct Early {
    numbers: Numbers,
    /// How often the caller asked for a chunk.
    asked: Arc<AtomicUsize>,
    fetches: usize,
    depth: usize,
}

impl ChunkSource for Early {
    type Key = u32;
    type Item = Box<u32>;
    type Error = Broken;

    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<Box<u32>>,
    ) -> Result<Fetched<u32>, Broken> {
        self.fetches += 1;
        let (fetches, asked) = (self.fetches, self.asked.load(SeqCst));
        // The one that is asked for, and so many more.
        assert!(fetches <= asked + self.depth, "{fetches} with {asked}");
        self.numbers.fetch(range, chunk)
    }

    fn key_of(&self, item: &Box<u32>) -> u32 {
        self.numbers.key_of(item)
    }
}

#[test]
fn no_more_chunks_than_the_depth_and_one_are_fetched() {
    for depth in 0..5 {
        let (numbers, watch) = Numbers::new(200, Trouble::None);
        let asked = Arc::<AtomicUsize>::default();
        let source = Early {
            numbers,
            asked: Arc::clone(&asked),
            fetches: 0,
            depth,
        };
        let mut chunks = Walk::new(source)
            .live()
            .chunk_size(2)
            .prefetch(depth)
            .chunks();
        for chunk in 1..=100 {
            asked.fetch_add(1, SeqCst);
            assert!(chunks.next().unwrap().is_some());
            // At some the thread is waited for, so that it would go on if it could.
            if chunk % 7 == 0 {
                watch.wait_until_done((chunk + depth).min(100));
            }
        }
        asked.fetch_add(1, SeqCst);
        assert_eq!(chunks.next(), Ok(None));
    }
}

#[test]
fn chunks_go_round_and_are_filled_again() {
    for depth in 0..4 {
        let (numbers, watch) = Numbers::new(100, Trouble::None);
        let mut chunks = Walk::new(numbers).chunk_size(5).prefetch(depth).chunks();
        let mut taken = 0;
        while let Some(items) = chunks.next().unwrap() {
            taken += items.len();
        }
        assert_eq!(taken, 100);
        // Fewer where the caller is faster than the thread.
        assert!(
            watch.made() <= 5 * (depth + 1),
            "{} at {depth}",
            watch.made()
        );
    }
}

#[test]
fn a_depth_of_zero_fetches_in_the_callers_thread_when_it_is_asked() {
    let (numbers, watch) = Numbers::new(6, Trouble::None);
    let mut items = Walk::new(numbers).chunk_size(2).prefetch(0).items();
    for number in 0..6 {
        assert_eq!(items.next(), Some(Ok(Box::new(number))));
        assert_eq!(watch.begun(), number as usize / 2 + 1);
    }
    assert_eq!(watch.threads(), [thread::current().id(); 3]);
}

#[test]
fn a_depth_fetches_in_one_other_thread() {
    let (numbers, watch) = Numbers::new(6, Trouble::None);
    let items = Walk::new(numbers).chunk_size(2).prefetch(1);
    assert_eq!(items.into_iter().count(), 6);
    let threads = watch.threads();
    assert_eq!(threads, [threads[0]; 3]);
    assert_ne!(threads[0], thread::current().id());
}

#[test]
fn no_depth_is_too_large() {
    let (numbers, watch) = Numbers::new(9, Trouble::None);
    let mut items = Walk::new(numbers)
        .chunk_size(2)
        .prefetch(usize::MAX)
        .items();
    assert_eq!(items.next(), Some(Ok(Box::new(0))));
    watch.wait_until_done(5);
    assert_eq!(items.count(), 8);
}
