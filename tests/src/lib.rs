//! Harnesses of all stores, for the tests that put the same to each: the conformance kit, threads,
//! one store against another. And what the programs of this repository share: the examples, `soak`, the benchmarks.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "harnesses and programs pass on what failed"
)]

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
    macro_rules! pages {
        ($($page:ident: $path:literal;)+) => {$(
            #[doc = include_str!($path)]
            #[expect(dead_code, reason = "holds the page")]
            struct $page;
        )+};
    }

    pages! {
        Readme: "../../README.md";
        Contributing: "../../CONTRIBUTING.md";
        WriteABackend: "../../WRITE_A_BACKEND.md";
        Keywalk: "../../crates/keywalk/README.md";
        KeywalkConformance: "../../crates/keywalk-conformance/README.md";
        KeywalkJob: "../../crates/keywalk-job/README.md";
        KeywalkKey: "../../crates/keywalk-key/README.md";
        KeywalkMemory: "../../crates/keywalk-memory/README.md";
        KeywalkRetry: "../../crates/keywalk-retry/README.md";
        KeywalkSled: "../../crates/keywalk-sled/README.md";
        KeywalkSqlite: "../../crates/keywalk-sqlite/README.md";
    }
}
