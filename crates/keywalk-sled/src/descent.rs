//! Descending scans without sled's `next_back`.
//!
//! `next_back` of sled 0.34.7 can't be used. To get from a leaf to the one before, it guesses a key before the leaf's
//! first key: that key with its last byte less one, then four bytes `ff`. If the leaf before begins above that guess,
//! it searches a million times and then panics. Integers around 0 are enough: the leaf `80` comes after one that begins
//! at `7f ff ff ff ff ff ff f0`.
//!
//! So a stretch of entries below the top is read upwards, and yielded downwards; then the stretch below it. Where a
//! stretch must begin so that it has enough entries and not too many isn't known. The search halves the way between a
//! key that is known to exist, a mark, and the top. If there is nothing, the top comes down. If there are too many
//! entries, they become the next mark: below it they are counted, and above it the way is shorter. Marks outlive the
//! scan, so each entry is read about twice, however keys lie.

use std::mem;
use std::ops::{Bound, ControlFlow};

use keywalk_bytes::Each;
use sled::{IVec, Tree};

use crate::error::SledError;
use crate::store::{ascend, is_above};

/// The state that makes the next scan cheaper. Whatever it holds, a scan yields the same.
#[derive(Debug, Default)]
pub(crate) struct Descent {
    /// Keys at which a stretch can begin, ascending.
    marks: Vec<Mark>,
    /// How many entries the last scan took.
    taken: usize,
    /// The memory of a stretch. Empty between two scans.
    stretch: Vec<(IVec, IVec)>,
}

#[derive(Debug)]
struct Mark {
    key: IVec,
    /// Whether the entries from here up to the next mark, or to the top, are probably few enough for one stretch.
    fits: bool,
}

/// The most marks that are kept.
const MOST_MARKS: usize = 256;

impl Descent {
    /// Scans from `upper` down to `lower`.
    pub(crate) fn scan(
        &mut self,
        tree: &Tree,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, SledError> {
        // Moved out during the call: if `each` panics, no entry is kept.
        let mut stretch = mem::take(&mut self.stretch);
        let mut top = upper.map(<[u8]>::to_vec);
        let mut taken = 0;
        let mut empty = 0;
        loop {
            let upper = top.as_ref().map(Vec::as_slice);
            self.marks.truncate(
                self.marks
                    .partition_point(|mark| !is_above(&mark.key, upper)),
            );
            let mark = self.marks.last();
            let mark = mark.filter(|mark| Some(&*mark.key) > key_of(lower));
            // At a mark or above it; without a mark at the lower bound.
            let start = mark.map(|mark| mark.start(key_of(upper), empty));
            let from = start.as_deref().map_or(lower, Bound::Included);
            let expected = self.taken.max(taken);
            let most = expected + expected / 2 + 8;
            if let Some(above) = read(tree, (from, upper), most, &mut stretch)? {
                self.add(stretch[0].0.clone(), true);
                self.add(above, false);
                empty = 0;
                continue;
            }
            empty = if stretch.is_empty() { empty + 1 } else { 0 };
            while let Some((key, value)) = stretch.pop() {
                taken += 1;
                if each(&key, &value).is_break() {
                    self.taken = taken;
                    if let Some((key, _)) = stretch.first() {
                        self.add(key.clone(), true);
                    }
                    stretch.clear();
                    self.stretch = stretch;
                    return Ok(ControlFlow::Break(()));
                }
            }
            let Some(start) = start else {
                self.stretch = stretch;
                return Ok(ControlFlow::Continue(()));
            };
            // Half of the way had few entries. Probably, so has the other half.
            if let Some(mark) = self.marks.last_mut()
                && empty == 0
            {
                mark.fits = true;
            }
            top = Bound::Excluded(start);
        }
    }

    /// Adds a mark above all others, or changes the highest.
    fn add(&mut self, key: IVec, fits: bool) {
        match self.marks.last_mut() {
            Some(mark) if mark.key == key => mark.fits = fits,
            _ => self.marks.push(Mark { key, fits }),
        }
        if self.marks.len() > MOST_MARKS {
            let mut is_kept = false;
            self.marks.retain_mut(|mark| {
                mark.fits = false;
                is_kept = !is_kept;
                is_kept
            });
        }
    }
}

impl Mark {
    /// Chooses where the next stretch begins, after `empty` stretches in a row had no entry.
    fn start(&self, top: Option<&[u8]>, empty: u32) -> Vec<u8> {
        let start = match empty {
            _ if self.fits => None,
            0 => Some(middle(&self.key, top)),
            // Halves would come down bit by bit to a long prefix that all keys have.
            _ => after_prefix(&self.key, top, 1 << empty.min(30)),
        };
        let is_between =
            |start: &Vec<u8>| **start > *self.key && top.is_none_or(|top| **start < *top);
        start
            .filter(is_between)
            .unwrap_or_else(|| self.key.to_vec())
    }
}

/// Returns half of the sum of two keys, where a key is a number between 0 and 1: `80 40` is 0x0.8040. `None` is 1.
fn middle(low: &[u8], high: Option<&[u8]>) -> Vec<u8> {
    let digit = |key: &[u8], at: usize| u16::from(key.get(at).copied().unwrap_or(0));
    let bytes = high.unwrap_or_default();
    let mut sum = vec![0; low.len().max(bytes.len()) + 1];
    let mut carry = 0;
    for (at, byte) in sum.iter_mut().enumerate().rev() {
        let [rest, over] = (digit(low, at) + digit(bytes, at) + carry).to_le_bytes();
        (*byte, carry) = (rest, u16::from(over));
    }
    let mut over = carry != 0 || high.is_none();
    for byte in &mut sum {
        let odd = *byte % 2 == 1;
        *byte = *byte / 2 + if over { 128 } else { 0 };
        over = odd;
    }
    sum
}

/// Returns the first key after all keys that share `more` bytes more of `low` than `high` does.
fn after_prefix(low: &[u8], high: Option<&[u8]>, more: usize) -> Option<Vec<u8>> {
    let common = low
        .iter()
        .zip(high.unwrap_or_default())
        .take_while(|(low, high)| low == high)
        .count();
    let mut prefix = low.get(..common + more)?.to_vec();
    while let Some(byte) = prefix.pop() {
        if let Some(byte) = byte.checked_add(1) {
            prefix.push(byte);
            return Some(prefix);
        }
    }
    None
}

fn key_of(bound: Bound<&[u8]>) -> Option<&[u8]> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
    }
}

/// Reads the entries of a range. If there are more than `most`, returns the key of the next one.
fn read(
    tree: &Tree,
    bounds: (Bound<&[u8]>, Bound<&[u8]>),
    most: usize,
    stretch: &mut Vec<(IVec, IVec)>,
) -> Result<Option<IVec>, SledError> {
    stretch.clear();
    #[cfg(test)]
    tests::count(1, 0);
    let mut next = None;
    let _ = ascend(tree, bounds, |key, value| {
        #[cfg(test)]
        tests::count(0, 1);
        if stretch.len() == most {
            next = Some(key.clone());
            return ControlFlow::Break(());
        }
        stretch.push((key.clone(), value));
        ControlFlow::Continue(())
    })?;
    Ok(next)
}

#[cfg(test)]
mod tests;
