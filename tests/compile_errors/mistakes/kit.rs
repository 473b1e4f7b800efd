//! The conformance kit, and a source whose cursors can't be written down, and that stays in its thread.

use std::convert::Infallible;
use std::rc::Rc;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Source, Walk};
use keywalk_conformance::{
    BoxError, Config, Faults, Harness, KeySpace, Writer, run, run_durable, run_prefetched,
};

struct Tokenless(Rc<u64>);

impl Source for Tokenless {
    type Key = i64;
    type Item = (i64, u64);
    type Error = Infallible;
}

impl ChunkSource for Tokenless {
    fn fetch(&mut self, _: &KeyRange<i64>, _: &mut Chunk<(i64, u64)>) -> Result<Fetched<i64>, Infallible> {
        Ok(Fetched::End)
    }
}

// The cure: implement `ResumableSource` for it
fn a_token_of_items(walk: Walk<Tokenless>) {
    walk.items().token();
}

// The cure: implement `ResumableSource` for it
fn a_token_of_chunks(walk: Walk<Tokenless>) {
    walk.chunks().token();
}

struct Nothing;

impl Harness for Nothing {
    type Key = i64;
    type Source<'a> = Tokenless;

    fn open() -> Result<Self, BoxError> {
        Ok(Nothing)
    }

    fn source(&self) -> Result<Tokenless, BoxError> {
        Ok(Tokenless(Rc::new(0)))
    }

    fn put(&self, _: &i64, _: u64) -> Result<(), BoxError> {
        Ok(())
    }

    fn delete(&self, _: &i64) -> Result<(), BoxError> {
        Ok(())
    }

    fn value((_, value): &(i64, u64)) -> u64 {
        *value
    }

    fn keys() -> KeySpace<i64> {
        KeySpace::known()
    }
}

// The cure: implement `ResumableSource` for it
fn a_durable_suite() {
    run_durable::<Nothing>(&Config::default());
}

// The cure: let the source own its handle of the store, `Arc` for `Rc`
fn a_prefetched_suite() {
    run_prefetched::<Nothing>(&Config::default());
}

struct Shared;

// The cure: implement `keywalk_conformance::Harness` for it
fn a_suite_of_no_harness() {
    run::<Shared>(&Config::default());
}

// The cure: implement `keywalk_conformance::Writer<i64>` for it
fn a_writer_that_is_none() -> Box<dyn Writer<i64>> {
    Box::new(Shared)
}

// The cure: keep a `keywalk_conformance::FaultInjector`
fn faults_that_are_none(shared: &Shared) -> &dyn Faults {
    shared
}

// The cure: make one by `KeySpace::new`
fn keys_that_the_kit_does_not_know() -> KeySpace<char> {
    KeySpace::known()
}

fn main() {}
