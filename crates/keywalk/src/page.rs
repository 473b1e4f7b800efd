use alloc::vec::Vec;
use core::ops::Bound;

#[cfg(feature = "async")]
use crate::async_source::AsyncChunkSource;
use crate::chunks::Inline;
use crate::chunks::sealed::Drive;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::range::{KeyRange, Order};
use crate::resumable_source::ResumableSource;
use crate::source::{ChunkSource, Keyed, Source};
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

/// A page that is being fetched. The caller advances its walk: until the walk ends, and after a [`turn`](Self::turn)
/// once more.
pub(crate) struct Paging<S: Source> {
    /// Walks from `ahead`. Its limit is `items + 1`: the last item shows only that more follows.
    pub(crate) walk: Inline<S>,
    /// Where the page begins; then, where the next page begins.
    pub(crate) ahead: Cursor<S::Key>,
    /// Where the previous page begins, in the opposite order. Known after the turn.
    pub(crate) behind: Option<Cursor<S::Key>>,
    /// Bounds all pages. It has the order of `ahead`.
    pub(crate) range: KeyRange<S::Key>,
    pub(crate) items: usize,
    /// The order of display.
    pub(crate) order: Order,
    pub(crate) found: Vec<S::Item>,
    pub(crate) has_more: bool,
}

impl<S: ChunkSource + ResumableSource> Paging<S> {
    pub(crate) fn fetch(mut self) -> Result<Page<S::Item>, Error<S::Error>> {
        while self.walk.advance()? {
            self.take();
        }
        let has_less = self.turn() && self.walk.advance()?;
        self.finish(has_less)
    }
}

#[cfg(feature = "async")]
impl<S: AsyncChunkSource + ResumableSource> Paging<S> {
    pub(crate) async fn fetch_async(mut self) -> Result<Page<S::Item>, Error<S::Error>> {
        while self.walk.advance_async().await? {
            self.take();
        }
        let has_less = self.turn() && self.walk.advance_async().await?;
        self.finish(has_less)
    }
}

impl<S: ResumableSource> Paging<S> {
    /// Takes the items of the fetched chunk.
    fn take(&mut self) {
        let chunk = self.walk.engine.chunk();
        chunk.take_out();
        self.found.extend(core::iter::from_fn(|| chunk.pop()));
    }

    /// Turns the walk around, to look for one item before the page. Returns `false` if none can precede.
    fn turn(&mut self) -> bool {
        self.has_more = self.found.len() > self.items;
        // Everything before the first item. Without one, everything before the page's position.
        let start = self.ahead.range.start();
        let before = match (self.found.first(), start) {
            (Some(first), _) => Bound::Excluded(first.key()),
            (None, Bound::Included(key)) => Bound::Excluded(key.clone()),
            (None, Bound::Excluded(key)) => Bound::Included(key.clone()),
            (None, Bound::Unbounded) => Bound::Unbounded,
        };
        let is_first = start == self.range.start();
        let behind = cursor(&self.range, self.ahead.range.order().reversed(), before);
        self.found.truncate(self.items);
        if let Some(last) = self.found.last() {
            self.ahead.range.start_after(last.key());
        }
        self.walk.engine.seek(behind.clone());
        self.walk.engine.set_limit(Some(1));
        self.behind = Some(behind);
        !is_first
    }

    fn finish(mut self, has_less: bool) -> Result<Page<S::Item>, Error<S::Error>> {
        let link = |cursor: Option<&Cursor<S::Key>>| {
            let token = cursor.map(|cursor| Token::new(cursor, &self.walk.source));
            token.transpose()
        };
        let ahead = link(self.has_more.then_some(&self.ahead))?;
        let behind = link(self.behind.as_ref().filter(|_| has_less))?;
        let (next, previous) = if self.ahead.range.order() == self.order {
            (ahead, behind)
        } else {
            self.found.reverse();
            (behind, ahead)
        };
        Ok(Page {
            items: self.found,
            next,
            previous,
        })
    }
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
