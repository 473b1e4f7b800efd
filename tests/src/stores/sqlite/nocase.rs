//! Text keys in the order of a collation.

use std::cmp::Ordering;

use keywalk_conformance::{KeySpace, KnownKey};
use rusqlite::types::Value;

use super::SqliteColumn;

/// Text in the order of the collation NOCASE, which [`Collated`](keywalk_sqlite::Collated) leaves to SQLite.
#[derive(Clone, Debug)]
pub struct NoCase {
    pub(super) text: String,
    /// NOCASE compares texts up to a zero, ignoring the case of ASCII letters, and then their lengths.
    rank: (Vec<u8>, usize),
}

impl NoCase {
    pub(super) fn new(text: String) -> Self {
        let mut bytes = text.to_ascii_lowercase().into_bytes();
        let end = bytes.iter().position(|byte| *byte == 0);
        bytes.truncate(end.map_or(bytes.len(), |zero| zero + 1));
        let rank = (bytes, text.len());
        NoCase { text, rank }
    }
}

impl Ord for NoCase {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
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
        KeySpace::known().map(NoCase::new)
    }
}

impl SqliteColumn for NoCase {
    const DECLARED: &'static str = "TEXT COLLATE NOCASE";

    fn keys() -> KeySpace<Self> {
        KeySpace::known()
    }

    fn value(&self) -> Value {
        self.text.clone().into()
    }
}
