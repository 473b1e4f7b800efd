use crate::ChunkSource;

/// A source that can move to another thread, with its keys, items and errors, and stay there: what
/// [`Walk::prefetch`](crate::Walk::prefetch) needs. Every such source is one; nothing is to be implemented.
///
/// A source is none if it borrows its connection or map: give it one of its own, or a shared one
/// (`Arc`). Nor is it if a closure makes items of what stays in one thread, an `Rc` say.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Arc, RwLock};
/// use keywalk::{Error, SendSource, Walk};
/// use keywalk_memory::SharedMap;
///
/// /// Over any store, as long as it can be prefetched.
/// fn count<S: SendSource>(source: S) -> Result<usize, Error<S::Error>> {
///     Walk::new(source).prefetch(1).into_iter().try_fold(0, |count, item| item.map(|_| count + 1))
/// }
///
/// let map = BTreeMap::from([(1, "one"), (2, "two")]);
/// assert_eq!(count(SharedMap::new(Arc::new(RwLock::new(map))))?, 2);
/// # Ok::<(), keywalk::Error<keywalk_memory::Poisoned>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be prefetched: it can't move to another thread",
    label = "the source, its keys, items or errors aren't `Send`",
    note = "give the source a connection or handle of its own: `Table::new(connection, \"items\")`, not \
            `Table::new(&connection, \"items\")`",
    note = "items that hold an `Rc`, a `Cell` or a borrowed value have to hold an `Arc` or a copy instead"
)]
pub trait SendSource: ChunkSource<Key: Send, Item: Send, Error: Send> + Send + 'static {}

/// The name in a message is the source's, not that of a part deep inside it.
#[diagnostic::do_not_recommend]
impl<S> SendSource for S where S: ChunkSource<Key: Send, Item: Send, Error: Send> + Send + 'static {}
