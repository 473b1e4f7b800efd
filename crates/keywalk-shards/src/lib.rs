//! Many shards and many workers, for [keywalk](keywalk).

#![forbid(unsafe_code)]

mod parts;

pub use parts::{Parts, PartsToken};
