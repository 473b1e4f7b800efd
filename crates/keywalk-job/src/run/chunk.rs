use std::slice;
use std::time::Duration;

use keywalk::{DurableSource, Token};

use super::{Failure, Run, checkpoints_failed, source_failed};
use crate::events;
use crate::{BoxError, Checkpoints, DeadLetter, Error};

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
        let items = self.chunks.items();
        let count = items.len();
        let mut failed: Vec<(usize, BoxError)> = Vec::new();
        if self.options.skips {
            for (at, item) in items.iter().enumerate() {
                let work = &mut self.work;
                let mut work = |scope: &C::Scope| work(scope, slice::from_ref(item));
                let tried = self.checkpoints.attempt(&scope, &mut work);
                let failed_by = checkpoints_failed(&self.checkpoint.job);
                if let Err(error) = tried.map_err(failed_by)? {
                    failed.push((at, error));
                }
            }
        } else if let Err(error) = (self.work)(&scope, items) {
            failed.push((0, error));
        }
        if let Some(delay) = self.delay_for(&failed) {
            drop(scope);
            events::tried(&self.checkpoint, count, delay);
            self.chunks.seek(self.committed.clone());
            self.moves = 0;
            self.outcome.retries += 1;
            self.tries += 1;
            self.next_start = self.options.clock.now().saturating_add(delay);
            return Ok(());
        }
        self.delays = None;
        let tries = std::mem::take(&mut self.tries) + 1;
        let letters = failed.len() as u64;
        for (at, error) in failed {
            if !self.options.skips || !self.bury(&scope, at, &error)? {
                drop(scope);
                return Err(Error::Work {
                    job: self.checkpoint.job.clone(),
                    after: self.checkpoint.position.clone(),
                    items: if self.options.skips { 1 } else { count },
                    tries,
                    error,
                });
            }
        }
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
        self.checkpoint.skipped += letters;
        self.commit(scope)?;
        self.outcome.items += count as u64;
        self.outcome.chunks += 1;
        self.outcome.skipped += letters;
        events::chunk(&self.checkpoint, count, letters);
        self.next_start = self.options.next_start(began, count);
        self.tell();
        Ok(())
    }

    /// The time after which to try the chunk again, if that is worth it.
    fn delay_for(&mut self, failed: &[(usize, BoxError)]) -> Option<Duration> {
        let again = self.options.again.as_mut()?;
        if !failed.iter().any(|(_, error)| (again.when)(error)) {
            return None;
        }
        self.delays.get_or_insert_with(|| (again.policy)()).next()
    }

    /// Records the item at this place of the chunk with its error.
    fn bury(
        &mut self,
        scope: &C::Scope,
        at: usize,
        error: &BoxError,
    ) -> Result<bool, Failure<S, C>> {
        let Some(item) = self.chunks.items().get(at) else {
            return Ok(false);
        };
        let source = self.chunks.source();
        let key = source.key_of(item);
        let mut key_bytes = Vec::new();
        source.encode_key(&key, &mut key_bytes);
        let letter = DeadLetter {
            job: &self.checkpoint.job,
            key: source.key_text(&key),
            key_bytes: &key_bytes,
            error,
            time: self.options.clock.time_of_day(),
        };
        events::buried(&letter);
        let buried = self.checkpoints.bury(scope, &letter);
        buried.map_err(checkpoints_failed(&self.checkpoint.job))
    }
}
