//! Writes down what is asked in another thread.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};

use crate::Harness;
use crate::history::{Answer, Clock, Event, Question, Timeline};
use crate::trial::{HarnessBreach, Trial};
use crate::watch::lock;
use crate::witness::{Endless, MOST_QUESTIONS, answered, told};

/// A source that writes down every question and answer, in the trial's history too, and needs nothing of
/// the thread in which that is.
pub(crate) struct Scribe<S: ChunkSource> {
    source: S,
    value: fn(&S::Item) -> u64,
    clock: Clock,
    timeline: Arc<Mutex<Timeline<S::Key>>>,
    log: Log<S::Key>,
}

/// The questions that a source was asked.
pub(crate) struct Log<K>(Arc<(Mutex<Vec<Question<K>>>, Condvar)>);

impl<K> Clone for Log<K> {
    fn clone(&self) -> Self {
        Log(Arc::clone(&self.0))
    }
}

impl<K> Default for Log<K> {
    fn default() -> Self {
        Log(Arc::default())
    }
}

impl<K: Clone> Log<K> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        lock(&self.0.0).len()
    }

    /// Those from the n-th on.
    pub(crate) fn from(&self, n: usize) -> Vec<Question<K>> {
        lock(&self.0.0)[n..].to_vec()
    }

    /// Waits until there are more than so many.
    pub(crate) fn wait_for_more_than(&self, n: usize) {
        let questions = lock(&self.0.0);
        let waited = self.0.1.wait_while(questions, |all| all.len() <= n);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: ChunkSource<Error: Debug>> Scribe<S> {
    pub(crate) fn log(&self) -> Log<S::Key> {
        self.log.clone()
    }

    /// Asks, and writes down when and what `answer` says of it.
    fn record<C, T>(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut C,
        ask: impl FnOnce(&mut S, &mut C) -> Result<T, S::Error>,
        answer: impl FnOnce(&Self, &C, &T) -> Answer<S::Key>,
    ) -> Result<T, S::Error> {
        let (questions, more) = &*self.log.0;
        if self.log.len() == MOST_QUESTIONS {
            resume_unwind(Box::new(Endless));
        }
        let source = &mut self.source;
        let (result, during) = self
            .clock
            .time(|| catch_unwind(AssertUnwindSafe(|| ask(source, chunk))));
        let question = Question {
            range: range.clone(),
            answer: answered(&result, |value| answer(self, chunk, value)),
            during,
        };
        lock(&self.timeline).add(Event::Question(question.clone()));
        lock(questions).push(question);
        more.notify_all();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<S: ChunkSource<Error: Debug>> ChunkSource for Scribe<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        let limit = chunk.limit();
        self.record(
            range,
            chunk,
            |source, chunk| source.fetch(range, chunk),
            |scribe, chunk, fetched| {
                let Scribe { source, value, .. } = scribe;
                Answer::Items(told(source, value, chunk, limit, fetched.clone()))
            },
        )
    }

    fn key_of(&self, item: &S::Item) -> S::Key {
        self.source.key_of(item)
    }

    fn key_into(&self, item: &S::Item, key: &mut S::Key) {
        self.source.key_into(item, key);
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, S::Error> {
        self.record(
            range,
            &mut (),
            |source, ()| source.last_key(range),
            |_, (), answer| Answer::LastKey(answer.clone()),
        )
    }
}

impl<H: Harness> Trial<H> {
    /// Another source, for another thread, whose questions are written down.
    pub(crate) fn scribe(&self) -> Result<Scribe<H::Source<'_>>, HarnessBreach<H>> {
        self.walks();
        Ok(Scribe {
            source: self.bare_source()?,
            value: H::value,
            clock: self.ledger().clock().clone(),
            timeline: self.ledger().timeline(),
            log: Log::default(),
        })
    }
}
