//! The laws of jobs, over asynchronous ones.

#![cfg(feature = "async")]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../job/clock.rs"]
mod clock;
#[path = "../job/lab.rs"]
mod lab;
#[path = "../job/numbers.rs"]
mod numbers;
#[path = "../job/shared.rs"]
mod shared;
#[path = "../job/store.rs"]
mod store;

#[path = "../job/cursors.rs"]
mod cursors;
#[path = "../job/ends.rs"]
mod ends;
#[path = "../job/failures.rs"]
mod failures;
#[path = "../job/law.rs"]
mod law;
#[path = "../job/parallel.rs"]
mod parallel;
#[path = "../job/progress.rs"]
mod progress;
#[path = "../job/waits.rs"]
mod waits;

mod driver;
