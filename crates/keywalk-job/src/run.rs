use std::slice;
use std::time::Duration;

use keywalk::{Cursor, Keyed, ResumableSource, Step};

use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::checkpoints::Attempt;
use crate::control::{Control, Options};
use crate::dead_letter::DeadLetter;
use crate::driver::{Host, JobStore, OpenScope, Steps};
use crate::error::{BoxError, Error, checkpoints_failed, unwritten, walk_failed};
use crate::events;
use crate::next::{self, Next};
use crate::outcome::{Outcome, StopReason};
use crate::progress::Progress;
use crate::resume::{first_token, key_text, open, position};

/// After this many fetches without an item the position is recorded anyway.
const MOST_MOVES: u32 = 64;

pub(crate) const LEASE_POLL: Duration = Duration::from_millis(50);

/// The error of a run whose store's error is `E`.
type Failure<W, E> = Error<<W as Steps>::Error, E>;

/// Runs a job: takes its lease, finds its position and processes chunk by chunk, until it is done or should
/// end.
///
/// The driver that implements the traits decides how the run waits.
pub(crate) async fn run<W, St, H>(
    job: &str,
    options: Options,
    host: H,
    begins: Cursor<W::Key>,
    walk: W,
    store: &mut St,
) -> Result<Outcome, Failure<W, St::Error>>
where
    W: Steps,
    St: JobStore<W::Key, W::Item>,
    H: Host<Key = W::Key>,
{
    let control = Control::new(host, options);
    let outcome = start(job, control, begins, walk, store).await;
    events::ended(&outcome);
    outcome
}

async fn start<W, St, H>(
    job: &str,
    mut control: Control<H>,
    begins: Cursor<W::Key>,
    walk: W,
    store: &mut St,
) -> Result<Outcome, Failure<W, St::Error>>
where
    W: Steps,
    St: JobStore<W::Key, W::Item>,
    H: Host<Key = W::Key>,
{
    let lease = match take_lease(job, &mut control, store).await? {
        Ok(lease) => lease,
        Err(ended) => return Ok(Outcome::of(ended, control.elapsed(), control.retries)),
    };
    let ran = run_leased(job, control, &begins, walk, store).await;
    store.release(lease).await;
    ran.map(|(outcome, ..)| outcome)
}

/// Runs a job whose lease is taken, or a part of one. Returns the walk and the control too, for the next part.
pub(crate) async fn run_leased<W, St, H>(
    job: &str,
    mut control: Control<H>,
    begins: &Cursor<W::Key>,
    mut walk: W,
    store: &mut St,
) -> Result<(Outcome, W, Control<H>), Failure<W, St::Error>>
where
    W: Steps,
    St: JobStore<W::Key, W::Item>,
    H: Host<Key = W::Key>,
{
    let opened = loop {
        let error = match open(job, begins, &mut walk, store, &mut control).await {
            Ok(opened) => break opened,
            Err(error) => error,
        };
        let delay = control.delay_for_checkpoints(store, error)?;
        if let Some(ended) = control.wait_for(delay).await {
            let outcome = Outcome::of(ended, control.elapsed(), control.retries);
            return Ok((outcome, walk, control));
        }
    };
    if let Some(part) = &control.options.part {
        part.observe(&opened.checkpoint);
    }
    control.checkpoints_worked();
    control.set_started(opened.checkpoint.started());
    // Seeks only if needed. A walk whose options contradict its cursor must report that error, and a seek would clear
    // the error. Of a parallel job, the planner reports it.
    let is_part = control.options.part.is_some();
    if is_part || opened.cursor != *begins {
        walk.seek(opened.cursor.clone());
    }
    // Only the last part of an unbounded walk is open to what is appended.
    let is_open = begins.is_unbounded() && opened.cursor.range().end() == begins.range().end();
    let mut run = Run {
        closes: is_part && !is_open,
        own_size: walk.chunk_size(),
        limit: walk.limit(),
        most_items: usize::MAX,
        is_asked: false,
        walk,
        tally: Tally {
            began: match is_part {
                true => control.host.now(),
                false => control.began,
            },
            fraction_at_start: opened.checkpoint.fraction.unwrap_or(0.0),
            checkpoint: opened.checkpoint,
            committed: opened.cursor,
            items: 0,
            chunks: 0,
            skipped: 0,
        },
        control,
        first: opened.first,
        moves: 0,
        tries: None,
    };
    run.tell();
    let ended = run.walk(store).await?;
    run.walk.set_chunk_size(run.own_size);
    let Run {
        walk,
        tally,
        control,
        ..
    } = run;
    let outcome = Outcome {
        items: tally.items,
        chunks: tally.chunks,
        skipped: tally.skipped,
        checkpoint: Some(tally.checkpoint),
        ..Outcome::of(ended, control.elapsed(), control.retries)
    };
    Ok((outcome, walk, control))
}

/// Takes the lease, and waits for it if configured. Returns why the run should end, if that comes first.
async fn take_lease<S, K, T, St: JobStore<K, T>, H: Host>(
    job: &str,
    control: &mut Control<H>,
    store: &mut St,
) -> Result<Result<St::Lease, StopReason>, Error<S, St::Error>> {
    loop {
        let lease = store.lease(job).await.map_err(checkpoints_failed(job));
        let delay = match lease {
            Ok(Some(lease)) => return Ok(Ok(lease)),
            Ok(None) if control.options.waits => LEASE_POLL,
            Ok(None) => {
                return Err(Error::AlreadyRunning {
                    job: job.to_owned(),
                });
            }
            Err(error) => control.delay_for_checkpoints(store, error)?,
        };
        if let Some(ended) = control.wait_for(delay).await {
            return Ok(Err(ended));
        }
    }
}

/// A run that has the lease and has recorded that it begins.
struct Run<W: Steps, H: Host> {
    walk: W,
    /// Whether it is a part, which is done at the end of its range.
    closes: bool,
    /// The walk's own chunk size.
    own_size: usize,
    /// The most items of the job, over all runs.
    limit: Option<u64>,
    /// The most items of a chunk after failures.
    most_items: usize,
    /// Whether the caller's hook has let the next chunk begin.
    is_asked: bool,
    control: Control<H>,
    tally: Tally<W::Key>,
    /// The first key that the job had.
    first: Option<W::Key>,
    /// Fetches without an item since the last commit.
    moves: u32,
    /// The item or chunk that failed last: how often it failed, and its remaining delays. `None` once it is done.
    tries: Option<Tries<W::Key, H::Delays>>,
}

/// The committed counts and position.
struct Tally<K> {
    checkpoint: Checkpoint,
    /// The walk's position according to the checkpoint.
    committed: Cursor<K>,
    /// This field and the next two count this run only.
    items: u64,
    chunks: u64,
    skipped: u64,
    fraction_at_start: f64,
    /// When this run of the job, or of the part, began.
    began: Duration,
}

/// The result of a step.
enum Went {
    On,
    /// The walk reached the current end. An unbounded walk still isn't done.
    ToTheEnd,
    /// The function ended the run.
    Stopped,
    /// The chunk's first item is to be skipped over this error, in another scope.
    Skip(BoxError),
}

/// How often an item has failed, or a chunk if its items are not processed one by one.
struct Tries<K, D> {
    key: Option<K>,
    failed: u64,
    /// `None` if nothing is retried.
    delays: Option<D>,
}

/// The result of the function's work on a chunk.
struct Worked {
    /// How many items, counted from the first, are done or skipped and are to be committed.
    done: usize,
    /// How many of these were skipped.
    skipped: u64,
    then: Then,
}

enum Then {
    GoOn,
    /// The run ends after what is done.
    Stop,
    /// The job ends after what is done.
    Finish,
    /// The function counted this many items as done, which it can't.
    Invalid(usize),
    /// The next item or chunk is retried after this time.
    Retry(Duration),
    /// The chunk is processed again.
    Again,
    /// The first item is to be skipped over this error, in another scope.
    Skip(BoxError),
    /// The item at this index, or the chunk, has failed.
    Fail(Option<usize>, BoxError),
    /// The item with this key has failed, and no more may be skipped.
    Refuse(String, BoxError),
}

impl<W: Steps, H: Host<Key = W::Key>> Run<W, H> {
    /// Walks chunk by chunk, until the run ends.
    async fn walk<St: JobStore<W::Key, W::Item>>(
        &mut self,
        store: &mut St,
    ) -> Result<StopReason, Failure<W, St::Error>> {
        while !self.tally.checkpoint.is_done() {
            // The walk counts a chunk as a whole. If only part of one was committed, this corrects the limit.
            let left = self
                .limit
                .map(|limit| limit.saturating_sub(self.tally.checkpoint.items));
            self.walk.set_limit(left);
            if left == Some(0) {
                return Ok(StopReason::Limit);
            }
            if let Some(ended) = self.wait().await {
                self.record_moves(store).await?;
                return Ok(ended);
            }
            match self.step(store).await {
                Ok(Went::On) => {}
                Ok(Went::ToTheEnd) => break,
                Ok(Went::Stopped) if self.tally.checkpoint.is_done() => {}
                Ok(Went::Stopped) => return Ok(StopReason::Stopped),
                // `step` has skipped it.
                Ok(Went::Skip(_)) => {}
                Err(error) => {
                    let delay = self.control.delay_for_checkpoints(store, error)?;
                    self.control.try_after(delay);
                }
            }
        }
        Ok(StopReason::Done)
    }

    /// Sends one request to the store, and processes the result.
    async fn step<St: JobStore<W::Key, W::Item>>(
        &mut self,
        store: &mut St,
    ) -> Result<Went, Failure<W, St::Error>> {
        let chunk_began = self.control.host.now();
        let size = self.control.options.rates().most_items(self.own_size);
        self.walk.set_chunk_size(size.min(self.most_items));
        let skips = store.skips();
        let scope = store
            .begin()
            .await
            .map_err(checkpoints_failed(self.job()))?;
        match self.walk.step().await {
            Err(error) => {
                drop(scope);
                return Err(walk_failed(self.job(), error));
            }
            Ok(Step::Progress) => {
                self.moves += 1;
                // Also after a failure of the checkpoints: only a commit shows that they work again.
                if self.moves >= MOST_MOVES || self.control.retries_checkpoints() {
                    self.record_in(scope).await?;
                    self.tell();
                }
            }
            Ok(Step::End) => {
                let closes = self.closes;
                self.commit(scope, self.walk.cursor(), 0, 0, closes).await?;
                self.tell();
                return Ok(Went::ToTheEnd);
            }
            Ok(Step::Items(_)) => {
                let mut went = self.do_chunk(scope, skips, chunk_began).await;
                if let Ok(Went::Skip(error)) = went {
                    went = self.skip_first(store, &error, chunk_began).await;
                }
                if went.is_err() {
                    self.go_back();
                }
                return went;
            }
        }
        Ok(Went::On)
    }

    /// Processes and records the fetched items as far as possible, and undoes the rest.
    async fn do_chunk<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        mut scope: Sc,
        skips: bool,
        began: Duration,
    ) -> Result<Went, Failure<W, Sc::Error>> {
        let count = self.walk.items().len();
        let Worked {
            done,
            skipped,
            then,
        } = match skips {
            true => self.work_one_by_one(&mut scope, count).await?,
            false => self.work_on_all(&mut scope, count).await,
        };
        // The other workers needn't wait for the commit.
        if let (Then::Stop, Some(part)) = (&then, &self.control.options.part) {
            part.stop();
        }
        if done == 0 && !matches!(then, Then::Stop | Then::Finish) {
            drop(scope);
        } else {
            let finishes = matches!(then, Then::Finish);
            self.keep(scope, done, skipped, finishes, began).await?;
        }
        match then {
            Then::GoOn | Then::Finish => Ok(Went::On),
            Then::Stop => Ok(Went::Stopped),
            Then::Skip(error) => Ok(Went::Skip(error)),
            Then::Again => {
                self.go_back();
                Ok(Went::On)
            }
            Then::Invalid(done) => Err(Error::InvalidNext {
                job: self.job().to_owned(),
                done,
                items: if skips { 1 } else { count },
            }),
            Then::Retry(delay) => {
                events::tried(&self.tally.checkpoint, count - done, delay);
                self.go_back();
                if self.control.options.shrinks && !skips {
                    self.most_items = (count / 2).max(1);
                }
                self.control.retries += 1;
                self.control.try_after(delay);
                Ok(Went::On)
            }
            Then::Fail(at, error) => Err(Error::Work {
                job: self.job().to_owned(),
                tries: self.failures(at),
                item: at.map(|at| self.key_text(at)),
                after: self.tally.checkpoint.position.clone(),
                items: count,
                error,
            }),
            Then::Refuse(item, error) => Err(Error::SkipLimit {
                job: self.job().to_owned(),
                item,
                skipped: self.tally.checkpoint.skipped,
                items: self.tally.checkpoint.items,
                error,
            }),
        }
    }

    async fn work_on_all<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        scope: &mut Sc,
        count: usize,
    ) -> Worked {
        let progress = self.tally.progress(&self.control, self.control.host.now());
        let batch = Batch {
            items: self.walk.items(),
            previous: None,
            left: self.tally.committed.range(),
            progress: &progress,
        };
        let (done, then) = match scope.work(batch).await {
            Ok(next) => {
                self.tries = None;
                done_and_then(next, count)
            }
            Err(error) => match self.delay_for(&error, None) {
                Some(delay) => (0, Then::Retry(delay)),
                None => (0, Then::Fail(None, error)),
            },
        };
        let skipped = 0;
        Worked {
            done,
            skipped,
            then,
        }
    }

    /// Processes the items one by one. Before an item is retried, the items before it are committed. After its
    /// retry succeeds, or the item is skipped, the item is committed at once. So no later failure repeats these
    /// items.
    async fn work_one_by_one<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        scope: &mut Sc,
        count: usize,
    ) -> Result<Worked, Failure<W, Sc::Error>> {
        let mut skipped = 0;
        let kept = |done, skipped, then| {
            Ok(Worked {
                done,
                skipped,
                then,
            })
        };
        let now = self.control.host.now();
        for at in 0..count {
            if at > 0 && self.is_tried(at) {
                return kept(at, skipped, Then::GoOn);
            }
            let items = self.walk.items();
            let progress = self.tally.progress(&self.control, now);
            let batch = Batch {
                items: slice::from_ref(&items[at]),
                previous: at.checked_sub(1).map(|before| &items[before]),
                left: self.tally.committed.range(),
                progress: &progress,
            };
            let mut next = Next::go_on();
            let attempt = scope.attempt(batch, &mut next).await;
            match attempt.map_err(checkpoints_failed(self.job()))? {
                Attempt::Done => match done_and_then(next, 1) {
                    (_, Then::GoOn) => {}
                    (_, then @ Then::Invalid(_)) => return kept(0, 0, then),
                    (done, then) => {
                        self.tries = None;
                        return kept(at + done, skipped, then);
                    }
                },
                Attempt::RolledBack(error) => {
                    if let Some(delay) = self.delay_for(&error, Some(at)) {
                        return kept(at, skipped, Then::Retry(delay));
                    }
                    if !self.may_skip(at, skipped) {
                        return kept(at, skipped, Then::Refuse(self.key_text(at), error));
                    }
                    self.record_dead_letter(scope, at, &error).await?;
                    skipped += 1;
                }
                Attempt::ScopeUndone(error) => {
                    let then = match self.delay_for(&error, Some(at)) {
                        Some(delay) => Then::Retry(delay),
                        // The items before it are committed first, and then it is processed alone.
                        None if at > 0 => {
                            self.tries = Some(Tries {
                                key: Some(self.key(at)),
                                failed: self.failures(Some(at)),
                                delays: None,
                            });
                            Then::Again
                        }
                        None if self.may_skip(0, 0) => Then::Skip(error),
                        None => Then::Refuse(self.key_text(0), error),
                    };
                    return kept(0, 0, then);
                }
                Attempt::ScopeLost(error) => {
                    let then = match self.delay_for(&error, Some(at)) {
                        Some(delay) => Then::Retry(delay),
                        None => Then::Fail(Some(at), error),
                    };
                    return kept(0, 0, then);
                }
            }
            if self.is_tried(at) {
                self.tries = None;
                return kept(at + 1, skipped, Then::GoOn);
            }
        }
        kept(count, skipped, Then::GoOn)
    }

    /// Returns whether the item at this index may be skipped, after `skipped` items before it in the chunk.
    fn may_skip(&self, at: usize, skipped: u64) -> bool {
        let items = self.tally.checkpoint.items + at as u64 + 1;
        let failed = self.tally.checkpoint.skipped + skipped + 1;
        self.control.options.may_skip(failed, items)
    }

    /// Commits the chunk's first item as skipped, in a scope in which nothing else is done.
    async fn skip_first<St: JobStore<W::Key, W::Item>>(
        &mut self,
        store: &mut St,
        error: &BoxError,
        began: Duration,
    ) -> Result<Went, Failure<W, St::Error>> {
        let begun = store.begin().await;
        let mut scope = begun.map_err(checkpoints_failed(self.job()))?;
        self.record_dead_letter(&mut scope, 0, error).await?;
        self.tries = None;
        self.keep(scope, 1, 1, false, began).await?;
        Ok(Went::On)
    }

    /// Records the item at this index of the chunk with its error.
    async fn record_dead_letter<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        scope: &mut Sc,
        at: usize,
        error: &BoxError,
    ) -> Result<(), Failure<W, Sc::Error>> {
        let mut key_bytes = Vec::new();
        let source = self.walk.source();
        source.encode_key(&self.key(at), &mut key_bytes);
        let letter = DeadLetter {
            job: self.job(),
            key: self.key_text(at),
            key_bytes: &key_bytes,
            error,
            time: self.control.host.time_of_day(),
        };
        events::buried(&letter);
        let buried = scope.record_dead_letter(&letter).await;
        buried.map_err(checkpoints_failed(self.job()))
    }

    /// Returns whether the item at this index has failed before.
    fn is_tried(&self, at: usize) -> bool {
        let key = self.tries.as_ref().and_then(|tries| tries.key.as_ref());
        key.is_some_and(|key| *key == self.key(at))
    }

    /// Returns the delay before the item at this index, or the chunk, is retried, if a retry is worthwhile.
    fn delay_for(&mut self, error: &BoxError, at: Option<usize>) -> Option<Duration> {
        let key = at.map(|at| self.key(at));
        let host = &mut self.control.host;
        let is_worth_it = host.is_worth_a_retry(error);
        if !self.tries.as_ref().is_some_and(|tries| tries.key == key) {
            if !is_worth_it {
                return None;
            }
            self.tries = Some(Tries {
                key,
                failed: 0,
                delays: Some(host.delays()?),
            });
        }
        let tries = self.tries.as_mut()?;
        tries.failed += 1;
        match is_worth_it {
            true => tries.delays.as_mut()?.next(),
            false => None,
        }
    }

    /// Returns how often the item at this index, or the chunk, has failed.
    fn failures(&self, at: Option<usize>) -> u64 {
        let key = at.map(|at| self.key(at));
        let tries = self.tries.as_ref().filter(|tries| tries.key == key);
        tries.map_or(1, |tries| tries.failed)
    }

    /// Commits the first `done` items of the chunk. With `finishes` the job is done.
    async fn keep<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        scope: Sc,
        done: usize,
        skipped: u64,
        finishes: bool,
        began: Duration,
    ) -> Result<(), Failure<W, Sc::Error>> {
        if self.first.is_none() && done > 0 {
            self.first = Some(self.key(0));
        }
        let is_part = done < self.walk.items().len();
        let cursor = match done {
            0 => self.tally.committed.clone(),
            _ if is_part => self.walk.cursor_after(self.key(done - 1)),
            _ => self.walk.cursor(),
        };
        self.commit(scope, cursor, done as u64, skipped, finishes)
            .await?;
        if is_part {
            self.go_back();
        }
        self.tally.items += done as u64;
        self.tally.chunks += u64::from(done > 0);
        self.most_items = self.most_items.saturating_mul(2);
        self.tally.skipped += skipped;
        events::chunk(&self.tally.checkpoint, done, skipped);
        self.control.chunk_done(began, done);
        self.tell();
        Ok(())
    }

    /// Commits the position at which the run ends. Ignores transient failures: no item was done since the last
    /// commit.
    async fn record_moves<St: JobStore<W::Key, W::Item>>(
        &mut self,
        store: &mut St,
    ) -> Result<(), Failure<W, St::Error>> {
        if self.moves == 0 {
            return Ok(());
        }
        let recorded = match store.begin().await {
            Ok(scope) => self.record_in(scope).await,
            Err(error) => Err(checkpoints_failed(self.job())(error)),
        };
        match recorded {
            Err(Error::CheckpointStore { error, .. }) if store.is_transient(&error) => Ok(()),
            recorded => recorded,
        }
    }

    /// Commits the walk's position, with no new items.
    async fn record_in<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        scope: Sc,
    ) -> Result<(), Failure<W, Sc::Error>> {
        self.commit(scope, self.walk.cursor(), 0, 0, false).await
    }

    /// Commits this many more items, up to `cursor`.
    async fn commit<Sc: OpenScope<W::Key, W::Item>>(
        &mut self,
        scope: Sc,
        cursor: Cursor<W::Key>,
        items: u64,
        skipped: u64,
        finishes: bool,
    ) -> Result<(), Failure<W, Sc::Error>> {
        let source = self.walk.source();
        let mut next = self.tally.checkpoint.clone();
        next.items += items;
        next.chunks += u64::from(items > 0);
        next.skipped += skipped;
        next.finished = finishes || self.closes && cursor.range().is_empty();
        if let (None, Some(first)) = (&next.first, &self.first) {
            let first = first_token(first, &cursor, source);
            next.first = Some(first.map_err(unwritten(self.job()))?);
        }
        let stands = next.stand_at(&cursor, self.first.as_ref(), source, &self.control);
        stands.map_err(unwritten(self.job()))?;
        let committed = scope.commit(&next).await;
        committed.map_err(checkpoints_failed(self.job()))?;
        self.control.checkpoints_worked();
        self.tally.checkpoint = next;
        self.tally.committed = cursor;
        self.moves = 0;
        self.is_asked = false;
        Ok(())
    }

    /// Returns to the last commit: what came after it is undone, and fetched again.
    fn go_back(&mut self) {
        self.walk.seek(self.tally.committed.clone());
        self.moves = 0;
        self.is_asked = false;
    }

    /// Waits as configured. Returns why the run should end, if that comes first.
    async fn wait(&mut self) -> Option<StopReason> {
        let mut ended = self.control.wait_for_start().await;
        while ended.is_none() && !self.is_asked {
            let progress = self.tally.progress(&self.control, self.control.host.now());
            match self.control.host.hold(&progress) {
                Some(time) => ended = self.control.wait_for(time).await,
                None => self.is_asked = true,
            }
        }
        ended
    }

    fn tell(&mut self) {
        if let Some(part) = &self.control.options.part {
            part.record(&self.tally.checkpoint);
        }
        let progress = self.tally.progress(&self.control, self.control.host.now());
        self.control.host.tell(&progress);
    }

    fn job(&self) -> &str {
        &self.tally.checkpoint.job
    }

    fn key(&self, at: usize) -> W::Key {
        self.walk.items()[at].key()
    }

    fn key_text(&self, at: usize) -> String {
        key_text(self.walk.source(), &self.key(at))
    }
}

/// Returns how many items of a batch are done, and what follows.
fn done_and_then(next: Next, items: usize) -> (usize, Then) {
    match (next.items.unwrap_or(items), next.then) {
        (done, _) if done > items => (0, Then::Invalid(done)),
        (0, next::Then::GoOn) => (0, Then::Invalid(0)),
        (done, next::Then::GoOn) => (done, Then::GoOn),
        (done, next::Then::Stop) => (done, Then::Stop),
        (done, next::Then::Finish) => (done, Then::Finish),
    }
}

impl<K> Tally<K> {
    fn progress<'t, H: Host>(&'t self, control: &Control<H>, now: Duration) -> Progress<'t, K> {
        let due = match self.checkpoint.is_done() {
            true => now,
            false => now.max(control.next_start()),
        };
        Progress {
            job: &self.checkpoint.job,
            position: position(&self.committed, &self.checkpoint),
            items: self.checkpoint.items,
            items_of_run: self.items,
            chunks: self.checkpoint.chunks,
            skipped: self.checkpoint.skipped,
            elapsed: now.saturating_sub(self.began),
            charged: due.saturating_sub(self.began),
            fraction: self.checkpoint.fraction,
            fraction_at_start: self.fraction_at_start,
            total: control.options.total,
            is_done: self.checkpoint.is_done(),
        }
    }
}
