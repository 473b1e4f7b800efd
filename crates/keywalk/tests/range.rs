//! The laws of `KeyRange`, against a brute-force model over small integers.

#![forbid(unsafe_code)]

use std::cmp::Ordering;
use std::ops::{Bound, RangeBounds, RangeInclusive};

use keywalk::{KeyRange, Order};
use proptest::prelude::*;

#[path = "support/opaque.rs"]
mod opaque;
use opaque::Opaque;

/// Bounds lie at even numbers from 0 to 10; the odd ones stand for keys between two others, and
/// -1 and 11 for those outside of all bounds.
const PROBES: RangeInclusive<i8> = -1..=11;

fn bound() -> impl Strategy<Value = Bound<i8>> {
    prop_oneof![
        1 => Just(Bound::Unbounded),
        3 => (0..=5_i8).prop_map(|half| Bound::Included(half * 2)),
        3 => (0..=5_i8).prop_map(|half| Bound::Excluded(half * 2)),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Ascending), Just(Order::Descending)]
}

fn range() -> impl Strategy<Value = KeyRange<i8>> {
    (bound(), bound(), order()).prop_map(|(lower, upper, order)| {
        // A pair of bounds is itself `RangeBounds`.
        KeyRange::new((lower, upper), order)
    })
}

fn below(key: i8, lower: Bound<&i8>) -> bool {
    match lower {
        Bound::Unbounded => false,
        Bound::Included(at) => key < *at,
        Bound::Excluded(at) => key <= *at,
    }
}

fn above(key: i8, upper: Bound<&i8>) -> bool {
    match upper {
        Bound::Unbounded => false,
        Bound::Included(at) => key > *at,
        Bound::Excluded(at) => key >= *at,
    }
}

/// The model: which of the probes lie in the range.
fn content(range: &KeyRange<i8>) -> Vec<i8> {
    PROBES
        .filter(|key| !below(*key, range.lower()) && !above(*key, range.upper()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_range_is_empty_exactly_if_no_key_can_lie_in_it(range in range()) {
        prop_assert_eq!(range.is_empty(), content(&range).is_empty());
    }

    #[test]
    fn a_range_admits_exactly_the_keys_within_its_bounds(range in range()) {
        let admitted: Vec<i8> = PROBES.filter(|key| range.admits(key)).collect();
        prop_assert_eq!(admitted, content(&range));
    }

    #[test]
    fn range_bounds_say_the_same_as_admits(range in range()) {
        for key in PROBES {
            prop_assert_eq!(range.contains(&key), range.admits(&key));
        }
        prop_assert_eq!(range.start_bound(), range.lower());
        prop_assert_eq!(range.end_bound(), range.upper());
        prop_assert_eq!(KeyRange::new(range, range.order()), range);
    }

    #[test]
    fn behind_and_beyond_are_the_near_and_the_far_side(range in range()) {
        for key in PROBES {
            let (behind, beyond) = match range.order() {
                Order::Ascending => (below(key, range.lower()), above(key, range.upper())),
                Order::Descending => (above(key, range.upper()), below(key, range.lower())),
            };
            prop_assert_eq!(range.is_behind(&key), behind);
            prop_assert_eq!(range.is_beyond(&key), beyond);
        }
    }

    #[test]
    fn near_and_far_are_lower_and_upper_by_the_order(range in range()) {
        let ends = match range.order() {
            Order::Ascending => (range.lower(), range.upper()),
            Order::Descending => (range.upper(), range.lower()),
        };
        prop_assert_eq!((range.near(), range.far()), ends);
    }

    #[test]
    fn keys_compare_in_the_ranges_order(range in range(), a in PROBES, b in PROBES) {
        let ordering = match range.order() {
            Order::Ascending => a.cmp(&b),
            Order::Descending => b.cmp(&a),
        };
        prop_assert_eq!(range.compare(&a, &b), Some(ordering));
    }

    #[test]
    fn advancing_leaves_what_comes_after_the_key(range in range(), half in 0..=5_i8) {
        let past = half * 2;
        let mut rest = range;
        rest.advance_past(past);
        let comes =
            |key: &i8| range.compare(key, &past) == Some(Ordering::Greater) && !range.is_beyond(key);
        let expected: Vec<i8> = PROBES.filter(comes).collect();
        prop_assert_eq!(content(&rest), expected);
        prop_assert_eq!(rest.near(), Bound::Excluded(&past));
        prop_assert_eq!((rest.far(), rest.order()), (range.far(), range.order()));
    }

    #[test]
    fn a_moved_end_is_the_last_key_or_the_first_left_out(range in range(), half in 0..=5_i8) {
        let end = half * 2;
        let (mut at, mut before) = (range, range);
        at.end_at(end);
        before.end_before(end);
        let up_to = |included: bool| -> Vec<i8> {
            let comes = |key: &i8| match range.compare(key, &end) {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => included,
                _ => false,
            };
            PROBES.filter(|key| comes(key) && !range.is_behind(key)).collect()
        };
        prop_assert_eq!(content(&at), up_to(true));
        prop_assert_eq!(content(&before), up_to(false));
        prop_assert_eq!((at.near(), before.near()), (range.near(), range.near()));
        prop_assert_eq!(at.far(), Bound::Included(&end));
        prop_assert_eq!(before.far(), Bound::Excluded(&end));
    }

    #[test]
    fn reversed_is_the_mirror_and_its_own_inverse(range in range()) {
        let mirror = range.reversed();
        prop_assert_eq!(mirror.reversed(), range);
        prop_assert_eq!(mirror.order(), range.order().reversed());
        prop_assert_eq!((mirror.lower(), mirror.upper()), (range.lower(), range.upper()));
        prop_assert_eq!((mirror.near(), mirror.far()), (range.far(), range.near()));
        for key in PROBES {
            prop_assert_eq!(mirror.is_behind(&key), range.is_beyond(&key));
            prop_assert_eq!(mirror.admits(&key), range.admits(&key));
        }
    }

    #[test]
    fn a_range_encloses_another_exactly_if_it_holds_all_of_its_keys(
        outer in range(),
        inner in range(),
    ) {
        let held = content(&inner).iter().all(|key| outer.admits(key));
        prop_assert_eq!(outer.may_enclose(&inner), held);
    }

    #[test]
    fn keys_that_cannot_be_ordered_are_outside_only_by_equality(
        range in range(),
        probe in PROBES,
    ) {
        let opaque = |at: Bound<&i8>| at.map(|key| Opaque((*key).into()));
        let unordered =
            KeyRange::new((opaque(range.lower()), opaque(range.upper())), range.order());
        let key = Opaque(probe.into());
        let excluded = |at: Bound<&i8>| at == Bound::Excluded(&probe);
        prop_assert_eq!(unordered.is_behind(&key), excluded(range.near()));
        prop_assert_eq!(unordered.is_beyond(&key), excluded(range.far()));
        prop_assert_eq!(
            unordered.admits(&key),
            !excluded(range.near()) && !excluded(range.far())
        );
        let other = Opaque(i32::from(probe) + 1);
        prop_assert_eq!(unordered.compare(&key, &other), None);
        prop_assert_eq!(unordered.compare(&key, &key), Some(Ordering::Equal));
    }

    #[test]
    fn a_range_of_unordered_keys_is_empty_only_if_its_bounds_meet(range in range()) {
        let opaque = |at: Bound<&i8>| at.map(|key| Opaque((*key).into()));
        let unordered =
            KeyRange::new((opaque(range.lower()), opaque(range.upper())), range.order());
        let meets = match (range.lower(), range.upper()) {
            (Bound::Included(lower), Bound::Excluded(upper))
            | (Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
                lower == upper
            }
            _ => false,
        };
        prop_assert_eq!(unordered.is_empty(), meets);
    }

    #[test]
    fn ranges_of_unordered_keys_enclose_unless_a_bound_is_known_to_reach_further(
        outer in range(),
        inner in range(),
    ) {
        let opaque = |range: KeyRange<i8>| {
            let key = |at: Bound<&i8>| at.map(|key| Opaque((*key).into()));
            KeyRange::new((key(range.lower()), key(range.upper())), range.order())
        };
        let reaches_further = |outer: Bound<&i8>, inner: Bound<&i8>| match (outer, inner) {
            (Bound::Unbounded, _) => false,
            (_, Bound::Unbounded) => true,
            (Bound::Excluded(outer), Bound::Included(inner)) => outer == inner,
            _ => false,
        };
        let apart = reaches_further(outer.lower(), inner.lower())
            || reaches_further(outer.upper(), inner.upper());
        let (outer, inner) = (opaque(outer), opaque(inner));
        prop_assert_eq!(outer.may_enclose(&inner), inner.is_empty() || !apart);
    }
}

#[test]
fn all_holds_every_key_in_either_order() {
    for order in [Order::Ascending, Order::Descending] {
        let all = KeyRange::<i8>::all(order);
        assert_eq!(all, KeyRange::new(.., order));
        assert!(!all.is_empty() && PROBES.into_iter().all(|key| all.admits(&key)));
    }
}

#[test]
fn a_key_that_does_not_equal_itself_is_never_outside() {
    let range = KeyRange::new(1.0..2.0, Order::Ascending);
    assert!(range.admits(&f64::NAN));
    assert!(!KeyRange::new(f64::NAN..f64::NAN, Order::Ascending).is_empty());
}
