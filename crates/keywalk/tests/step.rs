//! `Chunks::step` puts one question at a time, and `Chunks::cursor_past` stands at any item of a chunk.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use keywalk::{
    Chunk, Chunks, CursorMismatch, Error, Fetched, KeyRange, LastKey, Order, Step, Violation, Walk,
};
use keywalk_memory::Map;

#[path = "support/script.rs"]
mod script;
use script::{Broken, Script};

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// The numbers of a range from 0 to 39, in its order.
fn numbers(range: &KeyRange<i32>) -> Vec<i32> {
    let mut numbers: Vec<i32> = (0..40).filter(|number| range.admits(number)).collect();
    if range.order() == Order::Descending {
        numbers.reverse();
    }
    numbers
}

/// Scans ten numbers at most, of which only these are its keys. Doesn't know its last key.
fn sparse(keys: &'static [i32]) -> Script<i32> {
    Script::new(move |range: &KeyRange<i32>, chunk: &mut Chunk<i32>| {
        let numbers = numbers(range);
        for (read, number) in numbers.iter().enumerate() {
            if read == 10 || chunk.is_full() {
                return Ok(Fetched::ScannedTo(numbers[read - 1]));
            }
            if keys.contains(number) {
                chunk.push(*number);
            }
        }
        Ok(Fetched::End)
    })
}

/// What a step came to, to be kept.
fn kept(step: Result<Step<'_, i32>, Error<Broken>>) -> Result<Option<Vec<i32>>, Error<Broken>> {
    match step? {
        Step::Items([]) => panic!("an empty chunk"),
        Step::Items(items) => Ok(Some(items.to_vec())),
        Step::Moved => Ok(Some(Vec::new())),
        Step::End => Ok(None),
    }
}

#[test]
fn every_step_is_one_question_and_an_empty_answer_is_a_move() {
    let cases: [(Walk<_>, &[&[i32]]); 5] = [
        // The last key isn't known; it is looked for from 39 down to 13; then 0 to 9, 10 to 13.
        (
            Walk::new(sparse(&[5, 13])),
            &[&[], &[], &[], &[], &[5], &[13]],
        ),
        (Walk::new(sparse(&[5, 33])).live(), &[&[5], &[], &[], &[33]]),
        (
            Walk::new(sparse(&[5, 33])).live().descending(),
            &[&[33], &[], &[], &[5]],
        ),
        (Walk::new(sparse(&[])), &[&[], &[], &[], &[], &[]]),
        (
            Walk::new(sparse(&[1, 2, 3])).live().chunk_size(2),
            &[&[1, 2], &[3], &[], &[]],
        ),
    ];
    for (at, (walk, expected)) in cases.into_iter().enumerate() {
        let mut chunks = walk.chunks();
        for (asked, items) in expected.iter().enumerate() {
            assert_eq!(chunks.stats().queries(), asked as u64, "case {at}");
            assert_eq!(kept(chunks.step()), Ok(Some(items.to_vec())), "case {at}");
        }
        let stats = chunks.stats();
        assert_eq!(stats.queries(), expected.len() as u64, "case {at}");
        assert_eq!(stats.items(), expected.concat().len() as u64, "case {at}");
        for _ in 0..3 {
            // Some say the end only when asked again.
            let _ = kept(chunks.step());
        }
        let asked = chunks.stats().queries();
        assert!(asked <= expected.len() as u64 + 1, "case {at}");
        for _ in 0..3 {
            assert_eq!(kept(chunks.step()), Ok(None), "case {at}");
            assert_eq!(chunks.next(), Ok(None), "case {at}");
        }
        assert_eq!(chunks.stats().queries(), asked, "G12, case {at}");
    }
}

#[test]
fn steps_and_calls_of_next_may_be_mixed_in_any_way() {
    for order in ORDERS {
        let walk = || {
            Walk::new(sparse(&[3, 4, 5, 6, 29, 30]))
                .order(order)
                .chunk_size(2)
        };
        let expected: Vec<i32> = walk().into_iter().map(|item| item.unwrap()).collect();
        for mix in 0..1 << 12_u32 {
            let mut chunks = walk().chunks();
            let mut seen = Vec::new();
            for turn in 0.. {
                let came = match mix >> (turn % 12) & 1 {
                    0 => kept(chunks.step()),
                    _ => chunks.next().map(|items| items.map(|items| items.to_vec())),
                };
                let Some(items) = came.unwrap() else { break };
                seen.extend(items);
            }
            assert_eq!(seen, expected, "{mix:b}");
            assert_eq!(chunks.stats().items(), 6);
        }
    }
}

#[test]
fn a_cursor_between_two_steps_goes_on_exactly() {
    for order in ORDERS {
        let walk = || Walk::new(sparse(&[3, 4, 29])).order(order).chunk_size(1);
        let expected: Vec<i32> = walk().into_iter().map(|item| item.unwrap()).collect();
        let mut chunks = walk().chunks();
        let mut seen = Vec::new();
        loop {
            let rest = Walk::new(sparse(&[3, 4, 29])).resume(chunks.cursor());
            let rest: Vec<i32> = rest.into_iter().map(|item| item.unwrap()).collect();
            assert_eq!([&seen[..], &rest].concat(), expected);
            let Some(items) = kept(chunks.step()).unwrap() else {
                break;
            };
            seen.extend(items);
        }
    }
}

/// The walk must say this at its last of so many steps, once.
fn must_fail(mut chunks: Chunks<Script<i32>>, steps: usize, error: Error<Broken>) {
    let counter = chunks.source().asked();
    let asked = || counter.get();
    for _ in 1..steps {
        assert!(kept(chunks.step()).is_ok_and(|step| step.is_some()));
    }
    let (before, stood) = (chunks.cursor(), asked());
    assert_eq!(kept(chunks.step()), Err(error));
    assert_eq!(chunks.cursor(), before, "G11");
    let stands = asked();
    assert!(stands <= stood + 1);
    for _ in 0..3 {
        assert_eq!(kept(chunks.step()), Ok(None));
        assert_eq!(chunks.next(), Ok(None));
    }
    assert_eq!((chunks.cursor(), asked()), (before, stands));
}

#[test]
fn an_error_comes_once_from_a_step() {
    let fails = || Script::new(|_: &KeyRange<i32>, _: &mut Chunk<i32>| Err(Broken));
    let broken = || Error::Source(Broken);
    // At the last key, while it is looked for, and at the first items.
    must_fail(
        Walk::new(fails().last(|_| Err(Broken))).chunks(),
        1,
        broken(),
    );
    must_fail(Walk::new(fails()).chunks(), 2, broken());
    must_fail(
        Walk::new(fails().last(|_| Ok(LastKey::Is(9)))).chunks(),
        2,
        broken(),
    );
    must_fail(Walk::new(fails()).live().chunks(), 1, broken());

    let more = || Script::new(|_: &KeyRange<i32>, _: &mut Chunk<i32>| Ok(Fetched::More));
    let none = Error::Contract(Violation::NoProgress);
    must_fail(Walk::new(more()).live().chunks(), 1, none);

    let cursor = Walk::new(more()).chunks().cursor();
    let walk = Walk::new(more()).descending().resume(cursor);
    must_fail(walk.chunks(), 1, Error::Cursor(CursorMismatch::Order));
}

/// The keys that come from a cursor on.
fn rest(map: &BTreeMap<i32, i32>, cursor: keywalk::Cursor<i32>, size: usize) -> Vec<i32> {
    let items = Walk::new(Map::new(map)).resume(cursor).chunk_size(size);
    items
        .into_iter()
        .map(|item| *item.expect("the map doesn't fail").0)
        .collect()
}

/// Chunk by chunk of every small walk: what is behind, the chunk's keys, and the walk, whose items were
/// thrown about since.
fn for_every_chunk(
    check: impl Fn(&BTreeMap<i32, i32>, &[i32], &[i32], &Chunks<Map<'_, i32, i32>>, bool),
) {
    for len in 0..=6 {
        let map: BTreeMap<i32, i32> = (1..=len).map(|n| (n * 10, n)).collect();
        for order in ORDERS {
            for live in [false, true] {
                for size in 1..=7 {
                    let walk = Walk::new(Map::new(&map)).order(order).chunk_size(size);
                    let mut chunks = if live { walk.live() } else { walk }.chunks();
                    let mut behind = Vec::new();
                    while let Some(items) = chunks.next().expect("the map doesn't fail") {
                        let keys: Vec<i32> = items.iter().map(|item| *item.0).collect();
                        items.reverse();
                        items.fill((&-1, &-1));
                        check(&map, &behind, &keys, &chunks, live);
                        behind.extend(keys);
                    }
                }
            }
        }
    }
}

#[test]
fn past_every_item_of_a_lent_chunk_a_walk_goes_on_exactly() {
    for_every_chunk(|map, behind, keys, chunks, _| {
        let order = chunks.cursor().range().order();
        let mut expected: Vec<i32> = map.keys().copied().collect();
        if order == Order::Descending {
            expected.reverse();
        }
        for (at, key) in keys.iter().enumerate() {
            for size in 1..=7 {
                let rest = rest(map, chunks.cursor_past(*key), size);
                assert_eq!([behind, &keys[..=at], &rest].concat(), expected);
            }
        }
    });
}

#[test]
fn past_the_last_item_of_a_walk_it_is_done_unless_it_is_live() {
    for_every_chunk(|map, behind, keys, chunks, live| {
        for (at, key) in keys.iter().enumerate() {
            let is_last = behind.len() + at + 1 == map.len();
            let cursor = chunks.cursor_past(*key);
            assert_eq!(cursor.is_done(), is_last && !live);
            if at + 1 == keys.len() {
                assert_eq!(cursor, chunks.cursor());
            }
        }
    });
}

/// Its bound is still to be asked for: it must not be without one.
#[test]
fn past_a_key_before_the_first_question_a_walk_is_bounded_like_any_other() {
    let map: BTreeMap<i32, i32> = (1..=4).map(|n| (n, n)).collect();
    for (walk, expected) in [
        (Walk::new(Map::new(&map)), vec![3, 4]),
        (Walk::new(Map::new(&map)).range(..=3), vec![3]),
        (Walk::new(Map::new(&map)).range(..2), vec![]),
        (Walk::new(Map::new(&map)).descending(), vec![1]),
    ] {
        let mut chunks = walk.chunks();
        let cursor = chunks.cursor_past(2);
        let mut resumed = Walk::new(Map::new(&map)).resume(cursor.clone()).chunks();
        let is_moved = matches!(resumed.step(), Ok(Step::Moved));
        assert_eq!(is_moved, !expected.is_empty(), "it asks for the last key");
        assert_eq!(rest(&map, cursor, 2), expected);
        assert!(
            chunks.next().unwrap().is_some(),
            "the walk itself is where it was"
        );
    }
}
