use std::slice;
use std::time::Duration;

use keywalk::{ChunkSource, Keyed, ResumableSource};

use super::{Failure, Run, Tries, checkpoints_failed, key_text};
use crate::events;
use crate::{Attempt, BoxError, Checkpoints, DeadLetter, Error};

/// How far the function's work on a chunk got.
struct Worked {
    /// How many items from the first on are done or skipped, and are to be committed.
    done: usize,
    /// Of these.
    skipped: u64,
    then: Then,
}

enum Then {
    GoOn,
    /// What comes next is tried again, after this time.
    Retry(Duration),
    /// The item at this place, or the chunk, has failed.
    Fail(Option<usize>, BoxError),
    /// The item with this key has failed, and no more may be skipped.
    Refuse(String, BoxError),
}

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: ChunkSource + ResumableSource,
    C: Checkpoints,
    F: FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
{
    /// Does and records what was fetched, as far as that goes, and undoes the rest.
    pub(super) fn do_chunk(
        &mut self,
        scope: C::Scope,
        began: Duration,
    ) -> Result<(), Failure<S, C>> {
        let count = self.chunks.items().len();
        let Worked {
            done,
            skipped,
            then,
        } = self.work_on(&scope)?;
        match done {
            0 => drop(scope),
            done => self.keep(scope, done, skipped, began)?,
        }
        match then {
            Then::GoOn => Ok(()),
            Then::Retry(delay) => {
                events::tried(&self.checkpoint, count - done, delay);
                self.go_back();
                self.try_after(delay);
                Ok(())
            }
            Then::Fail(at, error) => Err(Error::Work {
                job: self.checkpoint.job.clone(),
                tries: self.failures(at),
                item: at.map(|at| self.key_text(at)),
                after: self.checkpoint.position.clone(),
                items: count,
                error,
            }),
            Then::Refuse(item, error) => Err(Error::SkipLimit {
                job: self.checkpoint.job.clone(),
                item,
                skipped: self.checkpoint.skipped,
                items: self.checkpoint.items,
                error,
            }),
        }
    }

    /// Commits the chunk's first items, `done` of them.
    fn keep(
        &mut self,
        scope: C::Scope,
        done: usize,
        skipped: u64,
        began: Duration,
    ) -> Result<(), Failure<S, C>> {
        let items = self.chunks.items();
        if self.first.is_none() {
            self.first = items.first().map(Keyed::key);
        }
        let is_part = done < items.len();
        let cursor = match items.get(done - 1) {
            Some(last) if is_part => self.chunks.cursor_past(last.key()),
            _ => self.chunks.cursor(),
        };
        self.commit(scope, cursor, done as u64, skipped)?;
        if is_part {
            self.go_back();
        }
        self.outcome.items += done as u64;
        self.outcome.chunks += 1;
        self.outcome.skipped += skipped;
        events::chunk(&self.checkpoint, done, skipped);
        self.next_start = self.options.next_start(began, done);
        self.tell();
        Ok(())
    }

    /// Has the function work on the chunk's items: on all at once, or one by one where some may be skipped.
    fn work_on(&mut self, scope: &C::Scope) -> Result<Worked, Failure<S, C>> {
        let count = self.chunks.items().len();
        if self.options.skips {
            return self.work_one_by_one(scope, count);
        }
        let (done, then) = match (self.work)(scope, self.chunks.items()) {
            Ok(()) => {
                self.tries = None;
                (count, Then::GoOn)
            }
            Err(error) => match self.delay_for(&error, None) {
                Some(delay) => (0, Then::Retry(delay)),
                None => (0, Then::Fail(None, error)),
            },
        };
        let skipped = 0;
        Ok(Worked {
            done,
            skipped,
            then,
        })
    }

    /// Where an item fails that is to be tried again, those before it are committed, and so is that item once
    /// it is done: then nothing that fails later brings them back.
    fn work_one_by_one(&mut self, scope: &C::Scope, count: usize) -> Result<Worked, Failure<S, C>> {
        let mut skipped = 0;
        let kept = |done, skipped, then| {
            Ok(Worked {
                done,
                skipped,
                then,
            })
        };
        for at in 0..count {
            if at > 0 && self.is_tried(at) {
                return kept(at, skipped, Then::GoOn);
            }
            let item = slice::from_ref(&self.chunks.items()[at]);
            let work = &mut self.work;
            let attempt = self
                .checkpoints
                .attempt(scope, &mut |scope| work(scope, item));
            match attempt.map_err(checkpoints_failed(&self.checkpoint.job))? {
                Attempt::Done => {}
                Attempt::Undone(error) => {
                    if let Some(delay) = self.delay_for(&error, Some(at)) {
                        return kept(at, skipped, Then::Retry(delay));
                    }
                    let items = self.checkpoint.items + at as u64 + 1;
                    let failed = self.checkpoint.skipped + skipped + 1;
                    if !self.options.may_skip(failed, items) {
                        return kept(at, skipped, Then::Refuse(self.key_text(at), error));
                    }
                    if !self.bury(scope, at, &error)? {
                        return kept(0, 0, Then::Fail(Some(at), error));
                    }
                    skipped += 1;
                }
                Attempt::Lost(error) => {
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

    /// Whether the item at this place has failed before.
    fn is_tried(&self, at: usize) -> bool {
        let key = self.tries.as_ref().and_then(|tries| tries.key.as_ref());
        key.is_some_and(|key| *key == self.key(at))
    }

    /// The time after which to try the item at this place again, or the chunk, if that is worth it.
    fn delay_for(&mut self, error: &BoxError, at: Option<usize>) -> Option<Duration> {
        let key = at.map(|at| self.key(at));
        let again = self.options.again.as_mut()?;
        let is_worth_it = (again.when)(error);
        if !self.tries.as_ref().is_some_and(|tries| tries.key == key) {
            if !is_worth_it {
                return None;
            }
            self.tries = Some(Tries {
                key,
                failed: 0,
                delays: (again.policy)(),
            });
        }
        let tries = self.tries.as_mut()?;
        tries.failed += 1;
        match is_worth_it {
            true => tries.delays.next(),
            false => None,
        }
    }

    /// How often the item at this place has failed, or the chunk.
    fn failures(&self, at: Option<usize>) -> u64 {
        let key = at.map(|at| self.key(at));
        let tries = self.tries.as_ref().filter(|tries| tries.key == key);
        tries.map_or(1, |tries| tries.failed)
    }

    fn key(&self, at: usize) -> S::Key {
        self.chunks.items()[at].key()
    }

    fn key_text(&self, at: usize) -> String {
        key_text(self.chunks.source(), &self.key(at))
    }

    /// Records the item at this place of the chunk with its error.
    fn bury(
        &mut self,
        scope: &C::Scope,
        at: usize,
        error: &BoxError,
    ) -> Result<bool, Failure<S, C>> {
        let source = self.chunks.source();
        let key = self.key(at);
        let mut key_bytes = Vec::new();
        source.encode_key(&key, &mut key_bytes);
        let letter = DeadLetter {
            job: &self.checkpoint.job,
            key: key_text(source, &key),
            key_bytes: &key_bytes,
            error,
            time: self.options.clock.time_of_day(),
        };
        events::buried(&letter);
        let buried = self.checkpoints.bury(scope, &letter);
        buried.map_err(checkpoints_failed(&self.checkpoint.job))
    }
}
