//! What a walk is. Its stores here are the tests' own; those that the crates bring go through the kit.

#![forbid(unsafe_code)]

/// A table, whose rows stay as they are written.
macro_rules! rows {
    ($($row:tt)*) => { [$($row)*] };
}

#[cfg(feature = "async")]
mod asynchronous;
mod chunk;
mod collections;
mod engine;
mod exact;
mod forwarding;
mod guards;
mod page;
mod prefetch;
mod range;
mod shelf;
mod split;
mod time;
mod traits;
mod walk;
mod ways;
mod weigh;

// Signed tokens and serde's formats among them: `cargo test -p keywalk --all-features`.
#[cfg(all(feature = "hmac", feature = "serde"))]
mod forge;
#[cfg(all(feature = "hmac", feature = "serde"))]
mod golden;
#[cfg(all(feature = "hmac", feature = "serde"))]
mod tokens;
