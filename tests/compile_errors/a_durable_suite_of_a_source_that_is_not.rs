// The cure: implement `DurableSource` for it

use std::convert::Infallible;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange};
use keywalk_conformance::{BoxError, Config, Harness, KeySpace, run_durable};

struct Nothing;

impl Harness for Nothing {
    type Key = i64;
    type Source<'a> = Source;

    fn open() -> Result<Self, BoxError> {
        Ok(Nothing)
    }

    fn source(&self) -> Result<Source, BoxError> {
        Ok(Source)
    }

    fn put(&self, _: &i64, _: u64) -> Result<(), BoxError> {
        Ok(())
    }

    fn delete(&self, _: &i64) -> Result<(), BoxError> {
        Ok(())
    }

    fn value(value: &u64) -> u64 {
        *value
    }

    fn keys() -> KeySpace<i64> {
        KeySpace::known()
    }
}

struct Source;

impl ChunkSource for Source {
    type Key = i64;
    type Item = u64;
    type Error = Infallible;

    fn fetch(&mut self, _: &KeyRange<i64>, _: &mut Chunk<u64>) -> Result<Fetched<i64>, Infallible> {
        Ok(Fetched::End)
    }

    fn key_of(&self, _: &u64) -> i64 {
        0
    }
}

fn main() {
    run_durable::<Nothing>(&Config::default());
}
