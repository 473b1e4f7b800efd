//! A source that panics, in the decoding of a row for one, leaves the walk where it stood: whoever
//! catches the panic goes on, or resumes from the cursor, and nothing is lost or comes twice.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Order, Walk};

/// The numbers below `end`. It panics at one of its calls.
struct Panics {
    end: u32,
    /// How many calls it is until then.
    left: Cell<u32>,
}

impl Panics {
    fn new(end: u32, left: u32) -> Self {
        let left = Cell::new(left);
        Panics { end, left }
    }

    fn call(&self) {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.unwrap_or(u32::MAX));
        if left.is_none() {
            // A panic that prints nothing.
            resume_unwind(Box::new("the call that panics"));
        }
    }
}

impl ChunkSource for Panics {
    type Key = u32;
    type Item = u32;
    type Error = Infallible;

    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Infallible> {
        let mut numbers: Vec<u32> = (0..self.end).filter(|n| range.admits(n)).collect();
        if range.order() == Order::Descending {
            numbers.reverse();
        }
        for number in numbers {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            self.call();
            chunk.push(number);
        }
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &u32) -> u32 {
        self.call();
        *item
    }

    fn last_key(&mut self, _: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
        self.call();
        Ok(LastKey::Unknown)
    }
}

fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

fn expected(end: u32, order: Order) -> Vec<u32> {
    match order {
        Order::Ascending => (0..end).collect(),
        Order::Descending => (0..end).rev().collect(),
    }
}

/// Calls `check` with every small store, chunk size, order and call that panics.
fn every(check: impl Fn(Panics, Order, usize, bool)) {
    for (end, left) in (0..5).flat_map(|end| (0..30).map(move |left| (end, left))) {
        for (size, resumes) in [1, 2, 3]
            .into_iter()
            .flat_map(|size| [(size, false), (size, true)])
        {
            for order in [Order::Ascending, Order::Descending] {
                check(Panics::new(end, left), order, size, resumes);
            }
        }
    }
}

#[test]
fn items_go_on_after_a_panic_at_any_call() {
    every(|source, order, size, resumes| {
        let expected = expected(source.end, order);
        let mut walk = Walk::new(source).order(order).chunk_size(size).into_iter();
        let mut seen = Vec::new();
        loop {
            match caught(|| walk.next()) {
                Some(Some(item)) => seen.push(item.unwrap()),
                Some(None) => break,
                None if resumes => {
                    let cursor = walk.cursor();
                    let walk_on = Walk::new(walk.into_source()).resume(cursor);
                    walk = walk_on.chunk_size(size).into_iter();
                }
                None => {}
            }
        }
        assert_eq!(seen, expected, "by {size}, resumed: {resumes}");
    });
}

#[test]
fn chunks_go_on_after_a_panic_at_any_call() {
    every(|source, order, size, resumes| {
        let expected = expected(source.end, order);
        let source: Box<dyn ChunkSource<Key = u32, Item = u32, Error = Infallible>> =
            Box::new(source);
        let mut walk = Walk::new(source).order(order).chunk_size(size).chunks();
        let mut seen = Vec::new();
        loop {
            match caught(|| walk.next().map(|items| items.map(|items| items.to_vec()))) {
                Some(Ok(Some(items))) => seen.extend(items),
                Some(end) => {
                    assert_eq!(end, Ok(None));
                    break;
                }
                None if resumes => {
                    let cursor = walk.cursor();
                    let walk_on = Walk::new(walk.into_source()).resume(cursor);
                    walk = walk_on.chunk_size(size).chunks();
                }
                None => {}
            }
        }
        assert_eq!(seen, expected, "by {size}, resumed: {resumes}");
    });
}
