//! How far along a key lies, by its value.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk_key::{Key, Utf8};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::own::Own;

/// 0 at the first, 1 at the last, never back on the way, and the same from the other end.
fn check<K: Key + Debug>(mut keys: Vec<K>) -> Result<(), TestCaseError> {
    keys.sort();
    let (first, last) = (&keys[0], &keys[keys.len() - 1]);
    prop_assert_eq!(K::share(first, first, last), None);
    if first == last {
        return Ok(());
    }
    let mut before = 0.0;
    for at in &keys {
        let share = K::share(first, last, at).expect("there is a way");
        prop_assert!(before <= share && share <= 1.0, "{before} {share} {at:?}");
        let back = K::share(last, first, at).expect("there is a way");
        prop_assert!((share + back - 1.0).abs() < 1e-9, "{share} {back}");
        before = share;
    }
    prop_assert_eq!(K::share(first, last, first), Some(0.0));
    prop_assert_eq!(K::share(first, last, last), Some(1.0));
    prop_assert_eq!(K::share(last, first, last), Some(0.0));
    prop_assert_eq!(K::share(last, first, first), Some(1.0));
    // What lies outside.
    let middle = &keys[keys.len() / 2];
    if first < middle && middle < last {
        prop_assert_eq!(K::share(middle, last, first), Some(0.0));
        prop_assert_eq!(K::share(last, middle, first), Some(1.0));
        prop_assert_eq!(K::share(first, middle, last), Some(1.0));
        prop_assert_eq!(K::share(middle, first, last), Some(0.0));
    }
    Ok(())
}

/// Few letters, so that they agree at their beginnings and end in zeros.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0), Just(0), Just(7), any::<u8>()], 0..24)
}

macro_rules! every_integer {
    ($($integer:ident),+) => {
        proptest! {
            #[test]
            fn integers_go_from_0_to_1(numbers in vec(any::<i128>(), 2..9), shift in 0..128_u32) {
                $(
                    let keys: Vec<$integer> =
                        numbers.iter().map(|number| (number >> shift) as $integer).collect();
                    check(keys.clone())?;
                    check(keys.iter().map(|key| Reverse(*key)).collect())?;
                    check(keys.iter().map(|key| (*key, Reverse(0))).collect::<Vec<($integer, Reverse<i32>)>>())?;
                    check(keys.iter().map(|key| (Reverse(*key),)).collect())?;
                    check(vec![$integer::MIN, keys[0], keys[1], $integer::MAX])?;
                )+
            }
        }
    };
}

every_integer!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

/// `at` is so far from `first`, of `steps` to the last one.
fn near(share: Option<f64>, part: u32, steps: u32) -> bool {
    let wanted = f64::from(part) / f64::from(steps);
    share.is_some_and(|share| (share - wanted).abs() < 1e-9)
}

proptest! {
    #[test]
    fn bytes_go_from_0_to_1(keys in vec(bytes(), 2..9)) {
        check(keys.clone())?;
        check(keys.iter().cloned().map(Reverse).collect())?;
        check(keys.into_iter().map(|key| (key, 1_u8)).collect())?;
    }

    #[test]
    fn uuids_go_from_0_to_1(keys in vec(any::<u128>(), 2..9), shift in 0..128_u32) {
        let keys: Vec<_> = keys.iter().map(|bits| Uuid::from_u128(bits >> shift)).collect();
        check(keys.clone())?;
        check(keys.iter().copied().map(Reverse).collect())?;
        check(keys.into_iter().map(|key| (key, "x".to_owned())).collect())?;
    }

    #[test]
    fn tuples_go_from_0_to_1(keys in vec((0..3_u8, bytes(), any::<i64>()), 2..9)) {
        check(keys.clone())?;
        check(keys.iter().cloned().map(|(a, b, c)| (Reverse(a), Reverse(b), c)).collect())?;
        check(keys.into_iter().map(|(a, _, c)| (a, Reverse(c), a, 0_u8, 0_u8, c)).collect())?;
    }

    #[test]
    fn types_of_ones_own_go_from_0_to_1(keys in vec(any::<u64>(), 2..9)) {
        check(keys.iter().copied().map(Own).collect())?;
        check(keys.into_iter().map(|number| (1_u8, Own(number))).collect())?;
    }

    /// Equal steps of values are equal steps of shares, wherever they lie and however far they go.
    #[test]
    fn shares_are_linear_in_the_value(
        start in any::<i64>(),
        step in 1..=i64::MAX / 1_000,
        (part, steps) in (1..=1_000_u32).prop_flat_map(|steps| (0..=steps, Just(steps))),
    ) {
        let start = start.min(i64::MAX - step * i64::from(steps));
        let (last, at) = (start + step * i64::from(steps), start + step * i64::from(part));
        prop_assert!(near(Key::share(&start, &last, &at), part, steps));
        prop_assert!(near(Key::share(&last, &start, &at), steps - part, steps));
        prop_assert!(near(Key::share(&Reverse(last), &Reverse(start), &Reverse(at)), steps - part, steps));
        prop_assert!(near(Key::share(&(7, start), &(7, last), &(7, at)), part, steps));
        // By their bytes, too.
        prop_assert!(near(Vec::share(&start.to_bytes(), &last.to_bytes(), &at.to_bytes()), part, steps));
        let own = |number: i64| Own(number.wrapping_sub(i64::MIN) as u64);
        prop_assert!(near(Key::share(&own(start), &own(last), &own(at)), part, steps));
        prop_assert!(near(Key::share(&(own(start),), &(own(last),), &(own(at),)), part, steps));
        // Over twice the width, with bits below that count for nothing.
        let wide = |number: i64| (own(number).0 as u128) << 64 | 0xffff;
        prop_assert!(near(Key::share(&wide(start), &wide(last), &wide(at)), part, steps));
        let uuid = |number| Uuid::from_u128(wide(number));
        prop_assert!(near(Key::share(&uuid(start), &uuid(last), &uuid(at)), part, steps));
    }
}

#[test]
fn the_widest_ranges_do_not_overflow() {
    assert_eq!(Key::share(&i64::MIN, &i64::MAX, &0), Some(0.5));
    assert_eq!(Key::share(&i128::MAX, &i128::MIN, &0), Some(0.5));
    assert_eq!(Key::share(&u128::MAX, &0, &(u128::MAX / 4 * 3)), Some(0.25));
    assert_eq!(Key::share(&i8::MIN, &i8::MAX, &127), Some(1.0));
}

#[test]
fn text_is_not_measured() {
    let text = |text: &str| text.to_owned();
    assert_eq!(Key::share(&text("a"), &text("c"), &text("b")), None);
    assert_eq!(Key::share(&text("a"), &text("c"), &text("a")), None);
    assert_eq!(
        Key::share(&Utf8::from("a"), &Utf8::from("c"), &Utf8::from("b")),
        None
    );
    let reversed = |end| Reverse(text(end));
    assert_eq!(
        Key::share(&reversed("c"), &reversed("a"), &reversed("b")),
        None
    );
    // Nor what is led by it; where the text is the same, by what follows.
    let key = |name: &str, number| (text(name), number);
    for at in [key("a", 0), key("b", 3), key("c", 4)] {
        assert_eq!(Key::share(&key("a", 0), &key("c", 4), &at), None);
    }
    assert_eq!(
        Key::share(&key("a", 0), &key("a", 4), &key("a", 1)),
        Some(0.25)
    );
}

#[test]
fn bytes_are_measured_behind_the_common_beginning() {
    let long = |end: &str| format!("https://example.org/orders/2026/{end}").into_bytes();
    assert_eq!(Key::share(&long("a"), &long("e"), &long("b")), Some(0.25));
    assert_eq!(Key::share(&vec![], &vec![0x40], &vec![0x10]), Some(0.25));
}

#[test]
fn bytes_that_differ_in_the_zeros_at_their_end_alone_are_half_way() {
    let zeros = |count| vec![0; count];
    assert_eq!(Vec::share(&zeros(1), &zeros(3), &zeros(2)), Some(0.5));
    assert_eq!(Vec::share(&zeros(3), &zeros(1), &zeros(2)), Some(0.5));
    assert_eq!(Vec::share(&zeros(3), &zeros(1), &zeros(3)), Some(0.0));
}

#[test]
fn tuples_are_measured_by_the_first_column_that_differs() {
    let share = <(u8, i64, String)>::share;
    let key = |a, b, c: &str| (a, b, c.to_owned());
    let (first, last) = (key(1, 0, "z"), key(1, 4, "a"));
    assert_eq!(share(&first, &last, &key(1, 3, "m")), Some(0.75));
    assert_eq!(share(&first, &last, &key(0, 9, "m")), Some(0.0));
    assert_eq!(share(&first, &last, &key(2, 1, "m")), Some(1.0));
}
