//! Keys as bytes.

#![forbid(unsafe_code)]

mod encodings;
mod order;
mod traits;
