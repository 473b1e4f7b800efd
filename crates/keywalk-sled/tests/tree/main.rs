//! Trees of sled, walked: what only sled does. What every store does the conformance kit checks.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what fails, fails the test")]

mod anywhere;
mod callers;
mod changes;
mod child;
mod closed;
mod damage;
mod files;
mod tokens;
mod trees;
mod walk;

#[path = "../support/reopened.rs"]
mod reopened;

// What the tests of several stores need is beside their keys.
#[path = "../../../keywalk-bytes/tests/support/golden.rs"]
mod golden_files;
#[path = "../../../keywalk-bytes/tests/support/samples.rs"]
#[allow(dead_code, reason = "other stores' tests need more of it")]
mod samples;
#[path = "../../../keywalk-bytes/tests/support/walks.rs"]
#[allow(dead_code, reason = "other stores' tests need more of it")]
mod walks;
