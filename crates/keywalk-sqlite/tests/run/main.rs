//! What walks cost, and what befalls them, and jobs whose checkpoints are in SQLite.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what fails, fails the test")]

mod cost;
mod faults;
#[cfg(feature = "jobs")]
mod jobs;
