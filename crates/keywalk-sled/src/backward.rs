use std::mem;
use std::ops::Bound;

use sled::{IVec, Tree};

use crate::ascend::ascend;
use crate::edge::is_not_past;
use crate::fault::Fault;
use crate::marks::Marks;
use crate::step::Step;

/// Yields entries from the largest key down, from ranges that are read in ascending order.
///
/// `next_back` of sled 0.34.7 can't be used. To get from a leaf to the previous one, it guesses a key before
/// the leaf's first key: that key with its last byte less one, then four bytes `ff`. If the previous leaf begins
/// above that guess, it searches a million times and then panics. Integers around 0 are enough to trigger this:
/// the leaf `80` comes after one that begins at `7f ff ff ff ff ff ff f0`.
///
/// So this type reads a stretch below the top in ascending order, and yields it in descending order. Then it reads
/// the stretch below that one. It estimates where to start a stretch: the distance from the top is the distance
/// that the last fetch covered. If a stretch has too many entries, some of their keys are kept as marks, at which
/// later stretches begin. The next try then starts half way between the highest mark and the top. On average, each
/// entry is read about twice.
#[derive(Debug, Default)]
pub(crate) struct Backward {
    /// The distance that the last fetch covered.
    step: Option<Step>,
    /// The number of entries that the last fetch took, if `take` ended it.
    taken: usize,
    marks: Marks,
    /// The entries of a stretch. Empty between two fetches.
    stretch: Vec<(IVec, IVec)>,
    start: Vec<u8>,
    top: Vec<u8>,
}

/// How far below the top to begin, if no mark is known.
#[derive(Clone, Copy)]
enum Guess {
    /// This far below the top. `None`: at the mark below or, if there is none, at the lower bound.
    Step(Option<Step>),
    /// Half way to the mark below. If that mark is at most this far from the top, at the mark itself.
    Half(Option<Step>),
}

/// The most halvings per fetch: enough to pass a common prefix of 64 bytes. A longer prefix could need millions.
/// After the last halving, stretches begin at the mark, which is itself an entry.
const MOST_HALVES: usize = 512;

/// The smallest number of entries that is expected.
const FEW: usize = 8;

impl Backward {
    /// Returns how many entries a chunk that is limited by bytes will probably take: as many as the last one.
    pub(crate) fn expected(&self) -> usize {
        self.taken.max(FEW)
    }

    /// Calls `take` with the entries from `upper` down to `lower`, until it returns `false`. Returns `true` if
    /// there are no more entries, and `false` if `take` ended the call. About `wanted` entries are expected.
    pub(crate) fn fetch<E: From<Fault>>(
        &mut self,
        tree: &Tree,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        wanted: usize,
        take: impl FnMut(&IVec, IVec) -> Result<bool, E>,
    ) -> Result<bool, E> {
        // Moved out of the source during the call: if `take` panics, no entry is kept.
        let mut stretch = mem::take(&mut self.stretch);
        let ended = self.descend(tree, bounds, wanted, &mut stretch, take);
        stretch.clear();
        self.stretch = stretch;
        ended
    }

    fn descend<E: From<Fault>>(
        &mut self,
        tree: &Tree,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        wanted: usize,
        stretch: &mut Vec<(IVec, IVec)>,
        mut take: impl FnMut(&IVec, IVec) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let most = wanted.saturating_add(wanted / 2).saturating_add(16);
        let apart = (wanted / 8).max(4);
        let mut taken = 0;
        let mut first: Option<IVec> = None;
        let mut guess = Guess::Step(self.step);
        // The number of empty stretches in a row.
        let mut empty = 0;
        let mut halves = 0;
        let mut top = upper.map(|key| {
            self.top.clear();
            self.top.extend_from_slice(key);
        });
        loop {
            let top_key = key_of(top.map(|()| self.top.as_slice()));
            self.marks.come_to(top_key, apart);
            // `wanted` was an estimate: if more entries are taken, about as many again are expected.
            let more = wanted.checked_sub(taken).filter(|more| *more > 0);
            let more = more.unwrap_or(wanted);
            let mut begin = choose(&self.marks, guess, top_key, more, &mut self.start);
            if !matches!(begin, Begin::Lower) && is_not_past(&self.start, lower) {
                begin = Begin::Lower;
            }
            let start = match begin {
                Begin::Lower => lower,
                Begin::Mark | Begin::Guessed => Bound::Included(self.start.as_slice()),
            };
            let upto = top.map(|()| self.top.as_slice());
            if !read(tree, (start, upto), most, stretch)? {
                let (low, high) = (&stretch[0].0, &stretch[most - 1].0);
                guess = match halves < MOST_HALVES {
                    true => Guess::Half(Step::between(low, Some(high))),
                    false => Guess::Step(None),
                };
                self.marks.add(stretch);
                empty = 0;
                continue;
            }
            empty = if stretch.is_empty() { empty + 1 } else { 0 };
            while let Some((key, value)) = stretch.pop() {
                taken += 1;
                if !take(&key, value)? {
                    let from = key_of(upper).or(first.as_deref()).unwrap_or(&key);
                    self.step = Step::between(&key, Some(from)).map(Step::with_margin);
                    self.taken = taken;
                    return Ok(false);
                }
                first.get_or_insert(key);
            }
            guess = match (begin, guess) {
                (Begin::Lower, _) => return Ok(true),
                (Begin::Guessed, Guess::Step(step)) => {
                    Guess::Step(step.map(|step| step.grown(empty)))
                }
                (Begin::Guessed, Guess::Half(near)) => {
                    halves += 1;
                    if halves < MOST_HALVES {
                        Guess::Half(near)
                    } else {
                        Guess::Step(None)
                    }
                }
                (Begin::Mark, Guess::Step(step) | Guess::Half(step)) => Guess::Step(step),
            };
            mem::swap(&mut self.top, &mut self.start);
            top = Bound::Excluded(());
        }
    }
}

/// Where a stretch begins.
#[derive(Clone, Copy)]
enum Begin {
    Lower,
    Mark,
    Guessed,
}

/// Chooses where to begin below `top`, and writes it to `start` unless it is the lower bound.
fn choose(
    marks: &Marks,
    guess: Guess,
    top: Option<&[u8]>,
    wanted: usize,
    start: &mut Vec<u8>,
) -> Begin {
    let below = marks.below(top);
    let known = marks.with_above(top, wanted);
    if known.is_none() {
        let step = match guess {
            Guess::Step(step) => step,
            Guess::Half(near) => match (below.and_then(|mark| Step::between(mark, top)), near) {
                (Some(way), Some(near)) if way.is_longer_than(near) => Some(way.halved()),
                _ => None,
            },
        };
        if step.is_some_and(|step| step.below(top, start))
            && below.is_none_or(|mark| **mark < **start)
        {
            return Begin::Guessed;
        }
    }
    start.clear();
    match known.or(below) {
        None => Begin::Lower,
        Some(mark) => {
            start.extend_from_slice(mark);
            Begin::Mark
        }
    }
}

fn key_of(bound: Bound<&[u8]>) -> Option<&[u8]> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
    }
}

/// Reads the entries of a range. Returns `false` if there are more than `most`.
fn read(
    tree: &Tree,
    bounds: (Bound<&[u8]>, Bound<&[u8]>),
    most: usize,
    stretch: &mut Vec<(IVec, IVec)>,
) -> Result<bool, Fault> {
    stretch.clear();
    #[cfg(test)]
    tests::count(1, 0);
    ascend(tree, bounds, |key, value| {
        #[cfg(test)]
        tests::count(0, 1);
        if stretch.len() == most {
            return Ok(false);
        }
        stretch.push((key.clone(), value));
        Ok(true)
    })
}

#[cfg(test)]
mod tests;
