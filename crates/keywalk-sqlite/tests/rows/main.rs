//! What becomes of a row: items, and errors where its key or its columns do not decode.

#![forbid(unsafe_code)]

mod db;
mod walked;

mod by_bytes;
mod decode;
mod past_the_range;
mod undecodable;
mod values;
