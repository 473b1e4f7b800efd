use std::ops::Bound;

use keywalk::{KeyRange, Order};

use keywalk_examples::Random;

/// Keys come and go among these; those of a queue are above.
pub(crate) const POOL: i64 = 600;

/// The queue's keys begin here.
pub(crate) const QUEUE: i64 = 10_000;

/// Both ends of the key's type are keys, too.
pub(crate) fn pool_key(random: &mut Random) -> i64 {
    match random.below(60) {
        0 => i64::MIN,
        1 => i64::MAX,
        _ => random.below(2 * POOL as u64) as i64 - POOL,
    }
}

/// A walk that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) range: KeyRange<i64>,
    pub(crate) live: bool,
    /// A decoding closure fails once in so many items.
    pub(crate) rarity: Option<u64>,
    /// The walk is dropped after so many steps, and resumed.
    pub(crate) drop_at: Option<u64>,
    /// What is waited for others, in milliseconds.
    pub(crate) patience: u64,
}

impl Plan {
    pub(crate) fn at_random(random: &mut Random) -> Self {
        let order = random.pick([Order::Ascending, Order::Descending]);
        let range = if random.one_in(2) {
            KeyRange::all(order)
        } else {
            KeyRange::new((bound(random), bound(random)), order)
        };
        Plan {
            range,
            live: random.one_in(4),
            rarity: random.one_in(3).then(|| 300 + random.below(3_000)),
            drop_at: random.one_in(3).then(|| random.below(60)),
            patience: random.pick([0, 1, 5, 20]),
        }
    }

    /// Undisturbed, over everything.
    pub(crate) fn whole(order: Order) -> Self {
        Plan {
            range: KeyRange::all(order),
            live: false,
            rarity: None,
            drop_at: None,
            patience: 30_000,
        }
    }
}

/// Some ranges are empty, or inverted.
fn bound(random: &mut Random) -> Bound<i64> {
    let key = match random.below(6) {
        0 => QUEUE,
        _ => pool_key(random),
    };
    match random.below(4) {
        0 => Bound::Unbounded,
        1 => Bound::Excluded(key),
        _ => Bound::Included(key),
    }
}

pub(crate) fn chunk_size(random: &mut Random) -> usize {
    random.pick([1, 2, 3, 7, 16, 64, 200, 512, usize::MAX])
}
