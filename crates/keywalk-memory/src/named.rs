use std::borrow::Cow;
use std::fmt;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange, LastKey, ResumableSource,
    Source, SplitSource,
};
use keywalk_bytes::Key;

/// An in-memory store with a name, so that its cursors can be saved as [`Token`](keywalk::Token)s.
///
/// Every in-memory store with the same name and key type accepts the token. For example, a token of a shared
/// map also works for a slice that holds a copy of it. You can name any source whose keys are a
/// [`keywalk_bytes::Key`].
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Named;
///
/// let sessions = BTreeMap::from([(7_u64, "ada"), (9, "bob")]);
/// let mut items = Walk::new(Named::new("sessions", &sessions)).items();
/// items.next();
///
/// let token = items.token()?;
/// let users = BTreeMap::from([(7_u64, "ada"), (8, "cy"), (9, "bob")]);
/// let refused = Walk::new(Named::new("users", &users)).resume_token(&token);
/// assert!(refused.is_err());
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[derive(Clone)]
#[must_use = "a source does nothing until it is walked"]
pub struct Named<S> {
    name: Cow<'static, str>,
    source: S,
}

impl<S> Named<S> {
    /// Names a source. Tokens can't distinguish two stores of the same name and key type.
    pub fn new(name: impl Into<Cow<'static, str>>, source: S) -> Self {
        Named {
            name: name.into(),
            source,
        }
    }

    /// Returns the source.
    pub fn into_inner(self) -> S {
        self.source
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Source> Source for Named<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    #[inline]
    fn key_into(item: &S::Item, key: &mut S::Key) {
        S::key_into(item, key);
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource> ChunkSource for Named<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        self.source.fetch(range, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.source.last_key(range)
    }
}

impl<S: SplitSource> SplitSource for Named<S> {
    fn split_points(
        &mut self,
        range: &KeyRange<S::Key>,
        parts: usize,
    ) -> Result<Vec<S::Key>, S::Error> {
        self.source.split_points(range, parts)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Source<Key: Key>> ResumableSource for Named<S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        let fingerprint = Fingerprint::new("memory").relation(&*self.name);
        Ok(fingerprint
            .key(S::Key::encoding_name())
            .cure(FingerprintField::Relation, SAME_NAME))
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        Ok(S::Key::decode(bytes).ok())
    }

    fn key_text(&self, key: &S::Key) -> String {
        key.display()
    }

    fn fraction(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        Key::fraction(first, last, at)
    }
}

/// Prints the name, and nothing of the store.
impl<S> fmt::Debug for Named<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

const SAME_NAME: &str = "give it by `Named::new` the name that it had when the token was taken";
