//! What the workers of a runner know about their parallel job: its plan, and how far each part is.

use std::convert::Infallible;
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::progress::Progress;

/// What a runner knows about a job.
#[derive(Default)]
pub(crate) struct Board {
    /// The job's checkpoint, once the runner has joined its plan.
    pub(crate) whole: Option<Checkpoint>,
    parts: Vec<PartState>,
    /// The number of items, if it is known.
    pub(crate) total: Option<u64>,
    items_of_run: u64,
    fraction_at_start: Option<f64>,
}

#[derive(Clone, Copy, Default)]
struct PartState {
    counts: Counts,
    /// `None` if it isn't known.
    fraction: Option<f64>,
    is_done: bool,
    /// Whether a worker of this runner has it.
    is_taken: bool,
    /// Whether this runner has come to the end: of an unbounded walk, that isn't done.
    is_at_end: bool,
}

/// What comes of a try to take a part.
pub(crate) enum Claim {
    Claimed,
    /// Another worker of this runner has it.
    Taken,
    Done,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) items: u64,
    pub(crate) chunks: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    fn of(checkpoint: &Checkpoint) -> Self {
        Counts {
            items: checkpoint.items(),
            chunks: checkpoint.chunks(),
            skipped: checkpoint.skipped(),
        }
    }

    fn plus(self, other: Counts) -> Self {
        Counts {
            items: self.items + other.items,
            chunks: self.chunks + other.chunks,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Board {
    pub(crate) fn of(whole: Checkpoint) -> Self {
        let parts = if whole.is_done() { 0 } else { whole.plan().0 };
        Board {
            parts: vec![PartState::default(); parts],
            whole: Some(whole),
            ..Board::default()
        }
    }

    /// Returns the number of the parts; 0 if the job was done before.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Learns how far a part is.
    pub(crate) fn observe(&mut self, part: usize, checkpoint: Option<&Checkpoint>) {
        if let (Some(part), Some(checkpoint)) = (self.parts.get_mut(part), checkpoint) {
            part.counts = Counts::of(checkpoint);
            part.is_done = checkpoint.is_done();
            part.fraction = fraction_of(checkpoint);
        }
    }

    /// Learns how far a part is that no worker of this runner has. Ignores what is known better.
    pub(crate) fn observe_free(&mut self, part: usize, checkpoint: &Checkpoint) {
        let is_behind = |part: &PartState| {
            !part.is_taken && !part.is_done && part.counts.items <= checkpoint.items()
        };
        if self.has_planned(checkpoint) && self.parts.get(part).is_some_and(is_behind) {
            self.observe(part, Some(checkpoint));
        }
    }

    /// Learns how far this runner has come with a part.
    pub(crate) fn record(&mut self, part: usize, checkpoint: &Checkpoint) {
        if let Some(part) = self.parts.get(part) {
            self.items_of_run += checkpoint.items().saturating_sub(part.counts.items);
        }
        self.observe(part, Some(checkpoint));
    }

    /// Joins a plan. See [`Worker::enter`](crate::Worker::enter).
    pub(crate) fn enter(&mut self, joined: Board) -> Option<bool> {
        if let Some(known) = &self.whole {
            let is_joined = joined.whole.is_some_and(|whole| known.has_plan_of(&whole));
            return (is_joined || known.is_done()).then_some(false);
        }
        let total = self.total;
        *self = Board { total, ..joined };
        Some(true)
    }

    /// Returns whether this is a checkpoint of a part by the plan.
    pub(crate) fn has_planned(&self, part: &Checkpoint) -> bool {
        let whole = self.whole.as_ref();
        whole.is_some_and(|whole| part.is_part_of(whole))
    }

    pub(crate) fn claim(&mut self, part: usize) -> Claim {
        match self.parts.get_mut(part) {
            Some(part) if part.is_taken => Claim::Taken,
            Some(part) if !part.is_done && !part.is_at_end => {
                part.is_taken = true;
                Claim::Claimed
            }
            Some(_) | None => Claim::Done,
        }
    }

    pub(crate) fn leave(&mut self, part: usize, is_at_end: bool) {
        if let Some(part) = self.parts.get_mut(part) {
            (part.is_taken, part.is_at_end) = (false, is_at_end);
        }
    }

    /// Returns the counts of the other parts.
    pub(crate) fn others(&self, part: usize) -> Counts {
        let others = self.parts.iter().enumerate();
        let others = others.filter(|(other, _)| *other != part);
        others.fold(Counts::default(), |sum, (_, part)| sum.plus(part.counts))
    }

    fn counts(&self) -> Counts {
        let parts = self.parts.iter();
        let sum = parts.fold(Counts::default(), |sum, part| sum.plus(part.counts));
        match &self.whole {
            // The parts aren't read again.
            Some(whole) if self.parts.is_empty() => Counts::of(whole),
            _ => sum,
        }
    }

    fn is_done(&self) -> bool {
        let whole = self.whole.as_ref();
        whole.is_some_and(Checkpoint::is_done)
            || !self.parts.is_empty() && self.parts.iter().all(|part| part.is_done)
    }

    fn fraction(&self) -> Option<f64> {
        match (self.is_done(), self.total) {
            (true, _) => Some(1.0),
            (_, Some(total)) => {
                let fraction = self.counts().items as f64 / total as f64;
                (total > 0).then_some(fraction.min(1.0))
            }
            // It is being planned, or has no workers.
            _ if self.parts.is_empty() => self.whole.as_ref().and_then(fraction_of),
            _ => {
                let sum: Option<f64> = self.parts.iter().map(|part| part.fraction).sum();
                Some(sum? / self.parts.len() as f64)
            }
        }
    }

    /// Returns the job's checkpoint, with the counts of all parts.
    pub(crate) fn summed(&self) -> Option<Checkpoint> {
        let mut whole = self.whole.clone()?;
        let counts = self.counts();
        (whole.items, whole.chunks, whole.skipped) = (counts.items, counts.chunks, counts.skipped);
        whole.fraction = self.fraction();
        Some(whole)
    }

    pub(crate) fn progress<'n>(
        &mut self,
        job: &'n str,
        elapsed: Duration,
    ) -> Progress<'n, Infallible> {
        let (counts, fraction) = (self.counts(), self.fraction());
        self.fraction_at_start = self.fraction_at_start.or(fraction);
        Progress {
            job,
            position: None,
            items: counts.items,
            items_of_run: self.items_of_run,
            chunks: counts.chunks,
            skipped: counts.skipped,
            elapsed,
            charged: elapsed,
            fraction,
            fraction_at_start: self.fraction_at_start.unwrap_or(0.0),
            total: self.total,
            is_done: self.is_done(),
        }
    }
}

/// Returns the fraction of a part that is done, if it is known. Before the first item, it is 0.
fn fraction_of(checkpoint: &Checkpoint) -> Option<f64> {
    let at_start = (checkpoint.items() == 0).then_some(0.0);
    checkpoint.fraction().or(at_start)
}
