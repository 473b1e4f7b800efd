//! Every walk is exact: it yields its range and nothing else, in order, however it is gone through, and
//! goes on from every place by its cursor and by its token (G10). Where the source fails or panics nothing
//! is lost, and nothing comes twice (G11).

use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use keywalk::{Cursor, Error, Order, Token, Walk};
use proptest::prelude::*;

use crate::shelf::{Broken, Last, ORDERS, Opaque, Shelf, Stored, Style, Trouble, all};
use crate::ways::{Place, Way, alike, ways};

/// A walk, and how to go on where it is left.
#[derive(Clone, Debug)]
pub(crate) struct Spec<K = i64> {
    /// Each with whether it is let through.
    pub(crate) rows: Vec<(K, bool)>,
    pub(crate) bounds: (Bound<K>, Bound<K>),
    pub(crate) order: Order,
    pub(crate) live: bool,
    pub(crate) size: usize,
    /// By a weight that isn't the same for each key.
    pub(crate) bytes: Option<usize>,
    pub(crate) style: Style<K>,
    pub(crate) last: Last<K>,
    /// How many chunks a prefetched walk is ahead.
    pub(crate) depth: usize,
    /// After how many calls it is left, if not after each.
    pub(crate) cut: Option<usize>,
    pub(crate) sizes_after: Vec<usize>,
}

fn weigh<K: Stored>(key: &K) -> usize {
    let mut bytes = Vec::new();
    key.write(&mut bytes);
    bytes.iter().map(|byte| usize::from(*byte % 8)).sum()
}

impl<K: Stored> Spec<K> {
    /// A bounded walk over everything.
    pub(crate) fn of(keys: impl IntoIterator<Item = K>, size: usize) -> Self {
        Spec {
            rows: keys.into_iter().map(|key| (key, true)).collect(),
            bounds: (Bound::Unbounded, Bound::Unbounded),
            order: Order::Ascending,
            live: false,
            size,
            bytes: None,
            style: Style::Plain,
            last: Last::Known,
            depth: size % 3,
            cut: None,
            sizes_after: vec![1, size, 9],
        }
    }

    pub(crate) fn shelf(&self) -> Shelf<K> {
        let mut shelf = Shelf::of_rows(self.rows.clone());
        shelf.style = self.style.clone();
        shelf.last = self.last.clone();
        shelf
    }

    /// With a clock by which each request takes a nanosecond.
    pub(crate) fn walk(&self, shelf: Shelf<K>) -> Walk<Shelf<K>> {
        let mut walk = Walk::new(shelf).order(self.order).chunk_size(self.size);
        let ticks = AtomicU64::new(0);
        walk = walk.clock(move || Duration::from_nanos(ticks.fetch_add(1, Relaxed)));
        if self.bounds != (Bound::Unbounded, Bound::Unbounded) {
            walk = walk.range(self.bounds.clone());
        }
        if self.live {
            walk = walk.unbounded();
        }
        match self.bytes {
            Some(bytes) => walk.chunk_bytes_with(bytes, weigh),
            None => walk,
        }
    }

    /// That from here on comes what is left: by the cursor, and by the token, which is the same one.
    fn goes_on(&self, place: &Place<K>, left: &[K]) {
        let token = place.token.as_ref().expect("it isn't broken");
        let shelf = self.shelf();
        assert_eq!(token.cursor(&shelf).as_ref(), Ok(&place.cursor));
        assert_eq!(token.is_done(), place.cursor.is_done());
        self.comes(&place.cursor, left);
        let text: Token = token.to_string().parse().expect("it is whole");
        assert_eq!(Token::from_bytes(token.as_bytes()).as_ref(), Ok(&text));
        assert_eq!(
            (&text, text.as_bytes()),
            (token, &*token.clone().into_bytes())
        );
        assert_eq!(shelf.rest(&text, self.size), left, "by the token");
        let range = place.cursor.range();
        let keys = |bounds: [Bound<&K>; 2]| {
            let bounds = bounds.iter().filter(|bound| **bound != Bound::Unbounded);
            bounds.count() * (1 + 8)
        };
        // A walk that has begun keeps both bounds of the range that it was given, where it was given one.
        let given = match token.as_bytes()[0] {
            1 => 0,
            _ => 1 + keys([self.bounds.0.as_ref(), self.bounds.1.as_ref()]),
        };
        let bytes = 26 + keys([range.start(), range.end()]) + given;
        assert_eq!(
            (token.as_bytes().len(), token.to_string().len()),
            (bytes, (bytes * 4).div_ceil(3))
        );
    }

    fn comes(&self, cursor: &Cursor<K>, left: &[K]) {
        for size in &self.sizes_after {
            let rest = Walk::new(self.shelf()).resume(cursor.clone());
            assert_eq!(
                all(rest.chunk_size(*size)),
                left,
                "by {size}, from {cursor:?}"
            );
        }
    }

    /// Whether a chunk is as full as it gets.
    fn is_full(&self, chunk: &[K]) -> bool {
        let weight = |keys: &[K]| keys.iter().map(weigh).sum::<usize>();
        if let Some(bytes) = self.bytes {
            assert!(weight(&chunk[..chunk.len() - 1]) < bytes, "{chunk:?}");
        }
        assert!(chunk.len() <= self.size, "{chunk:?}");
        chunk.len() == self.size || self.bytes.is_some_and(|bytes| weight(chunk) >= bytes)
    }

    /// Goes the whole way, and is left at each place or at one of them.
    pub(crate) fn trace(&self, way: Way, expected: &[K]) -> Vec<(Place<K>, Vec<Cursor<K>>)> {
        let shelf = self.shelf();
        let watch = shelf.watch.clone();
        let mut going = way.start(self.walk(shelf), self.size);
        let (mut trace, mut seen, mut pasts, mut steps, mut ends) =
            (Vec::new(), 0, Vec::new(), 0, 0);
        while ends < 3 {
            let place = going.place();
            let is_cut = self.cut.is_none_or(|cut| cut == trace.len());
            if is_cut && matches!(way, Way::Steps | Way::Items) {
                self.goes_on(&place, &expected[seen..]);
            }
            match way {
                Way::Steps => assert_eq!(place.stats.queries(), steps, "a step is a question"),
                Way::Items if self.is_plain() => {
                    self.says_what_is_left(&place, &expected[..seen], expected)
                }
                _ => {}
            }
            if way != Way::Resumed {
                let time = Duration::from_nanos(place.stats.queries());
                assert_eq!(place.stats.time_in_store(), time);
            }
            if let Way::Steps | Way::Chunks | Way::Items = way {
                assert_eq!(place.stats.queries(), watch.asked() as u64);
                assert_eq!(place.stats.items(), seen as u64);
            }
            self.is_honest(&place, expected.len() - seen);
            trace.push((place, pasts));

            let came = going.go().expect("the shelf isn't broken");
            (ends, steps) = match came {
                None => (ends + 1, steps),
                Some(_) => (0, steps + 1),
            };
            let keys = came.unwrap_or_default();
            assert!(expected[seen..].starts_with(&keys), "{keys:?} after {seen}");
            pasts = keys
                .iter()
                .filter_map(|key| going.past(key.clone()))
                .collect();
            for (at, past) in pasts
                .iter()
                .enumerate()
                .filter(|_| is_cut && way == Way::Steps)
            {
                let left = &expected[seen + at + 1..];
                self.comes(past, left);
                assert!(past.is_done() == (left.is_empty() && !self.live) || !self.is_plain());
            }
            seen += keys.len();
            if way == Way::Chunks && self.is_plain() && !keys.is_empty() {
                assert!(self.is_full(&keys) || seen == expected.len(), "{keys:?}");
            }
        }
        assert_eq!(seen, expected.len());
        let [.., (end, _), (still, _)] = &trace[..] else {
            panic!("three calls at least")
        };
        assert!(
            end == still || way == Way::Resumed,
            "fused: {end:?} {still:?}"
        );
        assert_eq!(
            (end.cursor.is_done(), &end.cursor),
            (!self.live, &still.cursor)
        );
        assert_eq!(end.hint.unwrap_or((0, Some(0))), (0, Some(0)));
        trace
    }

    /// From the last item on, up to the last one of a bounded walk.
    fn says_what_is_left(&self, place: &Place<K>, seen: &[K], expected: &[K]) {
        let range = place.cursor.range();
        let chunks = seen.len().div_ceil(self.size) as u64;
        assert!(
            self.bytes.is_some() || place.stats.chunks() == chunks,
            "one ahead at most"
        );
        assert_eq!(range.order(), self.order);
        let Some(last_seen) = seen.last() else { return };
        assert_eq!(range.start(), Bound::Excluded(last_seen));
        if !self.live {
            assert_eq!(
                range.end(),
                expected.last().map_or(Bound::Unbounded, Bound::Included)
            );
        }
        assert_eq!(
            place.cursor.is_done(),
            !self.live && seen.len() == expected.len()
        );
    }

    /// Its chunks are as full as they get.
    fn is_plain(&self) -> bool {
        matches!(self.style, Style::Plain) && self.rows.iter().all(|row| row.1)
    }

    /// What it says of the items ahead.
    fn is_honest(&self, place: &Place<K>, left: usize) {
        let Some((least, most)) = place.hint else {
            return;
        };
        assert!(least <= left && most.is_none_or(|most| left <= most));
        // A bounded walk that has its last chunk knows that nothing else comes.
        if self.is_plain() && !self.live && place.stats.chunks() > 0 && left == least {
            assert_eq!(most, Some(left));
        }
    }

    /// Each way to go yields what is expected, and those that are alike show the same at each place.
    pub(crate) fn is_exact(&self, expected: &[K]) {
        let steps = self.trace(Way::Steps, expected);
        let chunks = self.trace(Way::Chunks, expected);
        let items = self.trace(Way::Items, expected);
        self.trace(Way::Resumed, expected);
        for (way, other) in alike(self.depth) {
            let trace = match other {
                Way::Steps => &steps,
                Way::Chunks => &chunks,
                _ => &items,
            };
            assert_eq!(&self.trace(way, expected), trace, "{way:?}");
        }
        // Behind what was lent stands the cursor, past the last of it.
        let lent = |(_, pasts): &&(Place<K>, Vec<Cursor<K>>)| !pasts.is_empty();
        assert!(steps.iter().filter(lent).eq(chunks.iter().filter(lent)));
        for (place, pasts) in chunks.iter().filter(lent).filter(|_| self.is_plain()) {
            assert_eq!(pasts.last(), Some(&place.cursor));
        }
    }

    /// Goes on where a question fails. Whether one did.
    fn goes_on_behind_an_error(
        &self,
        way: Way,
        at: usize,
        expected: &[K],
    ) -> (bool, Vec<K>, Place<K>) {
        let shelf = self.shelf().in_trouble(Trouble::Error(at));
        let watch = shelf.watch.clone();
        let mut going = way.start(self.walk(shelf), self.size);
        let (mut seen, mut errors, mut ends) = (Vec::new(), 0, 0);
        while ends < 3 {
            let before = going.place();
            match going.go() {
                Ok(Some(keys)) => {
                    assert_eq!(errors, 0, "it is fused");
                    seen.extend(keys);
                }
                Ok(None) => ends += 1,
                Err(error) => {
                    assert_eq!((error, ends), (Error::Source(Broken(at)), 0));
                    errors += 1;
                    let after = going.place();
                    assert_eq!(after.cursor.range().start(), before.cursor.range().start());
                    // Nothing was learnt from it; a call may have asked for the last key before.
                    let is_one_question = way == Way::Steps || at == 0;
                    assert!(!is_one_question || after.cursor == before.cursor);
                    assert!(
                        !after.cursor.is_done()
                            && after.hint.is_none_or(|hint| hint == (0, Some(0)))
                    );
                }
            }
        }
        let place = going.place();
        assert_eq!(place.stats.items(), seen.len() as u64);
        assert!(
            errors == 0 || watch.asked() == at + 1,
            "asked again after the error"
        );
        assert!(errors <= 1);
        let shelf = going.into_shelf().in_trouble(Trouble::None);
        let token = place.token.as_ref().expect("it can say what it walks");
        assert_eq!(token.cursor(&shelf).as_ref(), Ok(&place.cursor));
        let rest = all(Walk::new(shelf).resume(place.cursor.clone()).chunk_size(3));
        assert!(
            errors == 1 || rest.is_empty(),
            "an error was taken for the end"
        );
        assert_eq!([&seen[..], &rest].concat(), expected, "{way:?}, error {at}");
        (errors == 1, seen, place)
    }

    /// Goes on where a call panics, by the same walk or by another one. Whether one did.
    fn goes_on_behind_a_panic(&self, way: Way, at: usize, expected: &[K], resumes: bool) -> bool {
        let shelf = self.shelf().in_trouble(Trouble::Panic(at));
        let mut going = way.start(self.walk(shelf), self.size);
        let (mut seen, mut panics) = (Vec::new(), 0);
        loop {
            match catch_unwind(AssertUnwindSafe(|| going.go())) {
                Ok(Ok(Some(keys))) => seen.extend(keys),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error:?}"),
                Err(panic) => {
                    assert_eq!(panic.downcast_ref(), Some(&Broken(at)));
                    panics += 1;
                }
            }
            if panics == 1 && resumes {
                panics += 1;
                let cursor = going.place().cursor;
                let walk = Walk::new(going.into_shelf()).resume(cursor);
                going = way.start(walk.chunk_size(self.size), self.size);
            }
        }
        // A prefetched walk is fused by a panic.
        let is_ahead = matches!(way, Way::ChunksAhead(_) | Way::ItemsAhead(_));
        assert!(
            seen == expected || is_ahead && panics == 1,
            "{way:?}, {panics} panics, call {at}"
        );
        let cursor = going.place().cursor;
        let shelf = going.into_shelf().in_trouble(Trouble::None);
        let rest = all(Walk::new(shelf).resume(cursor));
        assert_eq!([seen, rest].concat(), expected, "{way:?}, call {at}");
        panics > 0
    }
}

/// The keys of all within bounds, in this order.
pub(crate) fn expected(spec: &Spec) -> Vec<i64> {
    let rows = spec
        .rows
        .iter()
        .filter(|row| row.1 && spec.bounds.contains(&row.0));
    let mut keys: Vec<i64> = rows.map(|row| row.0).collect();
    if spec.order == Order::Descending {
        keys.reverse();
    }
    keys
}

/// Each order, bounded by a last key that is known or looked for, and live.
pub(crate) fn each_kind<K: Stored>(spec: &Spec<K>, mut check: impl FnMut(Spec<K>)) {
    for order in ORDERS {
        for (live, last) in [
            (false, Last::Known),
            (false, Last::Unknown),
            (true, Last::Unknown),
        ] {
            check(Spec {
                order,
                live,
                last,
                ..spec.clone()
            });
        }
    }
}

#[test]
fn every_small_walk_is_exact_and_goes_on_from_every_place() {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let some = (Bound::Excluded(10), Bound::Included(40));
    let open = (Bound::Included(20), Bound::Excluded(40));
    for len in 0..=5 {
        for bounds in [all, some, open] {
            for size in 1..=6 {
                let spec = Spec {
                    bounds,
                    ..Spec::of((1..=len).map(|n| n * 10), size)
                };
                each_kind(&spec, |mut spec| {
                    spec.sizes_after = (1..=6).collect();
                    spec.is_exact(&expected(&spec));
                });
            }
        }
    }
}

#[test]
fn a_source_whose_keys_only_it_can_order_is_walked_in_its_own_order() {
    let stored = [7, 3, 9, 1, 8, 2, 5].map(Opaque);
    for size in 1..=8 {
        each_kind(&Spec::of(stored, size), |mut spec| {
            let mut expected = stored;
            if spec.order == Order::Descending {
                expected.reverse();
            }
            spec.is_exact(&expected);
            // From 3 on, up to 2.
            let (from, to) = (Bound::Included(stored[1]), Bound::Excluded(stored[5]));
            spec.bounds = (from, to);
            spec.is_exact(if spec.order == Order::Ascending {
                &stored[1..5]
            } else {
                &expected[2..6]
            });
        });
    }
}

#[test]
fn behind_an_error_at_any_question_a_walk_goes_on_exactly() {
    for size in 1..=8 {
        each_kind(&Spec::of(1..=7, size), |spec| {
            let keys = expected(&spec);
            for at in 0.. {
                let goes_on = |way| spec.goes_on_behind_an_error(way, at, &keys);
                let inline = [Way::Steps, Way::Chunks, Way::Items].map(|way| (way, goes_on(way)));
                for (way, other) in [0, 1, at % 4].into_iter().flat_map(alike) {
                    assert!(
                        inline.contains(&(other, goes_on(way))),
                        "{way:?}, error {at}"
                    );
                }
                if inline.iter().all(|(_, (fails, ..))| !fails) {
                    break;
                }
            }
        });
    }
}

#[test]
fn behind_a_panic_at_any_call_a_walk_goes_on_exactly() {
    for (len, size) in (0..5).flat_map(|len| [(len, 1), (len, 2), (len, 3)]) {
        each_kind(&Spec::of(0..len, size), |spec| {
            let keys = expected(&spec);
            for way in ways((len as usize + size) % 4) {
                let goes_on = |at, resumes| spec.goes_on_behind_a_panic(way, at, &keys, resumes);
                let calls = (0..)
                    .take_while(|at| goes_on(*at, false) && goes_on(*at, true))
                    .count();
                assert!(calls > keys.len(), "{calls}");
            }
        });
    }
}

fn bound() -> impl Strategy<Value = Bound<i64>> {
    prop_oneof![
        Just(Bound::Unbounded),
        (0..=40_i64).prop_map(Bound::Included),
        (0..=40_i64).prop_map(Bound::Excluded),
    ]
}

prop_compose! {
    pub(crate) fn spec()(
        comes in prop::collection::vec(prop::bool::weighted(0.2), 41),
        all_come in any::<bool>(),
        bounds in (bound(), bound()),
        order in prop::sample::select(&ORDERS),
        live in any::<bool>(),
        last in prop::sample::select(&[Last::Known, Last::Unknown]),
        size in prop_oneof![7 => 1..8_usize, 1 => Just(usize::MAX)],
        bytes in prop::option::of(1..30_usize),
        (style, part) in (0..5_u8, 1..8_usize),
        depth in 0..4_usize,
        cut in 0..13_usize,
    ) -> Spec {
        let rows = (0..).zip(comes);
        let rows = rows.filter(|(_, comes)| *comes || !all_come);
        let mut spec = Spec::of([], size);
        spec.rows = rows.collect();
        spec.style = match style {
            0 => Style::Plain,
            1 => Style::Paged(part),
            2 => Style::Scanning(part),
            3 => Style::Hesitant,
            _ => Style::Exchanging,
        };
        // A chunk of its own has no budget.
        spec.bytes = bytes.filter(|_| style < 4);
        Spec { bounds, order, live, last, depth, cut: Some(cut), sizes_after: vec![part], ..spec }
    }
}

proptest! {
    // Of each style of source as many as any property has.
    #![proptest_config(ProptestConfig::with_cases(5 * 256))]

    #[test]
    fn a_walk_over_any_right_source_is_exact(spec in spec()) {
        spec.is_exact(&expected(&spec));
    }
}
