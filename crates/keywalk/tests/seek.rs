//! `Chunks::seek` goes on from any cursor, whatever happened; `Chunks::items` are those that were lent last.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use keywalk::{Chunk, Chunks, Fetched, KeyRange, LastKey, Order, Walk};
use keywalk_memory::Map;

#[path = "support/script.rs"]
mod script;
use script::{Broken, Script};

#[derive(Clone, Copy)]
enum Trouble {
    None,
    Error,
    Panic,
}

/// What goes wrong next, how often the source was asked, and the walk.
type Numbers = (Rc<Cell<Trouble>>, Rc<Cell<usize>>, Chunks<Script<i32>>);

/// The numbers from 0 to 9, two in a chunk; after one of which the fetch may come to grief.
fn numbers() -> Numbers {
    let trouble = Rc::new(Cell::new(Trouble::None));
    let troubled = Rc::clone(&trouble);
    let fetch = move |range: &KeyRange<i32>, chunk: &mut Chunk<i32>| {
        for number in (0..10).filter(|number| range.admits(number)) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(number);
            match troubled.get() {
                Trouble::None => {}
                Trouble::Error => return Err(Broken),
                Trouble::Panic => panic!("in the middle of a fetch"),
            }
        }
        Ok(Fetched::End)
    };
    let source = Script::new(fetch).last(|_| Ok(LastKey::Is(9)));
    let asked = source.asked();
    (trouble, asked, Walk::new(source).chunk_size(2).chunks())
}

#[test]
fn items_are_those_that_were_lent_last_and_no_others() {
    let (trouble, asked, mut chunks) = numbers();
    assert_eq!(chunks.items(), []);
    for first in [0, 2, 4] {
        let lent = chunks.next().unwrap().unwrap().to_vec();
        assert_eq!(lent, [first, first + 1]);
        assert_eq!(chunks.items(), lent);
    }
    let here = chunks.cursor();
    trouble.set(Trouble::Error);
    assert!(chunks.next().is_err());
    assert_eq!(chunks.items(), [], "what came before the error");
    chunks.seek(here.clone());
    trouble.set(Trouble::Panic);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(chunks.next()))).is_err());
    assert_eq!(chunks.items(), [], "what came before the panic");
    trouble.set(Trouble::None);
    assert_eq!(chunks.next().unwrap().unwrap(), [6, 7]);
    let before = asked.get();
    chunks.seek(here);
    assert_eq!(chunks.items(), [], "none of where it was");
    assert_eq!(asked.get(), before, "the store isn't asked by it");
    while chunks.next().unwrap().is_some() {}
    assert_eq!(chunks.items(), []);
}

#[test]
fn a_walk_goes_on_from_any_of_its_cursors_after_items_errors_and_the_end() {
    let (trouble, _, mut chunks) = numbers();
    let mut cursors = vec![(chunks.cursor(), 0)];
    while let Some(lent) = chunks.next().unwrap() {
        let next = lent[lent.len() - 1] + 1;
        cursors.push((chunks.cursor(), next));
    }
    for fails in [false, true] {
        for (cursor, next) in &cursors {
            if fails {
                chunks.seek(cursors[0].0.clone());
                trouble.set(Trouble::Error);
                assert!(chunks.next().is_err());
                assert_eq!(chunks.next(), Ok(None), "fused");
                trouble.set(Trouble::None);
            }
            chunks.seek(cursor.clone());
            assert_eq!(&chunks.cursor(), cursor);
            let mut rest = Vec::new();
            while let Some(lent) = chunks.next().unwrap() {
                rest.extend_from_slice(lent);
            }
            assert_eq!(rest, Vec::from_iter(*next..10));
        }
    }
}

#[test]
fn walks_begin_with_equal_cursors_exactly_if_they_are_told_the_same() {
    let map = BTreeMap::from([(1, 'a'), (2, 'b')]);
    let walk = || Walk::new(Map::new(&map));
    let begins = || {
        [
            walk(),
            walk().descending(),
            walk().live(),
            walk().range(1..),
            walk().range(1..5),
            walk().range(1..=5),
            walk().range(1..5).descending(),
            walk().range(1..5).live(),
        ]
        .map(|walk| walk.chunk_size(3))
    };
    for (at, first) in begins().iter().enumerate() {
        for (other, second) in begins().iter().enumerate() {
            assert_eq!(
                first.cursor() == second.cursor(),
                at == other,
                "{at} {other}"
            );
        }
        let cursor = first.cursor();
        assert_eq!(cursor.is_live(), [2, 7].contains(&at));
        assert_eq!(
            cursor.range().order() == Order::Descending,
            [1, 6].contains(&at)
        );
        // Resumed from elsewhere, it begins there.
        let mut items = walk().items();
        items.next();
        let there = items.cursor();
        assert_eq!(walk().resume(there.clone()).cursor(), there);
    }
}
