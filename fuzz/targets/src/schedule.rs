//! A schedule of changes and fetches over a store, beside a map that says what each must give.

mod expected;
mod walker;

use std::fmt::Debug;
use std::ops::Bound;

use arbitrary::{Arbitrary, Unstructured};
use keywalk::{ChunkSource, KeyRange, Order};

use expected::{Expected, Model};
use walker::Walker;

/// What a schedule changes and walks. Items are keys with a number.
pub(crate) trait Store {
    type Key: Clone + Ord + Debug;
    type Error: Debug;

    /// Whether a source can leave items out.
    const CAN_FILTER: bool;

    /// One of 256 keys.
    fn key(at: u8) -> Self::Key;

    /// A walk's source: of all items, or of those whose number is even.
    fn source(&self, only_even: bool) -> Source<'_, Self>;

    fn put(&self, key: &Self::Key, value: i64);

    fn delete(&self, key: &Self::Key);

    fn clear(&self);

    /// Something that changes no item: an index is made, the file is compacted.
    fn keep_up(&self, how: u8);
}

pub(crate) type Source<'a, S> = Box<
    dyn ChunkSource<
            Key = <S as Store>::Key,
            Item = (<S as Store>::Key, i64),
            Error = <S as Store>::Error,
        > + 'a,
>;

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Put(u8, i8),
    /// A stretch of keys at once.
    PutMany(u8, u8, i8),
    Delete(u8),
    DeleteMany(u8, u8),
    Clear,
    KeepUp(u8),
    /// So many chunks, or items.
    Fetch(u8),
    /// What was handed out last, and what would come next, are near a walk's edges.
    DeleteLast,
    PutBehind,
    Begin(Options),
    Resume(u8, bool),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Options {
    lower: Option<(u8, bool)>,
    upper: Option<(u8, bool)>,
    descending: bool,
    live: bool,
    only_even: bool,
    by_items: bool,
    chunk_size: u8,
}

const MOST_AT_A_TIME: usize = 12;

/// How a walk is driven, and how many items it asks for at a time.
#[derive(Clone, Copy)]
struct Pace {
    by_items: bool,
    chunk_size: usize,
}

impl Pace {
    fn new(by_items: bool, chunk_size: u8) -> Self {
        Pace {
            by_items,
            chunk_size: usize::from(chunk_size) % MOST_AT_A_TIME + 1,
        }
    }
}

impl Options {
    fn range<S: Store>(&self) -> KeyRange<S::Key> {
        let bound = |bound: Option<(u8, bool)>| match bound {
            None => Bound::Unbounded,
            Some((at, true)) => Bound::Included(S::key(at)),
            Some((at, false)) => Bound::Excluded(S::key(at)),
        };
        let order = match self.descending {
            false => Order::Ascending,
            true => Order::Descending,
        };
        KeyRange::new((bound(self.lower), bound(self.upper)), order)
    }
}

/// A walk, and what is expected of it.
struct Pair<'a, S: Store> {
    walker: Walker<'a, S>,
    expected: Expected<S::Key>,
    only_even: bool,
}

impl<'a, S: Store> Pair<'a, S> {
    fn begin(store: &'a S, options: Options) -> Self {
        let range = options.range::<S>();
        let pace = Pace::new(options.by_items, options.chunk_size);
        let only_even = options.only_even && S::CAN_FILTER;
        Pair {
            walker: Walker::begin(store.source(only_even), range.clone(), options.live, pace),
            expected: Expected::begin(range, options.live, pace, only_even),
            only_even,
        }
    }

    fn resume(&self, store: &'a S, pace: Pace) -> Self {
        let source = store.source(self.only_even);
        Pair {
            walker: Walker::resume(source, self.walker.cursor(), pace),
            expected: self.expected.resume(pace),
            only_even: self.only_even,
        }
    }

    fn fetch(&mut self, model: &Model<S::Key>) {
        let expected = self.expected.next(model);
        let found = self.walker.next();
        assert_eq!(found, expected, "G7, with {model:?} in the store");
    }
}

/// Follows the schedule in `input` over an empty store.
pub(crate) fn follow<S: Store>(store: &S, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mut model = Model::new();
    let mut pair = Pair::begin(store, Options::arbitrary(input)?);
    let mut most_steps = 200;
    while !input.is_empty() && most_steps > 0 {
        most_steps -= 1;
        match Step::arbitrary(input)? {
            Step::Put(at, value) => put(store, &mut model, at, value),
            Step::PutMany(from, count, value) => {
                for at in 0..count % 32 {
                    put(store, &mut model, from.wrapping_add(at), value ^ at as i8);
                }
            }
            Step::Delete(at) => delete(store, &mut model, &S::key(at)),
            Step::DeleteMany(from, count) => {
                for at in 0..count % 32 {
                    delete(store, &mut model, &S::key(from.wrapping_add(at)));
                }
            }
            Step::Clear => {
                store.clear();
                model.clear();
            }
            Step::KeepUp(how) => store.keep_up(how),
            Step::Fetch(times) => (0..times % 8 + 1).for_each(|_| pair.fetch(&model)),
            Step::DeleteLast => {
                if let Some(key) = pair.expected.last() {
                    delete(store, &mut model, &key);
                }
            }
            Step::PutBehind => {
                if let Some(key) = pair.expected.last() {
                    store.put(&key, 77);
                    model.insert(key, 77);
                }
            }
            Step::Begin(options) => pair = Pair::begin(store, options),
            Step::Resume(size, by_items) => pair = pair.resume(store, Pace::new(by_items, size)),
        }
    }
    // To the end, which comes: what was fetched, and then what is there, which doesn't change any more.
    for _ in 0..=model.len() + MOST_AT_A_TIME {
        pair.fetch(&model);
    }
    assert_eq!(pair.walker.next(), Vec::new(), "G9");
    assert_eq!(pair.walker.next(), Vec::new(), "G12");
    Ok(())
}

fn put<S: Store>(store: &S, model: &mut Model<S::Key>, at: u8, value: i8) {
    let (key, value) = (S::key(at), i64::from(value));
    store.put(&key, value);
    model.insert(key, value);
}

fn delete<S: Store>(store: &S, model: &mut Model<S::Key>, key: &S::Key) {
    store.delete(key);
    model.remove(key);
}
