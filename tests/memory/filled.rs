//! A store that is filled once, and then only walked.

use std::error::Error;

use keywalk::ChunkSource;

/// What can go wrong while a store is filled or walked.
pub(crate) type BoxError = Box<dyn Error>;

/// A store with as many items as it is told to hold, to be walked by sources.
///
/// Texts are from [`SHORTEST`] to [`LONGEST`] bytes, other data no longer than that.
pub(crate) trait Filled: Sized {
    /// The most bytes that an item of a chunk owns, beside its slot in the chunk.
    const OWNED: usize;

    /// The most bytes that the source owns.
    const SOURCE: usize;

    /// The most allocations of a fetch into a warm chunk, whatever the chunk's size.
    const PER_FETCH: u64;

    /// What can go wrong in a fetch.
    type Error: Error + 'static;

    /// What is walked.
    type Source<'a>: ChunkSource<Error = Self::Error>
    where
        Self: 'a;

    /// The source's name.
    fn name() -> String;

    /// A store of `items` items.
    fn filled(items: u32) -> Result<Self, BoxError>;

    /// A source over the store.
    fn source(&self) -> Result<Self::Source<'_>, BoxError>;
}

/// The bytes of the shortest text.
pub(crate) const SHORTEST: usize = 24;

/// The bytes of the longest text.
pub(crate) const LONGEST: usize = 32;

/// The most bytes that a text takes that was filled again: a `String` at least doubles when it
/// grows, and here grows once at most.
pub(crate) const REFILLED: usize = 2 * LONGEST;

/// The text of the item of this number; neighbours have other lengths.
pub(crate) fn text(number: i64) -> String {
    let lengths = (LONGEST - SHORTEST + 1) as i64;
    let length = SHORTEST + (number % lengths) as usize;
    format!("{number:0length$}")
}
