//! G13: what a walk reads, and how often SQLite prepares for it.

#![forbid(unsafe_code)]

mod operations;

mod chunks;
mod filters;
mod statements;
