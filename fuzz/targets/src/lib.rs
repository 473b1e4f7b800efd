//! What the fuzzers assert, as functions of bytes.
//!
//! `cargo fuzz` calls them with what it makes up; the test `corpora` of the package `tests` with all
//! that is in `fuzz/corpus` and `fuzz/regressions`. Each panics if a promise is broken.

#![forbid(unsafe_code)]

pub mod core_state;
pub mod core_token;
mod emptied;
mod schedule;
pub mod sled_key;
pub mod sled_schedule;
pub mod sqlite_key;
pub mod sqlite_names;
pub mod sqlite_schedule;

/// Tries an input.
pub type Run = fn(&[u8]);

/// Every target, by its name: that of its fuzzer and of the folders of its inputs.
pub const TARGETS: [(&str, Run); 7] = [
    ("core_state", core_state::run),
    ("core_token", core_token::run),
    ("sled_key", sled_key::run),
    ("sled_schedule", sled_schedule::run),
    ("sqlite_key", sqlite_key::run),
    ("sqlite_names", sqlite_names::run),
    ("sqlite_schedule", sqlite_schedule::run),
];
