//! Chunks by bytes.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;

use keywalk::{Chunk, Walk};
use keywalk_memory::{Map, SharedMap};
use proptest::prelude::*;

/// The room that all items have together, and the most that it ever was.
#[derive(Clone, Debug, Default)]
struct Room(Rc<Cell<(usize, usize)>>);

impl Room {
    fn change(&self, less: usize, more: usize) {
        let (now, most) = self.0.get();
        let now = now - less + more;
        self.0.set((now, most.max(now)));
    }

    fn most(&self) -> usize {
        self.0.get().1
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

    fn weigh(&self) -> usize {
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
enum Step {
    Push(usize),
    Fill(usize),
    /// Two of this length.
    FillFrom(usize),
    /// A fetch that fails while an item is filled, and is asked again from this number of items on.
    FillInVain(usize, usize),
    Truncate(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    // Few are large, so that these wander.
    let len = || prop_oneof![6 => 0..8_usize, 1 => 0..60_usize, 1 => 50..250_usize];
    prop_oneof![
        3 => len().prop_map(Step::Push),
        12 => len().prop_map(Step::Fill),
        2 => len().prop_map(Step::FillFrom),
        1 => (len(), 0..20_usize).prop_map(|(len, kept)| Step::FillInVain(len, kept)),
        1 => (0..9_usize).prop_map(Step::Truncate),
        2 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn a_chunk_is_full_at_its_limit_or_its_bytes_and_its_slots_hold_at_most_twice_as_much_and_an_item(
        limit in 1..40_usize,
        bytes in 1..120_usize,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let room = Room::default();
        let mut chunk = Chunk::with_budget(limit, bytes, Item::weigh);
        let mut model: Vec<usize> = Vec::new();
        let mut heaviest = 0;
        for step in steps {
            let is_full = |model: &[usize]| {
                model.len() == limit || model.iter().sum::<usize>() >= bytes
            };
            prop_assert_eq!(chunk.is_full(), is_full(&model));
            match step {
                Step::Push(_) | Step::Fill(_) if chunk.is_full() => {
                    chunk.clear();
                    model.clear();
                }
                Step::Push(len) => {
                    heaviest = heaviest.max(len);
                    chunk.push(Item::new(len, &room));
                    model.push(len);
                }
                Step::Fill(len) => {
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
                Step::FillFrom(len) => {
                    for _ in 0..2 {
                        if !is_full(&model) {
                            heaviest = heaviest.max(len);
                            model.push(len);
                        }
                    }
                    let items = std::iter::repeat_with(|| Item::new(len, &room)).take(2);
                    prop_assert_eq!(chunk.fill_from(items), is_full(&model));
                }
                Step::FillInVain(len, kept) => {
                    if let Some(item) = chunk.spare() {
                        heaviest = heaviest.max(len);
                        item.refill(len);
                    }
                    chunk.truncate(kept);
                    model.truncate(kept);
                }
                Step::Truncate(len) => {
                    chunk.truncate(len);
                    model.truncate(len);
                }
                Step::Clear => {
                    chunk.clear();
                    model.clear();
                }
            }
            let lens: Vec<usize> = chunk.as_slice().iter().map(Item::weigh).collect();
            prop_assert_eq!(&lens, &model);
            prop_assert!(!chunk.overflowed());
            prop_assert!(
                room.most() <= 2 * bytes + heaviest,
                "{} with {bytes} bytes and an item of {heaviest}", room.most()
            );
        }
    }

    #[test]
    fn a_walk_by_bytes_yields_what_any_walk_does_in_chunks_that_reach_the_bytes(
        lens in prop::collection::vec(prop_oneof![4 => 0..10_usize, 1 => 0..90_usize], 0..40),
        bytes in 1..60_usize,
        chunk_size in 1..9_usize,
        descending in any::<bool>(),
    ) {
        let map: BTreeMap<usize, String> =
            lens.iter().map(|len| "x".repeat(*len)).enumerate().collect();
        let walk = || {
            let walk = Walk::new(Map::new(&map))
                .chunk_size(chunk_size)
                .chunk_bytes_by(bytes, |(_, text)| text.len());
            if descending { walk.descending() } else { walk }
        };
        let mut expected: Vec<_> = map.iter().collect();
        if descending {
            expected.reverse();
        }
        let items: Vec<_> = walk().items().collect::<Result<_, _>>()?;
        prop_assert_eq!(&items, &expected);

        let mut chunks = walk().chunks();
        let mut rest = &expected[..];
        while let Some(items) = chunks.next()? {
            let (chunk, after) = rest.split_at(items.len());
            prop_assert_eq!(&*items, chunk);
            let weights: Vec<usize> = chunk.iter().map(|(_, text)| text.len()).collect();
            let (last, before) = weights.split_last().expect("a chunk has an item");
            let before: usize = before.iter().sum();
            prop_assert!(before < bytes);
            prop_assert!(before + last >= bytes || weights.len() == chunk_size || after.is_empty());
            rest = after;
        }
        prop_assert!(rest.is_empty());
    }
}

/// Fills cleared chunks with items of these lengths, and says how many were made anew.
fn made_anew(chunk: &mut Chunk<Item>, lens: impl IntoIterator<Item = usize>) -> usize {
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
    let mut chunk = Chunk::with_budget(1_000, 10_000, Item::weigh);
    // From 100 to 180 bytes, in another slot each time: up to 1.3 times the mean.
    let lens = || (0..5_000_usize).map(|n| 100 + n * 37 % 81);
    made_anew(&mut chunk, lens());
    assert_eq!(made_anew(&mut chunk, lens()), 0);
}

#[test]
fn one_large_item_does_not_take_the_slots_of_all_others_for_long() {
    let mut chunk = Chunk::with_budget(1_000, 10_000, Item::weigh);
    let lens = || (0..5_000_usize).map(|n| 100 + n * 37 % 81);
    made_anew(&mut chunk, lens());
    for large in [5_000, 15_000, 100_000] {
        made_anew(&mut chunk, [large]);
        // Those that gave way to it.
        assert!(made_anew(&mut chunk, lens()) <= 200, "{large}");
    }
}

#[test]
fn an_item_heavier_than_the_bytes_is_a_chunk_by_itself() {
    let map = BTreeMap::from([(1, 5), (2, 1_000), (3, 1_000), (4, 5), (5, 4)]);
    let walk = Walk::new(Map::new(&map)).chunk_bytes_by(10, |(_, weight)| **weight);
    let mut chunks = walk.chunks();
    let mut lens = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        lens.push(items.len());
    }
    assert_eq!(lens, [2, 1, 2]);
}

#[test]
fn items_that_weigh_nothing_or_endlessly_much_are_counted() {
    let map: BTreeMap<u32, u32> = (0..10).map(|n| (n, n)).collect();
    for (weigh, chunk) in [
        ((|_| 0) as fn(&(&u32, &u32)) -> usize, 4),
        (|_| usize::MAX, 1),
        (|(n, _)| if **n == 1 { usize::MAX } else { 1 }, 2),
    ] {
        for bytes in [2, usize::MAX] {
            let walk = Walk::new(Map::new(&map)).chunk_size(4);
            let mut chunks = walk.chunk_bytes_by(bytes, weigh).chunks();
            assert_eq!(chunks.next().unwrap().unwrap().len(), chunk);
            while chunks.next().unwrap().is_some() {}
            assert_eq!(chunks.stats().items(), 10);
        }
    }
}

#[test]
fn a_later_budget_replaces_an_earlier_one() {
    let map: BTreeMap<u32, u32> = (0..10).map(|n| (n, n)).collect();
    let walk = Walk::new(Map::new(&map))
        .chunk_bytes(1)
        .chunk_bytes_by(3, |_| 1);
    assert!(format!("{walk:?}").contains("chunk_bytes: Some(3)"));
    assert_eq!(walk.chunks().next().unwrap().unwrap().len(), 3);
}

#[test]
#[should_panic(expected = "a chunk's bytes must not be 0")]
fn bytes_of_0_panic() {
    let _ = Walk::new(Map::new(&BTreeMap::<u8, u8>::new())).chunk_bytes(0);
}

#[test]
fn a_chunk_tells_its_budget() {
    assert_eq!(
        Chunk::<Item>::with_budget(9, 70, Item::weigh).budget(),
        Some(70)
    );
    assert_eq!(Chunk::<Item>::with_limit(9).budget(), None);
}

#[test]
fn items_that_are_taken_out_of_a_lent_chunk_are_made_anew() {
    let map: BTreeMap<u32, String> = (0..30).map(|n| (n, "x".repeat(10))).collect();
    let source = SharedMap::new(std::sync::Arc::new(std::sync::RwLock::new(map)));
    let walk = Walk::new(source).chunk_bytes_by(50, |(_, text)| text.len());
    let mut chunks = walk.chunks();
    let mut taken = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        assert_eq!(items.len(), 5);
        taken.extend(items.iter_mut().map(|(_, text)| mem::take(text)));
    }
    assert_eq!(taken, vec!["x".repeat(10); 30]);
}
