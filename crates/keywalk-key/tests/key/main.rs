//! Keys as bytes.

#![forbid(unsafe_code)]

mod encodings;
mod kinds;
mod order;
mod own;
mod shares;
mod strict;
mod traits;
mod words;
