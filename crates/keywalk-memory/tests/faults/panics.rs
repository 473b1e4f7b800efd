//! What panics in a caller's key or value.

use std::panic::{self, AssertUnwindSafe};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, Order, Walk};

use crate::stores::{Visit, visit_each};
use crate::touchy::{Asked, Call, Touchy, is_calm, panic_at};

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// Lets one call after the other panic in a fetch that fills a chunk of spare slots.
struct InAFetch(Call);

impl Visit for InAFetch {
    fn visit<S: ChunkSource<Key = Touchy>>(
        &mut self,
        name: &str,
        mut source: S,
        number: fn(&S::Item) -> u8,
    ) {
        for order in ORDERS {
            let range = KeyRange::new(Touchy(2)..Touchy(18), order);
            for at in 0.. {
                let mut chunk = Chunk::with_limit(5);
                // The slots of these are filled again.
                assert!(source.fetch(&range, &mut chunk).is_ok());
                chunk.clear();
                panic_at(self.0, at);
                let fetch = AssertUnwindSafe(|| source.fetch(&range, &mut chunk).is_ok());
                match panic::catch_unwind(fetch) {
                    Ok(fetched) => assert!(fetched && is_calm()),
                    Err(payload) => assert_eq!(payload.downcast_ref(), Some(&Asked)),
                }
                let calm = chunk.len() == 5;
                // The same chunk again: whatever the slots hold now is not taken for items.
                chunk.clear();
                let fetched = source.fetch(&range, &mut chunk);
                assert!(matches!(fetched, Ok(Fetched::More)), "{name}");
                let found: Vec<u8> = chunk.as_slice().iter().map(number).collect();
                let expected = match order {
                    Order::Ascending => [2, 3, 4, 5, 6],
                    Order::Descending => [17, 16, 15, 14, 13],
                };
                assert_eq!(found, expected, "{name}, {order:?}, call {at}");
                if calm {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_value_or_key_whose_clone_panics_in_a_fetch_leaves_source_lock_and_slots_sound() {
    visit_each(20, &mut InAFetch(Call::Clone));
}

#[test]
fn a_key_whose_order_panics_in_a_fetch_leaves_source_lock_and_slots_sound() {
    visit_each(20, &mut InAFetch(Call::Compare));
}

/// Lets one call after the other panic in a walk, and walks again.
struct InAWalk(Call);

impl Visit for InAWalk {
    fn visit<S: ChunkSource<Key = Touchy>>(
        &mut self,
        name: &str,
        mut source: S,
        number: fn(&S::Item) -> u8,
    ) {
        for order in ORDERS {
            for at in (0..).step_by(3) {
                panic_at(self.0, at);
                let mut walk_all = || {
                    let walk = Walk::new(&mut source).order(order).chunk_size(4);
                    let items = walk.into_iter().filter_map(Result::ok);
                    items.map(|item| number(&item)).collect::<Vec<u8>>()
                };
                let first = panic::catch_unwind(AssertUnwindSafe(&mut walk_all));
                let calm = is_calm();
                let mut found = walk_all();
                if order == Order::Descending {
                    found.reverse();
                }
                assert!(
                    found.iter().copied().eq(0..20),
                    "{name}, {order:?}, call {at}"
                );
                match first {
                    Ok(_) => assert!(calm),
                    Err(payload) => assert_eq!(payload.downcast_ref(), Some(&Asked)),
                }
                if calm {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_walk_that_a_panic_of_the_callers_ended_can_be_walked_again() {
    visit_each(20, &mut InAWalk(Call::Clone));
    visit_each(20, &mut InAWalk(Call::Compare));
}

/// Stops within a chunk and goes on from the cursor.
struct Within;

impl Visit for Within {
    fn visit<S: ChunkSource<Key = Touchy>>(
        &mut self,
        name: &str,
        mut source: S,
        number: fn(&S::Item) -> u8,
    ) {
        for taken in 0..20 {
            let mut items = Walk::new(&mut source).chunk_size(7).into_iter();
            let before = items.by_ref().take(taken).filter_map(Result::ok);
            let mut found: Vec<u8> = before.map(|item| number(&item)).collect();
            let cursor = items.cursor();
            let rest = Walk::new(&mut source).resume(cursor).into_iter();
            found.extend(rest.filter_map(Result::ok).map(|item| number(&item)));
            assert!(found.into_iter().eq(0..20), "{name}, {taken} items");
        }
    }
}

#[test]
fn a_cursor_within_a_chunk_is_exact() {
    visit_each(20, &mut Within);
}
