//! The laws of `Chunk`, by its limit and by its bytes.

use std::cell::Cell;
use std::rc::Rc;

use keywalk::{Chunk, Walk};
use proptest::prelude::*;

use crate::shelf::numbers;

/// What a source can do to a chunk.
#[derive(Clone, Copy, Debug)]
enum Step {
    Push(u8),
    PushWith(u8),
    /// Perhaps it isn't pushed then.
    FillSpare(u8, bool),
    /// So many, and where they begin.
    FillFrom(u8, u8),
    Truncate(usize),
    /// From this index on, if there are so many.
    SplitOff(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Push),
        4 => any::<u8>().prop_map(Step::PushWith),
        4 => (any::<u8>(), any::<bool>()).prop_map(|(item, is_pushed)| Step::FillSpare(item, is_pushed)),
        2 => (0..8_u8, any::<u8>()).prop_map(|(count, first)| Step::FillFrom(count, first)),
        1 => (0..6_usize).prop_map(Step::Truncate),
        1 => (0..6_usize).prop_map(Step::SplitOff),
        1 => Just(Step::Clear),
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
        prop_assert_eq!(chunk.budget(), None);
        // The longest that the chunk was: so many slots it has.
        let mut slots = 0;
        for step in steps {
            let full = model.len() == limit;
            match step {
                Step::Push(item) | Step::PushWith(item) => {
                    if let Step::Push(_) = step {
                        chunk.push(item);
                    } else {
                        let is_filled = Cell::new(false);
                        chunk.push_with(|slot| {
                            *slot = item;
                            is_filled.set(true);
                        });
                        prop_assert_eq!(is_filled.get(), !full);
                    }
                    overflowed |= full;
                    model.extend((!full).then_some(item));
                }
                Step::FillSpare(item, is_pushed) => {
                    let spare = chunk.spare();
                    prop_assert_eq!(spare.is_some(), !full && model.len() < slots);
                    if let Some(spare) = spare {
                        *spare = item;
                        model.extend(is_pushed.then_some(item));
                    }
                    if is_pushed {
                        // Without a spare item this does nothing.
                        chunk.push_spare();
                    }
                }
                Step::FillFrom(count, first) => {
                    let mut items = (0..count).map(|at| first.wrapping_add(at));
                    let mut rest = items.clone();
                    model.extend(rest.by_ref().take(limit - model.len()));
                    prop_assert_eq!(chunk.fill_from(items.by_ref()), model.len() == limit);
                    prop_assert!(items.eq(rest), "one was taken that doesn't fit");
                }
                Step::Truncate(len) => {
                    chunk.truncate(len);
                    overflowed &= len >= model.len();
                    model.truncate(len);
                }
                Step::SplitOff(at) => {
                    let at = at.min(model.len());
                    overflowed &= at == model.len();
                    // Their slots are gone.
                    slots -= model.len() - at;
                    prop_assert_eq!(chunk.split_off(at), model.split_off(at));
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
fn nothing_is_allocated_ahead_of_the_items_whatever_the_limit() {
    // Room for so many items would abort the process.
    let mut chunk = Chunk::<[u64; 1_024]>::with_limit(usize::MAX);
    chunk.push([0; 1_024]);
    assert_eq!((chunk.len(), chunk.limit()), (1, usize::MAX));
    assert!(!chunk.is_full());
}

/// The room that all items have together, and the most that it ever was.
#[derive(Clone, Debug, Default)]
struct Room(Rc<Cell<(usize, usize)>>);

impl Room {
    fn change(&self, less: usize, more: usize) {
        let (now, most) = self.0.get();
        let now = now - less + more;
        self.0.set((now, most.max(now)));
    }
}

/// An item that reserves exactly what it holds, or once held.
#[derive(Debug)]
struct Item {
    bytes: Vec<u8>,
    room: Room,
}

impl Item {
    fn new(len: usize, room: &Room) -> Self {
        let mut item = Item {
            bytes: Vec::new(),
            room: room.clone(),
        };
        item.refill(len);
        item
    }

    fn refill(&mut self, len: usize) {
        let before = self.bytes.capacity();
        self.bytes.clear();
        self.bytes.reserve_exact(len);
        self.bytes.resize(len, 0);
        self.room.change(before, self.bytes.capacity());
    }

    fn byte_size(&self) -> usize {
        self.bytes.len()
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.room.change(self.bytes.capacity(), 0);
    }
}

/// What a source, a wrapper and a caller do to a chunk.
#[derive(Clone, Copy, Debug)]
enum Weighed {
    Push(usize),
    Fill(usize),
    /// Two of this length.
    FillFrom(usize),
    /// A fetch that fails while an item is filled, and is asked again from this number of items on.
    FillInVain(usize, usize),
    Truncate(usize),
    /// From this index on, if there are so many.
    SplitOff(usize),
    Clear,
}

fn weighed() -> impl Strategy<Value = Weighed> {
    // Few are large, so that these wander.
    let len = || prop_oneof![6 => 0..8_usize, 1 => 0..60_usize, 1 => 50..250_usize];
    prop_oneof![
        3 => len().prop_map(Weighed::Push),
        12 => len().prop_map(Weighed::Fill),
        2 => len().prop_map(Weighed::FillFrom),
        1 => (len(), 0..20_usize).prop_map(|(len, kept)| Weighed::FillInVain(len, kept)),
        1 => (0..9_usize).prop_map(Weighed::Truncate),
        1 => (0..30_usize).prop_map(Weighed::SplitOff),
        2 => Just(Weighed::Clear),
    ]
}

proptest! {
    #[test]
    fn a_chunk_is_full_at_its_limit_or_its_bytes_and_its_slots_hold_at_most_twice_as_much_and_an_item(
        limit in 1..40_usize,
        bytes in 1..120_usize,
        steps in prop::collection::vec(weighed(), 0..300),
    ) {
        let room = Room::default();
        let mut chunk = Chunk::with_budget(limit, bytes, Item::byte_size);
        prop_assert_eq!(chunk.budget(), Some(bytes));
        let mut model: Vec<usize> = Vec::new();
        let mut heaviest = 0;
        for step in steps {
            let is_full = |model: &[usize]| {
                model.len() == limit || model.iter().sum::<usize>() >= bytes
            };
            prop_assert_eq!(chunk.is_full(), is_full(&model));
            match step {
                Weighed::Push(_) | Weighed::Fill(_) if chunk.is_full() => {
                    chunk.clear();
                    model.clear();
                }
                Weighed::Push(len) => {
                    heaviest = heaviest.max(len);
                    chunk.push(Item::new(len, &room));
                    model.push(len);
                }
                Weighed::Fill(len) => {
                    heaviest = heaviest.max(len);
                    match chunk.spare() {
                        Some(item) => {
                            item.refill(len);
                            chunk.push_spare();
                        }
                        None => chunk.push(Item::new(len, &room)),
                    }
                    model.push(len);
                }
                Weighed::FillFrom(len) => {
                    for _ in 0..2 {
                        if !is_full(&model) {
                            heaviest = heaviest.max(len);
                            model.push(len);
                        }
                    }
                    let items = std::iter::repeat_with(|| Item::new(len, &room)).take(2);
                    prop_assert_eq!(chunk.fill_from(items), is_full(&model));
                }
                Weighed::FillInVain(len, kept) => {
                    if let Some(item) = chunk.spare() {
                        heaviest = heaviest.max(len);
                        item.refill(len);
                    }
                    chunk.truncate(kept);
                    model.truncate(kept);
                }
                Weighed::Truncate(len) => {
                    chunk.truncate(len);
                    model.truncate(len);
                }
                Weighed::SplitOff(at) => {
                    let at = at.min(model.len());
                    let split = chunk.split_off(at);
                    prop_assert!(split.iter().map(Item::byte_size).eq(model.split_off(at)));
                }
                Weighed::Clear => {
                    chunk.clear();
                    model.clear();
                }
            }
            let lens: Vec<usize> = chunk.as_slice().iter().map(Item::byte_size).collect();
            prop_assert_eq!(&lens, &model);
            prop_assert!(!chunk.overflowed());
            prop_assert!(
                room.0.get().1 <= 2 * bytes + heaviest,
                "{} with {bytes} bytes and an item of {heaviest}", room.0.get().1
            );
        }
    }
}

/// Fills cleared chunks with items of these lengths, and says how many were allocated.
fn allocated(chunk: &mut Chunk<Item>, lens: impl IntoIterator<Item = usize>) -> usize {
    let room = Room::default();
    let mut made = 0;
    for len in lens {
        if chunk.is_full() {
            chunk.clear();
        }
        match chunk.spare() {
            Some(item) => {
                item.refill(len);
                chunk.push_spare();
            }
            None => {
                made += 1;
                chunk.push(Item::new(len, &room));
            }
        }
    }
    made
}

#[test]
fn items_of_similar_size_are_all_filled_in_the_slots_of_earlier_ones() {
    let mut chunk = Chunk::with_budget(1_000, 10_000, Item::byte_size);
    // From 100 to 180 bytes, in another slot each time: up to 1.3 times the mean.
    let lens = || (0..5_000_usize).map(|n| 100 + n * 37 % 81);
    allocated(&mut chunk, lens());
    assert_eq!(allocated(&mut chunk, lens()), 0);
}

#[test]
fn one_large_item_does_not_take_the_slots_of_all_others_for_long() {
    let mut chunk = Chunk::with_budget(1_000, 10_000, Item::byte_size);
    let lens = || (0..5_000_usize).map(|n| 100 + n * 37 % 81);
    allocated(&mut chunk, lens());
    for large in [5_000, 15_000, 100_000] {
        allocated(&mut chunk, [large]);
        // Those that gave way to it.
        assert!(allocated(&mut chunk, lens()) <= 200, "{large}");
    }
}

#[test]
fn items_that_weigh_nothing_or_endlessly_much_are_counted() {
    type ByteSize = fn(&i64) -> usize;
    let cases: [(ByteSize, usize); 3] = [
        (|_| 0, 4),
        (|_| usize::MAX, 1),
        (|n| if *n == 1 { usize::MAX } else { 1 }, 2),
    ];
    for ((weigh, chunk), bytes) in cases
        .into_iter()
        .flat_map(|case| [(case, 2), (case, usize::MAX)])
    {
        let walk = Walk::new(numbers(10)).chunk_size(4);
        let mut chunks = walk.chunk_bytes_with(bytes, weigh).chunks();
        assert_eq!(chunks.next().unwrap().unwrap().len(), chunk);
        while chunks.next().unwrap().is_some() {}
        assert_eq!(chunks.stats().items(), 10);
    }
}
