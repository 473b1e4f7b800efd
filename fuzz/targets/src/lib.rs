//! What the fuzzers assert, as functions of bytes.
//!
//! `cargo fuzz` calls them with what it makes up; the test `corpora` of the package `tests` with all
//! that is in `fuzz/corpus` and `fuzz/regressions`. Each panics if a promise is broken.

#![forbid(unsafe_code)]

pub mod core_token;
pub mod sqlite_key;
pub mod sqlite_names;
pub mod sqlite_schedule;

/// Tries an input.
pub type Run = fn(&[u8]);

/// Every target, by its name: that of its fuzzer and of the folders of its inputs.
pub const TARGETS: [(&str, Run); 4] = [
    ("core_token", core_token::run),
    ("sqlite_key", sqlite_key::run),
    ("sqlite_names", sqlite_names::run),
    ("sqlite_schedule", sqlite_schedule::run),
];
