//! Trees of sled, walked.

#![forbid(unsafe_code)]

mod callers;
mod changes;
mod closed;
mod encodings;
mod errors;
mod hostile;
mod order;
mod ranges;
mod traits;
mod trees;
mod values;
mod walk;
