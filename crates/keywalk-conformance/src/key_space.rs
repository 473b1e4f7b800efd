use std::cmp::Reverse;
use std::fmt::{self, Debug};

use proptest::prelude::*;
use proptest::strategy::{BoxedStrategy, Strategy};

/// The keys to test a store with: a strategy for random keys, and a ladder of boundary keys at which stores go wrong.
///
/// ```
/// use keywalk_conformance::KeySpace;
/// use keywalk_conformance::proptest::strategy::Strategy;
///
/// // Provided for integers, text, bytes, UUIDs, `Option`, `Reverse`, pairs and triples.
/// let known = KeySpace::<(String, i64)>::known();
/// assert!(known.ladder().is_sorted());
///
/// // Your own keys: even 16-bit numbers.
/// let even = KeySpace::new((0..=0x7fff_u16).prop_map(|n| n * 2), [0, 2, 254, 256, 0xfffe]);
/// assert_eq!(even.ladder().len(), 5);
///
/// // Keys of a store that rejects some: here empty and overlong ones.
/// let longest = 2;
/// let keys = KeySpace::<Vec<u8>>::known();
/// let keys = keys.filter(move |key| (1..=longest).contains(&key.len()));
/// assert_eq!(keys.ladder()[0], [0]);
/// assert!(keys.ladder().iter().all(|key| key.len() <= longest));
/// ```
///
/// [`Strategy`] belongs to proptest, which this crate re-exports.
pub struct KeySpace<K> {
    strategy: BoxedStrategy<K>,
    ladder: Vec<K>,
}

impl<K: Ord> KeySpace<K> {
    /// Makes a key space from a proptest strategy and boundary keys in any order.
    ///
    /// The ladder should hold at least five keys, including the store's smallest and largest. The strategy should be
    /// able to make some hundred different keys.
    #[must_use]
    pub fn new(
        strategy: impl Strategy<Value = K> + 'static,
        ladder: impl IntoIterator<Item = K>,
    ) -> Self
    where
        K: Debug,
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
    /// Returns the key space that the kit provides for this type.
    #[must_use]
    pub fn known() -> Self {
        K::key_space()
    }
}

impl<K> KeySpace<K> {
    /// Returns the strategy for random keys.
    pub fn strategy(&self) -> &BoxedStrategy<K> {
        &self.strategy
    }

    /// Returns the boundary keys, ascending, without duplicates.
    #[must_use]
    pub fn ladder(&self) -> &[K] {
        &self.ladder
    }
}

impl<K: Ord + Debug + 'static> KeySpace<K> {
    /// Removes keys that the store rejects, such as empty or overlong ones. Keep most keys: proptest gives up if too
    /// many are rejected.
    #[must_use]
    pub fn filter(self, keep: impl Fn(&K) -> bool + 'static) -> Self {
        let ladder = Vec::from_iter(self.ladder.into_iter().filter(&keep));
        let strategy = self.strategy.prop_filter("the store takes it", keep);
        KeySpace::new(strategy, ladder)
    }
}

impl<K> KeySpace<K> {
    /// Converts the keys to another type, ordered by that type.
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
    pub fn map<T: Ord + Debug + 'static>(self, into: fn(K) -> T) -> KeySpace<T>
    where
        K: Debug + 'static,
    {
        let ladder = self.ladder.into_iter().map(into);
        KeySpace::new(self.strategy.prop_map(into), ladder)
    }
}

impl<K: Debug> Debug for KeySpace<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySpace")
            .field("ladder", &self.ladder)
            .finish_non_exhaustive()
    }
}

/// A key type for which the kit provides a [`KeySpace`].
#[diagnostic::on_unimplemented(
    message = "the kit has no key space of `{Self}`",
    label = "not a `KnownKey`",
    note = "make one by `KeySpace::new`, of a proptest strategy and a ladder of keys at the edges"
)]
pub trait KnownKey: Ord + Clone + Debug + 'static {
    /// Returns the key space of this type, for [`KeySpace::known`].
    fn key_space() -> KeySpace<Self>;
}

/// Half of the random integers are near zero, so that equal keys occur.
macro_rules! integers {
    ($($integer:ty),+) => {$(
        impl KnownKey for $integer {
            fn key_space() -> KeySpace<Self> {
                const MIN: $integer = <$integer>::MIN;
                const MAX: $integer = <$integer>::MAX;
                // Around zero and the sign bit, where bytes carry, and where a float loses digits.
                let ladder = [
                    MIN, MIN + 1, MIN / 2, (0 as $integer).saturating_sub(1).max(MIN),
                    0, 1, 2, MAX / 2, MAX - 1, MAX,
                ];
                let bytes = [8_u32, 16, 32, 53].into_iter().filter_map(|bits| {
                    (1 as $integer).checked_shl(bits).filter(|power| *power > 2)
                });
                let carries = bytes.flat_map(|power| [power - 1, power, power.saturating_add(1)]);
                let strategy = prop_oneof![
                    1 => prop::sample::select(ladder.to_vec()),
                    1 => (0 as $integer).saturating_sub(20)..20,
                    1 => any::<$integer>(),
                ];
                KeySpace::new(strategy, ladder.into_iter().chain(carries))
            }
        }
    )+};
}

integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl KnownKey for String {
    fn key_space() -> KeySpace<String> {
        // Prefixes of one another, a zero, blanks, case, and where the orders of UTF-8 and UTF-16 differ: 𐀀 is the
        // first character that UTF-16 encodes as two units.
        let ladder = [
            "", "\0", "\u{1}", " ", "A", "B", "a", "a\0", "a\0a", "a\u{1}", "a ", "aa", "b", "é",
            "²", "\u{ffff}", "𐀀",
        ]
        .map(str::to_owned);
        let strategy = prop_oneof![
            2 => prop::sample::select(ladder.to_vec()),
            1 => "[a-c]{0,4}",
            1 => "\\PC{0,4}",
        ];
        KeySpace::new(strategy, ladder)
    }
}

impl KnownKey for Vec<u8> {
    fn key_space() -> KeySpace<Vec<u8>> {
        // Prefixes of one another, the bytes that codecs escape, and the sign bit.
        let ladder: [&[u8]; 13] = [
            b"", b"\0", b"\0\0", b"\0\xff", b"\x01", b"\x7f", b"\x80", b"a", b"a\0", b"a\0b",
            b"\xff", b"\xff\0", &[0xff; 2],
        ];
        let ladder = ladder.map(<[u8]>::to_vec);
        let strategy = prop_oneof![
            2 => prop::sample::select(ladder.to_vec()),
            1 => prop::collection::vec(prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff]), 0..4),
            1 => prop::collection::vec(any::<u8>(), 0..6),
        ];
        KeySpace::new(strategy, ladder)
    }
}

#[cfg(feature = "uuid")]
impl KnownKey for uuid::Uuid {
    fn key_space() -> KeySpace<uuid::Uuid> {
        // The ends, each half's sign bit, neighbours in the last bit, and bytes of the first field.
        let ladder = [
            0,
            1,
            2,
            1 << 63,
            1 << 64,
            1 << 96,
            1 << 120,
            (1 << 127) - 1,
            1 << 127,
            u128::MAX - 1,
            u128::MAX,
        ];
        let strategy = prop_oneof![prop::sample::select(ladder.to_vec()), any::<u128>()];
        KeySpace::new(strategy, ladder).map(uuid::Uuid::from_u128)
    }
}

impl<K: KnownKey> KnownKey for Reverse<K> {
    fn key_space() -> KeySpace<Reverse<K>> {
        K::key_space().map(Reverse)
    }
}

/// `None` comes often, so that a later column decides the order.
impl<K: KnownKey> KnownKey for Option<K> {
    fn key_space() -> KeySpace<Option<K>> {
        let known = K::key_space();
        let ladder = known.ladder.into_iter().map(Some).chain([None]);
        let strategy = prop_oneof![
            1 => Just(None),
            3 => known.strategy.prop_map(Some),
        ];
        KeySpace::new(strategy, ladder)
    }
}

/// Leading columns repeat, so that the later ones decide the order.
impl<A: KnownKey, B: KnownKey> KnownKey for (A, B) {
    fn key_space() -> KeySpace<(A, B)> {
        let (a, b) = (A::key_space(), B::key_space());
        let (few, others) = (rungs(a.ladder()), rungs(b.ladder()));
        let pairs = |a: &A| Vec::from_iter(others.iter().map(|b| (a.clone(), b.clone())));
        let ladder = Vec::from_iter(few.iter().flat_map(pairs));
        let first = prop_oneof![
            3 => prop::sample::select(few),
            1 => a.strategy().clone(),
        ];
        KeySpace::new((first, b.strategy().clone()), ladder)
    }
}

impl<A: KnownKey, B: KnownKey, C: KnownKey> KnownKey for (A, B, C) {
    fn key_space() -> KeySpace<(A, B, C)> {
        <(A, (B, C))>::key_space().map(|(a, (b, c))| (a, b, c))
    }
}

/// Returns the first key, the last one and two between them.
fn rungs<K: Clone>(ladder: &[K]) -> Vec<K> {
    let last = ladder.len().saturating_sub(1);
    let mut rungs = vec![0, last / 3, last * 2 / 3, last];
    rungs.dedup();
    rungs
        .iter()
        .filter_map(|at| ladder.get(*at).cloned())
        .collect()
}
