//! What every peer written in Rust counts, and how it is called.

#![forbid(unsafe_code)]

mod args;
mod seen;

pub use args::Args;
pub use seen::Seen;
