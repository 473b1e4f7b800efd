use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange};

use crate::ordered::lend;

/// A borrowed [`BTreeMap`]. Its entries are lent, `(&K, &V)`; only keys are cloned, a few for a chunk
/// and one for an item that the iterator hands out.
///
/// The map can't change while it is borrowed, so a walk over it is exact. For a map that others
/// change see [`SharedMap`](crate::SharedMap).
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Map;
///
/// let map: BTreeMap<i64, String> = (-2..=2).map(|n| (n, n.to_string())).collect();
/// let mut chunks = Walk::new(Map::new(&map)).range(-1..).chunk_size(2).chunks();
/// assert_eq!(
///     chunks.next()?,
///     Some([(&-1, &"-1".to_string()), (&0, &"0".to_string())].as_mut_slice()),
/// );
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[must_use = "a source does nothing until it is walked"]
pub struct Map<'a, K, V> {
    map: &'a BTreeMap<K, V>,
    pub(crate) name: &'a str,
}

impl<'a, K, V> Map<'a, K, V> {
    /// A source over `map`.
    pub fn new(map: &'a BTreeMap<K, V>) -> Self {
        Map { map, name: "" }
    }

    /// Names the map, for cursors that are written down ([`Token`](keywalk::Token)): one is taken only by
    /// a store of the same name and type of key. Default: no name, and maps of one type of key can't be
    /// told apart.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let sessions = BTreeMap::from([(7_u64, "ada"), (9, "bob")]);
    /// let users = BTreeMap::from([(7_u64, "ada"), (8, "cy"), (9, "bob")]);
    /// let mut items = Walk::new(Map::new(&sessions).named("sessions")).items();
    /// items.next();
    ///
    /// let token = items.token()?;
    /// let refused = Walk::new(Map::new(&users).named("users")).resume_token(&token);
    /// assert!(refused.is_err());
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn named(self, name: &'a str) -> Self {
        Map { name, ..self }
    }
}

impl<'a, K: Ord + Clone, V> ChunkSource for Map<'a, K, V> {
    type Key = K;
    type Item = (&'a K, &'a V);
    type Error = Infallible;

    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<K>, Infallible> {
        // `BTreeMap::range` panics on such a range.
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        let entries = self.map.range((range.lower(), range.upper()));
        Ok(lend(range, entries, chunk))
    }

    fn key_of(&self, (key, _): &Self::Item) -> K {
        K::clone(key)
    }

    fn key_into(&self, (item_key, _): &Self::Item, key: &mut K) {
        key.clone_from(item_key);
    }
}

impl<K, V> Clone for Map<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Map<'_, K, V> {}

/// Prints the number of entries, and none of them.
impl<K, V> fmt::Debug for Map<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("len", &self.map.len())
            .finish_non_exhaustive()
    }
}
