use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange, LastKey};

use crate::{
    Answer, Beat, Breach, Clause, Clock, Doing, Event, Flaw, Items, Question, Timeline, caught,
    lock, message,
};

/// A source that writes down every question and answer, in its store's history too. In another thread as well.
pub(crate) struct Witness<S: ChunkSource> {
    source: S,
    value: fn(&S::Item) -> u64,
    diary: Diary<S::Key>,
    log: Log<S::Key>,
    pub(crate) opened: u64,
}

/// Where is written down what happens to a store.
pub(crate) struct Diary<K> {
    pub(crate) beat: Beat,
    pub(crate) clock: Clock,
    pub(crate) timeline: Arc<Mutex<Timeline<K>>>,
}

/// The questions that a source was asked.
pub(crate) struct Log<K>(Arc<Mutex<Vec<Question<K>>>>);

/// Unwinds out of a check.
pub(crate) enum Unwound {
    /// A walk that doesn't end.
    Endless,
    /// A method that panicked as a token was made or read, with its message.
    Unwritten(&'static str, String),
}

/// More than any walk over the kit's small stores asks.
const MOST_QUESTIONS: usize = 20_000;

impl<S: ChunkSource> Witness<S> {
    pub(crate) fn new(source: S, value: fn(&S::Item) -> u64, diary: Diary<S::Key>) -> Self {
        let opened = diary.clock.tick();
        let log = Log(Arc::default());
        Witness {
            source,
            value,
            diary,
            log,
            opened,
        }
    }

    /// The questions so far, and those to come.
    pub(crate) fn log(&self) -> Log<S::Key> {
        Log(Arc::clone(&self.log.0))
    }

    pub(crate) fn entry(&self, item: &S::Item) -> (S::Key, u64) {
        (self.source.key_of(item), (self.value)(item))
    }

    /// The source inside: what it is asked is no part of the history.
    pub(crate) fn unseen(&mut self) -> &mut S {
        &mut self.source
    }

    /// What a chunk that is full at `limit` was filled with.
    pub(crate) fn told(
        &self,
        chunk: &Chunk<S::Item>,
        limit: usize,
        fetched: &Fetched<S::Key>,
    ) -> Items<S::Key> {
        Items {
            limit,
            items: chunk
                .as_slice()
                .iter()
                .map(|item| self.entry(item))
                .collect(),
            overflowed: chunk.overflowed(),
            fetched: fetched.clone(),
        }
    }

    /// Asks, and writes down when and what `answer` says of it.
    fn record<C, T>(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut C,
        ask: impl FnOnce(&mut S, &mut C) -> Result<T, S::Error>,
        answer: impl FnOnce(&Self, &C, &T) -> Answer<S::Key>,
    ) -> Result<T, S::Error>
    where
        S::Error: Debug,
    {
        if self.log.len() == MOST_QUESTIONS {
            resume_unwind(Box::new(Unwound::Endless));
        }
        let Diary { beat, clock, .. } = &self.diary;
        let source = &mut self.source;
        let asked = || caught(|| ask(source, chunk));
        let (result, during) = beat.during(Doing::Fetching, || clock.time(asked));
        let question = Question {
            range: range.clone(),
            answer: match &result {
                Ok(Ok(value)) => answer(self, chunk, value),
                Ok(Err(error)) => Answer::Error(format!("{error:?}")),
                Err(panic) => Answer::Panic(message(&**panic)),
            },
            during,
        };
        lock(&self.diary.timeline).push(Event::Question(question.clone()));
        lock(&self.log.0).push(question);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn write<T>(&self, method: &'static str, write: impl FnOnce(&S) -> T) -> T {
        let written = || caught(|| write(&self.source));
        let result = self.diary.beat.during(Doing::Writing, written);
        result.unwrap_or_else(|panic| {
            let message = message(&*panic);
            resume_unwind(Box::new(Unwound::Unwritten(method, message)))
        })
    }
}

impl<K: Clone> Log<K> {
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Those from the n-th on.
    pub(crate) fn from(&self, n: usize) -> Vec<Question<K>> {
        lock(&self.0)[n..].to_vec()
    }

    pub(crate) fn last(&self) -> Option<Question<K>> {
        lock(&self.0).last().cloned()
    }
}

impl Unwound {
    pub(crate) fn breach<K: Debug>(self) -> Breach<K> {
        let Unwound::Unwritten(method, message) = self else {
            return Breach::new(Flaw::Endless);
        };
        let breach = Breach::new(Flaw::Panicked).of(Clause::G10);
        let breach = breach.got(format!("`{method}`: {message}"));
        match method {
            "decode_key" => breach.hint(
                "it is given any bytes: are there as many as it takes, and is the text UTF-8?",
            ),
            "share" => breach.hint("does a difference of two far keys overflow?"),
            _ => breach,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ChunkSource<Error: Debug>> ChunkSource for Witness<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = S::Error;

    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, S::Error> {
        // Not asked of the chunk afterwards: a source could put another in its place.
        let limit = chunk.limit();
        self.record(
            range,
            chunk,
            |source, chunk| source.fetch(range, chunk),
            |witness, chunk, fetched| Answer::Items(witness.told(chunk, limit, fetched)),
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

#[deny(clippy::missing_trait_methods)]
impl<S: DurableSource<Error: Debug>> DurableSource for Witness<S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        self.write("fingerprint", |source| source.fingerprint())
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.write("encode_key", |source| source.encode_key(key, bytes));
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
        self.write("decode_key", |source| source.decode_key(bytes))
    }

    fn key_text(&self, key: &S::Key) -> String {
        self.write("key_text", |source| source.key_text(key))
    }

    fn share(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        self.write("share", |source| source.share(first, last, at))
    }
}
