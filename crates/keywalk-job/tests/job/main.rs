//! Jobs: how often an item's effect happens, how runs end, what is kept and told.

#![expect(clippy::unwrap_used, reason = "tests")]

mod clock;
mod numbers;
mod store;

mod bar;
mod cursors;
mod dead_letters;
mod ends;
mod events;
mod failures;
mod files;
mod law;
mod leases;
mod progress;
mod throttle;
mod traits;
mod unix_millis;
