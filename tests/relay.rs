//! Tests the hand-off between the two threads of a prefetched walk with loom, in every order of the threads. With many
//! chunks, it tries every order with up to three preemptions; with `KEYWALK_CASES`, as the step `orders` before a
//! release, up to four.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
// Only observes, and isn't a step of the threads.
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};
use relay::Handoff;

/// Loom's primitives for the tested file.
mod sync {
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
}

/// The tested file of keywalk.
#[path = "../crates/keywalk/src/prefetch/handoff.rs"]
mod relay;

/// A chunk that is filled with the number of fills so far.
type Chunk = Cell<usize>;

/// How the filling thread ends after its last number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Said,
    Error,
    Panic,
}

/// The state that is shared with the thread.
struct Shared {
    relay: Handoff<Chunk, (usize, Chunk)>,
    /// The number of fills that were begun.
    begun: AtomicUsize,
}

/// Starts a thread that fills this many chunks.
fn serve(depth: usize, count: usize, end: End) -> (Arc<Shared>, JoinHandle<End>) {
    let shared = Arc::new(Shared {
        relay: Handoff::new(depth),
        begun: AtomicUsize::new(0),
    });
    let of_thread = Arc::clone(&shared);
    let mut number = 0;
    let fill = move |begun: &AtomicUsize, chunk: Chunk| {
        begun.fetch_add(1, SeqCst);
        number += 1;
        chunk.set(chunk.get() + 1);
        match end {
            _ if number <= count => Ok(Some((number, chunk))),
            End::Said => Ok(None),
            End::Error => Err(End::Error),
            // Panics without printing a message.
            End::Panic => resume_unwind(Box::new(End::Panic)),
        }
    };
    let thread = thread::spawn(move || {
        let mut fill = fill;
        let served = catch_unwind(AssertUnwindSafe(|| {
            let Shared { relay, begun } = &*of_thread;
            relay.serve(|chunk| fill(begun, chunk))
        }));
        match served {
            Ok(Ok(())) => End::Said,
            Ok(Err(error)) => error,
            Err(_) => End::Panic,
        }
    });
    (shared, thread)
}

fn every_order(count: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    // With more than one chunk, all orders would take minutes.
    let longer = std::env::var_os("KEYWALK_CASES").is_some();
    model.preemption_bound = (count > 1).then_some(if longer { 4 } else { 3 });
    model.check(run);
}

/// Takes all chunks, in each order of the threads. They must come in turn, with the end after them.
fn takes_all(depth: usize, count: usize, end: End) {
    every_order(count, move || {
        let (shared, thread) = serve(depth, count, end);
        let mut used = Chunk::default();
        let mut fills = 0;
        for number in 1..=count {
            let Some((came, chunk)) = shared.relay.next(used) else {
                panic!("{number} is missing");
            };
            assert_eq!(came, number);
            // One fill per taken chunk, and those ahead.
            assert!(shared.begun.load(SeqCst) <= number + depth);
            fills = fills.max(chunk.get());
            used = chunk;
        }
        assert!(shared.relay.next(used).is_none());
        assert!(shared.relay.next(Chunk::default()).is_none());
        assert!(thread.join().is_ok_and(|ended| ended == end));
        // Chunks are reused: there are only `depth + 1`.
        assert!(fills * (depth + 1) >= count);
    });
}

/// Stops after this many chunks.
fn leaves(depth: usize, taken: usize, end: End) {
    every_order(taken, move || {
        let (shared, thread) = serve(depth, 3, end);
        let mut used = Chunk::default();
        for _ in 0..taken {
            used = match shared.relay.next(used) {
                Some((_, chunk)) => chunk,
                None => Chunk::default(),
            };
        }
        shared.relay.leave();
        let begun = shared.begun.load(SeqCst);
        assert!(thread.join().is_ok());
        // At most the fill that was about to begin.
        assert!(shared.begun.load(SeqCst) <= begun + 1);
    });
}

macro_rules! orders {
    ($($name:ident: $run:ident($depth:literal, $count:literal);)+) => {$(
        #[test]
        fn $name() {
            for end in [End::Said, End::Error, End::Panic] {
                $run($depth, $count, end);
            }
        }
    )+};
}

orders! {
    none_at_depth_1: takes_all(1, 0);
    one_at_depth_1: takes_all(1, 1);
    one_at_depth_2: takes_all(2, 1);
    two_at_depth_1: takes_all(1, 2);
    three_at_depth_1: takes_all(1, 3);
    three_at_depth_2: takes_all(2, 3);
    left_before_the_first: leaves(1, 0);
    left_after_the_first: leaves(1, 1);
    left_after_the_second: leaves(1, 2);
    left_after_the_last: leaves(1, 3);
    left_after_the_end: leaves(1, 4);
    left_after_the_first_of_depth_2: leaves(2, 1);
    left_after_the_second_of_depth_2: leaves(2, 2);
}
