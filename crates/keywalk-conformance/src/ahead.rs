use std::collections::VecDeque;
use std::thread;

use keywalk::{ChunkSource, Cursor, Error, PrefetchedItems, Walk};

use crate::history::{Answer, Breach, Flaw, Question};
use crate::plan::Plan;
use crate::run::{Run, handed_out, not_fused, unexpected};
use crate::scribe::{Log, Scribe};
use crate::trial::{HarnessBreach, Trial};
use crate::watch::Doing;
use crate::{Clause, PrefetchedHarness};

mod fetches;

use fetches::Fetches;

/// A prefetched walk beside what it must be.
///
/// Each fetch is judged by what the store held when it ran, which is known: between two chunks the thread
/// is waited for, until it is as far ahead as the depth lets it. So nothing here depends on who is faster,
/// and a walk has to be exact.
pub(crate) struct AheadRun<'s, H: PrefetchedHarness> {
    /// What was handed out.
    pub(crate) run: Run<'s, H>,
    depth: usize,
    /// How many threads have their turn before the first item is asked for.
    turns: usize,
    /// What was fetched.
    fetched: Fetches<H::Key>,
}

type Scribed<'t, H> = Scribe<<H as crate::Harness>::Source<'t>>;
type Said<'t, H> = Error<<Scribed<'t, H> as ChunkSource>::Error>;

impl<'s, H: PrefetchedHarness> AheadRun<'s, H> {
    /// Puts what the plan has at first.
    pub(crate) fn start(
        trial: &Trial<H>,
        plan: &'s Plan<H::Key>,
        depth: usize,
    ) -> Result<Self, HarnessBreach<H>> {
        trial.put_all(&plan.schedule.initial)?;
        Ok(Self::again(trial, plan, depth))
    }

    /// Over what is there.
    pub(crate) fn again(trial: &Trial<H>, plan: &'s Plan<H::Key>, depth: usize) -> Self {
        let run = Run::again(trial, plan);
        let fetched = Fetches::new(
            trial.ledger().clock().tick(),
            Log::default(),
            run.oracle.clone(),
        );
        AheadRun {
            run,
            depth,
            turns: 0,
            fetched,
        }
    }

    /// The walk that the plan says, over another source.
    pub(crate) fn walk<'t>(
        &self,
        trial: &'t Trial<H>,
    ) -> Result<Walk<Scribed<'t, H>>, HarnessBreach<H>> {
        Ok(self.run.plan.walk(trial.scribe()?))
    }

    /// Walks by chunks, with mutations between them.
    pub(crate) fn by_chunks(
        mut self,
        trial: &Trial<H>,
        mut beside: impl FnMut(&Trial<H>) -> Result<(), HarnessBreach<H>>,
    ) -> Result<(), HarnessBreach<H>> {
        // Tells keys while a chunk is lent.
        let reader = trial.source()?;
        let walk = self.walk(trial)?;
        self.begin(trial, &walk);
        let mut chunks = walk.prefetch(self.depth).chunks();
        loop {
            self.run.mutate(trial)?;
            let next = self.ask(trial, || {
                let entries =
                    |items: &mut [_]| items.iter().map(|item| reader.entry(item)).collect();
                chunks.next().map(|items| items.map(entries))
            });
            let chunk: Option<Vec<_>> = next.map_err(|error| self.failed(trial, &error))?;
            let due = self.due(trial)?;
            self.run.oracle.cursor_is(&chunks.cursor())?;
            let Some(chunk) = chunk else { break };
            if chunk != due || chunk.is_empty() {
                return Err(handed_out(&due, &chunk));
            }
            chunk
                .into_iter()
                .try_for_each(|entry| self.run.see(trial, entry))?;
            self.settle(trial)?;
            beside(trial)?;
        }
        let size = self.run.plan.chunk_size;
        self.run.end(trial, size)?;
        self.run.refill(trial)?;
        let is_over = matches!(chunks.next(), Ok(None));
        if is_over && self.fetched.is_all() {
            Ok(())
        } else {
            Err(not_fused())
        }
    }

    /// Takes items one by one, with mutations whenever none is buffered, and gives the walk back as it
    /// then stands.
    pub(crate) fn by_items<'t>(
        &mut self,
        trial: &'t Trial<H>,
        walk: Walk<Scribed<'t, H>>,
        chunk_size: usize,
        most: usize,
    ) -> Result<PrefetchedItems<Scribed<'t, H>>, HarnessBreach<H>> {
        let reader = trial.source()?;
        self.begin(trial, &walk);
        let mut items = walk.prefetch(self.depth).items();
        // A thread that was started too early has run before these have.
        for _ in 0..self.turns {
            drop(thread::spawn(|| ()).join());
        }
        let mut buffered = VecDeque::new();
        for _ in 0..most {
            if items.size_hint().0 != buffered.len() {
                return Err(handed_out(&buffered, &items.size_hint()));
            }
            let item = if buffered.is_empty() {
                self.run.mutate(trial)?;
                let item = self.ask(trial, || items.next()).transpose();
                let item = item.map_err(|error| self.failed(trial, &error))?;
                buffered = self.due(trial)?.into();
                self.settle(trial)?;
                item
            } else {
                let item = items.next().transpose();
                item.map_err(|error| self.failed(trial, &error))?
            };
            let entry = item.map(|item| reader.entry(&item));
            let due = buffered.pop_front();
            if entry != due {
                return Err(handed_out(&due, &entry));
            }
            let Some(entry) = entry else {
                self.run.end(trial, chunk_size)?;
                self.run.refill(trial)?;
                if items.next().is_some() || !self.fetched.is_all() {
                    return Err(not_fused());
                }
                break;
            };
            if buffered.is_empty() {
                self.run.oracle.cursor_is(&items.cursor())?;
            } else {
                self.run.oracle.cursor_is_past(&items.cursor(), &entry.0)?;
            }
            self.run.see(trial, entry)?;
        }
        self.run.cut(trial, !buffered.is_empty(), &items.cursor())?;
        Ok(items)
    }

    /// Goes on from a cursor, to the end.
    pub(crate) fn resume(
        &mut self,
        trial: &Trial<H>,
        cursor: Cursor<H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let size = self.run.plan.second_chunk_size;
        let walk = Walk::new(trial.scribe()?).resume(cursor).chunk_size(size);
        self.by_items(trial, walk, size, usize::MAX).map(drop)
    }

    /// From now on other threads have their turn before the first item is asked for.
    pub(crate) fn takes_its_time(&mut self) {
        self.turns = 30;
    }

    /// From now on without a thread.
    pub(crate) fn fetches_itself(&mut self) {
        self.depth = 0;
    }

    /// All that is known is what is to be walked.
    fn begin(&mut self, trial: &Trial<H>, walk: &Walk<Scribed<'_, H>>) {
        let (opened, log) = (trial.ledger().clock().tick(), walk.source().log());
        self.fetched = Fetches::new(opened, log, self.run.oracle.clone());
    }

    /// Asks for the next chunk.
    fn ask<T>(&mut self, trial: &Trial<H>, next: impl FnOnce() -> T) -> T {
        self.fetched.asked.push(trial.ledger().clock().tick());
        trial.beat().during(Doing::Fetching, next)
    }

    /// Judges what was handed out now, and tells what that is.
    fn due(&mut self, trial: &Trial<H>) -> Result<Vec<(H::Key, u64)>, HarnessBreach<H>> {
        self.look(trial)?;
        while let Some(question) = self.fetched.pending.pop_front() {
            let opened = self.fetched.opened;
            self.run.observe_of(trial, opened, &question)?;
            if let Some(items) = self.items(&question) {
                return Ok(items.to_vec());
            }
        }
        Ok(Vec::new())
    }

    /// Waits until the thread is as far ahead as it gets.
    fn settle(&mut self, trial: &Trial<H>) -> Result<(), HarnessBreach<H>> {
        loop {
            self.look(trial)?;
            let ahead = self.fetched.pending.iter();
            let ahead = ahead.filter(|question| self.items(question).is_some());
            let Fetches { log, seen, .. } = &self.fetched;
            let is_over = self.fetched.failed || self.fetched.oracle.has_ended();
            if is_over || ahead.count() >= self.depth {
                return Ok(());
            }
            let wait = || log.wait_for_more_than(*seen);
            trial.beat().during(Doing::Fetching, wait);
        }
    }

    /// Looks at what was fetched since: none too early.
    fn look(&mut self, trial: &Trial<H>) -> Result<(), HarnessBreach<H>> {
        for question in self.fetched.log.from(self.fetched.seen) {
            // The first chunks when the first one is asked for; then one more for each.
            let chunk = self.fetched.chunks + 1;
            let asked = chunk.saturating_sub(self.depth).max(1);
            match self.fetched.asked.get(asked - 1) {
                Some(asked) if *asked < question.during.from => {}
                _ => {
                    return Err(Breach::new(Flaw::Said(
                        "a chunk was fetched further ahead than the depth",
                    ))
                    .of(Clause::G13));
                }
            }
            self.fetched.seen += 1;
            self.fetched.chunks += usize::from(self.items(&question).is_some());
            let failed = matches!(question.answer, Answer::Error(_) | Answer::Panic(_));
            self.fetched.failed |= failed;
            // What is wrong is said when it is handed out.
            let observed = self
                .fetched
                .oracle
                .observe(&question, &trial.ledger().lives());
            self.fetched.failed |= observed.is_err();
            self.fetched.pending.push_back(question);
        }
        Ok(())
    }

    /// Of a fetch that has some to be handed out: the search for the last key goes in the other order.
    fn items<'q>(&self, question: &'q Question<H::Key>) -> Option<&'q [(H::Key, u64)]> {
        match &question.answer {
            Answer::Items(answer) if question.range.order() == self.run.plan.order => {
                Some(&answer.items[..]).filter(|items| !items.is_empty())
            }
            _ => None,
        }
    }

    /// Why a walk failed: what its source answered, if that shows it.
    fn failed(&mut self, trial: &Trial<H>, error: &Said<'_, H>) -> HarnessBreach<H> {
        match self.due(trial) {
            Ok(items) if !items.is_empty() => handed_out(&items, error),
            Ok(_) => unexpected(error),
            Err(breach) => breach,
        }
    }
}
