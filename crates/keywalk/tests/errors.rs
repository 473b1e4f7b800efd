//! G11: a fetch that fails hands out nothing, moves nothing and is never the end.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use keywalk::{Chunk, ChunkSource, Error, Fetched, KeyRange, LastKey, Order, Walk};
use keywalk_memory::Map;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Down;

/// Fails once, at the n-th time that it is asked, with the chunk filled as it would have been.
struct Flaky<'a> {
    map: Map<'a, i32, i32>,
    fails_at: usize,
    asked: usize,
    /// Whether it knows its last key.
    knows: bool,
}

impl Flaky<'_> {
    fn ask(&mut self) -> Result<(), Down> {
        self.asked += 1;
        if self.asked == self.fails_at {
            Err(Down)
        } else {
            Ok(())
        }
    }
}

impl<'a> ChunkSource for Flaky<'a> {
    type Key = i32;
    type Item = (&'a i32, &'a i32);
    type Error = Down;

    fn fetch(
        &mut self,
        range: &KeyRange<i32>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<i32>, Down> {
        let Ok(fetched) = self.map.fetch(range, chunk);
        self.ask().map(|()| fetched)
    }

    fn key_of(&self, item: &Self::Item) -> i32 {
        *item.0
    }

    fn last_key(&mut self, range: &KeyRange<i32>) -> Result<LastKey<i32>, Down> {
        self.ask()?;
        if !self.knows {
            return Ok(LastKey::Unknown);
        }
        let mut last = Chunk::with_limit(1);
        let Ok(_) = self.map.fetch(&range.reversed(), &mut last);
        Ok(LastKey::from(last.as_slice().first().map(|(key, _)| **key)))
    }
}

/// A walk over 7 items whose n-th question fails.
#[derive(Clone, Copy, Debug)]
struct Case {
    fails_at: usize,
    chunk_size: usize,
    order: Order,
    live: bool,
    knows: bool,
}

impl Case {
    fn walk(self, map: &BTreeMap<i32, i32>) -> Walk<Flaky<'_>> {
        let source = Flaky {
            map: Map::new(map),
            fails_at: self.fails_at,
            asked: 0,
            knows: self.knows,
        };
        let walk = Walk::new(source)
            .chunk_size(self.chunk_size)
            .order(self.order);
        if self.live { walk.live() } else { walk }
    }
}

/// Every place at which a walk can fail.
fn for_every_failure(check: impl Fn(&BTreeMap<i32, i32>, &[i32], Case)) {
    let map: BTreeMap<i32, i32> = (1..=7).map(|n| (n, n)).collect();
    for order in [Order::Ascending, Order::Descending] {
        let mut expected: Vec<i32> = map.keys().copied().collect();
        if order == Order::Descending {
            expected.reverse();
        }
        for chunk_size in 1..=8 {
            for (live, knows) in [(true, false), (false, false), (false, true)] {
                let mut case = Case {
                    fails_at: 0,
                    chunk_size,
                    order,
                    live,
                    knows,
                };
                let mut whole = case.walk(&map).into_iter();
                assert_eq!(whole.by_ref().count(), 7);
                for fails_at in 1..=whole.source().asked {
                    case.fails_at = fails_at;
                    check(&map, &expected, case);
                }
            }
        }
    }
}

#[test]
fn items_stop_at_an_error_and_go_on_from_their_cursor() {
    for_every_failure(|map, expected, case| {
        let mut items = case.walk(map).into_iter();
        let mut seen = Vec::new();
        let before = loop {
            let before = items.cursor();
            match items.next() {
                Some(Ok((key, _))) => seen.push(*key),
                Some(Err(error)) => {
                    assert_eq!(error, Error::Source(Down));
                    break before;
                }
                None => panic!("an error was taken for the end: {case:?}"),
            }
        };
        assert_eq!(items.cursor().range().near(), before.range().near());
        assert!(!items.cursor().is_done());
        assert_eq!(items.stats().items(), seen.len() as u64);
        assert_eq!(items.size_hint(), (0, Some(0)));
        for _ in 0..3 {
            assert_eq!(items.next(), None, "{case:?}");
        }
        assert_eq!(items.source().asked, case.fails_at);

        let cursor = items.cursor();
        let source = items.into_source();
        let rest = Walk::new(source).resume(cursor).chunk_size(3).into_iter();
        seen.extend(rest.map(|item| *item.unwrap().0));
        assert_eq!(seen, expected, "{case:?}");
    });
}

#[test]
fn chunks_stop_at_an_error_and_go_on_from_their_cursor() {
    for_every_failure(|map, expected, case| {
        let mut chunks = case.walk(map).chunks();
        let mut seen = Vec::new();
        let error = loop {
            match chunks.next() {
                Ok(Some(items)) => seen.extend(items.iter().map(|(key, _)| **key)),
                Ok(None) => panic!("an error was taken for the end: {case:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::Source(Down));
        for _ in 0..3 {
            assert_eq!(chunks.next(), Ok(None));
        }
        assert_eq!(chunks.source().asked, case.fails_at);
        assert_eq!(chunks.stats().items(), seen.len() as u64);

        let cursor = chunks.cursor();
        let mut chunks = Walk::new(chunks.into_source())
            .resume(cursor)
            .chunk_size(3)
            .chunks();
        while let Some(items) = chunks.next().unwrap() {
            seen.extend(items.iter().map(|(key, _)| **key));
        }
        assert_eq!(seen, expected, "{case:?}");
    });
}

#[test]
fn a_walk_that_is_collected_fails_as_a_whole() {
    for_every_failure(|map, _, case| {
        let all: Result<Vec<_>, _> = case.walk(map).into_iter().collect();
        assert_eq!(all, Err(Error::Source(Down)), "{case:?}");
    });
}

/// Retrying is a wrapper around a source: the same range is asked again.
#[test]
fn a_source_may_be_asked_the_same_again_after_an_error() {
    struct Retrying<S>(S);

    impl<S: ChunkSource> ChunkSource for Retrying<S> {
        type Key = S::Key;
        type Item = S::Item;
        type Error = S::Error;

        fn fetch(
            &mut self,
            range: &KeyRange<S::Key>,
            chunk: &mut Chunk<S::Item>,
        ) -> Result<Fetched<S::Key>, S::Error> {
            self.0.fetch(range, chunk).or_else(|_| {
                // What the failing fetch pushed is thrown away.
                chunk.clear();
                self.0.fetch(range, chunk)
            })
        }

        fn key_of(&self, item: &S::Item) -> S::Key {
            self.0.key_of(item)
        }

        fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
            self.0.last_key(range).or_else(|_| self.0.last_key(range))
        }
    }

    for_every_failure(|map, expected, case| {
        let order = case.order;
        let source = case.walk(map).chunks().into_source();
        let walk = Walk::new(Retrying(source))
            .order(order)
            .chunk_size(case.chunk_size);
        let keys = walk.into_iter().map(|item| *item.unwrap().0);
        assert_eq!(keys.collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_walk_that_failed_before_its_first_item_begins_anew() {
    let map = BTreeMap::from([(1, 1), (2, 2)]);
    let case = Case {
        fails_at: 1,
        chunk_size: 1,
        order: Order::Ascending,
        live: false,
        knows: true,
    };
    let mut items = case.walk(&map).into_iter();
    assert_eq!(items.next(), Some(Err(Error::Source(Down))));
    let cursor = items.cursor();
    // Nothing was learnt from the error, the end neither.
    let more = BTreeMap::from([(1, 1), (2, 2), (3, 3)]);
    assert_eq!(
        Walk::new(Map::new(&more))
            .resume(cursor)
            .into_iter()
            .count(),
        3
    );
}
