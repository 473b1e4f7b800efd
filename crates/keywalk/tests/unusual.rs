//! Sources that are unusual but right: a walk over them is as exact as over any other.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::ops::Bound;

use keywalk::{Chunk, Fetched, KeyRange, LastKey, Order, Walk};
use proptest::prelude::*;

#[path = "support/script.rs"]
mod script;
use script::Script;

/// Keys lie between 0 and 40.
type Keys = BTreeSet<i32>;

/// The keys of a range, in its order.
fn within(keys: &Keys, range: &KeyRange<i32>) -> Vec<i32> {
    let mut keys: Vec<i32> = keys
        .iter()
        .copied()
        .filter(|key| range.admits(key))
        .collect();
    if range.order() == Order::Descending {
        keys.reverse();
    }
    keys
}

/// Answers in pages of its own, smaller than what it is asked for, and says the end only by an
/// empty one.
fn paged(keys: Keys, page: usize) -> Script<i32> {
    Script::new(move |range, chunk| {
        let keys = within(&keys, range);
        for key in keys.iter().take(page) {
            if chunk.is_full() {
                break;
            }
            chunk.push(*key);
        }
        Ok(if keys.is_empty() {
            Fetched::End
        } else {
            Fetched::More
        })
    })
}

/// Reads a stretch of `stretch` numbers at most, of which `keys` are the ones that its filter lets
/// through: chunks are short or empty. Says how far it scanned, also where the chunk is full.
fn scanning(keys: Keys, stretch: usize) -> Script<i32> {
    let numbers: Keys = (0..=40).collect();
    Script::new(move |range, chunk| {
        let numbers = within(&numbers, range);
        for (read, number) in numbers.iter().enumerate() {
            if read == stretch || chunk.is_full() {
                return Ok(Fetched::ScannedTo(numbers[read - 1]));
            }
            if keys.contains(number) {
                chunk.push(*number);
            }
        }
        Ok(Fetched::End)
    })
}

/// Begins each fetch with items that it then takes back.
fn hesitant(keys: Keys) -> Script<i32> {
    Script::new(move |range, chunk| {
        let keys = within(&keys, range);
        keys.iter().take(2).for_each(|key| chunk.push(-key));
        chunk.clear();
        for key in keys {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            // A spare item, where there is one, is filled again.
            chunk.push_with(|slot| *slot = key);
        }
        Ok(Fetched::End)
    })
}

/// Takes the walk's chunk away and gives back one of its own, of the same limit.
fn exchanging(keys: Keys) -> Script<i32> {
    let mut inner = hesitant(keys);
    Script::new(move |range, chunk| {
        let mut own = Chunk::with_limit(chunk.limit());
        let fetched = keywalk::ChunkSource::fetch(&mut inner, range, &mut own)?;
        *chunk = own;
        Ok(fetched)
    })
}

/// Knows its last key, and says so.
fn knowing(keys: Keys) -> Script<i32> {
    let known = keys.clone();
    hesitant(keys).last(move |range| Ok(LastKey::from(within(&known, range).last().copied())))
}

fn bound() -> impl Strategy<Value = Bound<i32>> {
    prop_oneof![
        Just(Bound::Unbounded),
        (0..=40).prop_map(Bound::Included),
        (0..=40).prop_map(Bound::Excluded),
    ]
}

#[derive(Clone, Debug)]
struct Case {
    keys: Keys,
    range: KeyRange<i32>,
    live: bool,
    chunk_size: usize,
    /// The length of a page or of a stretch.
    part: usize,
    cut: usize,
}

prop_compose! {
    fn case()(
        keys in prop::collection::btree_set(0..=40, 0..12),
        bounds in (bound(), bound()),
        order in prop_oneof![Just(Order::Ascending), Just(Order::Descending)],
        live in any::<bool>(),
        chunk_size in 1..8_usize,
        part in 1..8_usize,
        cut in 0..13_usize,
    ) -> Case {
        Case { keys, range: KeyRange::new(bounds, order), live, chunk_size, part, cut }
    }
}

/// The walk is exact, by items, by chunks, and when it is cut and resumed.
fn is_exact(case: &Case, source: impl Fn() -> Script<i32>) -> Result<(), TestCaseError> {
    let expected = within(&case.keys, &case.range);
    let walk = || {
        let walk = Walk::new(source())
            .range(case.range)
            .order(case.range.order())
            .chunk_size(case.chunk_size);
        if case.live { walk.live() } else { walk }
    };
    let mut items = walk().into_iter();
    let mut seen: Vec<i32> = items.by_ref().take(case.cut).map(Result::unwrap).collect();
    let rest = Walk::new(source())
        .resume(items.cursor())
        .chunk_size(case.part);
    seen.extend(rest.into_iter().map(Result::unwrap));
    prop_assert_eq!(&seen, &expected);

    let mut seen = Vec::new();
    let mut chunks = walk().chunks();
    while let Some(items) = chunks.next().expect("the source doesn't fail") {
        prop_assert!(!items.is_empty() && items.len() <= case.chunk_size);
        seen.extend_from_slice(items);
    }
    prop_assert_eq!(&seen, &expected);
    prop_assert!(chunks.cursor().is_done() != case.live || case.range.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn pages_smaller_than_the_limit_are_not_the_end(case in case()) {
        is_exact(&case, || paged(case.keys.clone(), case.part))?;
    }

    #[test]
    fn stretches_that_hold_few_items_or_none_are_not_the_end(case in case()) {
        is_exact(&case, || scanning(case.keys.clone(), case.part))?;
    }

    #[test]
    fn a_source_may_clear_the_chunk_and_begin_again(case in case()) {
        is_exact(&case, || hesitant(case.keys.clone()))?;
    }

    #[test]
    fn a_source_may_give_a_chunk_of_its_own(case in case()) {
        is_exact(&case, || exchanging(case.keys.clone()))?;
    }

    #[test]
    fn a_source_may_know_its_last_key(case in case()) {
        is_exact(&case, || knowing(case.keys.clone()))?;
    }
}

#[test]
fn a_filter_that_lets_nothing_through_is_scanned_to_the_end() {
    for (live, stretches) in [(true, 41), (false, 41 + 1)] {
        let source = scanning(Keys::new(), 1);
        let asked = source.asked();
        let walk = Walk::new(source);
        let walk = if live { walk.live() } else { walk };
        assert_eq!(walk.into_iter().count(), 0);
        // Bounded: the search for the last key finds none, so nothing is scanned forward.
        assert!(asked.get() <= stretches + 1, "asked {} times", asked.get());
    }
}

/// `chunk.clear` in a source leaves spare items, which are none of the walk's.
#[test]
fn what_a_source_took_back_is_never_handed_out() {
    let source = Script::new(|_: &KeyRange<i32>, chunk: &mut Chunk<i32>| {
        chunk.push(1);
        chunk.clear();
        Ok(Fetched::End)
    });
    let mut items = Walk::new(source).live().into_iter();
    assert_eq!(items.next(), None);
    assert_eq!(items.next(), None);
}
