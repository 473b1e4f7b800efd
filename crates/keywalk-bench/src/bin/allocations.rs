//! Counts how often walks allocate; the group `allocations` runs it and reads its lines.
//!
//! It is a program of its own because counting takes an allocator that the floors of the other groups
//! shall not run on. A line is `STORE WAY CHUNK ALLOCATIONS FETCHES ITEMS`, for what follows the first
//! three chunks: by then each slot of a chunk has held the longest of its texts. The walk in larger chunks
//! fetches as often as that in smaller ones, so what it allocates more it allocates for its items.

#![forbid(unsafe_code)]

#[path = "../../../../tests/memory/heap.rs"]
mod heap;
#[path = "allocations/stores.rs"]
mod stores;

use std::error::Error;

use keywalk::{ChunkSource, Walk};

use heap::Heap;

pub(crate) type BoxError = Box<dyn Error>;

/// Two sizes of chunks.
const CHUNKS: [usize; 2] = [512, 1_024];
const WARMING: u64 = 3;

fn main() -> Result<(), BoxError> {
    let items = std::env::args().nth(1).ok_or("how many items?")?;
    let counter = Counter {
        heap: Heap::new()?,
        // Three chunks to warm up, and one to be counted, at least.
        items: items.parse::<u64>()?.max(5_000),
    };
    stores::sqlite(&counter)?;
    stores::sled(&counter)?;
    stores::memory(&counter)
}

/// Counts, and prints what it counted.
struct Counter {
    heap: Heap,
    /// How many the stores have.
    items: u64,
}

impl Counter {
    /// Of lent chunks.
    fn lent<S: ChunkSource>(&self, store: &str, mut source: S) -> Result<(), BoxError>
    where
        S::Error: Error + 'static,
    {
        for chunk in CHUNKS {
            let mut chunks = Walk::new(&mut source).chunk_size(chunk).chunks();
            for _ in 0..WARMING {
                chunks.next()?;
            }
            let before = chunks.stats();
            let (end, usage) = self.heap.measure(|| {
                for _ in 0..self.fetches() {
                    chunks.next()?;
                }
                Ok::<_, keywalk::Error<S::Error>>(())
            });
            end?;
            let after = chunks.stats();
            let fetches = after.queries() - before.queries();
            let items = after.items() - before.items();
            if items != fetches * chunk as u64 {
                return Err(format!("{store}: {items} items in {fetches} fetches").into());
            }
            let allocations = usage.allocations;
            println!("{store} lent {chunk} {allocations} {fetches} {items}");
        }
        Ok(())
    }

    /// Of items that are handed out one by one, and dropped.
    fn items<S: ChunkSource>(&self, store: &str, mut source: S) -> Result<(), BoxError>
    where
        S::Error: Error + 'static,
    {
        for chunk in CHUNKS {
            let items = Walk::new(&mut source).chunk_size(chunk).items();
            let (allocations, counted) = self.one_by_one(items, chunk)?;
            let fetches = self.fetches();
            println!("{store} items {chunk} {allocations} {fetches} {counted}");
        }
        Ok(())
    }

    /// Of a store's own iterator, over the items that the walks are counted over.
    fn native<I, T, E: Error + 'static>(
        &self,
        store: &str,
        iter: impl Fn() -> I,
    ) -> Result<(), BoxError>
    where
        I: Iterator<Item = Result<T, E>>,
    {
        for chunk in CHUNKS {
            let (allocations, counted) = self.one_by_one(iter(), chunk)?;
            println!("{store} native {chunk} {allocations} 0 {counted}");
        }
        Ok(())
    }

    /// How often an iterator allocates, once warm, and for how many items: those of chunks of this size.
    fn one_by_one<T, E: Error + 'static>(
        &self,
        mut items: impl Iterator<Item = Result<T, E>>,
        chunk: usize,
    ) -> Result<(u64, u64), BoxError> {
        let counted = self.fetches() * chunk as u64;
        items
            .by_ref()
            .take(WARMING as usize * chunk)
            .try_for_each(|item| item.map(drop))?;
        let (end, usage) = self.heap.measure(|| {
            items
                .by_ref()
                .take(counted as usize)
                .try_for_each(|item| item.map(drop))
        });
        end?;
        Ok((usage.allocations, counted))
    }

    /// How many are counted.
    fn fetches(&self) -> u64 {
        self.items / CHUNKS[1] as u64 - WARMING
    }
}
