//! What is fetched before it is asked for, how much, where, and what is left of it. That a prefetched walk
//! is the same walk is said where every walk is exact.

use std::process::Command;
use std::thread;

use keywalk::{Prefetch, Walk};

use crate::shelf::{Shelf, all, numbers};

/// A walk over the numbers below `end`, in twos.
fn in_twos(end: i64, depth: usize) -> Prefetch<Shelf> {
    Walk::new(numbers(end)).chunk_size(2).prefetch(depth)
}

#[test]
fn nothing_is_fetched_before_the_first_chunk_is_asked_for() {
    for depth in 0..3 {
        let shelf = numbers(10);
        let watch = shelf.watch.clone();
        let mut chunks = Walk::new(shelf).chunk_size(2).prefetch(depth).chunks();
        // A thread that was started too early has run before these have.
        for _ in 0..30 {
            thread::spawn(|| ()).join().unwrap();
        }
        assert_eq!(watch.asked(), 0);
        chunks.next().unwrap();
        assert!(watch.asked() > 0);
    }
}

#[test]
fn as_many_chunks_as_the_depth_are_fetched_while_the_caller_has_one_and_no_more() {
    for depth in 0..5 {
        let shelf = numbers(200);
        let watch = shelf.watch.clone();
        let walk = Walk::new(shelf).unbounded().chunk_size(2).prefetch(depth);
        let mut chunks = walk.chunks();
        for chunk in 1..=100_usize {
            watch.change(|state| state.due = chunk + depth);
            let first = chunks.next().unwrap().unwrap()[0];
            assert_eq!(first, 2 * (chunk as i64 - 1));
            // At the last ones the thread is waited for, and at some: so that it would go on if it could.
            if chunk % 7 == 0 || chunk < 20 {
                // One that is early says so, at a later call.
                let most = (chunk + depth).min(100);
                watch.wait(|state| state.done >= most || state.is_early);
            }
        }
        watch.change(|state| state.due = 101 + depth);
        assert_eq!(chunks.next(), Ok(None));
        // They go round and are filled again; fewer where the caller is faster than the thread.
        let made = watch.state().made;
        assert!(made <= 2 * (depth + 1), "{made} at {depth}");
    }
}

#[test]
fn no_depth_is_too_large() {
    let shelf = numbers(9);
    let watch = shelf.watch.clone();
    let walk = Walk::new(shelf).chunk_size(2).prefetch(usize::MAX);
    let mut items = walk.items();
    assert_eq!(items.next(), Some(Ok(0)));
    watch.wait(|state| state.done >= 5);
    assert_eq!(items.count(), 8);
}

#[test]
fn a_depth_of_zero_fetches_in_the_callers_thread_when_it_is_asked_and_others_in_one_thread() {
    for depth in 0..4 {
        let shelf = numbers(6);
        let watch = shelf.watch.clone();
        let mut items = Walk::new(shelf).chunk_size(2).prefetch(depth).items();
        for number in 0..6 {
            assert_eq!(items.next(), Some(Ok(number)));
            assert!(depth > 0 || watch.state().begun == number as usize / 2 + 1);
        }
        let threads = watch.state().threads.clone();
        assert_eq!(threads, [threads[0]; 3]);
        assert_eq!(threads[0] == thread::current().id(), depth == 0);
    }
}

/// Larger than any memory.
const STACK: &str = "4611686018427387904";

/// In a process of its own, whose threads can't be started: their stack is too large. With one test at a
/// time the test's own thread is the first one.
#[cfg(target_os = "linux")]
#[test]
fn without_a_thread_to_be_had_the_caller_fetches() {
    if std::env::var("RUST_MIN_STACK").as_deref() == Ok(STACK) {
        assert!(thread::Builder::new().spawn(|| ()).is_err());
        let shelf = numbers(10);
        let watch = shelf.watch.clone();
        let items = Walk::new(shelf).chunk_size(3).prefetch(2).items();
        assert!(items.map(Result::unwrap).eq(0..10));
        assert_eq!(watch.state().threads, [thread::current().id(); 4]);
        return;
    }
    let name = "prefetch::without_a_thread_to_be_had_the_caller_fetches";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env("RUST_MIN_STACK", STACK)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[test]
fn at_any_moment_a_walk_is_left_with_nothing_held_or_its_source_comes_back() {
    for (depth, taken) in (0..4).flat_map(|depth| (0..12).map(move |taken| (depth, taken))) {
        let walk = in_twos(20, depth);
        let mut chunks = walk.chunks();
        let mut items = in_twos(20, depth).items();
        let mut seen = Vec::new();
        for _ in 0..taken {
            seen.extend_from_slice(chunks.next().unwrap().unwrap_or_default());
            assert!(items.next().is_some_and(|item| item.is_ok()));
        }
        let cursor = chunks.cursor();
        let shelf = chunks.into_source();
        seen.extend(all(Walk::new(shelf).resume(cursor)));
        assert!(seen.into_iter().eq(0..20), "{depth} ahead, after {taken}");
        let cursor = items.cursor();
        let shelf = items.into_source();
        let watch = shelf.watch.clone();
        let mut rest = Walk::new(shelf).resume(cursor).prefetch(depth).items();
        assert_eq!(rest.next(), Some(Ok(taken as i64)));
        drop(rest);
        assert!(!watch.is_held(), "{depth} ahead, after {taken}");
    }
}

#[test]
fn dropping_waits_for_the_fetch_that_runs() {
    let shelf = numbers(100);
    let watch = shelf.watch.clone();
    watch.change(|state| state.allowed = 3);
    let mut chunks = Walk::new(shelf).chunk_size(2).prefetch(5).chunks();
    chunks.next().unwrap();
    watch.wait(|state| state.begun >= 4);
    let dropper = thread::spawn(move || drop(chunks));
    assert!(watch.is_held());
    watch.change(|state| state.allowed = usize::MAX);
    dropper.join().unwrap();
    assert!(!watch.is_held());
}

/// A walk that is moved, sent and left to another thread, half done.
#[test]
fn a_walk_can_be_finished_by_another_thread() {
    let mut items = in_twos(20, 2).items();
    assert_eq!(items.by_ref().take(4).count(), 4);
    let rest = thread::spawn(move || items.count());
    assert_eq!(rest.join().unwrap(), 16);
}
