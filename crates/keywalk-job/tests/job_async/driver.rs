//! Asynchronous jobs with the blocking ones' methods. Each call of the store is pending once.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keywalk::{
    AsyncChunkSource, AsyncSplitSource, Chunk, ChunkSource, Fetched, KeyRange, LastKey,
    SplitSource, Walk,
};
use keywalk_job::{
    AsyncCheckpointStore, AsyncDeadLetters, AsyncJob, AsyncLeases, AsyncScope, Attempt,
    BackoffBuilder, Batch, BoxError, Checkpoint, CheckpointStore, Clock, DeadLetter,
    DeadLetterRecord, DeadLetters, Error, Job, Lease, Leases, Next, Outcome, Pace, ParallelJob,
    Progress, Stop, Worker,
};

use crate::clock::TestClock;
use crate::lab::Run;
use crate::numbers::Numbers;
use crate::shared::Shared;
use crate::store::{Effects, Failed, Store};

pub(crate) struct NumbersJob<'a> {
    job: AsyncJob<'a, Numbers, Store>,
    clock: Shared<Option<TestClock>>,
}

macro_rules! options {
    ($($name:ident($($value:ident: $type:ty),*);)*) => {$(
        pub(crate) fn $name(self $(, $value: $type)*) -> Self {
            let job = self.job.$name($($value),*);
            NumbersJob { job, ..self }
        }
    )*};
}

impl<'a> NumbersJob<'a> {
    pub(crate) fn new(name: &str, walk: Walk<Numbers>, store: Store) -> Self {
        let clock = Shared::default();
        let job = Job::new_async(name, walk, store, sleep_on(&clock));
        NumbersJob { job, clock }
    }

    pub(crate) fn clock(self, clock: TestClock) -> Self {
        self.clock.set(Some(clock.clone()));
        let job = self.job.clock(clock);
        NumbersJob { job, ..self }
    }

    options! {
        restart_when_done();
        restart_if_changed();
        extend_range();
        adopt();
        wait_for_lease();
        stop_on(stop: &Stop);
        deadline(time: Duration);
        total_deadline(time: Duration);
        pause(time: Duration);
        pause_ratio(ratio: f64);
        pace(pace: &Pace);
        max_items_per_second(items: f64);
        skip_failures();
        max_skipped(items: u64);
        max_skipped_ratio(ratio: f64, min_items: u64);
        shrink_on_failure();
        total(items: u64);
        throttle_with(hold: impl FnMut(&Progress<'_, u32>) -> Option<Duration> + Send + 'a);
        on_progress(hook: impl FnMut(&Progress<'_, u32>) + Send + 'a);
        retry(
            policy: impl BackoffBuilder<Backoff: Send> + Clone + 'a,
            when: impl FnMut(&BoxError) -> bool + Send + 'a
        );
    }

    pub(crate) fn run<R: Into<Next>>(
        self,
        work: impl FnMut(&mut Effects, Batch<'_, u32, u32>) -> Result<R, BoxError>,
    ) -> Run {
        wait(self.start(work))
    }

    async fn start<R: Into<Next>>(
        self,
        mut work: impl FnMut(&mut Effects, Batch<'_, u32, u32>) -> Result<R, BoxError>,
    ) -> Run {
        let run = self.job.run_async(async |scope, items| {
            pause().await;
            work(&mut scope.effects, items)
        });
        run.await
    }
}

pub(crate) fn job_of<'a>(worker: Worker, walk: Walk<Numbers>, store: Store) -> NumbersJob<'a> {
    let clock = Shared::default();
    let job = worker.async_job(walk, store, sleep_on(&clock));
    NumbersJob { job, clock }
}

pub(crate) fn reset_job(store: &mut Store, job: &str) -> Result<bool, Error<Infallible, Failed>> {
    wait(AsyncLeases::reset(store, job))
}

pub(crate) fn run_workers(
    job: ParallelJob,
    make: impl Fn(Worker) -> NumbersJob<'static>,
    work: impl Fn(&mut Effects, Batch<'_, u32, u32>) -> Result<Next, BoxError>,
) -> Result<Outcome, BoxError> {
    wait(job.run_async(async |worker| Ok(make(worker).start(&work).await?)))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let context = &mut Context::from_waker(Waker::noop());
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return output;
        }
    }
}

fn sleep_on(
    clock: &Shared<Option<TestClock>>,
) -> impl FnMut(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + use<> {
    let clock = clock.clone();
    move |time| {
        clock.borrow().as_ref().unwrap().sleep(time);
        Box::pin(pause())
    }
}

/// Is pending once.
async fn pause() {
    let mut is_over = false;
    poll_fn(|_| match std::mem::replace(&mut is_over, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

impl AsyncChunkSource for Numbers {
    async fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<u32>,
    ) -> Result<Fetched<u32>, Failed> {
        pause().await;
        ChunkSource::fetch(self, range, chunk)
    }

    async fn last_key(&mut self, range: &KeyRange<u32>) -> Result<LastKey<u32>, Failed> {
        ChunkSource::last_key(self, range)
    }
}

impl AsyncSplitSource for Numbers {
    async fn split_points(
        &mut self,
        range: &KeyRange<u32>,
        parts: usize,
    ) -> Result<Vec<u32>, Failed> {
        pause().await;
        SplitSource::split_points(self, range, parts)
    }
}

pub(crate) struct StoreScope<'a> {
    effects: Effects,
    store: &'a mut Store,
    /// How many effects there were when the attempt began.
    before: usize,
}

impl AsyncCheckpointStore for Store {
    type Scope<'a> = StoreScope<'a>;
    type Error = Failed;

    async fn begin(&mut self) -> Result<StoreScope<'_>, Failed> {
        pause().await;
        let (effects, store) = CheckpointStore::begin(self)?;
        let before = 0;
        Ok(StoreScope {
            effects,
            store,
            before,
        })
    }

    async fn remove(&mut self, job: &str) -> Result<bool, Failed> {
        CheckpointStore::remove(self, job)
    }

    async fn list(&mut self) -> Result<Vec<Checkpoint>, Failed> {
        CheckpointStore::list(self)
    }

    fn is_transient(&self, error: &Failed) -> bool {
        CheckpointStore::is_transient(self, error)
    }
}

impl AsyncScope for StoreScope<'_> {
    type Error = Failed;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, Failed> {
        pause().await;
        Store::load_in(&mut self.effects, &mut self.store, job)
    }

    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), Failed> {
        pause().await;
        Store::commit(self.effects, self.store, checkpoint)
    }

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), Failed> {
        pause().await;
        Store::record_dead_letter(&mut self.effects, &mut self.store, letter)
    }

    async fn begin_attempt(&mut self) -> Result<(), Failed> {
        pause().await;
        self.before = self.effects.done.borrow().len();
        Ok(())
    }

    async fn end_attempt(&mut self, worked: Result<(), BoxError>) -> Result<Attempt, Failed> {
        pause().await;
        let mut part = self.effects.done.borrow_mut().split_off(self.before);
        Store::attempt(&mut self.effects, &mut self.store, |effects| {
            effects.done.borrow_mut().append(&mut part);
            worked
        })
    }
}

impl AsyncLeases for Store {
    type Lease = Lease;

    async fn lease(&mut self, job: &str) -> Result<Option<Lease>, Failed> {
        Leases::lease(self, job)
    }
}

impl AsyncDeadLetters for Store {
    async fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, Failed> {
        DeadLetters::dead_letters(self, job)
    }
}
