//! What a walk says of itself.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Walk};

/// One item, that takes as long as a clock takes to move.
struct Slow;

impl ChunkSource for Slow {
    type Key = u32;
    type Item = u32;
    type Error = Infallible;

    fn fetch(
        &mut self,
        _: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Infallible> {
        pass();
        chunk.push(1);
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &u32) -> u32 {
        *item
    }
}

fn pass() {
    let start = Instant::now();
    while start.elapsed().is_zero() {}
}

#[test]
fn the_time_in_the_store_is_that_of_its_queries() {
    let start = Instant::now();
    let mut items = Walk::new(Slow).live().into_iter();
    assert_eq!(items.stats().time_in_store(), Duration::ZERO);
    assert_eq!(items.next(), Some(Ok(1)));
    let time = items.stats().time_in_store();
    assert!(!time.is_zero() && time <= start.elapsed());
    // Not that of the caller.
    pass();
    assert_eq!(items.stats().time_in_store(), time);
}
