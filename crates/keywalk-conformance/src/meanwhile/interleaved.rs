use std::fmt::{self, Debug};

use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange, LastKey};

use super::Meanwhile;
use crate::BoxError;
use crate::history::Change;

/// A source before each of whose questions, fetches and the one for the last key, others have their turn: what
/// [`Meanwhile::interleave`] makes.
///
/// By the first question after a kill it is known where the code goes on, so that isn't to be said.
///
/// It is durable if the source inside is, and its tokens are that one's.
pub struct Interleaved<S, K, W> {
    source: S,
    meanwhile: Meanwhile<K, W>,
    has_turns: bool,
}

impl<S, K, W> Interleaved<S, K, W> {
    pub(super) fn new(source: S, meanwhile: Meanwhile<K, W>) -> Self {
        Interleaved {
            source,
            meanwhile,
            has_turns: true,
        }
    }

    /// Nobody has a turn before its questions: for code that reads in a transaction in which nobody else can
    /// write, as jobs with SQLite's `CheckpointTable` do. It says [`turn`](Meanwhile::turn) where that has
    /// ended, in a hook for its progress, say. Default: others have their turns.
    #[must_use]
    pub fn without_turns(mut self) -> Self {
        self.has_turns = false;
        self
    }

    /// The source inside.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.source
    }

    /// Takes the source out.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.source
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S, W> ChunkSource for Interleaved<S, S::Key, W>
where
    S: ChunkSource<Key: Ord + Debug>,
    W: FnMut(&S::Key, Change) -> Result<(), BoxError>,
{
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.meanwhile.asked(range, self.has_turns);
        self.source.fetch(range, chunk)
    }

    fn key_of(&self, item: &S::Item) -> S::Key {
        self.source.key_of(item)
    }

    fn key_into(&self, item: &S::Item, key: &mut S::Key) {
        self.source.key_into(item, key);
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.meanwhile.asked(range, self.has_turns);
        self.source.last_key(range)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S, W> DurableSource for Interleaved<S, S::Key, W>
where
    S: DurableSource<Key: Ord + Debug>,
    W: FnMut(&S::Key, Change) -> Result<(), BoxError>,
{
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        self.source.fingerprint()
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.source.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.source.decode_key(bytes)
    }

    fn key_text(&self, key: &S::Key) -> String {
        self.source.key_text(key)
    }

    fn share(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        self.source.share(first, last, at)
    }
}

/// Prints the source.
impl<S: Debug, K, W> Debug for Interleaved<S, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interleaved")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
