//! Harnesses of all stores, for tests that run on each: the conformance kit, threads, one store against another. Also
//! the code that the repository's programs share: the examples, `soak` and the benchmarks.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "harnesses and programs pass on what failed"
)]

pub mod concurrent;
pub mod crash_test;
pub mod database;
pub mod peak_memory;
pub mod postgres;
pub mod program;
pub mod random;
pub mod sample;
pub mod stores;

/// Compiles the code in the repository's pages, and runs it where possible.
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
        KeywalkFjall: "../../crates/keywalk-fjall/README.md";
        KeywalkJob: "../../crates/keywalk-job/README.md";
        KeywalkBytes: "../../crates/keywalk-bytes/README.md";
        KeywalkMemory: "../../crates/keywalk-memory/README.md";
        KeywalkPostgres: "../../crates/keywalk-postgres/README.md";
        KeywalkRedb: "../../crates/keywalk-redb/README.md";
        KeywalkRetry: "../../crates/keywalk-retry/README.md";
        KeywalkShards: "../../crates/keywalk-shards/README.md";
        KeywalkSled: "../../crates/keywalk-sled/README.md";
        KeywalkSqlite: "../../crates/keywalk-sqlite/README.md";
        KeywalkTokio: "../../crates/keywalk-tokio/README.md";
    }
}
