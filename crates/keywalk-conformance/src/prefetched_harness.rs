use keywalk::ChunkSource;

use crate::Harness;

/// A [`Harness`] whose source can move to another thread, with its items and errors: it can be
/// [prefetched](keywalk::Walk::prefetch). Every such harness is one; nothing is to be implemented.
///
/// `conformance!(name: Harness, prefetched)` proves that too, and [`run_prefetched`](crate::run_prefetched).
pub trait PrefetchedHarness:
    for<'a> Harness<Source<'a>: ChunkSource<Item: Send, Error: Send> + Send + 'static>
{
}

impl<H> PrefetchedHarness for H where
    H: for<'a> Harness<Source<'a>: ChunkSource<Item: Send, Error: Send> + Send + 'static>
{
}
