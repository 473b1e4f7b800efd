//! Jobs across processes that are killed, and across stores.

#![expect(clippy::unwrap_used, reason = "tests")]

mod child;
mod kill;
mod leases;
mod moments;
mod sled;
