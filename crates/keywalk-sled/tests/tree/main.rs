//! Trees of sled, walked.

#![forbid(unsafe_code)]

mod callers;
mod changes;
mod closed;
mod errors;
mod hostile;
mod ranges;
#[path = "../support/reopened.rs"]
mod reopened;
mod traits;
mod trees;
mod values;
mod walk;
