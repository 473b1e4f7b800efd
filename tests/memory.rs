//! Tests G13: at most one chunk is in memory, however many items are walked. Once warm, lent chunks are refilled
//! without an allocation per item.
//!
//! Prints one line per walk, with figures of the Rust heap of the whole process. The threads of the test harness would
//! make them inexact, so this has its own `main`. As with the harness, an argument selects stores and rules whose names
//! contain it.
//!
//! SQLite takes its memory from C's `malloc`, which these figures exclude: [`SqliteTable`] limits it. `.ci/run` checks
//! the memory of a whole process with the example `walk_sqlite`.
//!
//! sled isn't tested here. Its own iterator allocates three to four times per item, and its page cache is on the same
//! heap, which hides what a walk adds.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::{ChunkSource, Order, ResumableSource, Source, Stats, Walk};

#[path = "memory/heap.rs"]
mod heap;
#[path = "memory/report.rs"]
mod report;
#[path = "memory/stores.rs"]
mod stores;

use heap::Heap;
use report::{Report, Walked};
use stores::{BoxError, Filled, SqliteTable, WildTable};

type Item<'a, S> = <<S as Filled>::Source<'a> as Source>::Item;
type BorrowedMap<K> = BTreeMap<K, String>;
type SortedSlice = Vec<(i64, String)>;
type LockedMap<K> = Arc<RwLock<BTreeMap<K, String>>>;
type LockFreeList<K> = Arc<SkipMap<K, String>>;

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// The bytes that a walk takes in addition to its chunk: a few keys.
const WALK: usize = 512;

/// The way to take the items.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In lent chunks.
    Lent,
    /// One by one, each dropped before the next.
    Items,
}

fn main() -> Result<(), BoxError> {
    let (heap, report) = (&Heap::new()?, &mut Report::new(std::env::args().skip(1)));
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

    a_walk_by_bytes_holds_twice_as_many_and_an_item(heap, report)?;
    a_warm_walk_by_bytes_allocates_nothing_per_item(heap, report)
}

fn both<S: Filled>(heap: &Heap, report: &mut Report) -> Result<(), BoxError> {
    a_walk_holds_one_chunk_whatever_its_length::<S>(heap, report)?;
    a_warm_walk_allocates_nothing_per_item::<S>(heap, report)
}

/// Checks a walk from the making of the source to its end: it holds at most one chunk, and no more for twenty times as
/// many items.
fn a_walk_holds_one_chunk_whatever_its_length<S: Filled>(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    const FEW: u32 = 10_000;
    const MANY: u32 = 200_000;
    const CHUNK: usize = 512;
    /// Less than one byte per further chunk.
    const SAME: u64 = 256;

    if !report.starts::<S>("a walk holds one chunk, whatever its length") {
        return Ok(());
    }
    let slots = CHUNK * size_of::<Item<'_, S>>();
    let owned = CHUNK * S::OWNED;
    // The peak is when the chunk is full, or half full while its slots move to a block of twice the size.
    let chunk = (slots + owned).max(slots / 2 + slots + owned / 2);
    let one_chunk = (chunk + S::SOURCE + WALK) as u64;
    let (few, many) = (S::filled(FEW)?, S::filled(MANY)?);
    for way in [Way::Lent, Way::Items] {
        for order in ORDERS {
            let mut flat = one_chunk;
            for (store, items) in [(&few, FEW), (&many, MANY)] {
                let walk = || Ok(Walk::new(store.source()?).chunk_size(CHUNK).order(order));
                let walked = measured(heap, walk, way, (order, CHUNK))?;
                // At most one chunk, which doesn't grow with the number of items.
                let rules = [
                    walked.all_of(items),
                    walked.holds(one_chunk),
                    walked.holds(flat),
                ];
                report.line(&walked, &rules);
                flat = walked.usage.peak + SAME;
            }
        }
    }
    Ok(())
}

/// Checks that a byte limit bounds the memory, as [`Walk::chunk_bytes`] documents it, whatever slots the largest rows
/// come into.
fn a_walk_by_bytes_holds_twice_as_many_and_an_item(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    const ITEMS: u32 = 10_000;
    const INLINE: usize = size_of::<Item<'static, WildTable>>();

    if !report.starts::<WildTable>("a walk by bytes holds at most twice as many, and an item") {
        return Ok(());
    }
    let store = WildTable::filled(ITEMS)?;
    for bytes in [1, 100_000, 1_000_000] {
        let most = (bytes / WildTable::SMALLEST + 1).min(512);
        let list = 3 * most * (INLINE + size_of::<usize>());
        let beside = INLINE + WildTable::LARGEST + list + WildTable::SOURCE + WALK;
        for (way, held) in [(Way::Lent, 2 * bytes), (Way::Items, bytes)] {
            for order in ORDERS {
                let walk = || Ok(Walk::new(store.source()?).order(order).chunk_bytes(bytes));
                let walked = measured(heap, walk, way, (order, bytes))?;
                let rules = [walked.all_of(ITEMS), walked.holds((held + beside) as u64)];
                report.line(&walked, &rules);
            }
        }
    }
    Ok(())
}

/// Checks a forged, unsigned token whose key bytes are a million small columns. The source's key has one column.
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
    // The source reads what it knows of its table once, here.
    let known = source.decode_key(&bytes)?;
    let bytes = bytes.repeat(COLUMNS);
    let (key, usage) = heap.measure(|| source.decode_key(&bytes));
    let key = key?;
    let walked = Walked {
        way: "Token",
        order: (Order::Ascending, 0),
        counts: (0, 0),
        usage,
    };
    let is_refused = known == Some(0) && key.is_none();
    let refused = (is_refused, format!("{known:?} and {key:?} were decoded"));
    report.line(&walked, &[refused, walked.holds(MOST)]);
    Ok(())
}

const ITEMS: u32 = 50_000;

fn a_warm_walk_allocates_nothing_per_item<S: Filled>(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    if !report.starts::<S>("a warm walk allocates nothing per item") {
        return Ok(());
    }
    let store = S::filled(ITEMS)?;
    let walk = |order, size| Ok(Walk::new(store.source()?).order(order).chunk_size(size));
    // After ten chunks each slot of the chunk has held a text of every length.
    allocates_nothing(heap, report, S::PER_FETCH, walk, [64, 1024], 10)
}

/// Checks walks by bytes over rows of similar size.
fn a_warm_walk_by_bytes_allocates_nothing_per_item(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    type Store = SqliteTable<i64>;
    if !report.starts::<Store>("a warm walk by bytes allocates nothing per item") {
        return Ok(());
    }
    let store = Store::filled(ITEMS)?;
    let walk = |order, bytes| Ok(Walk::new(store.source()?).order(order).chunk_bytes(bytes));
    // After twenty chunks each slot of the chunk has held texts of every length.
    allocates_nothing(heap, report, Store::PER_FETCH, walk, [10_000, 50_000], 20)
}

/// Checks lent chunks after the first ones: a fetch makes equally many allocations for small and large chunks.
fn allocates_nothing<S: ChunkSource<Error: std::error::Error + 'static>>(
    heap: &Heap,
    report: &mut Report,
    per_fetch: u64,
    walk: impl Fn(Order, usize) -> Result<Walk<S>, BoxError>,
    sizes: [usize; 2],
    warming: usize,
) -> Result<(), BoxError> {
    for order in ORDERS {
        for size in sizes {
            let mut chunks = walk(order, size)?.chunks();
            for _ in 0..warming {
                chunks.next()?;
            }
            let before = chunks.stats();
            let (end, usage) = heap.measure(|| {
                while chunks.next()?.is_some() {}
                Ok::<_, BoxError>(())
            });
            end?;
            let all = chunks.stats();
            let fetches = all.queries() - before.queries();
            let counts = (all.items() - before.items(), fetches);
            let walked = Walked {
                way: "Lent, warm",
                order: (order, size),
                counts,
                usage,
            };
            let is_all = all.items() == u64::from(ITEMS);
            let allowed = usage.allocations <= per_fetch * fetches;
            let all = (is_all, format!("not all of {ITEMS} items"));
            report.line(
                &walked,
                &[all, (allowed, format!("more than {per_fetch} a fetch"))],
            );
        }
    }
    Ok(())
}

/// Makes a source and walks it to the end.
fn measured<S: ChunkSource<Error: std::error::Error + 'static>>(
    heap: &Heap,
    walk: impl FnOnce() -> Result<Walk<S>, BoxError>,
    way: Way,
    order: (Order, usize),
) -> Result<Walked, BoxError> {
    let (stats, usage) = heap.measure(|| to_its_end(walk()?, way));
    let stats = stats?;
    Ok(Walked {
        way: match way {
            Way::Lent => "Lent",
            Way::Items => "Items",
        },
        order,
        counts: (stats.items(), stats.queries()),
        usage,
    })
}

fn to_its_end<S: ChunkSource<Error: std::error::Error + 'static>>(
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

impl Walked {
    fn all_of(&self, items: u32) -> (bool, String) {
        let is_all = self.counts.0 == u64::from(items);
        (is_all, format!("not all of {items} items"))
    }

    fn holds(&self, most: u64) -> (bool, String) {
        (self.usage.peak <= most, format!("more than {most} bytes"))
    }
}
