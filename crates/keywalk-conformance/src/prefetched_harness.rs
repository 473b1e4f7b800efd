use keywalk::ChunkSource;

use crate::Harness;

/// A [`Harness`] whose source can move to another thread, with its items and errors: it can be
/// [prefetched](keywalk::Walk::prefetch). Every such harness is one; nothing is to be implemented.
///
/// `conformance!(name: Harness, prefetched)` proves that too; so does
/// [`run_prefetched`](crate::run_prefetched), which answers a report.
#[diagnostic::on_unimplemented(
    message = "the source of `{Self}` can't be prefetched: it can't move to another thread",
    label = "its source isn't a `SendSource`",
    note = "let the source own its handle of the store, `Arc` for `Rc`, and its items and errors too: all are to \
            be `Send + 'static`; or leave `prefetched` out"
)]
pub trait PrefetchedHarness:
    for<'a> Harness<Source<'a>: ChunkSource<Item: Send, Error: Send> + Send + 'static>
{
}

#[diagnostic::do_not_recommend]
impl<H> PrefetchedHarness for H where
    H: for<'a> Harness<Source<'a>: ChunkSource<Item: Send, Error: Send> + Send + 'static>
{
}
