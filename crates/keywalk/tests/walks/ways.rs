//! The ways to go through a walk, by one face.

use keywalk::{ChunkSource, Chunks, Cursor, Driver, Error, Items, Stats, Step, Token, Walk};

use crate::shelf::{Broken, Shelf, Stored};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// One question at a time.
    Steps,
    Chunks,
    Items,
    /// Each item by a walk of its own, which goes on from the cursor of the one before.
    Resumed,
    /// As chunks, so many of them fetched ahead.
    ChunksAhead(usize),
    ItemsAhead(usize),
}

/// What came of a call: nothing at the end, and no items of a step that only moved.
pub(crate) type Came<K> = Result<Option<Vec<K>>, Error<Broken>>;

/// All that can be known of a walk between two calls.
#[derive(Debug, PartialEq)]
pub(crate) struct Place<K> {
    pub(crate) cursor: Cursor<K>,
    pub(crate) token: Result<Token, Error<Broken>>,
    pub(crate) stats: Stats,
    /// How many items there are ahead, of those who say.
    pub(crate) hint: Option<(usize, Option<usize>)>,
}

pub(crate) trait Going<K> {
    fn go(&mut self) -> Came<K>;

    fn place(&self) -> Place<K>;

    /// The cursor past an item that was lent.
    fn past(&self, _: K) -> Option<Cursor<K>> {
        None
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K>;
}

impl Way {
    pub(crate) fn start<K: Stored>(self, walk: Walk<Shelf<K>>, size: usize) -> Box<dyn Going<K>> {
        match self {
            Way::Steps => Box::new(Steps(walk.chunks())),
            Way::Chunks => Box::new(walk.chunks()),
            Way::Items => Box::new(walk.items()),
            Way::Resumed => Box::new(Resumed(Some(walk.items()), size)),
            Way::ChunksAhead(depth) => Box::new(walk.prefetch(depth).chunks()),
            Way::ItemsAhead(depth) => Box::new(walk.prefetch(depth).items()),
        }
    }
}

/// What a caller does to the items that are lent to it mustn't matter.
fn taken<K: Clone>(lent: &mut [K]) -> Vec<K> {
    let keys = lent.to_vec();
    let first = keys[0].clone();
    lent.fill(first);
    keys
}

impl<K: Stored, D: Driver<Shelf<K>>> Going<K> for Chunks<Shelf<K>, D> {
    fn go(&mut self) -> Came<K> {
        Ok(self.next()?.map(taken))
    }

    fn place(&self) -> Place<K> {
        Place {
            cursor: self.cursor(),
            token: self.token(),
            stats: self.stats(),
            hint: None,
        }
    }

    fn past(&self, key: K) -> Option<Cursor<K>> {
        Some(self.cursor_after(key))
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.into_source()
    }
}

impl<K: Stored, D: Driver<Shelf<K>>> Going<K> for Items<Shelf<K>, D> {
    fn go(&mut self) -> Came<K> {
        Ok(self.next().transpose()?.map(|key| vec![key]))
    }

    fn place(&self) -> Place<K> {
        Place {
            cursor: self.cursor(),
            token: self.token(),
            stats: self.stats(),
            hint: Some(self.size_hint()),
        }
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.into_source()
    }
}

struct Steps<S: ChunkSource>(Chunks<S>);

impl<K: Stored> Going<K> for Steps<Shelf<K>> {
    fn go(&mut self) -> Came<K> {
        Ok(match self.0.step()? {
            Step::Items([]) => panic!("an empty chunk"),
            Step::Items(items) => Some(taken(items)),
            Step::Progress => Some(Vec::new()),
            Step::End => None,
        })
    }

    fn place(&self) -> Place<K> {
        self.0.place()
    }

    fn past(&self, key: K) -> Option<Cursor<K>> {
        self.0.past(key)
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.0.into_source()
    }
}

/// The walk that yielded the last item, and the chunk size.
struct Resumed<S: ChunkSource>(Option<Items<S>>, usize);

impl<S: ChunkSource> Resumed<S> {
    fn items(&self) -> &Items<S> {
        self.0.as_ref().expect("there is always one")
    }
}

impl<K: Stored> Going<K> for Resumed<Shelf<K>> {
    fn go(&mut self) -> Came<K> {
        let items = self.0.take().expect("there is always one");
        let cursor = items.cursor();
        let walk = Walk::new(items.into_source()).resume(cursor);
        self.0.insert(walk.chunk_size(self.1).items()).go()
    }

    fn place(&self) -> Place<K> {
        self.items().place()
    }

    fn into_shelf(self: Box<Self>) -> Shelf<K> {
        self.0.expect("there is always one").into_source()
    }
}
