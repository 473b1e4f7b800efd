//! Where to split a range of keys that nobody has counted.
//!
//! Cells cover the range. Of a cell that has more than a few keys, only the first and the last ones are read, its head
//! and its foot. Keys are numbers: their bytes after the common prefix, in base 256. If head, foot and middle are about
//! equally dense, so is the rest, and the cell's keys can be estimated. Otherwise it is halved, and one half is followed
//! until that is so, or until all keys are read. The other halves on that way are taken to have as many keys as the
//! halves that were followed. Then the cells that have the most keys, as far as known, are halved in turn.

use std::cmp::Ordering;
use std::ops::{Bound, ControlFlow};

use keywalk::{KeyRange, Order, SplitSource};

use super::Tree;
use super::source::nearest;
use crate::decode::Decode;
use crate::edge::Edge;
use crate::error::Error;
use crate::key::fraction;
use crate::{ByteStore, Key};

/// How many keys are read at a place.
const SAMPLE: usize = 64;
/// The most places at which keys are read.
const MOST_PLACES: usize = 4_000;
/// A cell isn't halved further if it has less than this fraction of a part.
const FINE: f64 = 1.0 / 8.0;
/// Densities that differ by less than this factor are about equal.
const CLOSE: f64 = 2.5;
/// The same for densities of few keys, which chance changes more. What is unread of a cell is also known well enough if it
/// is at most this many times as long as what was read.
const ROUGHLY: f64 = 4.0;
/// A key is close to a place if it is at most this many mean gaps away.
const NEAR: f64 = 8.0;
/// A cell whose ends differ counts at most this many times as much as one that has to be halved: its estimate may be far
/// off.
const DOUBT: f64 = 1.5;
/// A cell that isn't known well is halved from this fraction of the usual size on.
const UNKNOWN: f64 = 1.0 / 4.0;
/// The most cells to halve before all are estimated again.
const MOST_AT_ONCE: usize = 64;

/// Samples keys, and counts none: the parts are estimates. The split costs at most about 4,000 short scans of up to 64
/// entries, however many keys there are, and one or two per part. If keys are spread evenly it costs about 14 per part:
/// some milliseconds if the store has them in its cache. Keys that come in clusters of very different sizes, such as paths
/// of files, need the most.
///
/// A cluster of keys that is narrow, and far from all other keys, can be missed. Its part is then larger than the others.
impl<B: ByteStore, K: Key, D: Decode> SplitSource for Tree<B, K, D> {
    fn split_points(
        &mut self,
        range: &KeyRange<K>,
        parts: usize,
    ) -> Result<Vec<K>, Error<B::Error>> {
        let mut points = Vec::new();
        if range.is_empty() || parts < 2 {
            return Ok(points);
        }
        self.lower.set(range.lower());
        self.upper.set(range.upper());
        let mut sampler = Sampler {
            store: &mut self.store,
            lower: &self.lower,
            upper: &self.upper,
            cells: Vec::new(),
            places: 0,
            coin: 1,
        };
        let places = sampler.places_of(parts);
        let places = places.map_err(|error| Error::of_store(&self.store, error))?;
        for (place, skipped) in places {
            points.extend(self.key_from(&place, skipped)?);
        }
        // If keys were deleted since they were read, what is skipped reaches past the next place.
        points.dedup_by(|next, last| *next <= *last);
        if range.order() == Order::Descending {
            points.reverse();
            for point in &mut points {
                if let Some(before) = self.key_before(point)? {
                    *point = before;
                }
            }
        }
        Ok(points)
    }
}

impl<B: ByteStore, K: Key, D> Tree<B, K, D> {
    /// Returns the key from `place` on that follows this number of others.
    fn key_from(&mut self, place: &[u8], skipped: usize) -> Result<Option<K>, Error<B::Error>> {
        let upper = self.upper.get();
        let bounds = (Bound::Included(place), upper);
        nearest(
            &mut self.store,
            bounds,
            Order::Ascending,
            skipped,
            &mut self.again,
        )
    }

    fn key_before(&mut self, key: &K) -> Result<Option<K>, Error<B::Error>> {
        let key = key.to_bytes();
        let bounds = (self.lower.get(), Bound::Excluded(&*key));
        nearest(
            &mut self.store,
            bounds,
            Order::Descending,
            0,
            &mut self.again,
        )
    }
}

/// Keys that follow each other, from an end of a cell inwards.
#[derive(Clone, Debug)]
struct Sample {
    outer: Vec<u8>,
    /// The key after three quarters of them.
    late: Vec<u8>,
    inner: Vec<u8>,
}

/// The number of gaps between the keys of a sample, and between the last quarter of them.
const GAPS: f64 = (SAMPLE - 1) as f64;
const LATE_GAPS: f64 = (SAMPLE / 4 - 1) as f64;

impl Sample {
    /// Returns `None` if these are fewer keys than a sample has: all keys that there are.
    fn of(keys: &[Vec<u8>]) -> Option<Self> {
        let (outer, late) = (keys.first()?, keys.get(SAMPLE * 3 / 4)?);
        Some(Sample {
            outer: outer.clone(),
            late: late.clone(),
            inner: keys.get(SAMPLE - 1)?.clone(),
        })
    }

    /// Returns the mean gap between two keys, and that of the last quarter.
    fn gaps(&self, scale: &Scale) -> (f64, f64) {
        let late = scale.way(&self.late, &self.inner) / LATE_GAPS;
        (scale.way(&self.outer, &self.inner) / GAPS, late)
    }
}

/// Numbers of keys that have the same prefix.
struct Scale {
    prefix: usize,
}

impl Scale {
    /// Of the keys between these two.
    fn of(first: &[u8], last: &[u8]) -> Self {
        Scale {
            prefix: fraction::common(first, last),
        }
    }

    fn number(&self, key: &[u8]) -> u128 {
        fraction::number(key, self.prefix)
    }

    fn way(&self, from: &[u8], to: &[u8]) -> f64 {
        self.number(to).abs_diff(self.number(from)) as f64
    }
}

/// Returns the place at this fraction of the way.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction of a way is shorter"
)]
fn between(first: &[u8], last: &[u8], fraction: f64) -> Vec<u8> {
    let scale = Scale::of(first, last);
    let start = scale.number(first);
    let way = scale.number(last).saturating_sub(start);
    let step = ((way as f64 * fraction) as u128).min(way);
    let mut place = first[..scale.prefix].to_vec();
    place.extend((start + step).to_be_bytes());
    place
}

fn are_close(a: f64, b: f64, factor: f64) -> bool {
    a > 0.0 && b > 0.0 && a < factor * b && b < factor * a
}

/// A stretch of keys.
#[derive(Clone, Debug)]
struct Cell {
    /// The first key.
    first: Vec<u8>,
    /// The last key, or a place after it if keys follow closely.
    last: Vec<u8>,
    ends: Option<Ends>,
    /// The number of keys, if it can be estimated by what was read.
    keys: Option<f64>,
    /// The number of keys if they were as dense everywhere, for a cell that can't be estimated yet.
    hope: Hope,
    /// The halves, two cells that stand one after the other.
    halves: Option<usize>,
}

/// What was read of a cell that wasn't read completely.
#[derive(Clone, Debug)]
struct Ends {
    head: Sample,
    foot: Sample,
    /// Whether the foot's keys are the cell's last ones; else they are the first ones after it.
    is_inside: bool,
}

#[derive(Clone, Copy, Debug)]
enum Hope {
    None,
    /// Both ends are equally dense. The middle is unknown.
    Keys(f64),
    /// The ends differ.
    Guess(f64),
}

impl Cell {
    fn complete(first: Vec<u8>, last: Vec<u8>, keys: usize) -> Self {
        Cell {
            first,
            last,
            ends: None,
            keys: Some(keys as f64),
            hope: Hope::None,
            halves: None,
        }
    }

    /// `is_even`: the middle of what this cell is a half of was as dense as its head.
    fn new(first: Vec<u8>, last: Vec<u8>, ends: Ends, is_even: bool) -> Self {
        let Ends {
            head,
            foot,
            is_inside,
        } = &ends;
        let scale = Scale::of(&first, if *is_inside { &last } else { &foot.inner });
        let (gap, late) = head.gaps(&scale);
        let (foot_gap, foot_late) = foot.gaps(&scale);
        let end = if *is_inside { &foot.inner } else { &last };
        let unread = scale.way(&head.inner, end);
        let estimate = unread * 2.0 / (gap + foot_gap);
        let read = if *is_inside { 2 * SAMPLE } else { SAMPLE } as f64;
        let (mut keys, mut hope) = (None, Hope::None);
        let are_alike = are_close(gap, late, ROUGHLY)
            && are_close(foot_gap, foot_late, ROUGHLY)
            && are_close(gap, foot_gap, CLOSE);
        if are_alike && (is_even || unread <= ROUGHLY * GAPS * gap) {
            keys = Some(read + estimate);
        } else if are_alike {
            hope = Hope::Keys(estimate);
        } else if estimate.is_finite() {
            hope = Hope::Guess(estimate);
        }
        Cell {
            first,
            last,
            ends: Some(ends),
            keys,
            hope,
            halves: None,
        }
    }

    /// Returns how urgent it is to halve this cell. `value` is the estimate of its keys, and `most` the number of keys
    /// from which on a cell is halved.
    fn urgency(&self, value: f64, most: f64) -> f64 {
        match self.hope {
            _ if self.ends.is_none() || self.halves.is_some() => 0.0,
            Hope::None => value,
            Hope::Keys(keys) => value.max(keys),
            Hope::Guess(keys) => value.max(keys.min(most * DOUBT)),
        }
    }
}

struct Sampler<'a, B> {
    store: &'a mut B,
    lower: &'a Edge,
    upper: &'a Edge,
    /// A tree: halves stand behind their cell.
    cells: Vec<Cell>,
    /// The number of places at which keys were read.
    places: usize,
    coin: u64,
}

impl<B: ByteStore> Sampler<'_, B> {
    /// Returns where parts begin, ascending: a place, and how many keys to skip from there.
    fn places_of(&mut self, parts: usize) -> Result<Vec<(Vec<u8>, usize)>, B::Error> {
        let bounds = (self.lower.get(), self.upper.get());
        let head = sample(self.store, bounds, Order::Ascending)?;
        let foot = sample(self.store, bounds, Order::Descending)?;
        let (Some(first), Some(inner), Some(last)) = (head.first(), head.last(), foot.first())
        else {
            return Ok(Vec::new());
        };
        let beyond = foot.iter().take_while(|key| *key > inner).count();
        let root = match (Sample::of(&head), Sample::of(&foot[..beyond])) {
            (Some(head), Some(foot)) => {
                let ends = Ends {
                    head,
                    foot,
                    is_inside: true,
                };
                Cell::new(first.clone(), last.clone(), ends, false)
            }
            _ => Cell::complete(first.clone(), last.clone(), head.len() + beyond),
        };
        self.cells.push(root);
        self.follow(0)?;
        let mut values = self.values();
        while self.places < MOST_PLACES {
            let most = values[0] * FINE / parts as f64;
            let urgency = |at: usize| self.cells[at].urgency(values[at], most);
            // A cell that isn't known well is worth a look even if it seems small.
            let is_open = |at: &usize| {
                let is_known = self.cells[*at].keys.is_some();
                urgency(*at) > if is_known { most } else { most * UNKNOWN }
            };
            let mut open: Vec<usize> = (0..values.len()).filter(is_open).collect();
            if open.is_empty() {
                break;
            }
            open.sort_by(|a, b| urgency(*b).total_cmp(&urgency(*a)));
            // Estimates of the others change with each one.
            open.truncate((open.len() / 4).clamp(1, MOST_AT_ONCE));
            for at in open {
                self.follow(at)?;
            }
            values = self.values();
        }
        Ok(self.cuts(&values, parts))
    }

    /// Halves a cell, and then one of its halves, until both halves can be estimated.
    fn follow(&mut self, mut at: usize) -> Result<(), B::Error> {
        while self.places < MOST_PLACES && self.halve(at)? {
            let Some(halves) = self.cells[at].halves else {
                continue;
            };
            let is_known = |at: usize| self.cells[at].keys.is_some();
            at = match (is_known(halves), is_known(halves + 1)) {
                (true, true) => return Ok(()),
                (false, true) => halves,
                (true, false) => halves + 1,
                (false, false) => {
                    // Any generator does: that of Knuth's MMIX.
                    self.coin = self.coin.wrapping_mul(6_364_136_223_846_793_005);
                    self.coin = self.coin.wrapping_add(1_442_695_040_888_963_407);
                    halves + usize::from(self.coin >> 63 == 1)
                }
            };
        }
        Ok(())
    }

    /// Halves a cell, or makes it smaller if its second half has no key. Returns `false` if it can't be halved.
    fn halve(&mut self, at: usize) -> Result<bool, B::Error> {
        let cell = self.cells[at].clone();
        let Some(ends) = cell.ends else {
            return Ok(false);
        };
        let Ends {
            head,
            foot,
            is_inside,
        } = ends;
        let end = if is_inside { &foot.inner } else { &cell.last };
        let middle = between(&head.inner, end, 0.5);
        if middle <= head.inner || middle > *end {
            let cell = &mut self.cells[at];
            cell.ends = None;
            cell.keys = cell.keys.or(Some(2.0 * SAMPLE as f64));
            return Ok(false);
        }
        self.places += 1;
        let bounds = (Bound::Included(&*middle), Bound::Included(&**end));
        let keys = sample(self.store, bounds, Order::Ascending)?;
        let scale = Scale::of(
            &cell.first,
            if is_inside { &cell.last } else { &foot.inner },
        );
        let (gap, _) = head.gaps(&scale);
        let way = |key: Option<&Vec<u8>>| key.map_or(f64::INFINITY, |key| scale.way(&middle, key));
        let is_even = are_close(gap, way(keys.last()) / keys.len() as f64, CLOSE);
        let is_close = way(keys.first()) <= NEAR * gap;
        let second = Sample::of(&keys);
        let first_half = match &second {
            Some(second) if is_close => {
                let (foot, is_inside) = (second.clone(), false);
                let ends = Ends {
                    head,
                    foot,
                    is_inside,
                };
                Cell::new(cell.first, middle, ends, is_even)
            }
            _ => {
                self.places += 1;
                let bounds = (Bound::Excluded(&*head.inner), Bound::Excluded(&*middle));
                let before = sample(self.store, bounds, Order::Descending)?;
                let last = before.first().unwrap_or(&head.inner).clone();
                match Sample::of(&before) {
                    None => Cell::complete(cell.first, last, SAMPLE + before.len()),
                    Some(foot) => {
                        let ends = Ends {
                            head,
                            foot,
                            is_inside: true,
                        };
                        Cell::new(cell.first, last, ends, false)
                    }
                }
            }
        };
        let Some(first) = keys.first().cloned() else {
            self.cells[at] = first_half;
            return Ok(true);
        };
        let second_half = match second {
            Some(head) => {
                let ends = Ends {
                    head,
                    foot,
                    is_inside,
                };
                Cell::new(first, cell.last, ends, is_even)
            }
            // The foot's inner key was read twice.
            None if is_inside => Cell::complete(first, cell.last, keys.len() + SAMPLE - 1),
            None => Cell::complete(first, cell.last, keys.len()),
        };
        self.cells[at].halves = Some(self.cells.len());
        self.cells.push(first_half);
        self.cells.push(second_half);
        Ok(true)
    }

    /// Returns the estimated number of keys of each cell.
    fn values(&self) -> Vec<f64> {
        let mut known = vec![None; self.cells.len()];
        for (at, cell) in self.cells.iter().enumerate().rev() {
            known[at] = match cell.halves.map(|halves| (known[halves], known[halves + 1])) {
                None => cell.keys,
                Some((Some(a), Some(b))) => Some(a + b),
                Some((Some(half), None) | (None, Some(half))) => Some(2.0 * half),
                Some((None, None)) => None,
            };
        }
        let mut values = vec![known[0].unwrap_or(1.0); self.cells.len()];
        for (at, cell) in self.cells.iter().enumerate() {
            let Some(halves) = cell.halves else { continue };
            let first = match (known[halves], known[halves + 1]) {
                (Some(a), Some(b)) if a + b > 0.0 => a / (a + b),
                _ => 0.5,
            };
            values[halves] = values[at] * first;
            values[halves + 1] = values[at] * (1.0 - first);
        }
        values
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no more parts than keys, as far as known"
    )]
    fn cuts(&self, values: &[f64], parts: usize) -> Vec<(Vec<u8>, usize)> {
        let parts = parts.min(values[0].ceil() as usize).max(1);
        let mut cuts = Vec::new();
        let (mut before, mut part) = (0.0, 1);
        let mut left = vec![0];
        while let Some(at) = left.pop() {
            let cell = &self.cells[at];
            if let Some(halves) = cell.halves {
                left.extend([halves + 1, halves]);
                continue;
            }
            let cut = |part| values[0] * part as f64 / parts as f64 - before;
            while part < parts && cut(part) < values[at] {
                cuts.push(cell.place(cut(part), values[at]));
                part += 1;
            }
            before += values[at];
        }
        // Before the first key there is no part.
        let is_first = |(place, skipped): &(Vec<u8>, usize)| {
            *skipped == 0 && place.cmp(&self.cells[0].first) != Ordering::Greater
        };
        cuts.retain(|cut| !is_first(cut));
        cuts
    }
}

impl Cell {
    /// Returns the place that has `before` of this cell's keys before it: a place, and how many keys to skip from there.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most two samples"
    )]
    fn place(&self, before: f64, keys: f64) -> (Vec<u8>, usize) {
        match self.ends {
            None => (
                self.first.clone(),
                before.round().min(2.0 * SAMPLE as f64) as usize,
            ),
            Some(_) => {
                let place = between(&self.first, &self.last, before / keys);
                let place = place.max(self.first.clone()).min(self.last.clone());
                (place, 0)
            }
        }
    }
}

/// Returns up to as many keys as a sample has.
fn sample<B: ByteStore>(
    store: &mut B,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    order: Order,
) -> Result<Vec<Vec<u8>>, B::Error> {
    let mut keys = Vec::with_capacity(SAMPLE);
    let mut take = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        match keys.len() {
            SAMPLE => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let _ = store.scan(lower, upper, order, &mut take)?;
    Ok(keys)
}
