//! What the options of a `Walk` mean, and how a walk goes beside changes of its store.

use std::ops::{Bound, RangeBounds};
use std::panic::catch_unwind;
use std::time::Duration;

use keywalk::{Chunk, Chunks, Cursor, CursorMismatch, Error, KeyRange, Order, Step, Token, Walk};

use crate::exact::{Spec, each_kind, expected};
use crate::shelf::{Broken, Last, ORDERS, Shelf, Style, Trouble, all, numbers, tens};
#[cfg(feature = "async")]
use crate::ways::block_on;
use crate::ways::{Place, Way, ways};

/// What comes from here on: by the cursor, and by its token.
fn rest(shelf: &Shelf, cursor: &Cursor<i64>) -> Vec<i64> {
    let rest = all(Walk::new(shelf.clone())
        .resume(cursor.clone())
        .chunk_size(2));
    let token: Token = shelf
        .token(cursor)
        .to_string()
        .parse()
        .expect("it is whole");
    assert_eq!(shelf.rest(&token, 2), rest);
    rest
}

type Options = fn(Walk<Shelf>) -> Walk<Shelf>;

#[test]
fn a_chunk_holds_as_many_items_as_the_walk_was_told() {
    let cases: [(&str, Options, &[usize]); 12] = rows! {
        ("the default", |walk| walk, &[Walk::<Shelf>::DEFAULT_CHUNK_SIZE, 512]),
        ("the largest", |walk| walk.chunk_size(usize::MAX), &[20_000]),
        ("a later size", |walk| walk.chunk_size(1).chunk_size(5), &[5]),
        ("lowered", |walk| walk.chunk_size(700).max_chunk_size(600), &[600]),
        ("not raised", |walk| walk.chunk_size(700).max_chunk_size(800), &[700]),
        ("the default not raised", |walk| walk.max_chunk_size(800), &[512]),
        ("the default lowered", |walk| walk.max_chunk_size(100), &[100]),
        // Not held to the default number of items.
        ("bytes", |walk| walk.chunk_bytes_with(40_000, |_| 8), &[5_000; 4]),
        ("all bytes", |walk| walk.chunk_bytes(usize::MAX), &[Walk::<Shelf>::MAX_CHUNK_SIZE, 8_192]),
        ("bytes and a size", |walk| walk.chunk_bytes(usize::MAX).chunk_size(10), &[10]),
        ("later bytes", |walk| walk.chunk_bytes(1).chunk_bytes_with(3, |_| 1), &[3]),
        ("later bytes by weight", |walk| walk.chunk_bytes_with(1, |_| 1).chunk_bytes(24), &[3]),
    };
    for (name, options, sizes) in cases {
        let mut chunks = options(Walk::new(numbers(20_000))).chunks();
        for size in sizes {
            assert_eq!(chunks.next().unwrap().unwrap().len(), *size, "{name}");
        }
    }
}

/// By all ways to walk. After the limit, the cursor or a higher limit continues the walk.
#[test]
fn a_limit_ends_a_walk_as_take_does_and_its_cursor_goes_on() {
    for (len, size) in [0, 1, 4].into_iter().flat_map(|len| [(len, 1), (len, 3)]) {
        each_kind(&Spec::of(0..len, size), |spec| {
            let keys = expected(&spec);
            for (limit, way) in
                (0..=len as usize + 1).flat_map(|n| ways(n % 3).map(move |way| (n, way)))
            {
                let shelf = spec.shelf();
                let mut walk = spec.walk(shelf.clone()).limit(limit as u64);
                let (taken, rest) = keys.split_at(limit.min(keys.len()));
                assert_eq!(walk.count(), Ok(taken.len() as u64));
                #[cfg(feature = "async")]
                assert_eq!(block_on(walk.async_count()), walk.count());
                let asked = shelf.watch.asked();
                let mut going = way.start(walk, size);
                let mut seen = Vec::new();
                while let Some(keys) = going.go().unwrap() {
                    seen.extend(keys);
                }
                assert_eq!((&*seen, going.go()), (taken, Ok(None)), "{way:?}, {limit}");
                assert_eq!(limit == 0, shelf.watch.asked() == asked);
                let Place { cursor, hint, .. } = going.place();
                assert!(hint.is_none_or(|hint| hint == (0, Some(0))));
                let is_at_end = limit > 0 && rest.is_empty() && !spec.live;
                assert_eq!(cursor.is_done(), is_at_end, "{way:?}, {limit} of {len}");
                assert_eq!(all(Walk::new(shelf).resume(cursor)), rest);
            }
            let mut chunks = spec.walk(spec.shelf()).limit(3).chunks();
            let (start, limit) = (chunks.cursor(), chunks.limit());
            chunks.set_chunk_size(2);
            for (more, len) in [(None, 2), (None, 1), (None, 0), (Some(9), 1)] {
                if more.is_some() {
                    chunks.set_limit(more);
                }
                let items = chunks.next().unwrap().unwrap_or_default().len();
                assert!(items == len || keys.len() < 4);
            }
            chunks.seek(start);
            chunks.set_limit(limit);
            assert_eq!(
                chunks.next().unwrap().unwrap_or_default(),
                &keys[..keys.len().min(2)]
            );
        });
    }
}

/// If no fetch takes any time, a walk by time doubles its chunks up to the largest size.
#[test]
fn a_size_that_is_set_during_a_walk_holds_from_the_next_fetch_on() {
    let cases: [(Options, [usize; 4]); 2] = rows! {
        (|walk| walk.chunk_size(10), [10, 3, 700, 700]),
        (|walk| walk.clock(|| Duration::ZERO).target_fetch_time(Duration::MAX), [512, 3, 3, 6]),
    };
    for (options, expected) in cases {
        let mut chunks = options(Walk::new(numbers(20_000))).chunks();
        let sizes = [None, Some(3), Some(700), None].map(|size| {
            size.into_iter()
                .for_each(|size| chunks.set_chunk_size(size));
            chunks.next().unwrap().unwrap().len()
        });
        assert_eq!(sizes, expected);
        assert_eq!(chunks.chunk_size(), 700);
    }
}

#[test]
fn a_later_range_or_order_replaces_an_earlier_one() {
    let walk = Walk::new(numbers(10)).range(..=2).range(8..);
    assert_eq!(all(walk.descending().order(Order::Ascending)), [8, 9]);
}

#[test]
fn limits_of_0_panic() {
    let cases: [(&str, fn()); 6] = rows! {
        ("the chunk size must not be 0", || { drop(Walk::new(tens(1)).chunk_size(0)) }),
        ("the chunk size must not be 0", || { Walk::new(tens(1)).chunks().set_chunk_size(0) }),
        ("the chunk size must not be 0", || { drop(Walk::new(tens(1)).max_chunk_size(0)) }),
        ("a chunk's bytes must not be 0", || { drop(Walk::new(tens(1)).chunk_bytes(0)) }),
        ("a chunk's time must not be 0", || { drop(Walk::new(tens(1)).target_fetch_time(Duration::ZERO)) }),
        ("a chunk's limit must not be 0", || { drop(Chunk::<u8>::with_limit(0)) }),
    };
    for (says, panics) in cases {
        let panic = catch_unwind(panics).expect_err(says);
        assert_eq!(panic.downcast_ref(), Some(&says));
    }
}

#[test]
fn an_inverted_range_holds_nothing_and_asks_nothing() {
    let excluded = (Bound::Excluded(5), Bound::Excluded(5));
    let inverted = (Bound::Included(7), Bound::Included(3));
    for bounds in [excluded, inverted] {
        for order in ORDERS {
            let shelf = numbers(9);
            let walk = Walk::new(shelf.clone()).range(bounds).order(order);
            assert_eq!((all(walk), shelf.watch.asked()), (vec![], 0));
        }
    }
}

#[test]
fn a_bounded_walk_stops_at_what_was_the_last_key_when_it_began_and_a_live_one_goes_on() {
    for (order, live) in ORDERS
        .into_iter()
        .flat_map(|order| [(order, false), (order, true)])
    {
        let shelf = numbers(0);
        let walk = Walk::new(shelf.clone()).order(order).chunk_size(2);
        let mut chunks = if live { walk.unbounded() } else { walk }.chunks();
        let key = |n: i64| if order == Order::Ascending { n } else { -n };
        // Nothing is asked before the first call: what is written until then is seen.
        (1..=6).for_each(|n| shelf.put(key(n)));
        let (mut seen, mut next) = (Vec::new(), 7);
        // Appending faster than it walks doesn't keep it from ending.
        while let Some(items) = chunks.next().unwrap() {
            seen.extend_from_slice(items);
            if next < 40 {
                (next..next + 5).for_each(|n| shelf.put(key(n)));
                next += 5;
            }
        }
        let most = if live { next } else { 7 };
        assert!(seen.into_iter().eq((1..most).map(key)), "{order:?}");
        // There would be more: fused means not to look.
        shelf.put(key(1_000));
        let asked = shelf.watch.asked();
        assert_eq!(chunks.next(), Ok(None));
        assert_eq!(chunks.step(), Ok(Step::End));
        assert_eq!(shelf.watch.asked(), asked);
    }
}

#[test]
fn a_cursor_of_a_finished_bounded_walk_yields_nothing_and_asks_nothing() {
    for len in [0, 4] {
        let shelf = tens(len);
        let mut items = Walk::new(shelf.clone()).chunk_size(2).items();
        assert_eq!(items.by_ref().count(), len as usize);
        let cursor = items.cursor();
        assert!(cursor.is_done());
        shelf.put(1_000);
        let asked = shelf.watch.asked();
        assert_eq!(
            (rest(&shelf, &cursor), shelf.watch.asked()),
            (vec![], asked)
        );
        assert_eq!(
            Walk::new(shelf).resume(cursor.clone()).chunks().cursor(),
            cursor
        );
    }
}

#[test]
fn a_cursor_of_a_finished_live_walk_finds_what_was_appended() {
    // With a far bound and without one: its end is not where the walk stands.
    let fars = [
        Bound::Unbounded,
        Bound::Included(2_000),
        Bound::Excluded(2_001),
    ];
    for (len, far) in fars.into_iter().flat_map(|far| [(0, far), (4, far)]) {
        let shelf = tens(len);
        let walk = Walk::new(shelf.clone()).range((Bound::Unbounded, far));
        let mut items = walk.unbounded().chunk_size(2).items();
        assert_eq!(items.by_ref().count(), len as usize);
        let cursor = items.cursor();
        assert!(!cursor.is_done() && cursor.is_unbounded());
        assert_eq!(rest(&shelf, &cursor), [0; 0]);
        shelf.put(1_000);
        shelf.put(2_000);
        assert_eq!(rest(&shelf, &cursor), [1_000, 2_000]);
    }
}

#[test]
fn the_bound_is_that_of_the_first_query_also_after_resuming_and_where_its_row_is_deleted() {
    let shelf = tens(4);
    let mut items = Walk::new(shelf.clone()).chunk_size(1).items();
    let not_begun = items.cursor();
    items.next().unwrap().unwrap();
    shelf.put(1_000);
    assert_eq!(rest(&shelf, &items.cursor()), [20, 30, 40]);
    // A walk that hadn't begun has no bound yet.
    assert_eq!(rest(&shelf, &not_begun), [10, 20, 30, 40, 1_000]);
    shelf.delete(&40);
    shelf.put(45);
    assert_eq!(rest(&shelf, &items.cursor()), [20, 30]);
}

#[test]
fn the_row_that_a_cursor_stands_at_may_be_deleted_and_what_is_ahead_is_read_again() {
    for (order, step) in [(Order::Ascending, 10), (Order::Descending, -10)] {
        for cut in 1..=4 {
            let shelf = tens(4);
            let walk = Walk::new(shelf.clone()).order(order).chunk_size(3);
            let expected = all(walk);
            let mut items = Walk::new(shelf.clone()).order(order).chunk_size(3).items();
            let here = items.nth(cut - 1).unwrap().unwrap();
            shelf.delete(&here);
            assert_eq!(rest(&shelf, &items.cursor()), expected[cut..]);
            // One behind, one ahead: although there are others in the chunk already.
            shelf.put(here - step / 2);
            if cut < 4 {
                shelf.put(here + step / 2);
                let ahead = [&[here + step / 2], &expected[cut..]].concat();
                assert_eq!(rest(&shelf, &items.cursor()), ahead);
                shelf.delete(&(here + step));
                assert_eq!(
                    rest(&shelf, &items.cursor()),
                    [&ahead[..1], &ahead[2..]].concat()
                );
            }
        }
    }
}

/// Of the numbers below 40 those, in stretches of ten.
fn sparse(keys: &[i64]) -> Walk<Shelf> {
    let mut shelf = Shelf::of_rows((0..40).map(|n| (n, keys.contains(&n))));
    shelf.style = Style::Scanning(10);
    shelf.last = Last::Unknown;
    Walk::new(shelf)
}

#[test]
fn every_step_is_one_question_and_an_empty_answer_is_a_move() {
    let cases: [(Walk<Shelf>, &[&[i64]]); 5] = rows! {
        // The last key isn't known; it is looked for from 39 down to 13; then 0 to 9, 10 to 13.
        (sparse(&[5, 13]), &[&[], &[], &[], &[], &[5], &[13]]),
        (sparse(&[5, 33]).unbounded(), &[&[5], &[], &[], &[33]]),
        (sparse(&[5, 33]).unbounded().descending(), &[&[33], &[], &[], &[5]]),
        (sparse(&[]), &[&[], &[], &[], &[], &[]]),
        (sparse(&[1, 2, 3]).unbounded().chunk_size(2), &[&[1, 2], &[3], &[], &[]]),
    };
    for (at, (walk, expected)) in cases.into_iter().enumerate() {
        let mut going = Way::Steps.start(walk, 1);
        for items in expected {
            assert_eq!(going.go(), Ok(Some(items.to_vec())), "case {at}");
        }
        // Some say the end only when asked again.
        let more = (0..9).take_while(|_| going.go() != Ok(None)).count();
        assert!(more <= 1, "case {at}");
    }
}

#[test]
fn steps_and_calls_of_next_may_be_mixed_in_any_way() {
    for order in ORDERS {
        let walk = || sparse(&[3, 4, 5, 6, 29, 30]).order(order).chunk_size(2);
        let expected = all(walk());
        for mix in 0..1 << 12_u32 {
            let mut chunks = walk().chunks();
            let mut seen = Vec::new();
            for turn in 0.. {
                let items = match mix >> (turn % 12) & 1 {
                    0 => match chunks.step().unwrap() {
                        Step::Items(items) => items,
                        Step::Progress => continue,
                        Step::End => break,
                    },
                    _ => match chunks.next().unwrap() {
                        Some(items) => items,
                        None => break,
                    },
                };
                seen.extend_from_slice(items);
            }
            assert_eq!((&seen, chunks.stats().items()), (&expected, 6), "{mix:b}");
        }
    }
}

/// Its bound is still to be asked for: it must not be without one.
#[test]
fn past_a_key_before_the_first_question_a_walk_is_bounded_like_any_other() {
    let walk = || Walk::new(Shelf::of(1..=4));
    for (walk, expected) in [
        (walk(), &[3, 4][..]),
        (walk().range(..=3), &[3]),
        (walk().range(..2), &[]),
        (walk().descending(), &[1]),
    ] {
        let mut chunks = walk.chunks();
        let cursor = chunks.cursor_after(2);
        let mut resumed = Walk::new(Shelf::of(1..=4)).resume(cursor.clone()).chunks();
        let is_moved = matches!(resumed.step(), Ok(Step::Progress));
        assert_eq!(is_moved, !expected.is_empty(), "it asks for the last key");
        assert_eq!(rest(&Shelf::of(1..=4), &cursor), expected);
        assert!(
            chunks.next().unwrap().is_some(),
            "the walk itself is where it was"
        );
    }
}

#[test]
fn walks_begin_with_equal_cursors_exactly_if_they_are_told_the_same() {
    let cases: [(Options, bool, bool); 8] = [
        (|walk| walk, false, false),
        (|walk| walk.descending(), false, true),
        (|walk| walk.unbounded(), true, false),
        (|walk| walk.range(1..), false, false),
        (|walk| walk.range(1..5), false, false),
        (|walk| walk.range(1..=5), false, false),
        (|walk| walk.range(1..5).descending(), false, true),
        (|walk| walk.range(1..5).unbounded(), true, false),
    ];
    let begin = |options: Options| {
        let walk = options(Walk::new(tens(2))).chunk_size(3);
        assert_eq!(walk.token(), Token::new(&walk.cursor(), walk.source()));
        walk.cursor()
    };
    for (at, (options, live, descending)) in cases.iter().enumerate() {
        let cursor = begin(*options);
        for (other, (others, ..)) in cases.iter().enumerate() {
            assert_eq!(cursor == begin(*others), at == other, "{at} {other}");
        }
        assert_eq!(cursor.is_unbounded(), *live);
        assert_eq!(cursor.range().order() == Order::Descending, *descending);
        // Resumed from elsewhere, it begins there.
        let mut items = Walk::new(tens(2)).items();
        items.next();
        let there = items.cursor();
        assert_eq!(Walk::new(tens(2)).resume(there.clone()).cursor(), there);
    }
}

/// The keys from `start` to `end`, in this order.
fn between(shelf: &Shelf, order: Order, start: Bound<i64>, end: Bound<i64>) -> Vec<i64> {
    shelf.within(&match order {
        Order::Ascending => KeyRange::new((start, end), order),
        Order::Descending => KeyRange::new((end, start), order),
    })
}

#[test]
fn a_cursor_moved_to_a_key_or_a_later_end_walks_exactly_what_lies_between() {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let some = (Bound::Excluded(10), Bound::Included(30));
    for (taken, bounds) in (0..=5).flat_map(|taken| [(taken, all), (taken, some)]) {
        // Where the shelf is empty at first, a bounded walk that has ended has no last key.
        let len = if taken == 1 { 0 } else { 4 };
        let spec = Spec {
            bounds,
            ..Spec::of((1..=len).map(|n| n * 10), 2)
        };
        each_kind(&spec, |spec| {
            let (shelf, order) = (spec.shelf(), spec.order);
            let mut items = spec.walk(shelf.clone()).items();
            items.by_ref().take(taken).for_each(drop);
            let cursor = items.cursor();
            shelf.put(50);
            shelf.put(0);
            let (start, end) = (
                cursor.range().start().cloned(),
                cursor.range().end().cloned(),
            );
            let left = rest(&shelf, &cursor);
            for key in [-5, 10, 15, 20, 30, 40, 50] {
                let moved = cursor.clone().at(key);
                let expected = between(&shelf, order, Bound::Included(key), end);
                assert_eq!(rest(&shelf, &moved), expected, "{moved:?}");
                let again = spec
                    .walk(shelf.clone())
                    .resume(moved.clone())
                    .items()
                    .next();
                let is_refused = matches!(again, Some(Err(Error::Cursor(CursorMismatch::Range))));
                let escapes = expected.iter().any(|key| !bounds.contains(key));
                assert!(is_refused || !escapes, "{moved:?}");
                for end in [Bound::Unbounded, Bound::Included(key), Bound::Excluded(key)] {
                    let further = between(&shelf, order, start, end);
                    let expected = if further.len() > left.len() {
                        &further
                    } else {
                        &left
                    };
                    let extended = cursor.clone().extend_to(end);
                    assert_eq!(&rest(&shelf, &extended), expected, "{cursor:?} to {end:?}");
                    assert_eq!(extended.is_unbounded(), spec.live);
                }
            }
        });
    }
}

/// And any walk that goes on before that end is known.
#[test]
fn a_walk_ends_before_the_key_that_is_computed_from_its_last_one() {
    for lag in [-15, -5, 0, 1, 10, 15, 35, 100] {
        let bounds = (Bound::Excluded(10), Bound::Excluded(40));
        let spec = Spec::of((1..=4).map(|n| n * 10), 2);
        let ranged = Spec {
            bounds,
            ..spec.clone()
        };
        let check = |spec: Spec| {
            let sign = if spec.order == Order::Ascending {
                1
            } else {
                -1
            };
            let mut expected = expected(&spec);
            let end = (expected[expected.len() - 1] - lag * sign) * sign;
            expected.retain(|key| spec.live || key * sign < end);
            let mut chunks = spec
                .walk(spec.shelf())
                .end_before(move |last| last - lag * sign)
                .chunks();
            let is_empty = !spec.live && lag >= 35 && spec.bounds == bounds;
            let mut seen = 0;
            loop {
                let walk = Walk::new(spec.shelf()).resume(chunks.cursor());
                let left = walk.end_before(move |last| last - lag * sign);
                assert_eq!(all(left), expected[seen..], "{lag}, {:?}", chunks.cursor());
                match chunks.step().unwrap() {
                    Step::Items(items) => seen += items.len(),
                    Step::Progress => {}
                    Step::End => break,
                }
            }
            assert_eq!(
                (seen, chunks.cursor().is_done()),
                (expected.len(), !spec.live)
            );
            assert!(
                !is_empty || chunks.stats().queries() <= 2,
                "an empty range isn't asked for"
            );
        };
        each_kind(&spec, check);
        each_kind(&ranged, check);
    }
}

/// Before a store is asked, once, and the cursor stays: options that contradict it, as a cursor or a token.
#[test]
fn options_that_contradict_a_cursor_are_refused_and_others_are_not() {
    use CursorMismatch::{Order as Turned, Range, Unbounded};

    let of_range: Options = |walk| walk.range(10..=50);
    let of_live: Options = |walk| walk.range(10..=50).unbounded();
    let down: Options = |walk| walk.descending();
    let down_of_range: Options = |walk| walk.range(10..=50).descending();
    let down_of_live: Options = |walk| walk.range(10..=50).descending().unbounded();
    let live: Options = |walk| walk.unbounded();
    // After so many items of a walk: what the other one is told, and why it is refused.
    let cases: [(Options, &[usize], Options, Option<CursorMismatch>); 25] = rows! {
        (of_range, &[0, 2, 6], down, Some(Turned)),
        (of_live, &[0, 2, 6], down, Some(Turned)),
        (down, &[0, 2, 6], |walk| walk.order(Order::Ascending), Some(Turned)),
        (of_range, &[0, 2, 6], live, Some(Unbounded)),
        // A wider range too: its other rows would not be walked.
        (of_range, &[0, 1, 6], |walk| walk.range(10..50), Some(Range)),
        (of_range, &[0, 1, 6], |walk| walk.range(20..51), Some(Range)),
        (of_range, &[0, 1, 6], |walk| walk.range(60..90), Some(Range)),
        (of_range, &[0, 1, 6], |walk| walk.range(0..51), Some(Range)),
        (of_range, &[0, 1, 6], |walk| walk.range(10..=100), Some(Range)),
        (of_range, &[0, 1, 6], |walk| walk.range(5..), Some(Range)),
        (of_live, &[0, 1, 6], |walk| walk.range(10..=100), Some(Range)),
        (of_live, &[0, 1, 6], |walk| walk.range(20..=30), Some(Range)),
        (of_live, &[0, 1, 6], |walk| walk.range(10..=30), Some(Range)),
        (of_live, &[0, 1, 6], |walk| walk.range(0..=50), Some(Range)),
        // An unbounded walk isn't bounded by what there is.
        (live, &[0, 1], |walk| walk.range(..=50), Some(Range)),
        (of_range, &[0, 1, 6], |walk| walk, None),
        (of_range, &[0, 1, 6], of_range, None),
        (of_range, &[0, 1, 6], |walk| walk.order(Order::Ascending), None),
        (of_live, &[0, 1, 6], |walk| walk, None),
        (of_live, &[0, 1, 6], of_live, None),
        (of_live, &[0, 1, 6], of_range, None),
        (down_of_range, &[0, 1, 6], down_of_range, None),
        (down_of_live, &[0, 1, 6], down_of_live, None),
        // An order that isn't set follows the cursor.
        (down_of_range, &[0, 1, 6], of_range, None),
        (down_of_live, &[0, 1, 6], of_live, None),
    };
    for (at, (options, taken, others, expected)) in cases.into_iter().enumerate() {
        for (taken, way) in taken
            .iter()
            .flat_map(|taken| ways(1).map(|way| (*taken, way)))
        {
            let shelf = tens(5);
            let mut items = options(Walk::new(shelf.clone())).chunk_size(2).items();
            assert!(items.by_ref().take(taken).all(|item| item.is_ok()));
            let (cursor, token) = (items.cursor(), items.token().unwrap());
            let left = rest(&shelf, &cursor);
            let walk = || others(Walk::new(shelf.clone())).chunk_size(2);
            let by_token = walk().resume_token(&token).unwrap();
            let said_first = others(Walk::new(shelf.clone()).resume(cursor.clone()));
            for walk in [walk().resume(cursor.clone()), by_token, said_first] {
                let asked = shelf.watch.asked();
                let mut going = way.start(walk, 2);
                let Some(why) = expected else {
                    let mut seen = Vec::new();
                    while let Some(keys) = going.go().unwrap() {
                        seen.extend(keys);
                    }
                    assert_eq!(seen, left, "case {at}");
                    continue;
                };
                // It isn't the end: not even where the cursor's walk has ended.
                assert!(going.place().hint.is_none_or(|hint| hint == (0, None)));
                assert_eq!(
                    going.go(),
                    Err(Error::Cursor(why)),
                    "case {at}, after {taken}"
                );
                assert_eq!((going.go(), going.go()), (Ok(None), Ok(None)));
                assert_eq!(
                    (going.place().cursor, shelf.watch.asked()),
                    (cursor.clone(), asked)
                );
            }
        }
    }
}

/// The numbers below 10, two in a chunk.
fn in_twos() -> (Shelf, Chunks<Shelf>) {
    let shelf = numbers(10);
    (shelf.clone(), Walk::new(shelf).chunk_size(2).chunks())
}

#[test]
fn items_are_those_that_were_lent_last_and_no_others() {
    let (shelf, mut chunks) = in_twos();
    assert_eq!(chunks.items(), [0; 0]);
    for first in [0, 2, 4] {
        let lent = chunks.next().unwrap().unwrap().to_vec();
        assert_eq!(
            (&lent[..], chunks.items()),
            (&[first, first + 1][..], &lent[..])
        );
    }
    let here = chunks.cursor();
    shelf.clone().in_trouble(Trouble::Lasting);
    assert!(chunks.next().is_err());
    assert_eq!(chunks.items(), [0; 0], "what came before the error");
    chunks.seek(here.clone());
    // After one of its items.
    shelf.clone().in_trouble(Trouble::Panic(1));
    assert!(catch_unwind(std::panic::AssertUnwindSafe(|| drop(chunks.next()))).is_err());
    assert_eq!(chunks.items(), [0; 0], "what came before the panic");
    shelf.clone().in_trouble(Trouble::None);
    assert_eq!(chunks.next().unwrap().unwrap(), [6, 7]);
    let before = shelf.watch.asked();
    chunks.seek(here);
    assert_eq!(chunks.items(), [0; 0], "none of where it was");
    assert_eq!(shelf.watch.asked(), before, "the store isn't asked by it");
    while chunks.next().unwrap().is_some() {}
    assert_eq!(chunks.items(), [0; 0]);
}

#[test]
fn a_walk_goes_on_from_any_of_its_cursors_after_items_errors_and_the_end() {
    let (shelf, mut chunks) = in_twos();
    let mut cursors = vec![(chunks.cursor(), 0)];
    while let Some(lent) = chunks.next().unwrap() {
        let next = lent[lent.len() - 1] + 1;
        cursors.push((chunks.cursor(), next));
    }
    for (fails, (cursor, next)) in cursors.iter().flat_map(|at| [(false, at), (true, at)]) {
        if fails {
            chunks.seek(cursors[0].0.clone());
            shelf.clone().in_trouble(Trouble::Lasting);
            assert!(matches!(chunks.next(), Err(Error::Source(Broken(_)))));
            assert_eq!(chunks.next(), Ok(None), "fused");
            // It can't say what it walks.
            assert!(chunks.token().is_err() && Token::new(cursor, &shelf).is_err());
            shelf.clone().in_trouble(Trouble::None);
        }
        chunks.seek(cursor.clone());
        assert_eq!(&chunks.cursor(), cursor);
        let mut rest = Vec::new();
        while let Some(lent) = chunks.next().unwrap() {
            rest.extend_from_slice(lent);
        }
        assert!(rest.into_iter().eq(*next..10));
    }
}
