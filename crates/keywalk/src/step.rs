/// What came of one question; see [`Chunks::step`](crate::Chunks::step).
#[derive(Debug, PartialEq)]
pub enum Step<'a, T> {
    /// A chunk: at least one item, in key order.
    Items(&'a mut [T]),
    /// The walk got further, and no item came: it asked for the last key, or scanned a stretch that
    /// holds nothing.
    Moved,
    /// The end; also after an error. It stays so, but for a [`seek`](crate::Chunks::seek).
    End,
}
