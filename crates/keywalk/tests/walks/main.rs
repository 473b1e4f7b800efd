//! What a walk is. Its stores here are the tests' own; those that the crates bring go through the kit.

#![forbid(unsafe_code)]

/// A table, whose rows stay as they are written.
macro_rules! rows {
    ($($row:tt)*) => { [$($row)*] };
}

mod chunk;
mod engine;
mod exact;
mod forge;
mod forwarding;
mod golden;
mod guards;
mod prefetch;
mod range;
mod shelf;
mod time;
mod tokens;
mod traits;
mod walk;
mod ways;
mod weigh;
