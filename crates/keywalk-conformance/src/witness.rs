use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};

use crate::history::{
    Answer, Breach, Event, Flaw, Items, Question, diagnosed, explained, explained_by, judge,
    judge_last_key,
};
use crate::trial::{HarnessBreach, Trial};
use crate::watch::{Doing, message};
use crate::{Clause, Harness};

mod durable;

pub(crate) use durable::Unwritten;

/// A source that writes down every question and answer, in its trial's history too.
pub(crate) struct Witness<'t, H: Harness> {
    trial: &'t Trial<H>,
    source: H::Source<'t>,
    questions: Vec<Question<H::Key>>,
    opened: u64,
}

/// More than any walk over the kit's small stores asks.
pub(crate) const MOST_QUESTIONS: usize = 20_000;

/// Unwinds out of a walk that doesn't end.
pub(crate) struct Endless;

/// The error of a harness's source.
pub(crate) type SourceError<'t, H> = <<H as Harness>::Source<'t> as ChunkSource>::Error;

impl<'t, H: Harness> Witness<'t, H> {
    pub(crate) fn new(trial: &'t Trial<H>, source: H::Source<'t>) -> Self {
        Witness {
            trial,
            source,
            questions: Vec::new(),
            opened: trial.ledger().clock().tick(),
        }
    }

    /// The questions so far.
    pub(crate) fn questions(&self) -> &[Question<H::Key>] {
        &self.questions
    }

    /// An item's key and value.
    pub(crate) fn entry(&self, item: &<H::Source<'t> as ChunkSource>::Item) -> (H::Key, u64) {
        (self.source.key_of(item), H::value(item))
    }

    /// Fetches once, and judges the answer by itself; where a key is missing, asks on to tell why.
    /// How far did it get? `None` is to the end.
    pub(crate) fn ask(
        &mut self,
        range: &KeyRange<H::Key>,
        chunk: &mut Chunk<<H::Source<'t> as ChunkSource>::Item>,
    ) -> Result<Option<H::Key>, HarnessBreach<H>> {
        chunk.clear();
        // What it answered, or how it failed, is written down.
        drop(catch_unwind(AssertUnwindSafe(|| self.fetch(range, chunk))));
        self.judge_last().map_err(|breach| self.diagnosed(breach))
    }

    /// The breach of the last answer, told by asking on: a fresh source the same, and this one in
    /// other ways.
    fn diagnosed(&mut self, breach: HarnessBreach<H>) -> HarnessBreach<H> {
        let Some(range) = self.questions.last().map(|question| question.range.clone()) else {
            return breach;
        };
        let breach = self.compared(breach);
        diagnosed(&range, breach, |range, key| self.finds(range, key))
    }

    /// The breach of the last answer, told by what a fresh source answers.
    pub(crate) fn compared(&self, breach: HarnessBreach<H>) -> HarnessBreach<H> {
        let Some(Question {
            range,
            answer: Answer::Items(answer),
            during,
        }) = self.questions.last()
        else {
            return breach;
        };
        let fresh = self.trial.harness().map(H::source);
        let Ok(Ok(mut fresh)) = fresh else {
            return breach;
        };
        let mut chunk = Chunk::with_limit(answer.limit);
        let fetch = AssertUnwindSafe(|| fresh.fetch(range, &mut chunk));
        let Ok(Ok(fetched)) = catch_unwind(fetch) else {
            return breach;
        };
        let other = told(&fresh, H::value, &chunk, answer.limit, fetched);
        let is_right = judge(range, &other, &self.trial.ledger().lives(), *during).is_ok();
        if is_right {
            breach.of_its_state()
        } else {
            breach
        }
    }

    /// The same for the last key.
    pub(crate) fn ask_last_key(
        &mut self,
        range: &KeyRange<H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        drop(catch_unwind(AssertUnwindSafe(|| self.last_key(range))));
        self.judge_last().map(drop)
    }

    /// Judges the last answer by itself, if there was one.
    pub(crate) fn judge_last(&self) -> Result<Option<H::Key>, HarnessBreach<H>> {
        let Some(question) = self.questions.last() else {
            return Ok(None);
        };
        let Question {
            range,
            answer,
            during,
        } = question;
        let lives = self.trial.ledger().lives();
        match answer {
            Answer::LastKey(answer) => {
                let times = (self.opened, *during);
                judge_last_key(range, answer, &lives, *during)
                    .map(|()| None)
                    .map_err(|breach| {
                        explained_by(breach, &lives, times, |at| {
                            judge_last_key(range, answer, &lives, at).is_ok()
                        })
                    })
            }
            Answer::Items(answer) => judge(range, answer, &lives, *during)
                .map_err(|breach| explained(breach, range, answer, &lives, (self.opened, *during))),
            Answer::Error(error) => Err(Breach::new(Flaw::Failed).got(error)),
            Answer::Panic(panic) if range.is_empty() => {
                let breach = Breach::new(Flaw::Panicked).of(Clause::G6).got(panic);
                Err(breach.hint("`BTreeMap::range` panics on such a range: ask `is_empty` first"))
            }
            Answer::Panic(panic) => Err(Breach::new(Flaw::Panicked).got(panic)),
        }
    }

    /// Whether a fetch of all of `range` has this key. Not part of the history.
    fn finds(&mut self, range: &KeyRange<H::Key>, key: &H::Key) -> bool {
        let mut chunk = Chunk::with_limit(usize::MAX);
        let source = &mut self.source;
        let fetched = catch_unwind(AssertUnwindSafe(|| source.fetch(range, &mut chunk)));
        let mut items = chunk.as_slice().iter();
        matches!(fetched, Ok(Ok(_))) && items.any(|item| self.source.key_of(item) == *key)
    }

    /// When the source was opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    /// Asks, and writes down when and what `answer` says of it.
    fn record<C, T, E: Debug>(
        &mut self,
        range: &KeyRange<H::Key>,
        chunk: &mut C,
        ask: impl FnOnce(&mut H::Source<'t>, &mut C) -> Result<T, E>,
        answer: impl FnOnce(&Self, &C, &T) -> Answer<H::Key>,
    ) -> Result<T, E> {
        if self.questions.len() == MOST_QUESTIONS {
            resume_unwind(Box::new(Endless));
        }
        self.trial.walks();
        let trial = self.trial;
        let source = &mut self.source;
        let asked = || catch_unwind(AssertUnwindSafe(|| ask(source, chunk)));
        let timed = || trial.ledger().clock().time(asked);
        let (result, during) = trial.beat().during(Doing::Fetching, timed);
        let question = Question {
            range: range.clone(),
            answer: answered(&result, |value| answer(self, chunk, value)),
            during,
        };
        trial.ledger().tell(Event::Question(question.clone()));
        self.questions.push(question);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<'t, H: Harness> ChunkSource for Witness<'t, H> {
    type Key = H::Key;
    type Item = <H::Source<'t> as ChunkSource>::Item;
    type Error = SourceError<'t, H>;

    fn fetch(
        &mut self,
        range: &KeyRange<H::Key>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<H::Key>, Self::Error> {
        // Not asked of the chunk afterwards: a source could put another in its place.
        let limit = chunk.limit();
        self.record(
            range,
            chunk,
            |source, chunk| source.fetch(range, chunk),
            |witness, chunk, fetched| {
                Answer::Items(told(
                    &witness.source,
                    H::value,
                    chunk,
                    limit,
                    fetched.clone(),
                ))
            },
        )
    }

    fn key_of(&self, item: &Self::Item) -> H::Key {
        self.source.key_of(item)
    }

    fn key_into(&self, item: &Self::Item, key: &mut H::Key) {
        self.source.key_into(item, key);
    }

    fn last_key(&mut self, range: &KeyRange<H::Key>) -> Result<LastKey<H::Key>, Self::Error> {
        self.record(
            range,
            &mut (),
            |source, ()| source.last_key(range),
            |_, (), answer| Answer::LastKey(answer.clone()),
        )
    }
}

/// What came of a question: what `answer` says of it, an error or a panic.
pub(crate) fn answered<K, T, E: Debug>(
    result: &std::thread::Result<Result<T, E>>,
    answer: impl FnOnce(&T) -> Answer<K>,
) -> Answer<K> {
    match result {
        Ok(Ok(value)) => answer(value),
        Ok(Err(error)) => Answer::Error(format!("{error:?}")),
        Err(panic) => Answer::Panic(message(&**panic)),
    }
}

/// What a source answered, in keys and values.
pub(crate) fn told<S: ChunkSource>(
    source: &S,
    value: impl Fn(&S::Item) -> u64,
    chunk: &Chunk<S::Item>,
    limit: usize,
    fetched: Fetched<S::Key>,
) -> Items<S::Key> {
    let items = chunk.as_slice().iter();
    Items {
        limit,
        items: items
            .map(|item| (source.key_of(item), value(item)))
            .collect(),
        overflowed: chunk.overflowed(),
        fetched,
    }
}
