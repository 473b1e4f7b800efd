//! What a walk is, by its own tests' store.

#![forbid(unsafe_code)]

mod exact;
mod guards;
mod prefetch;
mod shelf;
mod walk;
mod ways;
