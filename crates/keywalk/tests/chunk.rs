//! The laws of `Chunk`.

#![forbid(unsafe_code)]

use std::rc::Rc;

use keywalk::Chunk;
use proptest::prelude::*;

/// What a source can do to a chunk.
#[derive(Clone, Copy, Debug)]
enum Step {
    Push(u8),
    PushWith(u8),
    FillSpare(u8),
    /// So many, and where they begin.
    FillFrom(u8, u8),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Push),
        4 => any::<u8>().prop_map(Step::PushWith),
        4 => any::<u8>().prop_map(Step::FillSpare),
        2 => (0..8_u8, any::<u8>()).prop_map(|(count, first)| Step::FillFrom(count, first)),
        2 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn a_chunk_is_a_list_that_stops_at_its_limit(
        limit in 1..6_usize,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut chunk = Chunk::with_limit(limit);
        let mut model: Vec<u8> = Vec::new();
        let mut overflowed = false;
        // The longest that the chunk ever was: so many slots it has.
        let mut slots = 0;
        for step in steps {
            let full = model.len() == limit;
            match step {
                Step::Push(item) | Step::PushWith(item) => {
                    if let Step::Push(_) = step {
                        chunk.push(item);
                    } else {
                        chunk.push_with(|slot| *slot = item);
                    }
                    overflowed |= full;
                    model.extend((!full).then_some(item));
                }
                Step::FillSpare(item) => {
                    let spare = chunk.spare();
                    prop_assert_eq!(spare.is_some(), !full && model.len() < slots);
                    if let Some(spare) = spare {
                        *spare = item;
                        model.push(item);
                    }
                    // Without a spare item this does nothing.
                    chunk.push_spare();
                }
                Step::FillFrom(count, first) => {
                    let mut items = (0..count).map(|at| first.wrapping_add(at));
                    let mut rest = items.clone();
                    model.extend(rest.by_ref().take(limit - model.len()));
                    prop_assert_eq!(chunk.fill_from(items.by_ref()), model.len() == limit);
                    prop_assert!(items.eq(rest), "one was taken that doesn't fit");
                }
                Step::Clear => {
                    chunk.clear();
                    model.clear();
                    overflowed = false;
                }
            }
            slots = slots.max(model.len());
            prop_assert_eq!(chunk.as_slice(), &model[..]);
            prop_assert_eq!(&*chunk.as_mut_slice(), &model[..]);
            prop_assert_eq!(chunk.len(), model.len());
            prop_assert_eq!(chunk.is_empty(), model.is_empty());
            prop_assert_eq!(chunk.is_full(), model.len() == limit);
            prop_assert_eq!(chunk.limit(), limit);
            prop_assert_eq!(chunk.overflowed(), overflowed);
        }
    }
}

#[test]
fn a_full_chunk_drops_what_is_pushed_and_remembers_it_until_it_is_cleared() {
    let mut chunk = Chunk::with_limit(1);
    let item = Rc::new(());
    chunk.push(Rc::clone(&item));
    assert!(!chunk.overflowed());
    chunk.push(Rc::clone(&item));
    assert!(chunk.overflowed());
    assert_eq!((chunk.len(), Rc::strong_count(&item)), (1, 2));
    chunk.clear();
    assert!(!chunk.overflowed());
}

#[test]
fn truncating_to_what_the_chunk_holds_or_more_does_nothing() {
    let mut chunk = Chunk::with_limit(2);
    for item in [1, 2, 3] {
        chunk.push(item);
    }
    for len in [3, 2] {
        chunk.truncate(len);
        assert_eq!(chunk.as_slice(), [1, 2]);
        assert!(chunk.overflowed());
    }
    chunk.truncate(1);
    assert_eq!((chunk.as_slice(), chunk.overflowed()), (&[1][..], false));
}

#[test]
fn push_with_fills_nothing_when_the_chunk_is_full() {
    let mut chunk = Chunk::with_limit(1);
    chunk.push_with(|slot: &mut u8| *slot = 1);
    chunk.push_with(|_| panic!("the chunk is full"));
    assert_eq!(chunk.as_slice(), [1]);
    assert!(chunk.overflowed());
}

/// Refills a cleared chunk, and says where each item's text lies and how much room it has.
fn refilled(chunk: &mut Chunk<String>, fill: impl Fn(&mut Chunk<String>)) -> Vec<(usize, usize)> {
    chunk.clear();
    while !chunk.is_full() {
        fill(chunk);
    }
    let place = |text: &String| (text.as_ptr().addr(), text.capacity());
    chunk.as_slice().iter().map(place).collect()
}

#[test]
fn spare_items_are_filled_in_the_memory_that_they_had() {
    let mut chunk = Chunk::with_limit(3);
    let before = refilled(&mut chunk, |chunk| chunk.push("a long text".to_owned()));

    let by_push_with = refilled(&mut chunk, |chunk| {
        chunk.push_with(|text| {
            assert_eq!(text, "a long text", "the slot holds what it held");
            text.replace_range(.., "short");
        });
    });
    assert_eq!(by_push_with, before);

    let by_spare = refilled(&mut chunk, |chunk| {
        chunk.spare().unwrap().replace_range(.., "shorter");
        chunk.push_spare();
    });
    assert_eq!(by_spare, before);
    assert_eq!(chunk.as_slice(), ["shorter"; 3]);
}

#[test]
fn a_spare_item_is_not_in_the_chunk_until_it_is_pushed() {
    let mut chunk = Chunk::with_limit(2);
    chunk.push("old".to_owned());
    chunk.clear();
    chunk.spare().unwrap().replace_range(.., "half filled");
    assert!(chunk.is_empty());
    chunk.push("new".to_owned());
    assert_eq!(chunk.as_slice(), ["new"]);
}

#[test]
fn push_drops_the_spare_item_whose_slot_it_takes() {
    let old = Rc::new(1);
    let mut chunk = Chunk::with_limit(2);
    chunk.push(Rc::clone(&old));
    chunk.clear();
    assert_eq!(Rc::strong_count(&old), 2, "it stays as a spare item");
    chunk.push(Rc::new(2));
    assert_eq!(Rc::strong_count(&old), 1);
}

#[test]
fn without_a_spare_item_push_spare_does_nothing() {
    let mut chunk = Chunk::<u8>::with_limit(2);
    assert_eq!(chunk.spare(), None);
    chunk.push_spare();
    assert!(chunk.is_empty() && !chunk.overflowed());

    chunk.push(1);
    chunk.push(2);
    // Full: there is no next slot.
    assert_eq!(chunk.spare(), None);
    chunk.push_spare();
    assert_eq!(chunk.as_slice(), [1, 2]);
    assert!(!chunk.overflowed());
}

#[test]
fn items_can_be_changed_in_place() {
    let mut chunk = Chunk::with_limit(2);
    chunk.push(1);
    chunk.push(2);
    chunk.as_mut_slice().reverse();
    assert_eq!(chunk.as_slice(), [2, 1]);
}

#[test]
#[should_panic(expected = "a chunk's limit must not be 0")]
fn a_limit_of_0_panics() {
    let _ = Chunk::<u8>::with_limit(0);
}

#[test]
fn nothing_is_allocated_ahead_of_the_items_whatever_the_limit() {
    // Room for so many items would abort the process.
    let mut chunk = Chunk::<[u64; 1_024]>::with_limit(usize::MAX);
    chunk.push([0; 1_024]);
    assert_eq!((chunk.len(), chunk.limit()), (1, usize::MAX));
    assert!(!chunk.is_full());
}

#[test]
fn debug_shows_counts_and_no_items() {
    let mut chunk = Chunk::with_limit(7);
    chunk.push("secret");
    let shown = format!("{chunk:?} {chunk:#?}");
    assert!(shown.contains("len: 1") && shown.contains("limit: 7"));
    assert!(!shown.contains("secret"));
}
