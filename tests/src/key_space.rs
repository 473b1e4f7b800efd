use std::cmp::Reverse;
use std::fmt::Debug;

use proptest::prelude::*;
use uuid::Uuid;

/// Keys to try a store with: random ones, and often those at which stores go wrong.
pub trait KeySpace: Ord + Clone + Debug + 'static {
    /// Keys of all kinds.
    fn keys() -> BoxedStrategy<Self>;
}

impl KeySpace for i64 {
    fn keys() -> BoxedStrategy<i64> {
        let ladder = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        prop_oneof![
            prop::sample::select(ladder.to_vec()),
            -10..10_i64,
            any::<i64>(),
        ]
        .boxed()
    }
}

impl KeySpace for String {
    fn keys() -> BoxedStrategy<String> {
        // Prefixes of one another, a zero, case, and where the orders of UTF-8 and UTF-16 differ.
        let ladder = [
            "",
            "a",
            "a\0",
            "a\u{1}",
            "aa",
            "A",
            "b",
            "é",
            "²",
            "\u{ffff}",
            "\u{10000}",
        ];
        prop_oneof![
            3 => prop::sample::select(ladder.map(str::to_owned).to_vec()),
            1 => "\\PC{0,3}",
        ]
        .boxed()
    }
}

impl KeySpace for Uuid {
    fn keys() -> BoxedStrategy<Uuid> {
        // The ends, each half's sign bit, and neighbours in the last bit.
        let ladder = [
            0,
            1,
            2,
            1 << 63,
            1 << 64,
            (1 << 127) - 1,
            1 << 127,
            u128::MAX - 1,
            u128::MAX,
        ];
        prop_oneof![prop::sample::select(ladder.to_vec()), any::<u128>()]
            .prop_map(Uuid::from_u128)
            .boxed()
    }
}

impl<K: KeySpace> KeySpace for Reverse<K> {
    fn keys() -> BoxedStrategy<Reverse<K>> {
        K::keys().prop_map(Reverse).boxed()
    }
}

/// Leading columns repeat: most keys share one of a few.
impl<A: KeySpace, B: KeySpace> KeySpace for (A, B) {
    fn keys() -> BoxedStrategy<(A, B)> {
        (A::keys(), B::keys()).boxed()
    }
}
