//! Pointers to sources are sources, and forward every method.

use std::convert::Infallible;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Keyed, LastKey, ResumableSource, Source,
    Walk,
};

/// Says otherwise what the traits provide, so that a pointer that doesn't forward it shows.
struct Knowing;

impl Source for Knowing {
    type Key = u32;
    type Item = u32;
    type Error = Infallible;
}

impl ChunkSource for Knowing {
    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Infallible> {
        Ok(
            match chunk.fill_from((0..7).filter(|key| range.may_contain(key))) {
                true => Fetched::More,
                false => Fetched::End,
            },
        )
    }

    fn last_key(&mut self, _: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
        Ok(LastKey::Known(6))
    }
}

impl ResumableSource for Knowing {
    fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
        Ok(Fingerprint::new("knowing"))
    }

    fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
        Ok(bytes.try_into().ok().map(u32::from_be_bytes))
    }

    fn key_text(&self, key: &u32) -> String {
        format!("number {key}")
    }

    fn fraction(&self, first: &u32, last: &u32, at: &u32) -> Option<f64> {
        Some(f64::from(at - first) / f64::from(last - first))
    }
}

type Dyn = dyn ChunkSource<Key = u32, Item = u32, Error = Infallible>;
type DynResumable = dyn ResumableSource<Key = u32, Item = u32, Error = Infallible>;

/// Walks 7 items in chunks of 4.
fn is_walked<S: ChunkSource<Key = u32, Item = u32, Error = Infallible>>(source: S) {
    let mut items = Walk::new(source).chunk_size(4).items();
    assert!(items.by_ref().map_while(Result::ok).eq(0..7));
    // The last key, and two chunks: the last key's own fetch wasn't needed.
    assert_eq!(items.stats().queries(), 3);
}

#[test]
fn borrowed_and_boxed_sources_of_known_and_unknown_type_are_sources() {
    is_walked(&mut &mut Knowing);
    let borrowed: &mut Dyn = &mut Knowing;
    is_walked(borrowed);
    // Those of different types can stand in one list.
    let sources: [Box<Dyn>; 2] = [Box::new(Knowing), Box::new(Box::new(Knowing))];
    sources.into_iter().for_each(is_walked);
}

#[test]
fn pointers_to_resumable_sources_are_resumable_and_forward_every_method() {
    fn forwards<S: ResumableSource<Key = u32, Item = u32, Error = Infallible>>(source: &S) {
        assert_eq!(source.fingerprint(), Ok(Fingerprint::new("knowing")));
        let mut bytes = vec![9];
        source.encode_key(&258, &mut bytes);
        assert_eq!(bytes, [9, 0, 0, 1, 2]);
        assert_eq!(source.decode_key(&bytes[1..]), Ok(Some(258)));
        assert_eq!(source.decode_key(&bytes), Ok(None));
        assert_eq!(source.key_text(&7), "number 7");
        assert_eq!(source.fraction(&10, &30, &15), Some(0.25));
    }
    forwards(&&mut Knowing);
    forwards(&(Box::new(Knowing) as Box<DynResumable>));
    let mut items = Walk::new(Box::new(Knowing)).items();
    items.next();
    let token = items.token().unwrap();
    let rest = Walk::new(items.into_source()).resume_token(&token).unwrap();
    assert!(rest.into_iter().map_while(Result::ok).eq(1..7));
}

/// It says its key in one way alone.
struct Row(u8);

impl Keyed<u8> for Row {
    fn key(&self) -> u8 {
        self.0
    }
}

#[test]
fn an_item_puts_its_key_in_the_place_of_another() {
    fn put(item: &impl Keyed<u8>) -> u8 {
        let mut key = 255;
        item.key_into(&mut key);
        key
    }
    assert_eq!((put(&1), put(&&2), put(&Row(3))), (1, 2, 3));
    assert_eq!((put(&(4, "four")), put(&(&5, &"five"))), (4, 5));
}
