use std::ops::Bound;

use keywalk::{KeyRange, Order};

/// What a statement is asked for; the values come with each fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) order: Order,
    pub(crate) near: Edge,
    pub(crate) far: Edge,
    pub(crate) answer: Answer,
}

/// A bound without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Open,
    Included,
    Excluded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All rows of the range, until the fetch has enough.
    Rows,
    /// The key of the first one.
    FirstKey,
}

impl Shape {
    pub(crate) fn of<K>(range: &KeyRange<K>, answer: Answer) -> Self {
        Shape {
            order: range.order(),
            near: Edge::of(range.near()),
            far: Edge::of(range.far()),
            answer,
        }
    }
}

impl Edge {
    fn of<K>(bound: Bound<&K>) -> Self {
        match bound {
            Bound::Unbounded => Edge::Open,
            Bound::Included(_) => Edge::Included,
            Bound::Excluded(_) => Edge::Excluded,
        }
    }
}
