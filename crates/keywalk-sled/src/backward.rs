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

impl Backward {
    /// Calls `take` with the entries from `upper` down to `lower`, until it wants no more (`false`) or
    /// there are none (`true`). It wants so many.
    pub(crate) fn fetch<E: From<Fault>>(
        &mut self,
        tree: &Tree,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        wanted: usize,
        take: impl FnMut(IVec, IVec) -> Result<bool, E>,
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
        mut take: impl FnMut(IVec, IVec) -> Result<bool, E>,
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
            let mut begin = choose(&self.marks, guess, top_key, wanted - taken, &mut self.start);
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
                let last = key.clone();
                taken += 1;
                if !take(key, value)? {
                    let from = key_of(upper).or(first.as_deref()).unwrap_or(&last);
                    self.step = Step::between(&last, Some(from)).map(Step::with_margin);
                    return Ok(false);
                }
                first.get_or_insert(last);
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
        stretch.push((key, value));
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{self, AssertUnwindSafe};

    use super::*;

    thread_local! {
        /// How many ranges and entries were read.
        static READ: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }

    pub(super) fn count(ranges: usize, entries: usize) {
        let before = READ.get();
        READ.set((before.0 + ranges, before.1 + entries));
    }

    /// Walks down in chunks, and says how many entries were read for each that was wanted, and how many
    /// ranges for each chunk.
    fn cost(keys: &[Vec<u8>], wanted: usize) -> (f64, f64) {
        READ.set((0, 0));
        let db = sled::Config::new()
            .temporary(true)
            .open()
            .expect("it opens");
        for key in keys {
            db.insert(key, "").expect("it can be written");
        }
        let mut backward = Backward::default();
        let mut upper: Option<IVec> = None;
        let mut walked = 0;
        loop {
            let bound = upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut chunk = Vec::new();
            let ended = backward
                .fetch(&db, (Bound::Unbounded, bound), wanted, |key, _| {
                    chunk.push(key);
                    Ok::<_, Fault>(chunk.len() < wanted)
                })
                .unwrap_or_else(|_| panic!("it is read"));
            assert!(backward.stretch.is_empty());
            walked += chunk.len();
            if ended {
                break;
            }
            upper = chunk.pop();
        }
        assert_eq!(walked, keys.len());
        let (ranges, entries) = READ.get();
        (
            entries as f64 / walked as f64,
            (ranges * wanted) as f64 / walked as f64,
        )
    }

    #[test]
    fn about_as_much_is_read_as_is_wanted_however_keys_lie() {
        let count = 3_000_u64;
        let mixed = |n: u64| n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        type MakeKey<'a> = &'a dyn Fn(u64) -> Vec<u8>;
        let key_spaces: [(&str, MakeKey<'_>); 6] = [
            ("dense", &|n| n.to_be_bytes().to_vec()),
            ("random", &|n| mixed(n).to_be_bytes().to_vec()),
            ("skewed", &|n| (mixed(n) >> (n % 50)).to_be_bytes().to_vec()),
            ("around zero", &|n| {
                (n ^ 1 << 63).wrapping_sub(count / 2).to_be_bytes().to_vec()
            }),
            ("text", &|n| {
                format!("https://example.com/{}/{n}", mixed(n) % 40).into_bytes()
            }),
            ("one number", &|n| {
                vec![0; usize::try_from(n / 6).expect("it is small")]
            }),
        ];
        for (name, key) in key_spaces {
            let mut keys: Vec<Vec<u8>> = (0..count).map(key).collect();
            keys.sort();
            keys.dedup();
            // The first chunk's search for where to begin counts for more where chunks are few.
            for (wanted, most_entries, most_ranges) in [
                (1, 7.0, 2.0),
                (10, 3.0, 5.0),
                (100, 2.5, 10.0),
                (1_000, 3.0, 100.0),
            ] {
                let (entries, ranges) = cost(&keys, wanted);
                assert!(
                    entries < most_entries && ranges < most_ranges,
                    "{name}, {wanted}: {entries:.2} entries each, {ranges:.2} ranges a chunk"
                );
            }
        }
    }

    #[test]
    fn keys_that_differ_behind_thousands_of_bytes_are_found_in_finite_steps() {
        let key = |n: u16| {
            let stem = vec![u8::try_from(n % 3).expect("it is small"); 5_000];
            [&stem[..], &n.to_be_bytes()].concat()
        };
        let mut keys: Vec<Vec<u8>> = (0..600).map(key).collect();
        keys.sort();
        for wanted in [1, 10, 100] {
            let (_, ranges) = cost(&keys, wanted);
            let all = ranges * 600.0 / wanted as f64;
            assert!(all < 4_000.0, "{wanted}: {all} ranges");
        }
    }

    #[test]
    fn what_is_taken_may_panic_and_no_entry_is_kept() {
        let db = sled::Config::new()
            .temporary(true)
            .open()
            .expect("it opens");
        for key in 0..9_u8 {
            db.insert([key], "").expect("it can be written");
        }
        let mut backward = Backward::default();
        let all = (Bound::Unbounded, Bound::Unbounded);
        // Unlike `panic!` this prints nothing.
        let take = |_, _| -> Result<bool, Fault> { panic::resume_unwind(Box::new(7)) };
        let fetch = AssertUnwindSafe(|| backward.fetch(&db, all, 5, take).is_ok());
        assert!(panic::catch_unwind(fetch).is_err());
        assert!(backward.stretch.is_empty());
    }
}
