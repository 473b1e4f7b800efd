//! The run of one worker of a parallel job: it plans the job, if no one has, and then runs part after part.
//!
//! Each part is a job of its own, with its lease, checkpoint and fence. The job's own checkpoint says how many parts
//! there are. A plan is recorded in three steps, by the runner that has the job's lease:
//!
//! 1. The job's checkpoint, with no parts. From here on an earlier plan is void.
//! 2. A checkpoint per part.
//! 3. The job's checkpoint again, with its parts. From here on workers take them.
//!
//! A runner that finds no parts plans again. If the lease fails to keep two planners apart, and both have read the same
//! checkpoint, the first one to record step 1 wins, and the other one fails there. Otherwise the later one wins: its run
//! number is higher, and so are those of its parts, whose numbers begin at [`RUNS_PER_PLAN`] times the plan's.

use std::time::Duration;

use keywalk::{Cursor, KeyRange, ResumableSource, Source, Token, Walk};

#[cfg(feature = "async")]
use crate::async_driver::BoxFuture;
use crate::board::{Board, Claim};
use crate::checkpoint::{Checkpoint, Parallel, unix_millis};
use crate::control::Control;
use crate::driver::{Host, JobStore, OpenScope, Steps};
use crate::error::{Error, WalkMismatch, checkpoints_failed, unwritten, walk_failed};
use crate::events;
use crate::outcome::{Outcome, StopReason};
use crate::parallel::{Worker, part_name};
use crate::resume::mismatch;
use crate::run::{LEASE_POLL, run_leased};

/// A part's runs per plan of its job. More would count as runs of the next plan: each runner that opens the last part of
/// an unbounded walk begins one.
pub(crate) const RUNS_PER_PLAN: u64 = 1 << 32;

type Key<P> = <<P as Plans>::Steps as Steps>::Key;
type Item<P> = <<P as Plans>::Steps as Steps>::Item;
type Failure<P, E> = Error<<<P as Plans>::Steps as Steps>::Error, E>;

/// A walk that can be split.
pub(crate) trait Plans {
    type Steps: Steps;

    fn cursor(&self) -> Cursor<Key<Self>>;
    fn source(&self) -> &<Self::Steps as Steps>::Source;
    fn has_limit(&self) -> bool;

    /// Splits what is left of the walk; see [`Walk::split`].
    async fn split(
        &mut self,
        parts: usize,
    ) -> Result<Vec<KeyRange<Key<Self>>>, keywalk::Error<<Self::Steps as Steps>::Error>>;

    /// Returns the walk, to seek the parts.
    fn into_steps(self) -> Self::Steps;
}

/// The worker whose job it is, and how its walk is split.
pub(crate) struct Working<S: Source> {
    pub(crate) worker: Worker,
    pub(crate) split: Split<S>,
}

pub(crate) enum Split<S: Source> {
    Blocking(SplitFn<S>),
    #[cfg(feature = "async")]
    Async(AsyncSplitFn<S>),
}

/// A walk, and how it is split.
pub(crate) struct Splitting<S: Source, F> {
    pub(crate) walk: Walk<S>,
    pub(crate) split: F,
}

/// [`Walk::split`], of a source that can.
pub(crate) type SplitFn<S> =
    fn(
        &mut Walk<S>,
        usize,
    ) -> Result<Vec<KeyRange<<S as Source>::Key>>, keywalk::Error<<S as Source>::Error>>;

/// [`Walk::async_split`], of a source that can.
#[cfg(feature = "async")]
pub(crate) type AsyncSplitFn<S> = for<'w> fn(
    &'w mut Walk<S>,
    usize,
) -> BoxFuture<
    'w,
    Result<Vec<KeyRange<<S as Source>::Key>>, keywalk::Error<<S as Source>::Error>>,
>;

macro_rules! plans {
    ($source:ident, $split:ident, $chunks:ident, $steps:ident $(, $await:ident)?) => {
        impl<S: keywalk::$source + ResumableSource> Plans for Splitting<S, $split<S>> {
            type Steps = keywalk::$steps<S>;

            fn cursor(&self) -> Cursor<S::Key> {
                self.walk.cursor()
            }

            fn source(&self) -> &S {
                self.walk.source()
            }

            fn has_limit(&self) -> bool {
                self.walk.has_limit()
            }

            async fn split(
                &mut self,
                parts: usize,
            ) -> Result<Vec<KeyRange<S::Key>>, keywalk::Error<S::Error>> {
                (self.split)(&mut self.walk, parts) $(.$await)?
            }

            fn into_steps(self) -> keywalk::$steps<S> {
                self.walk.$chunks()
            }
        }
    };
}

plans!(ChunkSource, SplitFn, chunks, Chunks);
#[cfg(feature = "async")]
plans!(
    AsyncChunkSource,
    AsyncSplitFn,
    async_chunks,
    AsyncChunks,
    await
);

/// Runs a worker of a parallel job, until all parts are done or it should end.
pub(crate) async fn run_worker<P, St, H>(
    worker: Worker,
    control: Control<H>,
    plan: P,
    store: &mut St,
) -> Result<Outcome, Failure<P, St::Error>>
where
    P: Plans,
    St: JobStore<Key<P>, Item<P>>,
    H: Host<Key = Key<P>>,
{
    let outcome = work(&worker, control, plan, store).await;
    events::ended(&outcome);
    outcome
}

async fn work<P, St, H>(
    worker: &Worker,
    mut control: Control<H>,
    mut plan: P,
    store: &mut St,
) -> Result<Outcome, Failure<P, St::Error>>
where
    P: Plans,
    St: JobStore<Key<P>, Item<P>>,
    H: Host<Key = Key<P>>,
{
    let begins = plan.cursor();
    check_options(worker, &control, &begins, &plan)?;
    worker.begin(&mut control.options);
    let mut delays = short_delays();
    loop {
        let entered = enter(worker, &begins, &mut plan, store, &mut control).await;
        let delay = match entered {
            Ok(true) => break,
            Ok(false) => delays.next().unwrap_or(LEASE_POLL),
            Err(error) => control.delay_for_checkpoints(store, error)?,
        };
        if let Some(ended) = control.wait_for(delay).await {
            return Ok(Outcome::of(ended, control.elapsed(), control.retries));
        }
    }
    control.checkpoints_worked();
    // Only the whole job starts over, not a part.
    control.options.repeated = false;
    let mut walk = plan.into_steps();
    let mut done = Outcome::of(StopReason::Done, Duration::ZERO, 0);
    let ended = loop {
        // The pause after the last chunk comes before the next one, if there is one.
        if let Some(ended) = control.wait_for_try().await {
            break ended;
        }
        let claimed = match claim(worker, store).await {
            Ok(claimed) => claimed,
            Err(error) => {
                let delay = control.delay_for_checkpoints(store, error)?;
                control.try_after(delay);
                continue;
            }
        };
        let (part, lease) = match claimed {
            Claimed::Part(part, lease) => (part, lease),
            Claimed::AllDone => match finish(worker, &begins, store, &mut control).await {
                Ok(true) => break StopReason::Done,
                Ok(false) => {
                    control.try_after(delays.next().unwrap_or(LEASE_POLL));
                    continue;
                }
                Err(error) => {
                    let delay = control.delay_for_checkpoints(store, error)?;
                    control.try_after(delay);
                    continue;
                }
            },
            Claimed::Taken { elsewhere: true } if control.options.waits => {
                if let Some(whole) = worker.whole() {
                    control.set_started(whole.started());
                }
                control.try_after(LEASE_POLL);
                continue;
            }
            Claimed::Taken { .. } => break StopReason::OthersRunning,
        };
        let job = worker.part_name(part);
        control.options.part = Some(worker.part(part));
        let ran = run_leased(&job, control, &begins, walk, store).await;
        store.release(lease).await;
        let outcome;
        // A part that has failed stays taken: no worker takes it before the runner knows of the failure.
        (outcome, walk, control) = ran?;
        worker.leave(part, outcome.is_done());
        done.add(&outcome);
        if !outcome.is_done() {
            break outcome.stop_reason();
        }
    };
    (done.ended, done.elapsed, done.retries) = (ended, control.elapsed(), control.retries);
    Ok(done)
}

/// Refuses the options that only a job without workers has, before anything is recorded.
fn check_options<P: Plans, E, H: Host>(
    worker: &Worker,
    control: &Control<H>,
    begins: &Cursor<Key<P>>,
    plan: &P,
) -> Result<(), Failure<P, E>> {
    // Reports a source without a fingerprint.
    Token::new(begins, plan.source()).map_err(unwritten(worker.job_name()))?;
    let options = &control.options;
    let refused = [
        ("Job::extend_range", options.extends),
        ("Job::adopt", options.adopts),
        ("Walk::limit", plan.has_limit()),
    ];
    match refused.into_iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((option, _)) => Err(Error::NotParallel {
            job: worker.job_name().to_owned(),
            option,
        }),
    }
}

/// How long to wait for another planner, which usually takes some milliseconds.
fn short_delays() -> impl Iterator<Item = Duration> {
    (0..6).map(|step| Duration::from_millis(1 << step))
}

/// Makes sure that there is a plan, and learns how far its parts are. Returns `false` if another worker or runner plans
/// or finishes the job.
async fn enter<P, St, H>(
    worker: &Worker,
    begins: &Cursor<Key<P>>,
    plan: &mut P,
    store: &mut St,
    control: &mut Control<H>,
) -> Result<bool, Failure<P, St::Error>>
where
    P: Plans,
    St: JobStore<Key<P>, Item<P>>,
    H: Host<Key = Key<P>>,
{
    let job = worker.job_name();
    let is_first = !worker.has_entered();
    let stored = store.load(job).await.map_err(checkpoints_failed(job))?;
    let source = plan.source();
    let whole = current(stored, is_first, worker, begins, source, control)?;
    // The others wait until one has planned the job, or knows how far its parts are.
    let lead = worker.lead();
    if is_first && lead.is_none() {
        return Ok(false);
    }
    if let Some(whole) = whole {
        return join(worker, whole, store).await.map(|()| true);
    }
    let mut leases = Vec::new();
    let entered = enter_leased(worker, begins, plan, store, control, &mut leases).await;
    for lease in leases.into_iter().rev() {
        store.release(lease).await;
    }
    entered
}

/// Does it with the job's lease, and to plan with those of its parts.
async fn enter_leased<P, St, H>(
    worker: &Worker,
    begins: &Cursor<Key<P>>,
    plan: &mut P,
    store: &mut St,
    control: &mut Control<H>,
    leases: &mut Vec<St::Lease>,
) -> Result<bool, Failure<P, St::Error>>
where
    P: Plans,
    St: JobStore<Key<P>, Item<P>>,
    H: Host<Key = Key<P>>,
{
    let job = worker.job_name();
    match store.lease(job).await.map_err(checkpoints_failed(job))? {
        Some(lease) => leases.push(lease),
        None => return Ok(false),
    }
    let is_first = !worker.has_entered();
    let stored = store.load(job).await.map_err(checkpoints_failed(job))?;
    let source = plan.source();
    if let Some(whole) = current(stored.clone(), is_first, worker, begins, source, control)? {
        return join(worker, whole, store).await.map(|()| true);
    }
    // The parts of an earlier plan may be running, also after it is void. No one takes them before the plan is recorded
    // again.
    for number in 1..=stored.as_ref().map_or(0, |stored| stored.plan().1) {
        let lease = store.lease(&part_name(job, number)).await;
        match lease.map_err(checkpoints_failed(job))? {
            Some(lease) => leases.push(lease),
            None if control.options.waits => return Ok(false),
            None => {
                return Err(Error::AlreadyRunning {
                    job: job.to_owned(),
                });
            }
        }
    }
    let now = unix_millis(control.host.time_of_day());
    let whole = make_plan(worker, begins, plan, store, now, stored).await?;
    join(worker, whole, store).await.map(|()| true)
}

/// Returns the job's checkpoint if it has a plan to go on with, and `None` if it is to be planned.
///
/// Only the first worker of a runner plans: by the time that another one looks, the job may be done again, or reset.
/// Whether it is the first is asked before the checkpoint is loaded: it may be out of date once another one has entered.
fn current<S: ResumableSource, C, H: Host>(
    stored: Option<Checkpoint>,
    is_first: bool,
    worker: &Worker,
    begins: &Cursor<S::Key>,
    source: &S,
    control: &Control<H>,
) -> Result<Option<Checkpoint>, Error<S::Error, C>> {
    let (job, options) = (worker.job_name(), &control.options);
    if stored
        .as_ref()
        .is_some_and(|stored| stored.parts().is_none())
    {
        return Err(Error::Resume {
            job: job.to_owned(),
            differs: WalkMismatch::Workers,
        });
    }
    let has_plan = |stored: &Checkpoint| stored.plan().0 > 0 || stored.is_done();
    let Some(stored) = stored.filter(has_plan) else {
        let done = worker.whole().filter(Checkpoint::is_done);
        return match is_first || done.is_some() {
            true => Ok(done),
            false => Err(was_reset(worker)),
        };
    };
    if is_first && options.repeated && stored.is_done() {
        return Ok(None);
    }
    let read = |token: &Token| token.cursor(source);
    match mismatch(&stored, begins, source, read) {
        Err(error) => Err(walk_failed(job, error)),
        Ok(None) => Ok(Some(stored)),
        Ok(Some(_)) if is_first && options.restarts => Ok(None),
        Ok(Some(differs)) => Err(Error::Resume {
            job: job.to_owned(),
            differs,
        }),
    }
}

/// Splits the walk and records the parts. Returns the job's checkpoint.
async fn make_plan<P, St>(
    worker: &Worker,
    begins: &Cursor<Key<P>>,
    plan: &mut P,
    store: &mut St,
    now: i64,
    stored: Option<Checkpoint>,
) -> Result<Checkpoint, Failure<P, St::Error>>
where
    P: Plans,
    St: JobStore<Key<P>, Item<P>>,
{
    let split = plan.split(worker.parts_to_plan()).await;
    let ranges = split.map_err(|error| walk_failed(worker.job_name(), error))?;
    let count = ranges.len();
    let (mut whole, parts) = planned(worker, begins, plan.source(), ranges, stored.as_ref(), now)?;
    record(store, &whole, true).await?;
    for part in &parts {
        record(store, part, false).await?;
    }
    let recorded = whole.plan().1;
    whole.parallel = Some(Parallel::Whole {
        parts: count,
        recorded,
    });
    // An empty walk is done.
    if count == 0 {
        whole.finished = true;
        whole.fraction = Some(1.0);
    }
    record(store, &whole, false).await?;
    Ok(whole)
}

/// Returns the checkpoint of a job that has no parts yet, and those of its parts.
fn planned<S: ResumableSource, C>(
    worker: &Worker,
    begins: &Cursor<S::Key>,
    source: &S,
    ranges: Vec<KeyRange<S::Key>>,
    stored: Option<&Checkpoint>,
    now: i64,
) -> Result<(Checkpoint, Vec<Checkpoint>), Error<S::Error, C>> {
    let job = worker.job_name();
    let count = ranges.len();
    let recorded = stored.map_or(0, |stored| stored.plan().1).max(count);
    let run = stored.map_or(0, Checkpoint::run).saturating_add(1);
    let at = |name: &str, run, cursor: &Cursor<S::Key>, place| {
        let token = Token::new(cursor, source).map_err(unwritten(job))?;
        let begun = Checkpoint::begin(name, token, now);
        Ok(Checkpoint {
            run,
            parallel: Some(place),
            ..begun
        })
    };
    let whole = at(job, run, begins, Parallel::Whole { parts: 0, recorded })?;
    let mut ranges = ranges.into_iter();
    let parts = (1..=recorded).map(|number| {
        let range = ranges.next();
        // An earlier plan had more parts.
        let finished = range.is_none();
        let cursor = match range {
            None => begins.clone(),
            // It ends at its own end, where the next part begins, not at its last key.
            Some(range) => Cursor::unbounded(range),
        };
        let of = job.to_owned();
        let run = run.saturating_mul(RUNS_PER_PLAN);
        let part = at(
            &part_name(job, number),
            run,
            &cursor,
            Parallel::Part { of, number },
        )?;
        Ok(Checkpoint { finished, ..part })
    });
    Ok((whole, parts.collect::<Result<_, _>>()?))
}

/// Records a checkpoint of the plan, unless another job has its name. The first one only if no other planner has read
/// the same checkpoint and recorded a plan since, which their leases should exclude.
async fn record<S, K, T, St: JobStore<K, T>>(
    store: &mut St,
    checkpoint: &Checkpoint,
    is_first: bool,
) -> Result<(), Error<S, St::Error>> {
    let job = checkpoint.job();
    let mut scope = store.begin().await.map_err(checkpoints_failed(job))?;
    let stored = scope.load(job).await.map_err(checkpoints_failed(job))?;
    let is_others = |stored: &Checkpoint| !stored.has_place_of(checkpoint);
    if stored.as_ref().is_some_and(is_others) {
        return Err(Error::Resume {
            job: job.to_owned(),
            differs: WalkMismatch::Workers,
        });
    }
    if is_first && stored.is_some_and(|stored| stored.run() >= checkpoint.run()) {
        return Err(Error::WasReset {
            job: job.to_owned(),
        });
    }
    let committed = scope.commit(checkpoint).await;
    committed.map_err(checkpoints_failed(job))
}

/// Joins the runner to the plan: its first worker reads how far the parts are.
async fn join<S, K, T, St: JobStore<K, T>>(
    worker: &Worker,
    whole: Checkpoint,
    store: &mut St,
) -> Result<(), Error<S, St::Error>> {
    let mut board = Board::of(whole);
    if !worker.has_entered() {
        for part in 0..board.parts() {
            let job = worker.part_name(part);
            let stored = store.load(&job).await.map_err(checkpoints_failed(&job))?;
            if let Some(stored) = stored {
                board.observe_free(part, &stored);
            }
        }
    }
    match worker.enter(board) {
        Some(true) => worker.tell(),
        Some(false) => {}
        None => return Err(was_reset(worker)),
    }
    Ok(())
}

fn was_reset<S, C>(worker: &Worker) -> Error<S, C> {
    Error::WasReset {
        job: worker.job_name().to_owned(),
    }
}

/// Reads how far a part is.
async fn look<S, K, T, St: JobStore<K, T>>(
    worker: &Worker,
    part: usize,
    store: &mut St,
) -> Result<(), Error<S, St::Error>> {
    let job = worker.part_name(part);
    let stored = store.load(&job).await.map_err(checkpoints_failed(&job))?;
    if let Some(stored) = stored {
        worker.observe(part, &stored);
    }
    Ok(())
}

enum Claimed<L> {
    /// A part, by its index, and its lease.
    Part(usize, L),
    AllDone,
    /// Other workers have what is left; some of them in other runners.
    Taken {
        elsewhere: bool,
    },
}

/// Takes the next part that isn't done and that no other worker has.
async fn claim<S, K, T, St: JobStore<K, T>>(
    worker: &Worker,
    store: &mut St,
) -> Result<Claimed<St::Lease>, Error<S, St::Error>> {
    let (mut is_done, mut elsewhere) = (true, false);
    for part in worker.order() {
        match worker.claim(part) {
            Claim::Done => continue,
            Claim::Taken => {
                is_done = false;
                continue;
            }
            Claim::Claimed => {}
        }
        let job = worker.part_name(part);
        match store.lease(&job).await {
            Ok(Some(lease)) => return Ok(Claimed::Part(part, lease)),
            Ok(None) => {
                worker.leave(part, false);
                look(worker, part, store).await?;
                elsewhere = true;
                is_done = false;
            }
            Err(error) => {
                worker.leave(part, false);
                return Err(checkpoints_failed(&job)(error));
            }
        }
    }
    Ok(match is_done {
        true => Claimed::AllDone,
        false => Claimed::Taken { elsewhere },
    })
}

/// Records that the job is done. Returns `false` if another worker or runner plans or finishes the job.
async fn finish<S, K, T, St: JobStore<K, T>, H: Host>(
    worker: &Worker,
    begins: &Cursor<K>,
    store: &mut St,
    control: &mut Control<H>,
) -> Result<bool, Error<S, St::Error>>
where
    K: Clone + PartialOrd,
{
    let job = worker.job_name();
    // New rows may be appended to an unbounded walk.
    if begins.is_unbounded() || worker.is_finished() {
        return Ok(true);
    }
    let Some(_lead) = worker.lead() else {
        return Ok(false);
    };
    let lease = store.lease(job).await.map_err(checkpoints_failed(job))?;
    let Some(lease) = lease else {
        return Ok(false);
    };
    let now = unix_millis(control.host.time_of_day());
    let finished = finish_leased(worker, store, now).await;
    store.release(lease).await;
    finished.map(|()| true)
}

async fn finish_leased<S, K, T, St: JobStore<K, T>>(
    worker: &Worker,
    store: &mut St,
    now: i64,
) -> Result<(), Error<S, St::Error>> {
    let job = worker.job_name();
    let mut scope = store.begin().await.map_err(checkpoints_failed(job))?;
    let stored = scope.load(job).await.map_err(checkpoints_failed(job))?;
    let Some(mut whole) = worker.whole() else {
        return Ok(());
    };
    whole.finished = true;
    whole.updated = now;
    // Another worker may have done this, and a later runner may have begun the job again.
    match stored.filter(|stored| stored.has_plan_of(&whole)) {
        // The hooks may use the store.
        Some(stored) if stored.is_done() => {
            drop(scope);
            whole = stored;
        }
        Some(_) => {
            let committed = scope.commit(&whole).await;
            committed.map_err(checkpoints_failed(job))?;
        }
        None => drop(scope),
    }
    worker.finish(whole);
    Ok(())
}
