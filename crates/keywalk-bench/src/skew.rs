//! The last chunk of a table over its first, CPU time.
//!
//! All rows have the same first key column, as where one tenant has them all. A seek that searches by that
//! column alone reads the table from its start for each chunk: the last chunk would cost a thousand times the
//! first.

use std::ops::Bound;

use keywalk::{Order, Walk};
use keywalk_sqlite::Table;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen};
use crate::sqlite_table::{Composite, MixedOrder, Shape, database, select};

/// So many fetches are a turn.
const FETCHES: u64 = 1_000;
const CHUNK_SIZE: u64 = 100;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    last_over_first::<Composite<true>>(bench)?;
    last_over_first::<MixedOrder<true>>(bench)
}

fn last_over_first<S: Shape>(bench: &mut Bench) -> Fallible {
    let (_folder, db) = database::<S>(bench.items)?;
    let key = |at: u64| {
        let nth = format!("{} LIMIT 1 OFFSET {at}", select::<S>());
        db.query_row(&nth, [], S::read)
    };
    // The chunk after a key, again and again.
    let chunks_after = |key: &S::Key, order| -> Fallible<Seen> {
        let table = Table::new(&db, "items").key::<S::Key>(S::KEY.iter().copied())?;
        let mut table = table.map(|_| Ok(()));
        let after = Bound::Excluded(key.clone());
        let range = match order {
            Order::Ascending => (after, Bound::Unbounded),
            Order::Descending => (Bound::Unbounded, after),
        };
        let mut seen = Seen::default();
        for _ in 0..FETCHES {
            let walk = Walk::new(&mut table).order(order).range(range.clone());
            // Live: a bounded walk would fetch the last key each time.
            let mut chunks = walk.live().chunk_size(CHUNK_SIZE as usize).chunks();
            for _ in chunks.next()?.unwrap_or_default() {
                seen.see(1);
            }
        }
        Ok(seen)
    };
    let (start, end) = (key(0)?, key(bench.items - 1)?);
    let (near_start, near_end) = (key(CHUNK_SIZE)?, key(bench.items - 1 - CHUNK_SIZE)?);
    for (name, order, first, last) in [
        ("ascending", Order::Ascending, start, near_end),
        ("descending", Order::Descending, end, near_start),
    ] {
        bench.versus(
            format!("{}/{name}", S::NAME),
            Target::AtMost(1.2),
            || chunks_after(&first, order),
            || chunks_after(&last, order),
        )?;
    }
    Ok(())
}
