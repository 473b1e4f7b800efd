use std::mem;
use std::ops::Bound;

use sled::{IVec, Tree};

use crate::ascend::ascend;
use crate::edge::is_not_past;
use crate::fault::Fault;
use crate::marks::Marks;
use crate::step::Step;

/// Entries from the largest key down, by ranges that are read upwards.
///
/// `next_back` of sled 0.34.7 can't be used. From the first key of a leaf it looks for the leaf before
/// it at the key's predecessor, of which it takes only four bytes `ff` to be; where a leaf begins
/// behind that, it looks a million times and then panics. The integers around 0 are enough for that:
/// the leaf `80` comes after one that begins at `7f ff ff ff ff ff ff f0`.
///
/// So a stretch below the top is read upwards and handed out downwards, then the one below it. Where to
/// begin it is a guess: as far down as the last fetch came. If too many entries come, some of their keys
/// are kept as marks, from which to begin when the walk comes there, and half the way up from them is
/// tried. So an entry is read in vain about once.
#[derive(Debug, Default)]
pub(crate) struct Backward {
    /// How far down the last fetch came.
    step: Option<Step>,
    /// How many entries the last fetch took, if it wanted no more.
    taken: usize,
    marks: Marks,
    /// The entries of a stretch. Empty between two fetches.
    stretch: Vec<(IVec, IVec)>,
    start: Vec<u8>,
    top: Vec<u8>,
}

/// How far below the top to begin, where no mark tells.
#[derive(Clone, Copy)]
enum Guess {
    /// So far; `None`: at the mark below or, if there is none, at the lower bound.
    Step(Option<Step>),
    /// Half way to the mark below; but at it if that is no farther than this.
    Half(Option<Step>),
}

/// In a fetch a way is halved no more often than that leads past 64 bytes that keys have in common. Where
/// they differ behind that, it could be millions of times; from the mark on there is an entry at least.
const MOST_HALVES: usize = 512;

/// So many entries are expected to be taken at least.
const FEW: usize = 8;

impl Backward {
    /// How many entries will be taken about, where that depends on what is in them: as many as the last
    /// time.
    pub(crate) fn expected(&self) -> usize {
        self.taken.max(FEW)
    }

    /// Calls `take` with the entries from `upper` down to `lower`, until it wants no more (`false`) or
    /// there are none (`true`). It wants about so many.
    pub(crate) fn fetch<E: From<Fault>>(
        &mut self,
        tree: &Tree,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        wanted: usize,
        take: impl FnMut(&IVec, IVec) -> Result<bool, E>,
    ) -> Result<bool, E> {
        // Out of the source for so long: if `take` panics, no entry is kept.
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
        // So many stretches in a row were empty.
        let mut empty = 0;
        let mut halves = 0;
        let mut top = upper.map(|key| {
            self.top.clear();
            self.top.extend_from_slice(key);
        });
        loop {
            let top_key = key_of(top.map(|()| self.top.as_slice()));
            self.marks.come_to(top_key, apart);
            // It was a guess, if more are taken: then about as many again.
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

/// Chooses where to begin below `top`, and puts it into `start` unless that is the lower bound.
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

/// Reads the entries of a range; `false` if there are more than so many.
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
