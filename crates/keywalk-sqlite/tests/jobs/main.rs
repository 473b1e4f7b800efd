//! Jobs with their checkpoints in SQLite: each row's effect exactly once.

#![expect(clippy::unwrap_used, reason = "tests")]

mod world;

mod dead_letters;
mod law;
mod runners;
mod tables;
mod transactions;
mod walks;
