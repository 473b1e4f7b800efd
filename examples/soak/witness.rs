use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey};
use keywalk_conformance::history::{Answer, Clock, Items, Question};

use crate::trouble::Trouble;

/// Any source of the soak's items: keys and values.
pub(crate) type Source<'a> =
    Box<dyn ChunkSource<Key = i64, Item = (i64, u64), Error = Trouble> + 'a>;

/// What a walk asked, and what came.
pub(crate) struct Log {
    clock: Clock,
    questions: RefCell<Vec<Question<i64>>>,
}

impl Log {
    pub(crate) fn new(clock: Clock) -> Rc<Self> {
        let questions = RefCell::default();
        Rc::new(Log { clock, questions })
    }

    /// How many questions there were.
    pub(crate) fn len(&self) -> usize {
        self.questions.borrow().len()
    }

    /// The questions since this was called before.
    pub(crate) fn take(&self) -> Vec<Question<i64>> {
        self.questions.take()
    }
}

/// A source whose questions and answers are written down.
pub(crate) struct Witness<S> {
    source: S,
    log: Rc<Log>,
}

impl<'a, S> Witness<S>
where
    S: ChunkSource<Key = i64, Item = (i64, u64)> + 'a,
    S::Error: Into<Trouble>,
{
    pub(crate) fn over(source: S, log: &Rc<Log>) -> Source<'a> {
        let log = Rc::clone(log);
        Box::new(Witness { source, log })
    }

    fn ask<T>(
        &mut self,
        range: &KeyRange<i64>,
        ask: impl FnOnce(&mut S) -> Result<T, S::Error>,
        tell: impl FnOnce(&T) -> Answer<i64>,
    ) -> Result<T, Trouble> {
        let source = &mut self.source;
        let asked = || catch_unwind(AssertUnwindSafe(|| ask(source)));
        let (answer, during) = self.log.clock.time(asked);
        let answer = answer.map(|answer| answer.map_err(Into::into));
        let told = match &answer {
            Ok(Ok(answer)) => tell(answer),
            Ok(Err(trouble)) => Answer::Error(trouble.what.clone()),
            Err(_) => Answer::Panic("in the decoding closure".to_owned()),
        };
        self.log.questions.borrow_mut().push(Question {
            range: *range,
            answer: told,
            during,
        });
        answer.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<S> ChunkSource for Witness<S>
where
    S: ChunkSource<Key = i64, Item = (i64, u64)>,
    S::Error: Into<Trouble>,
{
    type Key = i64;
    type Item = (i64, u64);
    type Error = Trouble;

    fn fetch(
        &mut self,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<(i64, u64)>,
    ) -> Result<Fetched<i64>, Trouble> {
        let limit = chunk.limit();
        // Read when the source no longer has it.
        let chunk = RefCell::new(chunk);
        self.ask(
            range,
            |source| source.fetch(range, &mut chunk.borrow_mut()),
            |fetched| {
                let chunk = chunk.borrow();
                Answer::Items(Items {
                    limit,
                    items: chunk.as_slice().to_vec(),
                    overflowed: chunk.overflowed(),
                    fetched: *fetched,
                })
            },
        )
    }

    fn key_of(&self, item: &(i64, u64)) -> i64 {
        self.source.key_of(item)
    }

    fn last_key(&mut self, range: &KeyRange<i64>) -> Result<LastKey<i64>, Trouble> {
        let ask = |source: &mut S| source.last_key(range);
        self.ask(range, ask, |last| Answer::LastKey(*last))
    }
}
