//! Harnesses of all stores, for the tests that put the same to each: the conformance kit, threads,
//! one store against another.

#![forbid(unsafe_code)]

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
}
