//! The Rust heap of the process, counted while a piece of work runs.
//!
//! A counting allocator needs `unsafe`, which the crates don't use, so it comes from a crate. `tracking-allocator`
//! has no dependencies, sees all threads, can be switched on for the work alone, and reports each allocation and
//! release to safe code. That suffices for a resettable high-water mark and a count. Other crates lack one of these:
//! `stats_alloc` has no high-water mark, that of `cap` never decreases, `peak_alloc` and `peakmem-alloc` don't count,
//! and `allocation-counter` and `mockalloc` see a single thread. `dhat` takes a backtrace per allocation: 5 us each in
//! a debug build, for millions of allocations.

use std::alloc::System;
use std::hint::black_box;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::thread;

use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

use crate::stores::BoxError;

#[global_allocator]
static ALLOCATOR: Allocator<System> = Allocator::system();

static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Proof that the allocator counts, and counts right.
#[derive(Debug)]
pub(crate) struct Heap(());

/// The memory that a piece of work took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// The most bytes that it held at a time. Earlier memory isn't counted, and isn't subtracted when it is released.
    pub(crate) peak: u64,
    /// The number of allocations. A block that grows or shrinks counts as a new one; until it is filled, both exist.
    pub(crate) allocations: u64,
}

impl Heap {
    pub(crate) fn new() -> Result<Self, BoxError> {
        AllocationRegistry::set_global_tracker(Tracker)?;
        let heap = Heap(());
        let before = vec![0_u8; 10_000];
        let ((), usage) = heap.measure(|| {
            drop(before);
            let mut bytes = black_box(Vec::<u8>::with_capacity(1_000));
            bytes.reserve_exact(2_000);
        });
        let known = Usage {
            peak: 3_000,
            allocations: 2,
        };
        if usage != known {
            return Err(format!("{usage:?} was counted instead of {known:?}").into());
        }
        let (_, usage) = heap.measure(|| {
            let other = thread::spawn(|| drop(black_box(Vec::<u8>::with_capacity(1 << 20))));
            other.join()
        });
        if usage.peak < 1 << 20 {
            return Err("another thread's memory wasn't counted".into());
        }
        Ok(heap)
    }

    /// Runs `work`, and returns what all threads take during that time.
    pub(crate) fn measure<R>(&self, work: impl FnOnce() -> R) -> (R, Usage) {
        let before = LIVE.load(SeqCst);
        PEAK.store(before, SeqCst);
        ALLOCATIONS.store(0, SeqCst);
        AllocationRegistry::enable_tracking();
        let result = work();
        AllocationRegistry::disable_tracking();
        let usage = Usage {
            peak: (PEAK.load(SeqCst) - before).unsigned_abs(),
            allocations: ALLOCATIONS.load(SeqCst),
        };
        (result, usage)
    }
}

struct Tracker;

impl AllocationTracker for Tracker {
    fn allocated(&self, _: usize, size: usize, _: usize, _: AllocationGroupId) {
        let size = size as i64;
        ALLOCATIONS.fetch_add(1, SeqCst);
        PEAK.fetch_max(LIVE.fetch_add(size, SeqCst) + size, SeqCst);
    }

    fn deallocated(
        &self,
        _: usize,
        size: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
        LIVE.fetch_sub(size as i64, SeqCst);
    }
}
