//! A source that answers whatever it likes: the walk ends, and says why.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Debug;
use std::rc::Rc;

use arbitrary::{Arbitrary, Unstructured};
use keywalk::state::State;
use keywalk::{Chunk, ChunkSource, Error, Fetched, KeyRange, LastKey, Order, Walk};

/// A key that has an order.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Ordered(i8);

/// A key that only the store could order.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
struct Opaque(i8);

impl PartialOrd for Opaque {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Answer<K> {
    End,
    More,
    ScannedTo(K),
    Fails,
}

#[derive(Arbitrary, Clone, Debug)]
struct Fetch<K> {
    items: Vec<K>,
    answer: Answer<K>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Last<K> {
    Is(K),
    Empty,
    Unknown,
    Fails,
}

/// What the source answers, round and round, and what it is asked.
#[derive(Arbitrary, Debug)]
struct Script<K> {
    /// With whether it is included.
    lower: Option<(K, bool)>,
    upper: Option<(K, bool)>,
    descending: bool,
    live: bool,
    chunk_size: u8,
    by_items: bool,
    last: Last<K>,
    fetches: Vec<Fetch<K>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Broken;

/// A source whose items are their own keys.
struct Scripted<'a, K> {
    script: &'a Script<K>,
    asked: Rc<Cell<usize>>,
}

impl<K: Copy + PartialOrd> ChunkSource for Scripted<'_, K> {
    type Key = K;
    type Item = K;
    type Error = Broken;

    fn fetch(&mut self, _: &KeyRange<K>, chunk: &mut Chunk<K>) -> Result<Fetched<K>, Broken> {
        let asked = self.asked.get();
        self.asked.set(asked + 1);
        let fetches = &self.script.fetches;
        let Some(fetch) = fetches.get(asked % fetches.len().max(1)) else {
            return Ok(Fetched::End);
        };
        fetch.items.iter().for_each(|item| chunk.push(*item));
        match fetch.answer {
            Answer::End => Ok(Fetched::End),
            Answer::More => Ok(Fetched::More),
            Answer::ScannedTo(key) => Ok(Fetched::ScannedTo(key)),
            Answer::Fails => Err(Broken),
        }
    }

    fn key_of(&self, item: &K) -> K {
        *item
    }

    fn last_key(&mut self, _: &KeyRange<K>) -> Result<LastKey<K>, Broken> {
        match self.script.last {
            Last::Is(key) => Ok(LastKey::Is(key)),
            Last::Empty => Ok(LastKey::Empty),
            Last::Unknown => Ok(LastKey::Unknown),
            Last::Fails => Err(Broken),
        }
    }
}

impl<K: Copy + PartialOrd + Debug> Script<K> {
    fn range(&self) -> KeyRange<K> {
        let order = match self.descending {
            false => Order::Ascending,
            true => Order::Descending,
        };
        let bound = |bound: Option<(K, bool)>| match bound {
            None => std::ops::Bound::Unbounded,
            Some((key, true)) => std::ops::Bound::Included(key),
            Some((key, false)) => std::ops::Bound::Excluded(key),
        };
        KeyRange::new((bound(self.lower), bound(self.upper)), order)
    }

    fn limit(&self) -> usize {
        usize::from(self.chunk_size % 8) + 1
    }

    fn walk(&self, asked: &Rc<Cell<usize>>) -> Walk<Scripted<'_, K>> {
        let range = self.range();
        let walk = Walk::new(Scripted {
            script: self,
            asked: Rc::clone(asked),
        });
        let walk = walk.chunk_size(self.limit()).order(range.order());
        let walk = walk.range(range);
        if self.live { walk.live() } else { walk }
    }

    /// A walk asks at most as often as there are keys to be passed, or circles to be gone round.
    fn must_end(&self, is_ordered: bool) {
        let asked = Rc::default();
        let most = 2 * (256 + 8 * (self.fetches.len() + 2));
        let seen = match self.by_items {
            true => self.end_of_items(&asked, most),
            false => self.end_of_chunks(&asked, most),
        };
        assert!(asked.get() <= most, "{} questions", asked.get());
        // Where keys have no order, a walk knows its place and its end, and no more.
        if !is_ordered {
            return;
        }
        let range = self.range();
        for (first, last) in &seen {
            assert!(range.admits(first) && range.admits(last), "G6");
        }
        for pair in seen.windows(2) {
            let order = range.compare(&pair[0].1, &pair[1].0);
            assert_eq!(order, Some(Ordering::Less), "G1 across {pair:?}");
        }
    }

    /// The first and last key of each chunk.
    fn end_of_chunks(&self, asked: &Rc<Cell<usize>>, most: usize) -> Vec<(K, K)> {
        let mut chunks = self.walk(asked).chunks();
        let mut seen = Vec::new();
        let range = self.range();
        loop {
            assert!(asked.get() <= most, "the walk doesn't end");
            let before = chunks.cursor();
            match chunks.next() {
                Ok(Some([])) => panic!("an empty chunk"),
                Ok(Some(items)) => {
                    assert!(items.len() <= self.limit(), "G6");
                    let (first, last) = (items[0], items[items.len() - 1]);
                    if items.len() > 1 {
                        let order = range.compare(&first, &last);
                        assert!(order.is_none_or(Ordering::is_lt), "G1 in {items:?}");
                    }
                    seen.push((first, last));
                }
                Ok(None) => break,
                Err(error) => {
                    let is_start = seen.is_empty();
                    let after = chunks.cursor();
                    assert!(!after.is_done(), "G11: {error:?} ended the walk");
                    assert!(is_start || after.range().far() == before.range().far());
                    names_its_clause(error);
                    break;
                }
            }
        }
        let stands = (asked.get(), chunks.cursor());
        for _ in 0..3 {
            assert_eq!(chunks.next(), Ok(None), "G12");
        }
        assert_eq!((asked.get(), chunks.cursor()), stands, "G12");
        seen
    }

    /// Nothing but bounds can be seen from item to item: a chunk's inside isn't looked at.
    fn end_of_items(&self, asked: &Rc<Cell<usize>>, most: usize) -> Vec<(K, K)> {
        let mut items = self.walk(asked).items();
        let mut count = 0;
        while let Some(item) = items.next() {
            assert!(asked.get() <= most, "the walk doesn't end");
            let Err(error) = item else {
                count += 1;
                continue;
            };
            assert_eq!(items.size_hint(), (0, Some(0)), "G11");
            names_its_clause(error);
            break;
        }
        let stands = (asked.get(), items.cursor());
        assert_eq!(items.stats().items(), count);
        for _ in 0..3 {
            assert_eq!(items.next(), None, "G12");
        }
        assert_eq!((asked.get(), items.cursor()), stands, "G12");
        Vec::new()
    }

    /// A state that is told answers to what it didn't ask stays whole, and refused ones change nothing.
    fn may_be_told_anything(&self) {
        let range = self.range();
        let mut state = match self.live {
            true => State::live(range),
            false => State::bounded(range),
        };
        let mut scripted = Scripted {
            script: self,
            asked: Rc::default(),
        };
        for at in 0..self.fetches.len() {
            let before = format!("{state:?}");
            let told = match scripted.last_key(&range) {
                Ok(answer) if at % 3 == 0 => state.last_key(answer),
                _ => {
                    let mut chunk = Chunk::with_limit(self.limit());
                    let answer = scripted.fetch(&range, &mut chunk);
                    answer.map_or(Ok(()), |answer| {
                        state.fetched(&chunk, self.limit(), |item| *item, answer)
                    })
                }
            };
            if told.is_err() {
                assert_eq!(format!("{state:?}"), before, "a refused answer moved it");
            }
            let resumed = State::resume(state.cursor());
            assert!(!state.is_done() || self.live || resumed.is_done());
        }
    }
}

fn names_its_clause(error: Error<Broken>) {
    match error {
        Error::Source(Broken) => {}
        Error::Contract(violation) => {
            assert!(violation.to_string().contains(violation.clause()), "G15");
        }
        other => panic!("{other:?}"),
    }
}

fn try_script<'a, K: Arbitrary<'a> + Copy + PartialOrd + Debug>(
    input: &mut Unstructured<'a>,
    is_ordered: bool,
) -> arbitrary::Result<()> {
    let script = Script::<K>::arbitrary(input)?;
    script.must_end(is_ordered);
    script.may_be_told_anything();
    Ok(())
}

/// Any source at all: its walk ends within a number of questions that its script bounds (G9, G15), hands
/// out no chunk that is out of order at its ends or out of the range (G1, G6), and is then fused (G12).
///
/// # Panics
///
/// If that isn't so.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // What is too short says nothing.
    let _ = match bool::arbitrary(&mut input) {
        Ok(true) => try_script::<Opaque>(&mut input, false),
        _ => try_script::<Ordered>(&mut input, true),
    };
}
