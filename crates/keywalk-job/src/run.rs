use std::ops::Bound;
use std::time::Duration;

use keywalk::{Chunks, Cursor, DurableSource, Excerpt, Step, Token};

mod chunk;
mod start;

use crate::options::{Delays, Options};
use crate::{
    BoxError, Checkpoint, Checkpoints, Differs, Ended, Error, Lease, Outcome, Progress, unix_millis,
};

/// After how many stretches without an item the position is recorded all the same.
const MOST_MOVES: u32 = 64;

/// A run of a job.
pub(crate) struct Run<'a, S: DurableSource, C, F> {
    chunks: Chunks<S>,
    checkpoints: C,
    options: Options<'a, S::Key>,
    work: F,
    /// As it is committed next.
    checkpoint: Checkpoint,
    /// Where the walk stands by what was committed.
    committed: Cursor<S::Key>,
    first: Option<S::Key>,
    began: Duration,
    /// Stretches since the last commit.
    moves: u32,
    share_at_start: Option<f64>,
    outcome: Outcome,
    /// Those that are left for the chunk that is tried.
    delays: Option<Delays<'a>>,
    /// How often that chunk has failed.
    tries: u64,
    /// When the next chunk may begin.
    next_start: Duration,
    _lease: Lease,
}

type Failure<S, C> = Error<<S as keywalk::ChunkSource>::Error, <C as Checkpoints>::Error>;

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: DurableSource,
    C: Checkpoints,
    F: FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
{
    fn go(mut self, scope: C::Scope) -> Result<Outcome, Failure<S, C>> {
        self.share_at_start = Some(self.share().unwrap_or(0.0));
        if self.checkpoint.is_done() {
            drop(scope);
        } else {
            // That it has begun.
            self.commit(scope)?;
        }
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
                if self.moves > 0 {
                    self.record()?;
                }
                return Ok(ended);
            }
            let chunk_began = self.options.clock.now();
            let scope = self.begin()?;
            match self.chunks.step() {
                Err(error) => {
                    drop(scope);
                    return Err(walk_failed(&self.checkpoint.job, error));
                }
                Ok(Step::Moved) => {
                    drop(scope);
                    self.moves += 1;
                    if self.moves >= MOST_MOVES {
                        self.record()?;
                        self.tell();
                    }
                }
                Ok(Step::End) => {
                    self.commit(scope)?;
                    self.tell();
                    break;
                }
                Ok(Step::Items(_)) => self.do_chunk(scope, chunk_began)?,
            }
        }
        Ok(Ended::Done)
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

    /// Commits where the walk stands, with nothing done meanwhile.
    fn record(&mut self) -> Result<(), Failure<S, C>> {
        let scope = self.begin()?;
        self.commit(scope)
    }

    fn begin(&mut self) -> Result<C::Scope, Failure<S, C>> {
        let begun = self.checkpoints.begin();
        begun.map_err(checkpoints_failed(&self.checkpoint.job))
    }

    fn commit(&mut self, scope: C::Scope) -> Result<(), Failure<S, C>> {
        let cursor = self.chunks.cursor();
        let source = self.chunks.source();
        let token = Token::new(&cursor, source);
        self.checkpoint.token = token.map_err(source_failed(&self.checkpoint.job))?;
        let position = position(&cursor, &self.checkpoint);
        self.checkpoint.position = position.map(|key| key_text(source, key));
        self.checkpoint.share = self.share();
        self.checkpoint.updated = unix_millis(self.options.clock.time_of_day());
        let committed = self.checkpoints.commit(scope, &self.checkpoint);
        committed.map_err(checkpoints_failed(&self.checkpoint.job))?;
        self.committed = cursor;
        self.moves = 0;
        Ok(())
    }

    fn share(&self) -> Option<f64> {
        if self.checkpoint.is_done() {
            return Some(1.0);
        }
        if let Some(total) = self.options.total {
            let share = self.checkpoint.items as f64 / total as f64;
            return (total > 0).then_some(share.min(1.0));
        }
        let cursor = self.chunks.cursor();
        let (Bound::Included(last) | Bound::Excluded(last)) = cursor.range().far() else {
            return None;
        };
        let (first, at) = (self.first.as_ref()?, passed(&cursor)?);
        self.chunks.source().share(first, last, at)
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

/// The key that a job has come to. None before its first item: a walk that begins behind a key hasn't
/// come to that.
fn position<'c, K>(cursor: &'c Cursor<K>, checkpoint: &Checkpoint) -> Option<&'c K> {
    (checkpoint.items > 0).then(|| passed(cursor)).flatten()
}

/// A key in words, fit for a terminal whatever the source says: it reaches errors, logs and status reports.
fn key_text<S: DurableSource>(source: &S, key: &S::Key) -> String {
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
