//! What the tests across all stores share: a store beside its model, schedules of mutations, and
//! the oracle that judges a walk by them.
//!
//! [`walk_is_exact`] and the other laws are plain functions over a [`Store`]; a new store needs its
//! implementation of that trait and one line for each key space in `laws.rs`.

#![forbid(unsafe_code)]

mod key_space;
mod laws;
mod model;
mod oracle;
mod schedule;
mod store;
pub mod stores;
mod witness;

pub use key_space::KeySpace;
pub use laws::{Law, for_all, items_are_exact, resumption_is_exact, walk_is_exact};
pub use model::Model;
pub use oracle::Oracle;
pub use schedule::{Mutation, Schedule, schedules};
pub use store::{BoxError, Store};
pub use witness::{Question, Witness};

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
