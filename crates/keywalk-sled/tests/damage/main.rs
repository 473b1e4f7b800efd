//! Trees of sled whose files are damaged.

#![forbid(unsafe_code)]

mod anywhere;
mod blobs;
mod child;
mod files;
mod processes;
#[path = "../support/reopened.rs"]
mod reopened;
