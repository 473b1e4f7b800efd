use std::collections::VecDeque;

use keywalk::{ChunkSource, Cursor, KeyRange, Walk};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::{BoxError, KeySpace, Model, Oracle, Question, Schedule, Store, Witness, schedules};

/// A rule that must hold for every schedule.
pub type Law<K> = fn(Schedule<K>) -> Result<(), TestCaseError>;

/// How many schedules a law is tried with, unless `PROPTEST_CASES` says it.
const CASES: u32 = 96;

/// Tries a law with schedules of all kinds.
///
/// # Panics
///
/// If it is broken, with the smallest schedule that was found.
pub fn for_all<K: KeySpace>(law: Law<K>) {
    let asked_for = std::env::var_os("PROPTEST_CASES").is_some();
    let default = Config::default();
    let config = Config {
        cases: if asked_for { default.cases } else { CASES },
        // Nothing is written beside the sources: the smallest schedule is printed.
        failure_persistence: None,
        ..default
    };
    if let Err(error) = TestRunner::new(config).run(&schedules::<K>(), law) {
        panic!("{error}");
    }
}

/// Walks by chunks, with mutations between them: every fetch is exactly what the store then holds
/// (G1 to G9), and the walk hands out every fetch as it is.
///
/// # Errors
///
/// If not.
pub fn walk_is_exact<S: Store>(schedule: Schedule<S::Key>) -> Result<(), TestCaseError> {
    let store = S::open().map_err(failed)?;
    let mut trial = Trial::new(&store, &schedule)?;
    // Tells keys while a chunk is lent.
    let reader = store.source().map_err(failed)?;
    let mut chunks = walk(trial.source()?, &schedule).chunks();
    let mut judged = 0;
    loop {
        trial.mutate()?;
        let chunk = chunks.next().map_err(unexpected)?;
        let chunk: Option<Vec<_>> = chunk.map(|items| {
            items
                .iter()
                .map(|item| (reader.key_of(item), S::value(item)))
                .collect()
        });
        let questions = &chunks.source().questions()[judged..];
        let fetched = trial.judge(questions)?;
        judged += questions.len();
        trial.oracle.cursor_is(&chunks.cursor())?;
        let Some(chunk) = chunk else { break };
        prop_assert!(!chunk.is_empty(), "lent an empty chunk");
        prop_assert_eq!(&chunk, &fetched);
        chunk.into_iter().try_for_each(|(key, _)| trial.see(key))?;
    }
    trial.ends(chunks.stats().queries(), schedule.chunk_size)?;
    // Fused, whatever is there by now.
    trial.refill()?;
    prop_assert!(matches!(chunks.next(), Ok(None)));
    prop_assert_eq!(chunks.source().questions().len(), judged);
    Ok(())
}

/// The same by items: mutations happen whenever none is buffered.
///
/// # Errors
///
/// If not.
pub fn items_are_exact<S: Store>(schedule: Schedule<S::Key>) -> Result<(), TestCaseError> {
    let store = S::open().map_err(failed)?;
    let mut trial = Trial::new(&store, &schedule)?;
    let walk = walk(trial.source()?, &schedule);
    trial.hand_out(walk, schedule.chunk_size, usize::MAX)?;
    Ok(())
}

/// A walk that is cut after any item, and resumed from its cursor with another chunk size, is one
/// walk (G10).
///
/// # Errors
///
/// If not.
pub fn resumption_is_exact<S: Store>(schedule: Schedule<S::Key>) -> Result<(), TestCaseError> {
    let store = S::open().map_err(failed)?;
    let mut trial = Trial::new(&store, &schedule)?;
    let first = walk(trial.source()?, &schedule);
    let cursor = trial.hand_out(first, schedule.chunk_size, schedule.cut)?;
    let size = schedule.second_chunk_size;
    let second = Walk::new(trial.source()?).resume(cursor).chunk_size(size);
    trial.hand_out(second, size, usize::MAX)?;
    Ok(())
}

fn walk<K: Ord + Clone, S: ChunkSource<Key = K>>(source: S, schedule: &Schedule<K>) -> Walk<S> {
    let walk = Walk::new(source)
        .range(schedule.bounds.clone())
        .order(schedule.order)
        .chunk_size(schedule.chunk_size);
    if schedule.live { walk.live() } else { walk }
}

fn failed(error: BoxError) -> TestCaseError {
    TestCaseError::fail(format!("the store failed: {error}"))
}

fn unexpected(error: impl std::fmt::Debug) -> TestCaseError {
    TestCaseError::fail(format!("the walk failed: {error:?}"))
}

/// A walk over a store, beside what it must be.
struct Trial<'a, S: Store> {
    store: &'a S,
    schedule: &'a Schedule<S::Key>,
    range: KeyRange<S::Key>,
    model: Model<S::Key>,
    oracle: Oracle<S::Key>,
    /// How many of the schedule's mutations were done.
    step: usize,
    /// The last key handed out.
    last: Option<S::Key>,
}

impl<'a, S: Store> Trial<'a, S> {
    fn new(store: &'a S, schedule: &'a Schedule<S::Key>) -> Result<Self, TestCaseError> {
        let mut model = Model::default();
        for key in &schedule.initial {
            model.put(store, key).map_err(failed)?;
        }
        let range = KeyRange::new(schedule.bounds.clone(), schedule.order);
        Ok(Trial {
            store,
            schedule,
            oracle: Oracle::new(range.clone(), schedule.live),
            range,
            model,
            step: 0,
            last: None,
        })
    }

    fn source(&self) -> Result<Witness<S::Source<'a>>, TestCaseError> {
        let source = self.store.source().map_err(failed)?;
        Ok(Witness::new(source, S::value))
    }

    fn mutate(&mut self) -> Result<(), TestCaseError> {
        let Schedule {
            mutations,
            pool,
            order,
            ..
        } = self.schedule;
        for mutation in mutations.get(self.step).into_iter().flatten() {
            self.model
                .apply(self.store, mutation, pool, *order, self.last.as_ref())
                .map_err(failed)?;
        }
        self.step += 1;
        Ok(())
    }

    /// Puts every key of the pool.
    fn refill(&mut self) -> Result<(), TestCaseError> {
        let mut keys = self.schedule.pool.iter();
        keys.try_for_each(|key| self.model.put(self.store, key))
            .map_err(failed)
    }

    /// Judges what was asked since the last mutation, and tells what is to be handed out of it.
    fn judge(
        &mut self,
        questions: &[Question<S::Key>],
    ) -> Result<Vec<(S::Key, u64)>, TestCaseError> {
        let mut fetched = Vec::new();
        for question in questions {
            prop_assert!(fetched.is_empty(), "asked again while there were items");
            self.oracle.observe(question, &self.model)?;
            if let Question::Fetch { range, items, .. } = question {
                // The search for the last key goes in the other order.
                if range.order() == self.schedule.order {
                    fetched.clone_from(items);
                }
            }
        }
        Ok(fetched)
    }

    /// G1 and G2, of all that was handed out, whatever the fetches were.
    fn see(&mut self, key: S::Key) -> Result<(), TestCaseError> {
        if let Some(last) = &self.last {
            let (before, after) = match self.schedule.order {
                keywalk::Order::Ascending => (last, &key),
                keywalk::Order::Descending => (&key, last),
            };
            prop_assert!(before < after, "{:?} came after {:?}", key, last);
        }
        self.last = Some(key);
        Ok(())
    }

    /// G8 and G9.
    fn ends(&self, queries: u64, chunk_size: usize) -> Result<(), TestCaseError> {
        prop_assert!(self.oracle.has_ended(), "ended although there may be more");
        let chunks = self.model.ever_within(&self.range).div_ceil(chunk_size);
        let most = chunks + 2 + self.oracle.scanned();
        prop_assert!(
            queries <= most as u64,
            "{} queries, {} at most",
            queries,
            most
        );
        Ok(())
    }

    /// Takes items one by one, and tells where the walk then stands.
    fn hand_out(
        &mut self,
        walk: Walk<Witness<S::Source<'a>>>,
        chunk_size: usize,
        most: usize,
    ) -> Result<Cursor<S::Key>, TestCaseError> {
        let mut items = walk.into_iter();
        let mut judged = 0;
        let mut buffered = VecDeque::new();
        for _ in 0..most {
            prop_assert_eq!(items.size_hint().0, buffered.len());
            if buffered.is_empty() {
                self.mutate()?;
            }
            let item = items.next().transpose().map_err(unexpected)?;
            let questions = &items.source().questions()[judged..];
            if !questions.is_empty() {
                prop_assert!(buffered.is_empty(), "asked again while items were buffered");
                buffered = self.judge(questions)?.into();
                judged += questions.len();
            }
            let entry = item.map(|item| items.source().entry(&item));
            prop_assert_eq!(&entry, &buffered.pop_front());
            let Some((key, _)) = entry else {
                self.ends(items.stats().queries(), chunk_size)?;
                self.refill()?;
                prop_assert!(items.next().is_none());
                prop_assert_eq!(items.source().questions().len(), judged);
                break;
            };
            if buffered.is_empty() {
                self.oracle.cursor_is(&items.cursor())?;
            } else {
                self.oracle.cursor_is_past(&items.cursor(), &key)?;
            }
            self.see(key)?;
        }
        self.oracle.resume(self.last.as_ref(), !buffered.is_empty());
        Ok(items.cursor())
    }
}
