use std::cmp::Reverse;
use std::fmt::{self, Debug};
use std::rc::Rc;

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
    /// The rungs of a column, if this is one of a composite key.
    column: Vec<K>,
    /// Makes keys for the largest store, quickly and from any number. The strategy makes them if there is none.
    many: Option<Many<K>>,
}

type Many<K> = Rc<dyn Fn(u64) -> Option<K>>;

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
        KeySpace {
            strategy: strategy.boxed(),
            ladder: sorted(ladder),
            column: Vec::new(),
            many: None,
        }
    }

    /// Sets the rungs of a column, if they aren't some of the ladder, and how to make many keys.
    fn with(
        self,
        column: impl IntoIterator<Item = K>,
        many: impl Fn(u64) -> Option<K> + 'static,
    ) -> Self {
        KeySpace {
            column: sorted(column),
            many: Some(Rc::new(many)),
            ..self
        }
    }
}

fn sorted<K: Ord>(keys: impl IntoIterator<Item = K>) -> Vec<K> {
    let mut keys = Vec::from_iter(keys);
    keys.sort();
    keys.dedup();
    keys
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

    /// Makes a key from a random number, if this key space has a quick way.
    pub(crate) fn many(&self) -> Option<&dyn Fn(u64) -> Option<K>> {
        self.many.as_deref()
    }

    /// Returns the rungs of a column: by default the first key, the last one and two between them.
    fn column(&self) -> Vec<K>
    where
        K: Clone,
    {
        if !self.column.is_empty() {
            return self.column.clone();
        }
        let last = self.ladder.len().saturating_sub(1);
        let mut rungs = vec![0, last / 3, last * 2 / 3, last];
        rungs.dedup();
        let rungs = rungs.into_iter();
        rungs
            .filter_map(|at| self.ladder.get(at).cloned())
            .collect()
    }
}

impl<K: Ord + Debug + 'static> KeySpace<K> {
    /// Removes keys that the store rejects, such as empty or overlong ones. Keep most keys: proptest gives up if too
    /// many are rejected.
    #[must_use]
    pub fn filter(self, keep: impl Fn(&K) -> bool + 'static) -> Self {
        let keep = Rc::new(keep);
        let kept = Rc::clone(&keep);
        let filter = |keys: Vec<K>| Vec::from_iter(keys.into_iter().filter(&*keep));
        let (ladder, column) = (filter(self.ladder), filter(self.column));
        let many = |many: Many<K>| Rc::new(move |n| many(n).filter(&*kept)) as Many<K>;
        let many = self.many.map(many);
        let strategy = self.strategy;
        let strategy = strategy.prop_filter("the store takes it", move |key| keep(key));
        KeySpace {
            column,
            many,
            ..KeySpace::new(strategy, ladder)
        }
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
        let many = self
            .many
            .map(|many| Rc::new(move |n| many(n).map(into)) as Many<T>);
        KeySpace {
            column: sorted(self.column.into_iter().map(into)),
            many,
            ..KeySpace::new(self.strategy.prop_map(into), ladder)
        }
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
                // Half of them lie close together.
                #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
                let many = |n: u64| {
                    let n = u128::from(n >> (n % 2 * 48));
                    Some((n << 64 | n) as $integer)
                };
                KeySpace::new(strategy, ladder.into_iter().chain(carries)).with([], many)
            }
        }
    )+};
}

integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

/// Lengths of long keys, in bytes: around the sizes at which positions are cut, or their lengths need another byte.
const LONG: [usize; 6] = [9, 33, 65, 256, 300, 1_000];

/// Returns a key of all but the last byte of each length, and two keys that differ in the last byte.
fn long(lengths: &[usize]) -> impl Iterator<Item = String> {
    let group = |length| ["", "a", "b"].map(|last| "c".repeat(length - 1) + last);
    lengths.iter().copied().flat_map(group)
}

impl KnownKey for String {
    fn key_space() -> KeySpace<String> {
        // A zero, blanks, line ends, the end of a file, the mark at the start of one, the signs of SQL and its
        // patterns, case, accents, the last code points, and where the orders of UTF-8 and UTF-16 differ: 𐀀 is the
        // first character that UTF-16 encodes as two units.
        let one = "\0\u{1}\t\n \u{1a}\"%',AB\\_ab\u{7f}Ééßẞ²Σσ\u{feff}\u{ffff}𐀀\u{10ffff}";
        // Prefixes of one another, blanks and signs at the end, a decomposed accent, and all signs in one key.
        let more = [
            "", "\r\n", "a\0", "a\0a", "a\u{1}", "a\n", "a ", "a%", "a'", "aa", "a_", "e\u{301}",
        ];
        let signs = (1..0x80_u8)
            .map(char::from)
            .filter(|sign| !sign.is_alphanumeric());
        let others = [signs.collect(), "\u{10ffff}".repeat(2)];
        let more = more.map(str::to_owned).into_iter().chain(others);
        let short = Vec::from_iter(one.chars().map(String::from).chain(more));
        let strategy = prop_oneof![
            4 => prop::sample::select(short.clone()),
            1 => prop::sample::select(Vec::from_iter(long(&LONG))),
            2 => "[a-c]{0,4}",
            3 => "\\PC{0,4}",
        ];
        let column = ["", "a", "a\t,:;|/b", "\u{10ffff}"].map(str::to_owned);
        let column = column.into_iter().chain(long(&[33, 300]));
        let many = |n: u64| {
            let letters = ['a', 'b', 'A', ',', ' ', '\'', 'é', '𐀀'];
            let places = 0..5 + n % 4 * 2;
            let letter = |at| letters[(n >> (3 * at + 2)) as usize % letters.len()];
            Some(places.map(letter).collect())
        };
        KeySpace::new(strategy, short.into_iter().chain(long(&LONG))).with(column, many)
    }
}

impl KnownKey for Vec<u8> {
    fn key_space() -> KeySpace<Vec<u8>> {
        // Prefixes of one another, the bytes that codecs escape, the sign bit, and runs of the largest byte, after
        // which the next key is shorter.
        let short: [&[u8]; 13] = [
            b"", b"\0", b"\0\0", b"\0\xff", b"\x01", b"\n", b"\x7f", b"\x80", b"a", b"a\0",
            b"a\0b", b"b", b"\xff\0",
        ];
        let run = |start: &[u8], length, end: &[u8]| [start, &vec![0xff; length], end].concat();
        let runs = [1, 2, 3, 8].map(|length| run(b"", length, b""));
        let others = [
            run(b"a", 3, b""),
            run(b"a", 8, b""),
            run(b"\xfe", 3, b""),
            run(b"", 8, b"\0"),
        ];
        let short = short
            .map(<[u8]>::to_vec)
            .into_iter()
            .chain(runs)
            .chain(others);
        let short = Vec::from_iter(short);
        let long = |lengths| long(lengths).map(String::into_bytes);
        let strategy = prop_oneof![
            4 => prop::sample::select(short.clone()),
            1 => prop::sample::select(Vec::from_iter(long(&LONG))),
            2 => prop::collection::vec(prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff]), 0..4),
            3 => prop::collection::vec(any::<u8>(), 0..6),
        ];
        let column = [&b""[..], b"a\0", &[0xff; 8]].map(<[u8]>::to_vec);
        let column = column.into_iter().chain(long(&[33, 300]));
        let many = |n: u64| Some(n.to_be_bytes()[..3 + n as usize % 6].to_vec());
        KeySpace::new(strategy, short.into_iter().chain(long(&LONG))).with(column, many)
    }
}

#[cfg(feature = "uuid")]
impl KnownKey for uuid::Uuid {
    fn key_space() -> KeySpace<uuid::Uuid> {
        // The ends, each half's sign bit, neighbours in the last bit, and bytes of the first field.
        let powers = [0, 1, 63, 64, 96, 120, 127].map(|bits| 1 << bits);
        let ends = [0, u128::MAX >> 1, u128::MAX - 1, u128::MAX];
        let ladder = [&powers[..], &ends].concat();
        let strategy = prop_oneof![prop::sample::select(ladder.clone()), any::<u128>()];
        let many = |n: u64| Some(u128::from(n) << 64 | u128::from(n.rotate_left(32)));
        let keys = KeySpace::new(strategy, ladder).with([], many);
        keys.map(uuid::Uuid::from_u128)
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
        let many = known.many;
        KeySpace {
            column: known.column.into_iter().map(Some).collect(),
            many: many.map(|many| Rc::new(move |n| many(n).map(Some)) as Many<_>),
            ..KeySpace::new(strategy, ladder)
        }
    }
}

/// Leading columns repeat, so that the later ones decide the order.
impl<A: KnownKey, B: KnownKey> KnownKey for (A, B) {
    fn key_space() -> KeySpace<(A, B)> {
        let (a, b) = (A::key_space(), B::key_space());
        let (few, others) = (a.column(), b.column());
        let pairs = |a: &A| Vec::from_iter(others.iter().map(|b| (a.clone(), b.clone())));
        let ladder = Vec::from_iter(few.iter().flat_map(pairs));
        let first = prop_oneof![
            3 => prop::sample::select(few.clone()),
            1 => a.strategy().clone(),
        ];
        let strategy = (first, b.strategy().clone());
        // Of a column: two neighbours too.
        let middle = ladder.len() * 2 / 3;
        let column = [0, middle, middle + 1, ladder.len().saturating_sub(1)];
        let column = column.into_iter().filter_map(|at| ladder.get(at).cloned());
        KeySpace {
            column: sorted(column),
            many: b.many.map(|many| {
                // Half of the keys have the same first column.
                let first = move |n: u64| {
                    let at = if n >> 63 == 0 { 0 } else { (n >> 59) as usize };
                    few.get(at % few.len().max(1)).cloned()
                };
                Rc::new(move |n| Some((first(n)?, many(n)?))) as Many<_>
            }),
            ..KeySpace::new(strategy, ladder)
        }
    }
}

impl<A: KnownKey, B: KnownKey, C: KnownKey> KnownKey for (A, B, C) {
    fn key_space() -> KeySpace<(A, B, C)> {
        <(A, (B, C))>::key_space().map(|(a, (b, c))| (a, b, c))
    }
}
