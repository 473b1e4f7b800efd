//! Jobs: how often an item's effect happens, how runs end, what is kept and told.

#![expect(clippy::unwrap_used, reason = "tests")]

mod clock;
mod lab;
mod numbers;
mod shared;
mod store;

mod driver {
    use std::convert::Infallible;

    use keywalk::Walk;
    use keywalk_job::{Batch, BoxError, Error, Job, Leases, Next, Outcome, ParallelJob, Worker};

    use crate::numbers::Numbers;
    use crate::store::{Effects, Failed, Store};

    pub(crate) type NumbersJob<'a> = Job<'a, Numbers, Store>;

    pub(crate) fn job_of<'a>(worker: Worker, walk: Walk<Numbers>, store: Store) -> NumbersJob<'a> {
        worker.job(walk, store)
    }

    pub(crate) fn reset_job(
        store: &mut Store,
        job: &str,
    ) -> Result<bool, Error<Infallible, Failed>> {
        store.reset(job)
    }

    pub(crate) fn run_workers(
        job: ParallelJob,
        make: impl Fn(Worker) -> NumbersJob<'static> + Sync,
        work: impl Fn(&mut Effects, Batch<'_, u32, u32>) -> Result<Next, BoxError> + Sync,
    ) -> Result<Outcome, BoxError> {
        job.run(|worker| Ok(make(worker).run(&work)?))
    }
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
mod parallel;
mod progress;
mod waits;
