use alloc::vec::Vec;
use core::ops::Bound;

use crate::chunks::Chunks;
use crate::chunks::sealed::Drive;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::range::{KeyRange, Order};
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Keyed};
use crate::token::Token;

/// A page of items with links to both sides, for a web service; returned by [`Walk::page`](crate::Walk::page).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the walk's order. Empty if no item is left on the page's side of its token, for example because
    /// its rows were deleted.
    pub items: Vec<T>,
    /// The token of the next page, if an item follows.
    pub next: Option<Token>,
    /// The token of the previous page, if an item precedes.
    pub previous: Option<Token>,
}

impl<T> Page<T> {
    /// Whether an item follows this page.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// Whether an item precedes this page.
    #[must_use]
    pub fn has_previous(&self) -> bool {
        self.previous.is_some()
    }
}

/// Fetches the page of up to `items` items that begins at `ahead`, for display in `order`. `chunks` walks from `ahead`.
/// Its limit is `items + 1`: the last item shows only that more follows. `range` bounds all pages, and has the order of
/// `ahead`.
pub(crate) fn fetch<S: ChunkSource + ResumableSource>(
    mut chunks: Chunks<S>,
    mut ahead: Cursor<S::Key>,
    range: &KeyRange<S::Key>,
    items: usize,
    order: Order,
) -> Result<Page<S::Item>, Error<S::Error>> {
    let direction = ahead.range.order();
    let mut found = Vec::new();
    while chunks.driver.advance()? {
        let chunk = chunks.driver.chunk();
        chunk.take_out();
        found.extend(core::iter::from_fn(|| chunk.pop()));
    }
    let has_more = found.len() > items;

    // Everything before the first item. Without one, everything before the page's position.
    let before = match (found.first(), ahead.range.start()) {
        (Some(first), _) => Bound::Excluded(first.key()),
        (None, Bound::Included(key)) => Bound::Excluded(key.clone()),
        (None, Bound::Excluded(key)) => Bound::Included(key.clone()),
        (None, Bound::Unbounded) => Bound::Unbounded,
    };
    let behind = cursor(range, direction.reversed(), before);
    let is_first = ahead.range.start() == range.start();
    found.truncate(items);
    if let Some(last) = found.last() {
        ahead.range.start_after(last.key());
    }
    chunks.seek(behind.clone());
    chunks.set_limit(Some(1));
    let has_less = !is_first && chunks.driver.advance()?;

    let link = |exists: bool, cursor: &Cursor<S::Key>| {
        let token = exists.then(|| Token::new(cursor, chunks.source()));
        token.transpose()
    };
    let (ahead, behind) = (link(has_more, &ahead)?, link(has_less, &behind)?);
    let (next, previous) = if direction == order {
        (ahead, behind)
    } else {
        found.reverse();
        (behind, ahead)
    };
    Ok(Page {
        items: found,
        next,
        previous,
    })
}

/// Returns an unbounded walk over `range` in `order`, from `start` on.
pub(crate) fn cursor<K: Clone + PartialOrd>(
    range: &KeyRange<K>,
    order: Order,
    start: Bound<K>,
) -> Cursor<K> {
    let mut cursor = Cursor::unbounded(KeyRange::new(range.clone(), order));
    cursor.range.set_start(start);
    cursor
}
