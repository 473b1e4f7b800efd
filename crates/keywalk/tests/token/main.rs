//! Cursors written down (G10): they come back as they were, or are refused.

#![forbid(unsafe_code)]

mod another_source;
mod damaged;
mod forge;
mod forged;
mod formats;
mod golden;
mod keys;
mod lengths;
mod resume;
mod round_trip;
mod said;
mod shelf;
mod signed;
