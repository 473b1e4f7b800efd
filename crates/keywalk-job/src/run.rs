use std::ops::Bound;
use std::time::Duration;

use keywalk::{ChunkSource, Chunks, Cursor, Excerpt, ResumableSource, Step, Token};

mod chunk;
mod start;

use crate::options::{Delays, Options};
use crate::{
    BoxError, Checkpoint, Checkpoints, Differs, Ended, Error, Lease, Outcome, Progress, unix_millis,
};

/// After how many stretches without an item the position is recorded all the same.
const MOST_MOVES: u32 = 64;

/// A run of a job.
pub(crate) struct Run<'a, S: ChunkSource + ResumableSource, C, F> {
    chunks: Chunks<S>,
    checkpoints: C,
    options: Options<'a, S::Key>,
    work: F,
    /// As it was committed last.
    checkpoint: Checkpoint,
    /// Where the walk stands by what was committed.
    committed: Cursor<S::Key>,
    first: Option<S::Key>,
    began: Duration,
    /// Stretches since the last commit.
    moves: u32,
    share_at_start: f64,
    outcome: Outcome,
    /// Of what failed last and isn't done yet.
    tries: Option<Tries<'a, S::Key>>,
    /// When the next chunk may begin.
    next_start: Duration,
    _lease: Lease,
}

/// What came of a step.
enum Went {
    On,
    /// Also of a live walk, which isn't done by it.
    ToTheEnd,
}

/// How often an item has failed, or a chunk where its items aren't told apart.
struct Tries<'a, K> {
    key: Option<K>,
    failed: u64,
    delays: Delays<'a>,
}

type Failure<S, C> = Error<<S as keywalk::Source>::Error, <C as Checkpoints>::Error>;

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: ChunkSource + ResumableSource,
    C: Checkpoints,
    F: FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
{
    fn go(mut self) -> Result<Outcome, Failure<S, C>> {
        self.tell();
        let ended = self.walk()?;
        Ok(Outcome {
            ended,
            elapsed: self.options.clock.now().saturating_sub(self.began),
            checkpoint: Some(self.checkpoint),
            ..self.outcome
        })
    }

    /// Chunk by chunk, until the run ends.
    fn walk(&mut self) -> Result<Ended, Failure<S, C>> {
        while !self.checkpoint.is_done() {
            if let Some(ended) = self.wait() {
                self.record_moves()?;
                return Ok(ended);
            }
            match self.step() {
                Ok(Went::On) => {}
                Ok(Went::ToTheEnd) => break,
                Err(error) => {
                    let options = &mut self.options;
                    let delay = options.delay_for_checkpoints(&self.checkpoints, error)?;
                    self.try_after(delay);
                }
            }
        }
        Ok(Ended::Done)
    }

    /// Puts one question to the store, and does what it answers.
    fn step(&mut self) -> Result<Went, Failure<S, C>> {
        let chunk_began = self.options.clock.now();
        let scope = self.begin()?;
        match self.chunks.step() {
            Err(error) => {
                drop(scope);
                return Err(walk_failed(&self.checkpoint.job, error));
            }
            Ok(Step::Moved) => {
                self.moves += 1;
                // Also after a failure of the checkpoints: only a commit shows that they work again.
                if self.moves >= MOST_MOVES || self.options.retries_checkpoints() {
                    self.record_in(scope)?;
                    self.tell();
                }
            }
            Ok(Step::End) => {
                self.record_in(scope)?;
                self.tell();
                return Ok(Went::ToTheEnd);
            }
            Ok(Step::Items(_)) => {
                if let Err(error) = self.do_chunk(scope, chunk_began) {
                    self.go_back();
                    return Err(error);
                }
            }
        }
        Ok(Went::On)
    }

    /// Back to what was committed: what came since is undone, and fetched again.
    fn go_back(&mut self) {
        self.chunks.seek(self.committed.clone());
        self.moves = 0;
    }

    fn try_after(&mut self, delay: Duration) {
        self.outcome.retries += 1;
        let time = self.options.clock.now().saturating_add(delay);
        self.next_start = self.next_start.max(time);
    }

    /// Waits as long as the job was told to, unless the run should end before.
    fn wait(&mut self) -> Option<Ended> {
        if let Some(ended) = self.options.wait_until(self.next_start, self.began) {
            return Some(ended);
        }
        let mut hold = self.options.hold.take()?;
        let mut ended = None;
        while ended.is_none()
            && let Some(time) = hold(&self.progress())
        {
            ended = self.options.wait_for(time, self.began);
        }
        self.options.hold = Some(hold);
        ended
    }

    /// Commits where the run leaves off. Where another writer is in the way it is let be: no item was done since.
    fn record_moves(&mut self) -> Result<(), Failure<S, C>> {
        if self.moves == 0 {
            return Ok(());
        }
        let recorded = self.begin().and_then(|scope| self.record_in(scope));
        match recorded {
            Err(Error::Checkpoints { error, .. }) if self.checkpoints.is_transient(&error) => {
                Ok(())
            }
            recorded => recorded,
        }
    }

    /// Commits where the walk stands, with nothing done meanwhile.
    fn record_in(&mut self, scope: C::Scope) -> Result<(), Failure<S, C>> {
        self.commit(scope, self.chunks.cursor(), 0, 0)
    }

    fn begin(&mut self) -> Result<C::Scope, Failure<S, C>> {
        let begun = self.checkpoints.begin();
        begun.map_err(checkpoints_failed(&self.checkpoint.job))
    }

    /// Commits that so many more items were done, up to `cursor`.
    fn commit(
        &mut self,
        scope: C::Scope,
        cursor: Cursor<S::Key>,
        items: u64,
        skipped: u64,
    ) -> Result<(), Failure<S, C>> {
        let job = &self.checkpoint.job;
        let source = self.chunks.source();
        let mut next = self.checkpoint.clone();
        next.items += items;
        next.chunks += u64::from(items > 0);
        next.skipped += skipped;
        if let (None, Some(first)) = (&next.first, &self.first) {
            let first = first_token(first, &cursor, source);
            next.first = Some(first.map_err(source_failed(job))?);
        }
        let stands = next.stand_at(&cursor, self.first.as_ref(), source, &self.options);
        stands.map_err(source_failed(job))?;
        let committed = self.checkpoints.commit(scope, &next);
        committed.map_err(checkpoints_failed(job))?;
        self.options.checkpoints_worked();
        self.checkpoint = next;
        self.committed = cursor;
        self.moves = 0;
        Ok(())
    }

    fn tell(&mut self) {
        if self.options.hooks.is_empty() {
            return;
        }
        let mut hooks = std::mem::take(&mut self.options.hooks);
        let progress = self.progress();
        hooks.iter_mut().for_each(|hook| hook(&progress));
        self.options.hooks = hooks;
    }

    fn progress(&self) -> Progress<'_, S::Key> {
        let now = self.options.clock.now();
        let due = match self.checkpoint.is_done() {
            true => now,
            false => now.max(self.next_start),
        };
        Progress {
            job: &self.checkpoint.job,
            position: position(&self.committed, &self.checkpoint),
            items: self.checkpoint.items,
            items_of_run: self.outcome.items,
            chunks: self.checkpoint.chunks,
            skipped: self.checkpoint.skipped,
            elapsed: now.saturating_sub(self.began),
            charged: due.saturating_sub(self.began),
            share: self.checkpoint.share,
            share_at_start: self.share_at_start,
            total: self.options.total,
            is_done: self.checkpoint.is_done(),
        }
    }
}

impl Checkpoint {
    /// Moves it to `cursor`.
    fn stand_at<S: ChunkSource + ResumableSource>(
        &mut self,
        cursor: &Cursor<S::Key>,
        first: Option<&S::Key>,
        source: &S,
        options: &Options<'_, S::Key>,
    ) -> Result<(), S::Error> {
        self.token = Token::new(cursor, source)?;
        self.position = position(cursor, self).map(|key| key_text(source, key));
        self.share = self.share_at(cursor, first, source, options.total);
        self.updated = unix_millis(options.clock.time_of_day());
        Ok(())
    }

    fn share_at<S: ChunkSource + ResumableSource>(
        &self,
        cursor: &Cursor<S::Key>,
        first: Option<&S::Key>,
        source: &S,
        total: Option<u64>,
    ) -> Option<f64> {
        if self.is_done() {
            return Some(1.0);
        }
        if let Some(total) = total {
            let share = self.items as f64 / total as f64;
            return (total > 0).then_some(share.min(1.0));
        }
        let (Bound::Included(last) | Bound::Excluded(last)) = cursor.range().far() else {
            return None;
        };
        source.share(first?, last, passed(cursor)?)
    }
}

/// A walk from past the first item on, of which that key alone is read again.
fn first_token<S: ChunkSource + ResumableSource>(
    first: &S::Key,
    cursor: &Cursor<S::Key>,
    source: &S,
) -> Result<Token, S::Error> {
    let mut range = cursor.range().clone();
    range.advance_past(first.clone());
    Token::new(&Cursor::live(range), source)
}

/// The key that a job has come to. None before its first item: a walk that begins behind a key hasn't
/// come to that.
fn position<'c, K>(cursor: &'c Cursor<K>, checkpoint: &Checkpoint) -> Option<&'c K> {
    (checkpoint.items > 0).then(|| passed(cursor)).flatten()
}

/// A human-readable key, escaped and cut: errors, logs and status reports show it on terminals.
fn key_text<S: ChunkSource + ResumableSource>(source: &S, key: &S::Key) -> String {
    const MOST_CHARS: usize = 1_000;
    Excerpt::new(&source.key_text(key), MOST_CHARS).to_string()
}

/// The key that the rest of a walk lies behind.
fn passed<K>(cursor: &Cursor<K>) -> Option<&K> {
    match cursor.range().near() {
        Bound::Excluded(key) => Some(key),
        Bound::Included(_) | Bound::Unbounded => None,
    }
}

fn walk_failed<S, C>(job: &str, error: keywalk::Error<S>) -> Error<S, C> {
    let job = job.to_owned();
    match error {
        keywalk::Error::Token(error) => Error::Resume {
            job,
            differs: Differs::Token(error),
        },
        error => Error::Walk { job, error },
    }
}

fn source_failed<S, C>(job: &str) -> impl FnOnce(S) -> Error<S, C> {
    move |error| walk_failed(job, keywalk::Error::Source(error))
}

fn checkpoints_failed<S, C>(job: &str) -> impl FnOnce(C) -> Error<S, C> {
    move |error| Error::Checkpoints {
        job: job.to_owned(),
        error,
    }
}
