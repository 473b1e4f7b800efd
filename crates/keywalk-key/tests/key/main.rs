//! Keys as bytes.

#![forbid(unsafe_code)]

mod encodings;
mod kinds;
mod order;
mod shares;
mod traits;
