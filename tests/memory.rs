//! G13: at most one chunk is in memory, however many items are walked; and lent chunks, once warm,
//! are filled again without an allocation for an item.
//!
//! One line a walk, in numbers of the Rust heap of the whole process. Hence its own `main`: beside
//! the test harness's threads they wouldn't be exact. As with the harness, an argument is a part of
//! the names of the stores and rules to try.
//!
//! SQLite takes its memory from C's `malloc`, which isn't in these numbers: [`SqliteTable`] holds it to
//! a limit. The memory of a process as a whole is what `.ci/run` checks of the example `walk_sqlite`.
//!
//! sled isn't here: its own iterator allocates three to four times an item, and its page cache is on the
//! same heap, so that what a walk adds doesn't show.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use keywalk::{ChunkSource, DurableSource, Order, Stats, Walk};

#[path = "memory/by_bytes.rs"]
mod by_bytes;
#[path = "memory/filled.rs"]
mod filled;
#[path = "memory/heap.rs"]
mod heap;
#[path = "memory/report.rs"]
mod report;
#[path = "memory/stores.rs"]
mod stores;

use filled::{BoxError, Filled};
use heap::Heap;
use report::{Report, Walked};
use stores::{BorrowedMap, LockFreeList, LockedMap, SortedSlice, SqliteTable};

type Item<'a, S> = <<S as Filled>::Source<'a> as ChunkSource>::Item;

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// How the items are taken.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In lent chunks.
    Lent,
    /// One by one, each dropped before the next.
    Items,
}

fn main() -> Result<ExitCode, BoxError> {
    let heap = Heap::new()?;
    let mut report = Report::new(std::env::args().skip(1));
    let end = every_store(&heap, &mut report);
    Ok(report.finish(end))
}

fn every_store(heap: &Heap, report: &mut Report) -> Result<(), BoxError> {
    both::<BorrowedMap<i64>>(heap, report)?;
    both::<SortedSlice>(heap, report)?;
    both::<LockedMap<i64>>(heap, report)?;
    both::<LockFreeList<i64>>(heap, report)?;
    both::<SqliteTable<i64>>(heap, report)?;

    // Keys that own memory: a walk clones a few for each chunk.
    a_warm_walk_allocates_nothing_per_item::<BorrowedMap<String>>(heap, report)?;
    a_warm_walk_allocates_nothing_per_item::<LockedMap<String>>(heap, report)?;
    a_warm_walk_allocates_nothing_per_item::<LockFreeList<String>>(heap, report)?;
    a_warm_walk_allocates_nothing_per_item::<SqliteTable<String>>(heap, report)?;

    a_strangers_key_takes_no_more_than_its_columns(heap, report)?;

    by_bytes::a_walk_by_bytes_holds_twice_as_many_and_an_item(heap, report)?;
    by_bytes::a_warm_walk_by_bytes_allocates_nothing_per_item(heap, report)
}

fn both<S: Filled>(heap: &Heap, report: &mut Report) -> Result<(), BoxError> {
    a_walk_holds_one_chunk_whatever_its_length::<S>(heap, report)?;
    a_warm_walk_allocates_nothing_per_item::<S>(heap, report)
}

/// From the making of the source to the end of the walk: no more than one chunk, and no more for a
/// hundred times the items.
fn a_walk_holds_one_chunk_whatever_its_length<S: Filled>(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    const FEW: u32 = 10_000;
    const MANY: u32 = 1_000_000;
    const CHUNK: usize = 512;
    /// What a walk takes beside its chunk: a few keys.
    const WALK: usize = 512;
    /// Less than a byte for each further chunk.
    const SAME: u64 = 512;

    if !report.starts::<S>("a walk holds one chunk, whatever its length") {
        return Ok(());
    }
    let slots = CHUNK * size_of::<Item<'_, S>>();
    let owned = CHUNK * S::OWNED;
    // When it is full; or half full, while its slots move to twice the place.
    let chunk = (slots + owned).max(slots / 2 + slots + owned / 2);
    let one_chunk = (chunk + S::SOURCE + WALK) as u64;
    let (few, many) = (S::filled(FEW)?, S::filled(MANY)?);
    for way in [Way::Lent, Way::Items] {
        for order in ORDERS {
            let mut flat = one_chunk;
            for (store, items) in [(&few, FEW), (&many, MANY)] {
                let (stats, usage) = heap.measure(|| walk(store, CHUNK, way, order));
                let stats = stats?;
                let walked = Walked {
                    way: format!("{way:?}"),
                    order,
                    chunk: CHUNK,
                    items: stats.items(),
                    fetches: stats.queries(),
                    usage,
                };
                report.line(&walked, || {
                    if stats.items() != u64::from(items) {
                        Err(format!("not all of {items} items"))
                    } else if usage.peak > one_chunk {
                        Err(format!("a chunk is at most {one_chunk} bytes"))
                    } else if usage.peak > flat {
                        Err(format!("more than {flat} bytes, so it grows"))
                    } else {
                        Ok(())
                    }
                });
                flat = usage.peak + SAME;
            }
        }
    }
    Ok(())
}

/// A token that isn't signed may hold any bytes for a key: a million small columns, of which a key has one.
fn a_strangers_key_takes_no_more_than_its_columns(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    const COLUMNS: usize = 1 << 20;
    const MOST: u64 = 1 << 10;

    if !report.starts::<SqliteTable<i64>>("a stranger's key takes no more than its columns") {
        return Ok(());
    }
    let store = SqliteTable::<i64>::filled(10)?;
    let source = store.source()?;
    let mut bytes = Vec::new();
    source.encode_key(&0, &mut bytes);
    // What the source knows of its table is read once.
    let known = source.decode_key(&bytes)?;
    let bytes = bytes.repeat(COLUMNS);
    let (key, usage) = heap.measure(|| source.decode_key(&bytes));
    let key = key?;
    let walked = Walked {
        way: "Token".to_owned(),
        order: Order::Ascending,
        chunk: 0,
        items: 0,
        fetches: 0,
        usage,
    };
    report.line(&walked, || {
        if known != Some(0) || key.is_some() {
            Err(format!("{known:?} and {key:?} were decoded"))
        } else if usage.peak > MOST {
            Err(format!("more than {MOST} bytes for one column"))
        } else {
            Ok(())
        }
    });
    Ok(())
}

/// Of lent chunks, after the first ten. What is allocated for each fetch is the same for small and
/// large chunks.
fn a_warm_walk_allocates_nothing_per_item<S: Filled>(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    const ITEMS: u32 = 100_000;
    /// By then each slot of the chunk has held a text of every length.
    const WARMING: usize = 10;

    if !report.starts::<S>("a warm walk allocates nothing per item") {
        return Ok(());
    }
    let store = S::filled(ITEMS)?;
    for order in ORDERS {
        for chunk in [64, 1024] {
            let walk = Walk::new(store.source()?).chunk_size(chunk).order(order);
            let (walked, all) = warm(heap, walk, WARMING, (order, chunk))?;
            report.line(&walked, || {
                let allowed = S::PER_FETCH * walked.fetches;
                if all != u64::from(ITEMS) {
                    Err(format!("not all of {ITEMS} items"))
                } else if walked.usage.allocations > allowed {
                    Err(format!("more than {} a fetch", S::PER_FETCH))
                } else {
                    Ok(())
                }
            });
        }
    }
    Ok(())
}

/// Walks by lent chunks to the end: what came after the first of them, and how many items came in all.
fn warm<S: ChunkSource<Error: std::error::Error + 'static>>(
    heap: &Heap,
    walk: Walk<S>,
    warming: usize,
    (order, chunk): (Order, usize),
) -> Result<(Walked, u64), BoxError> {
    let mut chunks = walk.chunks();
    for _ in 0..warming {
        chunks.next()?;
    }
    let before = chunks.stats();
    let (end, usage) = heap.measure(|| {
        while chunks.next()?.is_some() {}
        Ok::<_, BoxError>(())
    });
    end?;
    let walked = Walked {
        way: "Lent, warm".to_owned(),
        order,
        chunk,
        items: chunks.stats().items() - before.items(),
        fetches: chunks.stats().queries() - before.queries(),
        usage,
    };
    Ok((walked, chunks.stats().items()))
}

/// Makes a source and walks it to the end.
fn walk<S: Filled>(store: &S, chunk: usize, way: Way, order: Order) -> Result<Stats, BoxError> {
    walked(
        Walk::new(store.source()?).chunk_size(chunk).order(order),
        way,
    )
}

/// Walks to the end.
fn walked<S: ChunkSource<Error: std::error::Error + 'static>>(
    walk: Walk<S>,
    way: Way,
) -> Result<Stats, BoxError> {
    Ok(match way {
        Way::Lent => {
            let mut chunks = walk.chunks();
            while chunks.next()?.is_some() {}
            chunks.stats()
        }
        Way::Items => {
            let mut items = walk.items();
            for item in items.by_ref() {
                item?;
            }
            items.stats()
        }
    })
}
