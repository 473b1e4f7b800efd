//! Walks over many shards and by many workers.

mod parallel;
