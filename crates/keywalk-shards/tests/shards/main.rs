//! Walks over many shards and by many workers.

#![expect(clippy::unwrap_used, reason = "tests")]

mod parallel;
