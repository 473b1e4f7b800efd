//! Walks over a SQLite table that prefetch the next chunk in a second thread. The ratio is the wall time over that of
//! the same walks without prefetching: what a second core saves.
//!
//! `busy_N` computes over each chunk of N for as long as its fetch takes, so the best possible ratio is one half.
//! `idle_N` does nothing with the chunk, so it can't gain anything. Both lend their chunks.

use std::hint::black_box;
use std::path::Path;

use keywalk::Walk;
use keywalk_sqlite::{Decode, Table};
use rusqlite::Connection;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, cpu, cpu_ns, lent, median, wall};
use crate::sqlite::{self, DEFAULT};
use crate::sqlite_table::{Integer, Item, Shape, database};

/// One chunk ahead. More helps only if the time per chunk varies widely.
const DEPTH: usize = 1;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (folder, db) = database::<Integer>(bench.items)?;
    drop(db);
    let file = folder.path().join("items.db");
    let busy = steps_per_fetched_item(&file)?;
    for size in [100, DEFAULT, 1_000] {
        let (busy_target, idle_target) = match size {
            1_000 => (Target::AtMost(0.60), Target::AtMost(1.05)),
            _ => (Target::None, Target::None),
        };
        for (name, steps, target) in [("busy", busy, busy_target), ("idle", 0, idle_target)] {
            bench.turns(
                format!("{name}_{size}"),
                target,
                || wall(|| lent(walk(&file, size)?, digest(steps))),
                || wall(|| lent_ahead(&file, size, steps)),
            )?;
        }
    }
    Ok(())
}

fn walk(
    file: &Path,
    chunk_size: usize,
) -> Fallible<Walk<Table<Connection, i64, impl Decode<Item = Item> + Send + use<>>>> {
    let table = sqlite::table::<Integer, _>(Connection::open(file)?)?;
    Ok(Walk::new(table).chunk_size(chunk_size))
}

fn lent_ahead(file: &Path, chunk_size: usize, steps: u32) -> Fallible<Seen> {
    let (mut seen, digest) = (Seen::default(), digest(steps));
    let mut chunks = walk(file, chunk_size)?.prefetch(DEPTH).chunks();
    while let Some(items) = chunks.next()? {
        items.iter().for_each(|item| seen.see(digest(item)));
    }
    Ok(seen)
}

/// Digests an item after this many steps of computation over it.
fn digest(steps: u32) -> impl Fn(&(i64, Item)) -> u64 {
    move |(key, item)| {
        compute(item.digest(), steps);
        Integer::digest(key).wrapping_add(item.digest())
    }
}

fn compute(item: u64, steps: u32) -> u64 {
    (0..steps).fold(item, |sum, step| {
        black_box(sum.wrapping_mul(31).wrapping_add(u64::from(step)))
    })
}

/// Returns how many steps take as long as fetching an item.
fn steps_per_fetched_item(file: &Path) -> Fallible<u32> {
    const PASSES: usize = 5;
    const STEPS: u32 = 10_000_000;
    let (mut fetches, mut steps) = (Vec::new(), Vec::new());
    for _ in 0..PASSES {
        let (seen, took) = cpu(|| lent(walk(file, 1_000)?, digest(0)))?;
        fetches.push(took / seen.items as f64);
        let start = cpu_ns();
        black_box(compute(7, STEPS));
        steps.push((cpu_ns() - start) / f64::from(STEPS));
    }
    Ok((median(fetches) / median(steps)) as u32)
}
