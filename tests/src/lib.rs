//! Harnesses of all stores, for the tests that put the same to each: the conformance kit, threads,
//! one store against another. And what the programs of this repository share: the examples, `soak`, the benchmarks.

#![forbid(unsafe_code)]

pub mod concurrent;
pub mod crash_test;
pub mod database;
pub mod peak_memory;
pub mod program;
pub mod random;
pub mod sample;
pub mod stores;

/// The code in the repository's pages is compiled, and run where it can be.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct Readme;

    #[doc = include_str!("../../CONTRIBUTING.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct Contributing;

    #[doc = include_str!("../../crates/keywalk/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct Keywalk;

    #[doc = include_str!("../../crates/keywalk-conformance/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkConformance;

    #[doc = include_str!("../../crates/keywalk-job/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkJob;

    #[doc = include_str!("../../crates/keywalk-key/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkKey;

    #[doc = include_str!("../../crates/keywalk-memory/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkMemory;

    #[doc = include_str!("../../crates/keywalk-retry/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkRetry;

    #[doc = include_str!("../../crates/keywalk-sled/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkSled;

    #[doc = include_str!("../../crates/keywalk-sqlite/README.md")]
    #[expect(dead_code, reason = "holds the page")]
    struct KeywalkSqlite;
}
