//! Keys whose order isn't one, and slices that don't stay sorted.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use keywalk::{ChunkSource, Order, Walk};
use keywalk_memory::Slice;
use proptest::prelude::*;

use crate::stores::{Visit, visit_each};
use crate::touchy::{Mood, Touchy, set_mood};

const KEYS: u8 = 100;

/// Walks while the keys contradict themselves. Items may be missing, come twice or in any order, and
/// the store itself may panic, as `BTreeMap` does: but it ends.
struct Ends {
    mood: Mood,
    seed: u64,
    size: usize,
    order: Order,
    live: bool,
}

impl Visit for Ends {
    fn visit<S: ChunkSource<Key = Touchy>>(
        &mut self,
        name: &str,
        mut source: S,
        number: fn(&S::Item) -> u8,
    ) {
        set_mood(self.mood, self.seed);
        let walk = || {
            let walk = Walk::new(&mut source).order(self.order);
            let walk = if self.live { walk.live() } else { walk };
            let items = walk.chunk_size(self.size).into_iter();
            items.map_while(Result::ok).count()
        };
        let ended = panic::catch_unwind(AssertUnwindSafe(walk));
        set_mood(Mood::Well, 0);
        if let Err(payload) = ended {
            let said = payload.downcast_ref::<&str>().copied();
            assert_ne!(said, Some("it doesn't end"), "{name}, {:?}", self.mood);
        }
        let sound = Walk::new(&mut source).into_iter().filter_map(Result::ok);
        assert!(
            sound.map(|item| number(&item)).eq(0..KEYS),
            "{name} is as it was"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_walk_by_keys_that_contradict_themselves_ends(
        circle in any::<bool>(),
        seed in any::<u64>(),
        size in 1..30_usize,
        descending in any::<bool>(),
        live in any::<bool>(),
    ) {
        let mood = if circle { Mood::Circle } else { Mood::Fickle };
        let order = if descending { Order::Descending } else { Order::Ascending };
        visit_each(KEYS, &mut Ends { mood, seed, size, order, live });
    }

    #[test]
    fn a_slice_that_does_not_stay_sorted_is_walked_to_an_end(
        numbers in prop::collection::vec(any::<u8>(), 1..60),
        size in 1..30_usize,
        descending in any::<bool>(),
        live in any::<bool>(),
    ) {
        let items: Vec<Cell<u32>> = (0..).map(Cell::new).take(numbers.len()).collect();
        let order = if descending { Order::Descending } else { Order::Ascending };
        let slice = Slice::new(&items, Cell::get).unwrap();
        // Behind the slice's back.
        for (item, number) in items.iter().zip(&numbers) {
            item.set((*number).into());
        }
        let walk = Walk::new(slice).order(order).chunk_size(size);
        let walk = if live { walk.live() } else { walk };
        let most = 100 * items.len();
        prop_assert!(walk.into_iter().take(most).count() < most);
    }
}
