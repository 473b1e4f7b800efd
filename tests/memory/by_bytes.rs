//! A maximum of bytes is one of memory, and costs no allocations.

use keywalk::{ChunkSource, Walk};

use crate::filled::{BoxError, Filled};
use crate::heap::Heap;
use crate::report::{Report, Walked};
use crate::stores::{SqliteTable, WildTable, wild_table};
use crate::{ORDERS, Way, warm};

type Item<S> = <<S as Filled>::Source<'static> as ChunkSource>::Item;

/// What a walk takes beside its chunk: a few keys.
const WALK: usize = 512;

/// As [`Walk::chunk_bytes`] documents it; whatever slot of the chunk the largest rows come into.
pub(crate) fn a_walk_by_bytes_holds_twice_as_many_and_an_item(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    const ITEMS: u32 = 10_000;
    const INLINE: usize = size_of::<Item<WildTable>>();

    if !report.starts::<WildTable>("a walk by bytes holds at most twice as many, and an item") {
        return Ok(());
    }
    let store = WildTable::filled(ITEMS)?;
    for bytes in [1, 100_000, 1_000_000] {
        let most = (bytes / wild_table::SMALLEST + 1).min(512);
        let list = 3 * most * (INLINE + size_of::<usize>());
        let beside = INLINE + wild_table::LARGEST + list + WildTable::SOURCE + WALK;
        for (way, held) in [(Way::Lent, 2 * bytes), (Way::Items, bytes)] {
            for order in ORDERS {
                let (stats, usage) = heap.measure(|| {
                    let walk = Walk::new(store.source()?).order(order).chunk_bytes(bytes);
                    crate::walked(walk, way)
                });
                let stats = stats?;
                let walked = Walked {
                    way: format!("{way:?}"),
                    order,
                    chunk: bytes,
                    items: stats.items(),
                    fetches: stats.queries(),
                    usage,
                };
                report.line(&walked, || {
                    let most = (held + beside) as u64;
                    if stats.items() != u64::from(ITEMS) {
                        Err(format!("not all of {ITEMS} items"))
                    } else if usage.peak > most {
                        Err(format!("more than {most} bytes"))
                    } else {
                        Ok(())
                    }
                });
            }
        }
    }
    Ok(())
}

/// Of lent chunks, after the first ones, where rows are of similar size.
pub(crate) fn a_warm_walk_by_bytes_allocates_nothing_per_item(
    heap: &Heap,
    report: &mut Report,
) -> Result<(), BoxError> {
    type Store = SqliteTable<i64>;
    const ITEMS: u32 = 100_000;
    /// By then each slot of the chunk has held texts of every length.
    const WARMING: usize = 20;

    if !report.starts::<Store>("a warm walk by bytes allocates nothing per item") {
        return Ok(());
    }
    let store = Store::filled(ITEMS)?;
    for order in ORDERS {
        for bytes in [10_000, 50_000] {
            let walk = Walk::new(store.source()?).order(order).chunk_bytes(bytes);
            let (walked, all) = warm(heap, walk, WARMING, (order, bytes))?;
            report.line(&walked, || {
                if all != u64::from(ITEMS) {
                    Err(format!("not all of {ITEMS} items"))
                } else if walked.usage.allocations > Store::PER_FETCH * walked.fetches {
                    Err(format!("more than {} a fetch", Store::PER_FETCH))
                } else {
                    Ok(())
                }
            });
        }
    }
    Ok(())
}
