//! Tests across crates: programs that walk, jobs that are killed, one store against another.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod corpora;
mod crash;
mod differential;
mod jobs {
    mod child;
    mod copied;
    mod kill;
    mod leases;
}
mod own_jobs;
mod peers;
mod process;
mod retry;
mod shards;
