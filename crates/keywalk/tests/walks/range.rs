//! The laws of `KeyRange`, of all ranges over small integers, against a brute-force model.

use std::cmp::{Ordering, Reverse};
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds, RangeInclusive};
use std::slice::from_ref;

use keywalk::{HasPrefix, KeyRange, Order};

use crate::shelf::{ORDERS, Opaque};

/// Bounds lie at even numbers from 0 to 10; the odd ones stand for keys between two others, and
/// -1 and 11 for those outside of all bounds.
const PROBES: RangeInclusive<i64> = -1..=11;
const ENDS: [i64; 6] = [0, 2, 4, 6, 8, 10];

fn every_range() -> Vec<KeyRange<i64>> {
    let bounds = ENDS
        .map(|at| [Bound::Included(at), Bound::Excluded(at)])
        .concat();
    let bounds = [&[Bound::Unbounded], &bounds[..]].concat();
    let mut ranges = Vec::new();
    for lower in &bounds {
        for upper in &bounds {
            // A pair of bounds is itself `RangeBounds`.
            ranges.extend(ORDERS.map(|order| KeyRange::new((*lower, *upper), order)));
        }
    }
    ranges
}

fn opaque(range: &KeyRange<i64>) -> KeyRange<Opaque> {
    let key = |at: Bound<&i64>| at.map(|key| Opaque(*key));
    KeyRange::new((key(range.lower()), key(range.upper())), range.order())
}

fn below(key: i64, lower: Bound<&i64>) -> bool {
    match lower {
        Bound::Unbounded => false,
        Bound::Included(at) => key < *at,
        Bound::Excluded(at) => key <= *at,
    }
}

fn above(key: i64, upper: Bound<&i64>) -> bool {
    match upper {
        Bound::Unbounded => false,
        Bound::Included(at) => key > *at,
        Bound::Excluded(at) => key >= *at,
    }
}

/// The model: which of the probes lie in the range.
fn content(range: &KeyRange<i64>) -> Vec<i64> {
    let is_in = |key: &i64| !below(*key, range.lower()) && !above(*key, range.upper());
    PROBES.filter(is_in).collect()
}

#[test]
fn a_range_admits_what_is_within_its_bounds_and_is_empty_if_nothing_can_be() {
    for range in every_range() {
        assert_eq!(range.is_empty(), content(&range).is_empty(), "{range:?}");
        let ends = match range.order() {
            Order::Ascending => (range.lower(), range.upper()),
            Order::Descending => (range.upper(), range.lower()),
        };
        assert_eq!((range.start(), range.end()), ends);
        assert_eq!(
            (range.start_bound(), range.end_bound()),
            (range.lower(), range.upper())
        );
        assert_eq!(KeyRange::new(range, range.order()), range);
        for key in PROBES {
            let (behind, beyond) = match range.order() {
                Order::Ascending => (below(key, range.lower()), above(key, range.upper())),
                Order::Descending => (above(key, range.upper()), below(key, range.lower())),
            };
            assert_eq!(
                (range.is_before_start(&key), range.is_after_end(&key)),
                (behind, beyond),
                "{range:?}"
            );
            assert_eq!(
                range.may_contain(&key),
                content(&range).contains(&key),
                "{range:?}"
            );
            assert_eq!(range.contains(&key), range.may_contain(&key));
            for other in PROBES {
                let ordering = match range.order() {
                    Order::Ascending => key.cmp(&other),
                    Order::Descending => other.cmp(&key),
                };
                assert_eq!(range.compare(&key, &other), Some(ordering));
            }
        }
    }
    for order in ORDERS {
        let all = KeyRange::<i64>::all(order);
        assert_eq!((all, all.is_empty()), (KeyRange::new(.., order), false));
        assert!(PROBES.into_iter().all(|key| all.may_contain(&key)));
    }
}

#[test]
fn advancing_leaves_what_comes_after_and_a_moved_end_is_the_last_key_or_the_first_left_out() {
    for (range, key) in every_range()
        .into_iter()
        .flat_map(|range| ENDS.map(|key| (range, key)))
    {
        let comes = |orders: &[Ordering], is_out: &dyn Fn(&i64) -> bool| -> Vec<i64> {
            let place = |probe: &i64| range.compare(probe, &key).expect("numbers are ordered");
            PROBES
                .filter(|probe| orders.contains(&place(probe)) && !is_out(probe))
                .collect()
        };
        let mut rest = range;
        rest.start_after(key);
        assert_eq!(
            content(&rest),
            comes(&[Ordering::Greater], &|key| range.is_after_end(key))
        );
        assert_eq!(rest.start(), Bound::Excluded(&key));
        assert_eq!((rest.end(), rest.order()), (range.end(), range.order()));

        let (mut at, mut before) = (range, range);
        at.end_including(key);
        before.end_excluding(key);
        let up_to = [Ordering::Less, Ordering::Equal];
        assert_eq!(
            content(&at),
            comes(&up_to, &|key| range.is_before_start(key))
        );
        assert_eq!(
            content(&before),
            comes(&up_to[..1], &|key| range.is_before_start(key))
        );
        assert_eq!((at.start(), before.start()), (range.start(), range.start()));
        assert_eq!(
            (at.end(), before.end()),
            (Bound::Included(&key), Bound::Excluded(&key))
        );
    }
}

#[test]
fn reversed_is_the_mirror_and_its_own_inverse() {
    for range in every_range() {
        let mirror = range.reversed();
        assert_eq!(
            (mirror.reversed(), mirror.order()),
            (range, range.order().reversed())
        );
        assert_ne!(mirror.order(), range.order());
        assert_eq!(
            (mirror.lower(), mirror.upper()),
            (range.lower(), range.upper())
        );
        assert_eq!((mirror.start(), mirror.end()), (range.end(), range.start()));
    }
}

/// Of opaque ones unless a bound is known to reach further.
#[test]
fn a_range_encloses_another_exactly_if_it_holds_all_of_its_keys() {
    let reaches_further = |outer: Bound<&i64>, inner: Bound<&i64>| match (outer, inner) {
        (Bound::Unbounded, _) => false,
        (_, Bound::Unbounded) => true,
        (Bound::Excluded(outer), Bound::Included(inner)) => outer == inner,
        _ => false,
    };
    for outer in every_range() {
        let holds = content(&outer);
        // Their orders don't matter.
        for inner in every_range()
            .into_iter()
            .step_by(2)
            .map(|range| match holds.len() % 2 {
                0 => range,
                _ => range.reversed(),
            })
        {
            let held = content(&inner).iter().all(|key| holds.contains(key));
            assert_eq!(outer.may_contain_range(&inner), held, "{outer:?} {inner:?}");
            let apart = reaches_further(outer.lower(), inner.lower())
                || reaches_further(outer.upper(), inner.upper());
            let inner = opaque(&inner);
            assert_eq!(
                opaque(&outer).may_contain_range(&inner),
                inner.is_empty() || !apart,
                "{outer:?} {inner:?}"
            );
        }
    }
}

#[test]
fn keys_that_cannot_be_ordered_are_outside_only_by_equality_and_a_range_of_them_empty_if_its_bounds_meet()
 {
    for range in every_range() {
        let unordered = opaque(&range);
        let meets = match (range.lower(), range.upper()) {
            (Bound::Included(lower), Bound::Excluded(upper))
            | (Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
                lower == upper
            }
            _ => false,
        };
        assert_eq!(unordered.is_empty(), meets, "{range:?}");
        for probe in PROBES {
            let key = Opaque(probe);
            let excluded = |at: Bound<&i64>| at == Bound::Excluded(&probe);
            let (behind, beyond) = (excluded(range.start()), excluded(range.end()));
            assert_eq!(
                (
                    unordered.is_before_start(&key),
                    unordered.is_after_end(&key)
                ),
                (behind, beyond)
            );
            assert_eq!(unordered.may_contain(&key), !behind && !beyond);
            assert_eq!(unordered.compare(&key, &Opaque(probe + 1)), None);
            assert_eq!(unordered.compare(&key, &key), Some(Ordering::Equal));
        }
    }
    // One that does not equal itself is never outside.
    assert!(KeyRange::new(1.0..2.0, Order::Ascending).may_contain(&f64::NAN));
    assert!(!KeyRange::new(f64::NAN..f64::NAN, Order::Ascending).is_empty());
}

/// Of these keys exactly those that begin with it lie within its bounds.
fn has_prefix<K: Ord + Clone + HasPrefix<P> + Debug, P: Clone + Debug>(
    keys: &[K],
    prefix: P,
    begins: impl Fn(&K) -> bool,
) {
    let bounds = K::bounds_of(prefix.clone());
    for key in keys {
        assert_eq!(
            bounds.contains(key),
            begins(key),
            "{prefix:?} of {key:?}, {bounds:?}"
        );
    }
}

/// All lists of up to so many of these.
fn lists<T: Clone>(of: &[T], most: usize) -> Vec<Vec<T>> {
    let mut lists = vec![vec![]];
    for len in 0..most {
        let longer = lists
            .iter()
            .filter(|list: &&Vec<T>| list.len() == len)
            .cloned();
        let longer: Vec<_> = longer
            .flat_map(|list| {
                of.iter()
                    .map(move |last| [&list[..], from_ref(last)].concat())
            })
            .collect();
        lists.extend(longer);
    }
    lists
}

/// Each column at its ends: where it has no next value, the one before it has.
#[test]
fn a_prefix_bounds_the_keys_that_begin_with_it_and_no_others() {
    let chars = [
        '\0',
        'a',
        'b',
        '\u{d7ff}',
        '\u{e000}',
        '\u{10fffe}',
        char::MAX,
    ];
    let texts: Vec<String> = lists(&chars, 3)
        .into_iter()
        .map(String::from_iter)
        .collect();
    for prefix in &texts {
        has_prefix(&texts, prefix, |text| text.starts_with(prefix));
    }
    let bytes = lists(&[0, 1, 0xfe, 0xff], 4);
    for prefix in &bytes {
        has_prefix(&bytes, prefix, |bytes| bytes.starts_with(prefix));
    }
    let options = [None, Some(i8::MIN), Some(0), Some(i8::MAX)];
    let (flags, numbers) = (
        [false, true],
        [Reverse(i8::MAX), Reverse(0), Reverse(i8::MIN)],
    );
    let words = ["", "\0", "x", "x\0", "x\0\0", "y"].map(str::to_owned);
    let mut keys = Vec::new();
    for (option, flag) in options
        .into_iter()
        .flat_map(|option| flags.map(|flag| (option, flag)))
    {
        for (number, word) in numbers
            .into_iter()
            .flat_map(|number| words.iter().map(move |word| (number, word)))
        {
            keys.push((
                option,
                Reverse(flag),
                number,
                word.clone(),
                word.clone().into_bytes(),
                flag,
            ));
        }
    }
    for (a, b, c, d, e, _) in &keys {
        has_prefix(&keys, (*a,), |key| key.0 == *a);
        has_prefix(&keys, (*a, *b), |key| (key.0, key.1) == (*a, *b));
        has_prefix(&keys, (*a, *b, *c), |key| {
            (key.0, key.1, key.2) == (*a, *b, *c)
        });
        has_prefix(&keys, (*a, *b, *c, d.as_str()), |key| {
            (key.0, key.1, key.2, &key.3) == (*a, *b, *c, d)
        });
        has_prefix(&keys, (*a, *b, *c, d.clone(), e.as_slice()), |key| {
            (key.0, key.1, key.2, &key.3, &key.4) == (*a, *b, *c, d, e)
        });
    }
}

#[cfg(feature = "uuid")]
#[test]
fn a_uuid_is_a_column_of_a_prefix_in_every_form() {
    use uuid::Uuid;

    let all = [0, 1, 7 << 64, u128::MAX - 1, u128::MAX].map(Uuid::from_u128);
    let pairs = all.into_iter().flat_map(|one| all.map(|two| (one, two)));
    let keys: Vec<_> = pairs
        .map(|(one, two)| {
            (
                one,
                one.simple(),
                Reverse(two),
                Reverse(two.hyphenated()),
                0,
            )
        })
        .collect();
    for (one, simple, two, hyphenated, _) in keys.clone() {
        has_prefix(&keys, (one,), |key| key.0 == one);
        has_prefix(&keys, (one, simple, two), |key| {
            (key.0, key.2) == (one, two)
        });
        has_prefix(&keys, (one, simple, two, hyphenated), |key| {
            (key.0, key.2) == (one, two)
        });
    }
}
