//! The last chunk of a table against its first: CPU time.
//!
//! All rows have the same first key column, as where one tenant has them all. A seek that searches by that
//! column alone reads the table from its start for each chunk: the last would cost a thousand times the
//! first.

use std::cell::RefCell;
use std::error::Error;
use std::ops::Bound;

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sqlite::Table;

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::seen::Seen;
use crate::sqlite::{OneTenant, OneTenantMixed, Shape, shape};

/// So many fetches a turn, of so many items.
const FETCHES: u64 = 1_000;
const CHUNK_SIZE: usize = 100;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    last_against_first::<OneTenant>(bench)?;
    last_against_first::<OneTenantMixed>(bench)
}

fn last_against_first<S: Shape>(bench: &mut Bench) -> Fallible {
    let (_folder, db) = shape::database::<S>(bench.items())?;
    let table = Table::new(&db, "items").key::<S::Key>(S::KEY.iter().copied())?;
    let mut table = table.map(|_| Ok(()));
    let keys: Result<Vec<_>, _> = Walk::new(&mut table).items().collect();
    let keys = keys?;
    let (start, end) = (&keys[0].0, &keys[keys.len() - 1].0);
    let (near_start, near_end) = (&keys[CHUNK_SIZE].0, &keys[keys.len() - 1 - CHUNK_SIZE].0);
    let table = RefCell::new(table);
    for (order, first, last) in [
        (Order::Ascending, start, near_end),
        (Order::Descending, end, near_start),
    ] {
        let name = match order {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
        };
        bench.versus(
            format!("{}/{name}", S::NAME),
            Target::AtMost(1.2),
            || chunks_past(&mut *table.borrow_mut(), first, order),
            || chunks_past(&mut *table.borrow_mut(), last, order),
        )?;
    }
    Ok(())
}

/// The chunk past a key, again and again.
fn chunks_past<S>(source: &mut S, key: &S::Key, order: Order) -> Fallible<Seen>
where
    S: ChunkSource,
    S::Error: Error + 'static,
{
    let mut seen = Seen::default();
    let past = Bound::Excluded(key.clone());
    let range = match order {
        Order::Ascending => (past, Bound::Unbounded),
        Order::Descending => (Bound::Unbounded, past),
    };
    for _ in 0..FETCHES {
        let walk = Walk::new(&mut *source).order(order).range(range.clone());
        // Live: a bounded walk would ask for the last key each time.
        let mut chunks = walk.live().chunk_size(CHUNK_SIZE).chunks();
        for _ in chunks.next()?.unwrap_or_default() {
            seen.see(1);
        }
    }
    Ok(seen)
}
