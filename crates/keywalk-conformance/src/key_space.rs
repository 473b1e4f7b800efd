use std::fmt;

use proptest::strategy::{BoxedStrategy, Strategy};

mod known;

pub use known::KnownKey;

/// Keys to try a store with: any, and a ladder of those at which stores go wrong.
///
/// ```
/// use keywalk_conformance::KeySpace;
/// use keywalk_conformance::proptest::strategy::Strategy;
///
/// // Supplied: integers, text, bytes, UUIDs, `Reverse`, pairs and triples.
/// let known = KeySpace::<(String, i64)>::known();
/// assert!(known.ladder().is_sorted());
///
/// // Your own: even numbers, of 16 bits.
/// let even = KeySpace::new((0..=0x7fff_u16).prop_map(|n| n * 2), [0, 2, 254, 256, 0xfffe]);
/// assert_eq!(even.ladder().len(), 5);
///
/// // Those of a store that doesn't take every key: here none that is empty or too long.
/// let longest = 2;
/// let keys = KeySpace::<Vec<u8>>::known();
/// let keys = keys.filter(move |key| (1..=longest).contains(&key.len()));
/// assert_eq!(keys.ladder()[0], [0]);
/// assert!(keys.ladder().iter().all(|key| key.len() <= longest));
/// ```
///
/// [`Strategy`] is proptest's, which this crate re-exports.
pub struct KeySpace<K> {
    strategy: BoxedStrategy<K>,
    ladder: Vec<K>,
}

impl<K: Ord> KeySpace<K> {
    /// Any keys by a proptest strategy; boundary keys in any order.
    ///
    /// The ladder should hold at least five keys, the store's smallest and largest among them. The
    /// strategy should be able to make some hundred different ones.
    #[must_use]
    pub fn new(
        strategy: impl Strategy<Value = K> + 'static,
        ladder: impl IntoIterator<Item = K>,
    ) -> Self
    where
        K: fmt::Debug,
    {
        let mut ladder = Vec::from_iter(ladder);
        ladder.sort();
        ladder.dedup();
        KeySpace {
            strategy: strategy.boxed(),
            ladder,
        }
    }
}

impl<K: KnownKey> KeySpace<K> {
    /// The key space that the kit supplies for this type.
    #[must_use]
    pub fn known() -> Self {
        K::key_space()
    }
}

impl<K> KeySpace<K> {
    /// Any keys.
    pub fn strategy(&self) -> &BoxedStrategy<K> {
        &self.strategy
    }

    /// The boundary keys, ascending, each once.
    #[must_use]
    pub fn ladder(&self) -> &[K] {
        &self.ladder
    }
}

impl<K: Ord + fmt::Debug + 'static> KeySpace<K> {
    /// Without the keys that the store doesn't take: an empty one, one that is too long. Most should stay,
    /// else proptest gives up drawing.
    #[must_use]
    pub fn filter(self, keep: impl Fn(&K) -> bool + 'static) -> Self {
        let ladder = Vec::from_iter(self.ladder.into_iter().filter(&keep));
        let strategy = self.strategy.prop_filter("the store takes it", keep);
        KeySpace::new(strategy, ladder)
    }
}

impl<K> KeySpace<K> {
    /// The same keys as another type, in the order of that type.
    ///
    /// ```
    /// use keywalk_conformance::KeySpace;
    ///
    /// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    /// struct Id(i64);
    ///
    /// let ids = KeySpace::known().map(Id);
    /// assert_eq!(ids.ladder()[0], Id(i64::MIN));
    /// ```
    #[must_use]
    pub fn map<T: Ord + fmt::Debug + 'static>(self, into: fn(K) -> T) -> KeySpace<T>
    where
        K: fmt::Debug + 'static,
    {
        let ladder = self.ladder.into_iter().map(into);
        KeySpace::new(self.strategy.prop_map(into), ladder)
    }
}

impl<K: fmt::Debug> fmt::Debug for KeySpace<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySpace")
            .field("ladder", &self.ladder)
            .finish_non_exhaustive()
    }
}
