use std::collections::VecDeque;
use std::fmt::Debug;

use crate::history::{Oracle, Question};
use crate::scribe::Log;

/// The fetches of one walk.
pub(super) struct Fetches<K> {
    pub(super) log: Log<K>,
    pub(super) opened: u64,
    pub(super) oracle: Oracle<K>,
    /// Those of which nothing was handed out.
    pub(super) pending: VecDeque<Question<K>>,
    /// How many were looked at.
    pub(super) seen: usize,
    /// How many had items.
    pub(super) chunks: usize,
    pub(super) failed: bool,
    /// When the caller asked for its chunks.
    pub(super) asked: Vec<u64>,
}

impl<K: Clone + Debug> Fetches<K> {
    pub(super) fn new(opened: u64, log: Log<K>, oracle: Oracle<K>) -> Self {
        Fetches {
            seen: log.len(),
            log,
            opened,
            oracle,
            pending: VecDeque::new(),
            chunks: 0,
            failed: false,
            asked: Vec::new(),
        }
    }

    /// Whether there is no other question.
    pub(super) fn is_all(&self) -> bool {
        self.log.from(self.seen).is_empty()
    }
}
