// The cure: implement `DurableSource` for it

use std::convert::Infallible;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Walk};

struct Nothing;

impl ChunkSource for Nothing {
    type Key = u32;
    type Item = u32;
    type Error = Infallible;

    fn fetch(&mut self, _: &KeyRange<u32>, _: &mut Chunk<u32>) -> Result<Fetched<u32>, Infallible> {
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &u32) -> u32 {
        *item
    }
}

fn main() {
    let token = Walk::new(Nothing).items().token();
    let token = Walk::new(Nothing).chunks().token();
}
