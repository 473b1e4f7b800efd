use std::slice;
use std::time::Duration;

use keywalk::{DurableSource, Token};

use super::{Failure, Run, checkpoints_failed, key_text, source_failed};
use crate::events;
use crate::{Attempt, BoxError, Checkpoints, DeadLetter, Error};

/// What came of the function's work on a chunk.
enum Worked {
    Done {
        skipped: u64,
    },
    /// It is to be tried again, after this time.
    Again(Duration),
    Failed {
        /// The key of the item, in words, where items are worked on one by one.
        item: Option<String>,
        error: BoxError,
    },
}

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: DurableSource,
    C: Checkpoints,
    F: FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
{
    /// Does and records the chunk that was fetched; or undoes it, to be tried again.
    pub(super) fn do_chunk(
        &mut self,
        scope: C::Scope,
        began: Duration,
    ) -> Result<(), Failure<S, C>> {
        let count = self.chunks.items().len();
        let skipped = match self.work_on(&scope)? {
            Worked::Done { skipped } => skipped,
            Worked::Again(delay) => {
                drop(scope);
                events::tried(&self.checkpoint, count, delay);
                self.chunks.seek(self.committed.clone());
                self.moves = 0;
                self.outcome.retries += 1;
                self.tries += 1;
                self.next_start = self.options.clock.now().saturating_add(delay);
                return Ok(());
            }
            Worked::Failed { item, error } => {
                drop(scope);
                return Err(Error::Work {
                    job: self.checkpoint.job.clone(),
                    item,
                    after: self.checkpoint.position.clone(),
                    items: count,
                    tries: self.tries + 1,
                    error,
                });
            }
        };
        self.delays = None;
        self.tries = 0;
        if self.first.is_none() {
            let source = self.chunks.source();
            self.first = self.chunks.items().first().map(|item| source.key_of(item));
            let first = self.first.clone().map(|key| self.chunks.cursor_past(key));
            let first = first.map(|cursor| Token::new(&cursor, source));
            self.checkpoint.first = first
                .transpose()
                .map_err(source_failed(&self.checkpoint.job))?;
        }
        self.checkpoint.items += count as u64;
        self.checkpoint.chunks += 1;
        self.checkpoint.skipped += skipped;
        self.commit(scope)?;
        self.outcome.items += count as u64;
        self.outcome.chunks += 1;
        self.outcome.skipped += skipped;
        events::chunk(&self.checkpoint, count, skipped);
        self.next_start = self.options.next_start(began, count);
        self.tell();
        Ok(())
    }

    /// Has the function work on the chunk's items: on all at once, or one by one where some may be skipped.
    fn work_on(&mut self, scope: &C::Scope) -> Result<Worked, Failure<S, C>> {
        let mut skipped = 0;
        if !self.options.skips {
            let worked = (self.work)(scope, self.chunks.items());
            return Ok(match worked {
                Ok(()) => Worked::Done { skipped },
                Err(error) => self.again_or(error, None),
            });
        }
        for at in 0..self.chunks.items().len() {
            let item = slice::from_ref(&self.chunks.items()[at]);
            let work = &mut self.work;
            let attempt = self
                .checkpoints
                .attempt(scope, &mut |scope| work(scope, item));
            let (error, is_undone) =
                match attempt.map_err(checkpoints_failed(&self.checkpoint.job))? {
                    Attempt::Done => continue,
                    Attempt::Undone(error) => (error, true),
                    Attempt::Lost(error) => (error, false),
                };
            if let Some(delay) = self.delay_for(&error) {
                return Ok(Worked::Again(delay));
            }
            if !is_undone || !self.bury(scope, at, &error)? {
                let item = Some(self.key_text(at));
                return Ok(Worked::Failed { item, error });
            }
            skipped += 1;
        }
        Ok(Worked::Done { skipped })
    }

    fn again_or(&mut self, error: BoxError, item: Option<String>) -> Worked {
        match self.delay_for(&error) {
            Some(delay) => Worked::Again(delay),
            None => Worked::Failed { item, error },
        }
    }

    /// The time after which to try the chunk again, if that is worth it.
    fn delay_for(&mut self, error: &BoxError) -> Option<Duration> {
        let again = self.options.again.as_mut()?;
        if !(again.when)(error) {
            return None;
        }
        self.delays.get_or_insert_with(|| (again.policy)()).next()
    }

    fn key_text(&self, at: usize) -> String {
        let source = self.chunks.source();
        key_text(source, &source.key_of(&self.chunks.items()[at]))
    }

    /// Records the item at this place of the chunk with its error.
    fn bury(
        &mut self,
        scope: &C::Scope,
        at: usize,
        error: &BoxError,
    ) -> Result<bool, Failure<S, C>> {
        let source = self.chunks.source();
        let key = source.key_of(&self.chunks.items()[at]);
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
