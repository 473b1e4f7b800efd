//! Sources that don't stop at a chunk's bytes.

#![forbid(unsafe_code)]

use std::convert::Infallible;

use keywalk::{Chunk, ChunkSource, Error, Fetched, KeyRange, Violation, Walk};
use keywalk_memory::SharedMap;

/// Numbers, all of them in each fetch, in a way of its own.
struct Eager(fn(&mut Chunk<u32>));

impl ChunkSource for Eager {
    type Key = u32;
    type Item = u32;
    type Error = Infallible;

    fn fetch(
        &mut self,
        _: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Infallible> {
        (self.0)(chunk);
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &u32) -> u32 {
        *item
    }
}

#[test]
fn a_source_that_ignores_the_bytes_ends_the_walk_with_a_violation() {
    let up_to_its_limit = |chunk: &mut Chunk<u32>| {
        (1..=chunk.limit() as u32).for_each(|n| chunk.push(n));
    };
    let in_another_chunk = |chunk: &mut Chunk<u32>| {
        let mut other = Chunk::with_limit(chunk.limit());
        (1..=4).for_each(|n| other.push(n));
        *chunk = other;
    };
    for fill in [up_to_its_limit as fn(&mut Chunk<u32>), in_another_chunk] {
        let walk = Walk::new(Eager(fill)).live().chunk_bytes(12);
        let error = walk.chunks().next().map(|_| ());
        assert_eq!(error, Err(Error::Contract(Violation::Overfull)));
    }
}

#[test]
fn another_chunk_in_the_place_of_the_walks_is_fine_within_the_bytes_and_gets_them() {
    let turns = |chunk: &mut Chunk<u32>| {
        if chunk.budget().is_none() {
            return;
        }
        let mut other = Chunk::with_limit(chunk.limit());
        (1..=3).for_each(|n| other.push(n));
        *chunk = other;
    };
    let mut chunks = Walk::new(Eager(turns)).live().chunk_bytes(12).chunks();
    assert_eq!(chunks.next().unwrap().unwrap(), [1, 2, 3]);
    let mut again = Walk::new(SharedMap::new(Default::default()))
        .live()
        .chunk_bytes_by(1, |_: &(u8, u8)| 1)
        .chunks();
    assert_eq!(again.next(), Ok(None));
}
