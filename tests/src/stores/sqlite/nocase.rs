//! Text in the order of a collation.

use std::cmp::Ordering;

use keywalk_conformance::{KeySpace, KnownKey};
use keywalk_sqlite::Collated;

use super::SqliteColumn;

/// Text as the collation NOCASE orders it, which [`Collated`] leaves to SQLite.
#[derive(Clone, Debug)]
pub struct NoCase(pub String);

impl NoCase {
    /// NOCASE compares texts up to a zero, without regard to the case of ASCII, and then their
    /// lengths.
    fn rank(&self) -> (Vec<u8>, usize) {
        let bytes = self.0.to_ascii_lowercase().into_bytes();
        let end = bytes.iter().position(|byte| *byte == 0);
        let compared = end.map_or(bytes.len(), |zero| zero + 1);
        (bytes[..compared].to_vec(), bytes.len())
    }
}

impl Ord for NoCase {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for NoCase {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for NoCase {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for NoCase {}

impl KnownKey for NoCase {
    fn key_space() -> KeySpace<Self> {
        KeySpace::known().map(NoCase)
    }
}

impl SqliteColumn for NoCase {
    type Walked = Collated;
    const DECLARED: &'static str = "TEXT NOT NULL COLLATE NOCASE";

    fn keys() -> KeySpace<Self> {
        KeySpace::known()
    }

    fn walked(&self) -> Collated {
        Collated(self.0.clone())
    }

    fn of(walked: Collated) -> Self {
        NoCase(walked.0)
    }
}
