//! Pointers to sources are sources, and forward every method.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange, LastKey, Walk};
use keywalk_memory::Map;

#[path = "support/tally.rs"]
mod tally;
use tally::Tally;

/// Overrides what the trait provides, so that a pointer that doesn't forward it shows.
struct Knowing<'a> {
    map: Map<'a, u32, char>,
    last: u32,
    key_intos: Cell<usize>,
}

impl<'a> Knowing<'a> {
    fn new(map: &'a BTreeMap<u32, char>) -> Self {
        Knowing {
            map: Map::new(map),
            last: *map.keys().next_back().expect("the map isn't empty"),
            key_intos: Cell::new(0),
        }
    }
}

impl<'a> ChunkSource for Knowing<'a> {
    type Key = u32;
    type Item = (&'a u32, &'a char);
    type Error = Infallible;

    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<u32>, Infallible> {
        self.map.fetch(range, chunk)
    }

    fn key_of(&self, item: &Self::Item) -> u32 {
        *item.0
    }

    fn key_into(&self, item: &Self::Item, key: &mut u32) {
        self.key_intos.set(self.key_intos.get() + 1);
        *key = *item.0;
    }

    fn last_key(&mut self, _: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
        Ok(LastKey::Is(self.last))
    }
}

fn letters() -> BTreeMap<u32, char> {
    (1..).zip("keywalk".chars()).collect()
}

/// Walks 7 items in chunks of 4, and checks that the source's own `last_key` was asked.
fn walk_all<'a, S: ChunkSource<Key = u32, Item = (&'a u32, &'a char)>>(source: S) {
    let mut items = Walk::new(source).chunk_size(4).into_iter();
    let word: String = items
        .by_ref()
        .map_while(Result::ok)
        .map(|(_, letter)| *letter)
        .collect();
    assert_eq!(word, "keywalk");
    // The last key, and two chunks: the last key's own fetch wasn't needed.
    assert_eq!(items.stats().queries(), 3);
}

#[test]
fn a_borrowed_source_is_a_source() {
    let map = letters();
    let mut source = Knowing::new(&map);
    walk_all(&mut source);
    let one_walk = source.key_intos.get();
    assert!(one_walk > 0);
    // It is there for another walk afterwards.
    walk_all(&mut &mut source);
    assert_eq!(source.key_intos.get(), 2 * one_walk);
}

#[test]
fn a_boxed_source_is_a_source() {
    let map = letters();
    let mut source = Box::new(Knowing::new(&map));
    walk_all(&mut source);
    assert!(source.key_intos.get() > 0);
    walk_all(source);
}

#[test]
fn a_boxed_source_of_unknown_type_is_a_source() {
    type Letter<'a> = (&'a u32, &'a char);
    type Dyn<'a, 's> = dyn ChunkSource<Key = u32, Item = Letter<'a>, Error = Infallible> + 's;

    let map = letters();
    let mut source = Tally::new(Knowing::new(&map));
    {
        let boxed: Box<Dyn<'_, '_>> = Box::new(&mut source);
        walk_all(boxed);
    }
    assert_eq!((source.last_keys, source.asked()), (1, 3));
    assert!(source.key_intos.get() > 0);

    let borrowed: &mut Dyn<'_, '_> = &mut source;
    walk_all(borrowed);
    assert_eq!((source.last_keys, source.asked()), (2, 6));
}

#[test]
fn sources_of_different_types_can_stand_in_one_list() {
    type Dyn<'a> = dyn ChunkSource<Key = u32, Item = (&'a u32, &'a char), Error = Infallible> + 'a;

    let map = letters();
    let sources: Vec<Box<Dyn<'_>>> = vec![Box::new(Map::new(&map)), Box::new(Knowing::new(&map))];
    let items: usize = sources
        .into_iter()
        .map(|source| Walk::new(source).into_iter().count())
        .sum();
    assert_eq!(items, 14);
}

#[test]
fn an_option_is_what_sql_says_of_a_last_key() {
    assert_eq!(LastKey::from(Some(7)), LastKey::Is(7));
    assert_eq!(LastKey::<u32>::from(None), LastKey::Empty);
}

impl DurableSource for Knowing<'_> {
    fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
        Ok(Fingerprint::new("knowing"))
    }

    fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
        Ok(bytes.try_into().ok().map(u32::from_be_bytes))
    }

    fn share(&self, first: &u32, last: &u32, at: &u32) -> Option<f64> {
        Some(f64::from(at - first) / f64::from(last - first))
    }
}

#[test]
fn pointers_to_durable_sources_are_durable_and_forward_every_method() {
    fn assert_forwards<S: DurableSource<Key = u32, Error = Infallible>>(source: &S) {
        assert_eq!(source.fingerprint(), Ok(Fingerprint::new("knowing")));
        let mut bytes = vec![9];
        source.encode_key(&258, &mut bytes);
        assert_eq!(bytes, [9, 0, 0, 1, 2]);
        assert_eq!(source.decode_key(&bytes[1..]), Ok(Some(258)));
        assert_eq!(source.decode_key(&bytes), Ok(None));
        assert_eq!(source.share(&10, &30, &15), Some(0.25));
    }
    type Dyn<'a> =
        dyn DurableSource<Key = u32, Item = (&'a u32, &'a char), Error = Infallible> + 'a;
    let map = letters();
    let mut knowing = Knowing::new(&map);
    assert_forwards(&knowing);
    assert_forwards(&&mut knowing);
    let boxed: Box<Dyn<'_>> = Box::new(knowing);
    assert_forwards(&boxed);
}
