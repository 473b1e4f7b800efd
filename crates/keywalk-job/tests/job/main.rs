//! Jobs: how often an item's effect happens, how runs end, what is kept and told.

#![expect(clippy::unwrap_used, reason = "tests")]

mod clock;
mod lab;
mod numbers;
mod shared;
mod store;

mod driver {
    use keywalk_job::Job;

    pub(crate) type NumbersJob<'a> = Job<'a, crate::numbers::Numbers, crate::store::Store>;
}

#[cfg(feature = "indicatif")]
mod bar;
mod cursors;
mod ends;
#[cfg(feature = "tracing")]
mod events;
mod exports;
mod failures;
mod files;
mod forms;
mod law;
mod leases;
mod lines;
mod progress;
mod waits;
