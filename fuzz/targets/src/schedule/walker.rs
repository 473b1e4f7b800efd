use keywalk::{Chunks, Cursor, Items, KeyRange, Walk};

use super::{Pace, Source, Store};

/// A walk that is driven item by item, or chunk by chunk.
pub(super) enum Walker<'a, S: Store> {
    Items(Items<Source<'a, S>>),
    Chunks(Chunks<Source<'a, S>>),
}

impl<'a, S: Store> Walker<'a, S> {
    pub(super) fn begin(
        source: Source<'a, S>,
        range: KeyRange<S::Key>,
        live: bool,
        pace: Pace,
    ) -> Self {
        let walk = Walk::new(source).order(range.order()).range(range);
        Self::with(if live { walk.live() } else { walk }, pace)
    }

    pub(super) fn resume(source: Source<'a, S>, cursor: Cursor<S::Key>, pace: Pace) -> Self {
        Self::with(Walk::new(source).resume(cursor), pace)
    }

    fn with(walk: Walk<Source<'a, S>>, pace: Pace) -> Self {
        let walk = walk.chunk_size(pace.chunk_size);
        match pace.by_items {
            true => Walker::Items(walk.items()),
            false => Walker::Chunks(walk.chunks()),
        }
    }

    pub(super) fn cursor(&self) -> Cursor<S::Key> {
        match self {
            Walker::Items(items) => items.cursor(),
            Walker::Chunks(chunks) => chunks.cursor(),
        }
    }

    /// The next item or chunk; nothing at the end.
    pub(super) fn next(&mut self) -> Vec<(S::Key, i64)> {
        match self {
            Walker::Items(items) => {
                let item = items.next().transpose();
                item.expect("nothing fails").into_iter().collect()
            }
            Walker::Chunks(chunks) => {
                let chunk = chunks.next().expect("nothing fails");
                chunk.map(|items| items.to_vec()).unwrap_or_default()
            }
        }
    }
}
