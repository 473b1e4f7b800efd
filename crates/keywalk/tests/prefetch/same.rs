//! A prefetched walk is the same walk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use keywalk::{Cursor, Order, Stats, Token, Walk};
use keywalk_memory::SharedMap;
use proptest::prelude::*;

type Texts = SharedMap<String, u32>;

#[derive(Clone, Debug)]
struct Options {
    keys: Vec<String>,
    bounds: (Bound<String>, Bound<String>),
    order: Order,
    live: bool,
    size: usize,
    bytes: Option<usize>,
    depth: usize,
}

fn bound() -> impl Strategy<Value = Bound<String>> {
    prop_oneof![
        2 => Just(Bound::Unbounded),
        1 => "[a-e]{0,3}".prop_map(Bound::Included),
        1 => "[a-e]{0,3}".prop_map(Bound::Excluded),
    ]
}

prop_compose! {
    fn options()(
        keys in prop::collection::vec("[a-e]{0,3}", 0..30),
        bounds in (bound(), bound()),
        order in prop::sample::select(&[Order::Ascending, Order::Descending]),
        live in any::<bool>(),
        size in prop_oneof![1..6_usize, Just(usize::MAX)],
        bytes in prop::option::of(1..200_usize),
        depth in 0..4_usize,
    ) -> Options {
        Options { keys, bounds, order, live, size, bytes, depth }
    }
}

impl Options {
    /// Two walks, with a clock that tells them apart from nothing.
    fn walks(&self) -> [Walk<Texts>; 2] {
        let map: BTreeMap<String, u32> = self.keys.iter().cloned().zip(0..).collect();
        let map = SharedMap::new(Arc::new(RwLock::new(map)));
        [map.clone(), map].map(|map| {
            let mut walk = Walk::new(map)
                .range(self.bounds.clone())
                .order(self.order)
                .chunk_size(self.size)
                .clock(|| Duration::ZERO);
            if self.live {
                walk = walk.live();
            }
            match self.bytes {
                Some(bytes) => walk.chunk_bytes(bytes),
                None => walk,
            }
        })
    }
}

/// What was lent or handed out, and all that is known of the walk after it.
type Step = (
    Vec<(String, u32)>,
    Cursor<String>,
    Token,
    Stats,
    Vec<Cursor<String>>,
);

macro_rules! by_chunks {
    ($chunks:expr) => {{
        let mut chunks = $chunks;
        let mut steps: Vec<Step> = Vec::new();
        loop {
            let items = chunks.next().unwrap().map(|items| items.to_vec());
            let is_end = items.is_none();
            let items = items.unwrap_or_default();
            let past = items.iter().map(|(key, _)| chunks.cursor_past(key.clone()));
            let past = past.collect();
            steps.push((
                items,
                chunks.cursor(),
                chunks.token().unwrap(),
                chunks.stats(),
                past,
            ));
            if is_end {
                break steps;
            }
        }
    }};
}

macro_rules! by_items {
    ($items:expr) => {{
        let mut items = $items;
        let mut steps = Vec::new();
        loop {
            let before = (items.cursor(), items.size_hint(), items.stats());
            let item = items.next().transpose().unwrap();
            let is_end = item.is_none();
            steps.push((before, item, items.token().unwrap(), items.size_hint()));
            if is_end {
                assert!(items.next().is_none());
                break (steps, items.stats(), items.cursor());
            }
        }
    }};
}

proptest! {
    #[test]
    fn by_chunks(options in options()) {
        let [plain, prefetched] = options.walks();
        let prefetched = by_chunks!(prefetched.prefetch(options.depth).chunks());
        prop_assert_eq!(prefetched, by_chunks!(plain.chunks()));
    }

    #[test]
    fn by_items(options in options()) {
        let [plain, prefetched] = options.walks();
        let prefetched = by_items!(prefetched.prefetch(options.depth).items());
        prop_assert_eq!(prefetched, by_items!(plain.items()));
    }

    #[test]
    fn cut_anywhere_and_resumed(options in options(), cut in 0..30_usize) {
        let [plain, prefetched] = options.walks();
        let [_, again] = options.walks();
        let mut items = prefetched.prefetch(options.depth).items();
        let mut seen: Vec<_> = items.by_ref().take(cut).map(Result::unwrap).collect();
        // The cursor knows the range.
        let again = again.resume(items.cursor()).chunk_size(3);
        seen.extend(again.prefetch(options.depth).into_iter().map(Result::unwrap));
        let all: Vec<_> = plain.items().map(Result::unwrap).collect();
        prop_assert_eq!(seen, all);
    }
}
