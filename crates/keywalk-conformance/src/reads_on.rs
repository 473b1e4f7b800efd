use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange, LastKey};

/// A source that goes up only and can't know its last key, made one that does: by fetching to the end.
///
/// Its walks are [`live`](keywalk::Walk::live) in use; the kit tries bounded ones too, over
/// `type Source<'a> = ReadsOn<Items>`. It reads all of a range for its last key, so a harness that
/// [counts](crate::Harness::reads) doesn't go with it.
#[derive(Debug)]
pub struct ReadsOn<S>(pub S);

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource> ChunkSource for ReadsOn<S> {
    left_to!(0: keys);

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.0.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        let (mut rest, mut last) = (range.clone(), None);
        loop {
            let mut chunk = Chunk::with_limit(1_000);
            let fetched = self.0.fetch(&rest, &mut chunk)?;
            let end = chunk.as_slice().last().map(|item| self.0.key_of(item));
            last = end.clone().or(last);
            match (fetched, end) {
                (Fetched::ScannedTo(key), _) | (Fetched::More, Some(key)) if rest.admits(&key) => {
                    rest.advance_past(key);
                }
                // The end, or no progress: what a source answers that makes none is for the checks to find.
                _ => return Ok(last.into()),
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: DurableSource> DurableSource for ReadsOn<S> {
    left_to!(0: tokens);
}

/// What a source leaves to the one inside: how keys are told, or all of its tokens.
macro_rules! left_to {
    ($inside:tt: keys) => {
        type Key = S::Key;
        type Item = S::Item;
        type Error = S::Error;

        fn key_of(&self, item: &S::Item) -> S::Key {
            self.$inside.key_of(item)
        }

        fn key_into(&self, item: &S::Item, key: &mut S::Key) {
            self.$inside.key_into(item, key);
        }
    };
    ($inside:tt: tokens) => {
        fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
            self.$inside.fingerprint()
        }

        fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
            self.$inside.encode_key(key, bytes);
        }

        fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
            self.$inside.decode_key(bytes)
        }

        fn key_text(&self, key: &S::Key) -> String {
            self.$inside.key_text(key)
        }

        fn share(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
            self.$inside.share(first, last, at)
        }
    };
}

pub(crate) use left_to;
