//! Keys by number.

use std::fmt::Debug;

/// A key that there is one of for each number, in the numbers' order.
pub(crate) trait Key: Ord + Clone + Debug {
    /// Its type, for the report.
    const NAME: &'static str;

    /// The bytes that one owns beside itself.
    const OWNED: usize;

    /// How often a walk and a source in memory allocate for a fetch, as they clone keys: the first
    /// and the last of the chunk, the last once more as the position, and now and then a landmark.
    const CLONES: u64;

    /// The key of a number.
    fn numbered(number: i64) -> Self;
}

impl Key for i64 {
    const NAME: &'static str = "i64";
    const OWNED: usize = 0;
    const CLONES: u64 = 0;

    fn numbered(number: i64) -> Self {
        number
    }
}

impl Key for String {
    const NAME: &'static str = "String";
    const OWNED: usize = 20;
    const CLONES: u64 = 4;

    fn numbered(number: i64) -> Self {
        format!("{number:020}")
    }
}
