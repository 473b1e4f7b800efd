//! Walks over a SQLite table that fetch the next chunk in a second thread, beside the same walks without:
//! time on the wall, which is what a second core saves.
//!
//! `busy_N` computes over each chunk of N for as long as its fetch takes, so that half of the time is the
//! best that can be; `idle_N` does nothing with it, and so has nothing to gain. Both lend their chunks.
//! `items_N` hands out each item to a busy caller, who frees what the other thread made.

use std::hint::black_box;
use std::path::Path;

use keywalk::Walk;
use keywalk_sqlite::{Decode, Table};
use rusqlite::Connection;

use crate::Fallible;
use crate::bench::{Bench, Of};
use crate::case::Target;
use crate::seen::Seen;
use crate::sqlite::{self, Integer, Item, Shape, shape};
use crate::time::{Time, median};

const DEFAULT: usize = Walk::<Table<Connection>>::DEFAULT_CHUNK_SIZE;

/// One chunk ahead: more is for chunks that take very different times.
const DEPTH: usize = 1;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let (folder, db) = shape::database::<Integer>(bench.items())?;
    drop(db);
    let file = folder.path().join("items.db");
    let busy = Work::as_long_as_fetching(&file)?;
    for chunk_size in [100, DEFAULT, 1_000] {
        let (busy_target, idle_target) = match chunk_size {
            1_000 => (Target::AtMost(0.60), Target::AtMost(1.05)),
            _ => (Target::None, Target::None),
        };
        for (name, work, target) in [
            ("busy", busy, busy_target),
            ("idle", Work::NONE, idle_target),
        ] {
            bench.versus_of(
                Of::Wall,
                format!("{name}_{chunk_size}"),
                target,
                || lent(&file, chunk_size, work),
                || lent_ahead(&file, chunk_size, work),
            )?;
        }
        bench.versus_of(
            Of::Wall,
            format!("items_{chunk_size}"),
            Target::None,
            || items(walk(&file, chunk_size)?, busy),
            || items(walk(&file, chunk_size)?.prefetch(DEPTH), busy),
        )?;
    }
    Ok(())
}

/// What is computed over an item.
#[derive(Clone, Copy, Debug)]
struct Work {
    steps: u32,
}

impl Work {
    const NONE: Work = Work { steps: 0 };

    /// For the chunks of a walk over this table.
    fn as_long_as_fetching(file: &Path) -> Fallible<Self> {
        const STEPS: u32 = 1_000;
        const PASSES: usize = 5;
        const CALLS: u64 = 10_000;
        let (mut fetches, mut calls) = (Vec::new(), Vec::new());
        let mut rows = 0;
        for _ in 0..PASSES {
            let (seen, time) = Time::of(|| lent(file, 1_000, Work::NONE));
            rows = seen?.items;
            fetches.push(time.cpu);
            let work = Work { steps: STEPS };
            let (_, time) = Time::of(|| {
                (0..CALLS)
                    .map(|at| work.over(at))
                    .fold(0, u64::wrapping_add)
            });
            calls.push(time.cpu);
        }
        let fetch = median(fetches) / rows as f64;
        let step = median(calls) / (CALLS as f64 * f64::from(STEPS));
        Ok(Work {
            steps: (fetch / step) as u32,
        })
    }

    fn over(self, item: u64) -> u64 {
        (0..self.steps).fold(item, |sum, step| {
            black_box(sum.wrapping_mul(31).wrapping_add(u64::from(step)))
        })
    }
}

fn walk(
    file: &Path,
    chunk_size: usize,
) -> Fallible<Walk<Table<Connection, i64, impl Decode<Item = Item> + Send + use<>>>> {
    let table = sqlite::table::<Integer, _>(Connection::open(file)?)?;
    Ok(Walk::new(table).chunk_size(chunk_size))
}

fn see(seen: &mut Seen, key: i64, item: &Item, work: Work) {
    black_box(work.over(item.digest()));
    seen.see(Integer::digest(&key).wrapping_add(item.digest()));
}

fn lent(file: &Path, chunk_size: usize, work: Work) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = walk(file, chunk_size)?.chunks();
    while let Some(items) = chunks.next()? {
        for (key, item) in items {
            see(&mut seen, *key, item, work);
        }
    }
    Ok(seen)
}

fn lent_ahead(file: &Path, chunk_size: usize, work: Work) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = walk(file, chunk_size)?.prefetch(DEPTH).chunks();
    while let Some(items) = chunks.next()? {
        for (key, item) in items {
            see(&mut seen, *key, item, work);
        }
    }
    Ok(seen)
}

fn items<E: std::error::Error + 'static>(
    walk: impl IntoIterator<Item = Result<(i64, Item), E>>,
    work: Work,
) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in walk {
        let (key, item) = entry?;
        see(&mut seen, key, &item, work);
    }
    Ok(seen)
}
