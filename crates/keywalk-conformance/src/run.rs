use std::collections::VecDeque;
use std::ops::Bound;

use keywalk::{Cursor, Items, Walk};

use crate::Harness;
use crate::history::{Answer, Oracle, Visits};
use crate::plan::Plan;
use crate::trial::{HarnessBreach, Trial};
use crate::witness::Witness;

mod breaches;

pub(crate) use breaches::{handed_out, not_fused, unexpected};

/// A walk over a trial's store, as a plan says, beside what it must be.
pub(crate) struct Run<'s, H: Harness> {
    pub(crate) plan: &'s Plan<H::Key>,
    pub(crate) oracle: Oracle<H::Key>,
    /// What is known of the walk by what it hands out alone.
    visits: Visits<H::Key>,
    is_snapshot: bool,
    /// How many chunks were asked for.
    step: usize,
    /// What was handed out.
    seen: Vec<(H::Key, u64)>,
}

impl<'s, H: Harness> Run<'s, H> {
    /// Puts what the plan has at first.
    pub(crate) fn start(
        trial: &Trial<H>,
        plan: &'s Plan<H::Key>,
    ) -> Result<Self, HarnessBreach<H>> {
        trial.put_all(&plan.schedule.initial)?;
        Ok(Self::again(trial, plan))
    }

    /// Over what is there. Nothing changes before its first step.
    pub(crate) fn again(trial: &Trial<H>, plan: &'s Plan<H::Key>) -> Self {
        let is_snapshot = H::capabilities().snapshot.is_yes();
        let oracle = plan.oracle();
        let mut visits = plan.visits();
        visits.begin(trial.ledger().clock().tick());
        Run {
            plan,
            oracle: if is_snapshot {
                oracle.snapshot(trial.ledger().clock().tick())
            } else {
                oracle
            },
            visits,
            is_snapshot,
            step: 0,
            seen: Vec::new(),
        }
    }

    /// Walks by chunks, with mutations between them.
    pub(crate) fn by_chunks(mut self, trial: &Trial<H>) -> Result<(), HarnessBreach<H>> {
        // Tells keys while a chunk is lent.
        let reader = trial.source()?;
        let mut chunks = self.plan.walk(trial.source()?).chunks();
        let mut judged = 0;
        loop {
            self.mutate(trial)?;
            let chunk = match chunks.next() {
                Ok(chunk) => chunk.map(|items| {
                    let entries = items.iter().map(|item| reader.entry(item));
                    entries.collect::<Vec<_>>()
                }),
                Err(error) => return Err(self.failed(trial, chunks.source(), judged, &error)),
            };
            let fetched = self.judge(trial, chunks.source(), &mut judged)?;
            self.oracle.cursor_is(&chunks.cursor())?;
            let Some(chunk) = chunk else { break };
            if chunk != fetched || chunk.is_empty() {
                return Err(handed_out(&fetched, &chunk));
            }
            chunk
                .into_iter()
                .try_for_each(|entry| self.see(trial, entry))?;
        }
        self.end(trial, self.plan.chunk_size)?;
        self.refill(trial)?;
        let is_over = matches!(chunks.next(), Ok(None));
        if is_over && chunks.source().questions().len() == judged {
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
        walk: Walk<Witness<'t, H>>,
        chunk_size: usize,
        most: usize,
    ) -> Result<Items<Witness<'t, H>>, HarnessBreach<H>> {
        let mut items = walk.items();
        let mut judged = 0;
        let mut buffered = VecDeque::new();
        for _ in 0..most {
            if items.size_hint().0 != buffered.len() {
                return Err(handed_out(&buffered, &items.size_hint()));
            }
            if buffered.is_empty() {
                self.mutate(trial)?;
            }
            let item = match items.next().transpose() {
                Ok(item) => item,
                Err(error) => return Err(self.failed(trial, items.source(), judged, &error)),
            };
            if items.source().questions().len() > judged {
                if !buffered.is_empty() {
                    return Err(handed_out(&buffered, &"another fetch"));
                }
                buffered = self.judge(trial, items.source(), &mut judged)?.into();
            }
            let entry = item.map(|item| items.source().entry(&item));
            let due = buffered.pop_front();
            if entry != due {
                return Err(handed_out(&due, &entry));
            }
            let Some(entry) = entry else {
                self.end(trial, chunk_size)?;
                self.refill(trial)?;
                if items.next().is_some() || items.source().questions().len() != judged {
                    return Err(not_fused());
                }
                break;
            };
            if buffered.is_empty() {
                self.oracle.cursor_is(&items.cursor())?;
            } else {
                self.oracle.cursor_is_past(&items.cursor(), &entry.0)?;
            }
            self.see(trial, entry)?;
        }
        self.cut(trial, !buffered.is_empty(), &items.cursor())?;
        Ok(items)
    }

    /// Goes on from a cursor, to the end.
    pub(crate) fn resume(
        &mut self,
        trial: &Trial<H>,
        cursor: Cursor<H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let size = self.plan.second_chunk_size;
        let walk = Walk::new(trial.source()?).resume(cursor).chunk_size(size);
        self.by_items(trial, walk, size, usize::MAX).map(drop)
    }

    /// What was handed out.
    pub(crate) fn into_trace(self) -> Vec<(H::Key, u64)> {
        self.seen
    }

    /// Does what is due before the next chunk.
    pub(crate) fn mutate(&mut self, trial: &Trial<H>) -> Result<(), HarnessBreach<H>> {
        let Plan {
            schedule,
            always,
            order,
            ..
        } = self.plan;
        // A snapshot is of the walk's start, whenever it is taken.
        if self.step > 0 || !self.is_snapshot {
            let now = schedule.turns.get(self.step).into_iter().flatten();
            let last = self.seen.last().map(|(key, _)| key);
            for edit in now.chain(always) {
                trial.edit(edit, &schedule.pool, *order, last)?;
            }
        }
        self.step += 1;
        Ok(())
    }

    /// Puts every key of the pool: nothing of it may come after the end.
    pub(crate) fn refill(&self, trial: &Trial<H>) -> Result<(), HarnessBreach<H>> {
        if H::capabilities().mutation.is_yes() {
            trial.put_all(&self.plan.schedule.pool)?;
        }
        Ok(())
    }

    /// Judges what was asked since the last mutation, and tells what is to be handed out of it.
    fn judge(
        &mut self,
        trial: &Trial<H>,
        witness: &Witness<'_, H>,
        judged: &mut usize,
    ) -> Result<Vec<(H::Key, u64)>, HarnessBreach<H>> {
        let mut fetched = Vec::new();
        for question in &witness.questions()[*judged..] {
            if !fetched.is_empty() {
                return Err(handed_out(&fetched, &"another fetch"));
            }
            self.observe(trial, witness, question)?;
            if let Answer::Items(answer) = &question.answer {
                // The search for the last key goes in the other order.
                if question.range.order() == self.plan.order {
                    fetched.clone_from(&answer.items);
                }
            }
        }
        *judged = witness.questions().len();
        Ok(fetched)
    }

    /// What is handed out, whatever the fetches were.
    pub(crate) fn see(
        &mut self,
        trial: &Trial<H>,
        entry: (H::Key, u64),
    ) -> Result<(), HarnessBreach<H>> {
        let ledger = trial.ledger();
        let (key, value) = &entry;
        self.oracle.hand_out(key)?;
        let now = ledger.clock().tick();
        self.visits.visit(key, Some(*value), now, &ledger.lives())?;
        self.seen.push(entry);
        Ok(())
    }

    /// The walk says that nothing more comes.
    pub(crate) fn end(
        &mut self,
        trial: &Trial<H>,
        chunk_size: usize,
    ) -> Result<(), HarnessBreach<H>> {
        let ledger = trial.ledger();
        self.oracle.end(chunk_size, &ledger.lives())?;
        self.visits.end(ledger.clock().tick(), &ledger.lives())
    }

    /// The walk is cut, and goes on by its cursor.
    pub(crate) fn cut(
        &mut self,
        trial: &Trial<H>,
        unread: bool,
        cursor: &Cursor<H::Key>,
    ) -> Result<(), HarnessBreach<H>> {
        let ledger = trial.ledger();
        let now = ledger.clock().tick();
        self.oracle.resume(unread, now);
        // It may stand past the last item: a source says how far it scanned.
        let after = match cursor.range().near() {
            Bound::Excluded(key) => Some(key.clone()),
            _ => None,
        };
        self.visits.resume(after, now, &ledger.lives())
    }
}
