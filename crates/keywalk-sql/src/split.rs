//! Cuts a range of keys into parts of about the same number of rows: by halving, and by values between two others.

use std::cmp::Ordering;

use keywalk::Order;

use crate::fraction::{Scalar, uuid};

/// More parts aren't made.
pub const MOST_PARTS: usize = 2_048;

/// The number of sampled keys that each part needs.
pub const SAMPLED_KEYS: usize = 16;

/// A value that [`between`] makes.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalarBuf {
    /// An integer.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl ScalarBuf {
    /// Borrows the value.
    #[must_use]
    pub fn as_scalar(&self) -> Scalar<'_> {
        match self {
            ScalarBuf::Integer(value) => Scalar::Integer(*value),
            ScalarBuf::Real(value) => Scalar::Real(*value),
            ScalarBuf::Text(value) => Scalar::Text(value),
            ScalarBuf::Bytes(value) => Scalar::Bytes(value),
        }
    }
}

/// Returns a value at about this fraction of the way from `from` to `to`, which may be the larger one. It is never
/// `from`, and at most `to`. The inverse of [`fraction`](crate::fraction()).
///
/// `None` if the two are equal or have no common scale. Text has one where it is ASCII: its characters are digits.
#[must_use]
pub fn between(from: Scalar<'_>, to: Scalar<'_>, fraction: f64) -> Option<ScalarBuf> {
    let way = from.compare(to);
    let found = match (from, to) {
        (Scalar::Integer(from), Scalar::Integer(to)) => {
            let span = i128::from(to) - i128::from(from);
            let step = (span as f64 * fraction) as i128;
            let step = if step == 0 { span.signum() } else { step };
            ScalarBuf::Integer(i64::try_from(i128::from(from) + step).ok()?)
        }
        (Scalar::Bytes(from), Scalar::Bytes(to)) => ScalarBuf::Bytes(bytes(from, to, fraction)),
        (Scalar::Text(from), Scalar::Text(to)) => ScalarBuf::Text(match (uuid(from), uuid(to)) {
            (Some(first), Some(last)) if from.len() == to.len() => {
                let bytes = bytes(&first, &last, fraction);
                let mut digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                let digits: String = digits.by_ref().collect();
                match to.len() {
                    36 => [0..8, 8..12, 12..16, 16..20, 20..32]
                        .map(|part| &digits[part])
                        .join("-"),
                    _ => digits,
                }
            }
            _ => text(from, to, fraction)?,
        }),
        (from, to) => {
            let (from, to) = (real(from)?, real(to)?);
            // Neither product is infinite.
            ScalarBuf::Real(from * (1.0 - fraction) + to * fraction)
        }
    };
    let here = found.as_scalar();
    let is_between = from.compare(here) == way
        && [way, Ordering::Equal].contains(&here.compare(to))
        && way != Ordering::Equal;
    is_between.then_some(found)
}

fn real(value: Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Integer(integer) => Some(integer as f64),
        Scalar::Real(real) => Some(real.clamp(f64::MIN, f64::MAX)),
        _ => None,
    }
}

/// Interpolates the digits of this base that follow the common start, most significant first.
fn digits<const COUNT: usize>(from: [u8; COUNT], to: [u8; COUNT], base: u128, at: f64) -> Vec<u8> {
    let number = |digits: [u8; COUNT]| {
        let digits = digits.into_iter();
        digits.fold(0_u128, |number, digit| number * base + u128::from(digit))
    };
    let (from, to) = (number(from), number(to));
    let step = (from.abs_diff(to) as f64 * at) as u128;
    let step = step.clamp(1, from.abs_diff(to).max(1));
    let mut number = if from < to {
        from + step
    } else {
        from - step.min(from)
    };
    let mut digits = vec![0; COUNT];
    for digit in digits.iter_mut().rev() {
        *digit = (number % base) as u8;
        number /= base;
    }
    digits
}

/// The first bytes that follow the common start, or zeros.
fn rest<const COUNT: usize>(bytes: &[u8], common: usize) -> [u8; COUNT] {
    let mut rest = [0; COUNT];
    let bytes = bytes.get(common..).unwrap_or_default();
    rest.iter_mut()
        .zip(bytes)
        .for_each(|(digit, byte)| *digit = *byte);
    rest
}

fn common(from: &[u8], to: &[u8]) -> usize {
    from.iter().zip(to).take_while(|(a, b)| a == b).count()
}

fn bytes(from: &[u8], to: &[u8], fraction: f64) -> Vec<u8> {
    let common = common(from, to);
    let mut found = from[..common].to_vec();
    found.extend(digits::<8>(
        rest(from, common),
        rest(to, common),
        256,
        fraction,
    ));
    // Of a fixed width, such as a UUID.
    if from.len() == to.len() {
        found.resize(from.len(), 0);
    }
    found
}

/// In ASCII, so that it is text under every encoding. The order is that of the bytes.
fn text(from: &str, to: &str, fraction: f64) -> Option<String> {
    const DELETE: u8 = 0x7f;
    let ascii = |byte: u8| byte.min(DELETE);
    let same = common(from.as_bytes(), to.as_bytes());
    let same = (0..=same).rev().find(|at| from.is_char_boundary(*at))?;
    let [from_rest, to_rest] = [from, to].map(|text| rest::<18>(text.as_bytes(), same).map(ascii));
    let found = digits(from_rest, to_rest, 128, fraction);
    // The text ends where a NUL would be, which some databases don't store.
    let end = found.iter().position(|digit| *digit == 0);
    let found = String::from_utf8(found[..end.unwrap_or(found.len())].to_vec()).ok()?;
    Some(from[..same].to_owned() + &found)
}

/// A range of keys, cut into cells, each with an estimate of its rows. It is cut finer where there are more rows:
/// the caller halves the [heaviest](Self::heaviest) cell until there are [enough](Self::len). Then
/// [`points`](Self::points) are chosen by the sums of the estimates.
///
/// ```
/// use keywalk::Order::Ascending;
/// use keywalk_sql::Cells;
///
/// // Rows are the squares below 1,000,000.
/// let rows = |from: u32, to: u32| f64::from(to).sqrt() - f64::from(from).sqrt();
/// let mut cells = Cells::new((0_u32, 1_000_000), 1_000.0);
/// while cells.len() < 32 {
///     let Some((at, (from, to))) = cells.heaviest() else { break };
///     let (from, to) = (*from, *to);
///     let middle = (from + to) / 2;
///     cells.halve(at, [((from, middle), rows(from, middle)), ((middle, to), rows(middle, to))]);
/// }
/// let points = cells.points(4, Ascending, |(from, to)| (from, to), |(from, to), at| {
///     Some(from + (f64::from(to - from) * at) as u32)
/// });
/// let places = points.into_iter().map(|point| f64::from(point).sqrt());
/// assert!(places.zip([250.0, 500.0, 750.0]).all(|(place, even)| (place - even).abs() < 10.0));
/// ```
#[derive(Debug)]
pub struct Cells<T>(Vec<Cell<T>>);

#[derive(Debug)]
struct Cell<T> {
    of: T,
    weight: f64,
    is_open: bool,
}

impl<T> Cells<T> {
    /// Begins with one cell.
    pub fn new(of: T, weight: f64) -> Self {
        Cells(vec![Cell::new(of, weight)])
    }

    /// Returns the number of cells; at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the cell with the largest estimate, and its position. `None` if all are [closed](Self::close).
    #[must_use]
    pub fn heaviest(&self) -> Option<(usize, &T)> {
        let open = self.0.iter().enumerate().filter(|(_, cell)| cell.is_open);
        let heaviest = open.max_by(|(_, a), (_, b)| a.weight.total_cmp(&b.weight));
        heaviest.map(|(at, cell)| (at, &cell.of))
    }

    /// Returns the sum of the estimates.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().map(|cell| cell.weight).sum()
    }

    /// Returns the cell's share of all estimates.
    #[must_use]
    pub fn share(&self, at: usize) -> f64 {
        self.0[at].weight / self.total()
    }

    /// Replaces a cell by its halves.
    pub fn halve(&mut self, at: usize, halves: [(T, f64); 2]) {
        let halves = halves.map(|(of, weight)| Cell::new(of, weight));
        self.0.splice(at..=at, halves);
    }

    /// Keeps a cell as it is: it can't be halved.
    pub fn close(&mut self, at: usize) {
        self.0[at].is_open = false;
    }

    /// Replaces the estimates.
    pub fn weigh(&mut self, mut weight: impl FnMut(&T) -> f64) {
        for cell in &mut self.0 {
            cell.weight = weight(&cell.of);
        }
    }

    /// Returns the cells.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|cell| &cell.of)
    }

    /// Returns the places of `parts - 1` cuts, in order, that make parts of the same weight: a cell, and the fraction
    /// of it that comes before the cut.
    #[must_use]
    pub fn cuts(&self, parts: usize) -> Vec<(&T, f64)> {
        let all = self.total();
        let mut cuts = Vec::new();
        let mut before = 0.0;
        let mut cells = self.0.iter().peekable();
        for part in 1..parts {
            let wanted = all * part as f64 / parts as f64;
            while let Some(cell) = cells.next_if(|cell| before + cell.weight < wanted) {
                before += cell.weight;
            }
            if let Some(cell) = cells.peek() {
                cuts.push((&cell.of, ((wanted - before) / cell.weight).clamp(0.0, 1.0)));
            }
        }
        cuts
    }
}

impl<T> Cells<T> {
    /// Returns the first keys of parts of the same weight, without the first part's, in a walk's order. `ends` returns a
    /// cell's first and last key, and `between` one at a fraction of the way, if there is one; otherwise the nearer end
    /// is taken.
    pub fn points<K: Clone>(
        &self,
        parts: usize,
        order: Order,
        ends: impl Fn(&T) -> (&K, &K),
        between: impl Fn(&T, f64) -> Option<K>,
    ) -> Vec<K> {
        let cuts = self.cuts(parts).into_iter();
        let mut points = Vec::from_iter(cuts.map(|(cell, at)| {
            let (first, last) = ends(cell);
            let nearer = if at < 0.5 { first } else { last };
            between(cell, at).unwrap_or_else(|| nearer.clone())
        }));
        if order == Order::Descending {
            points.reverse();
        }
        points
    }
}

impl<T> Cell<T> {
    fn new(of: T, weight: f64) -> Self {
        let is_open = weight > 0.0;
        Cell {
            of,
            weight,
            is_open,
        }
    }
}

/// Every nth of many keys: as many as fit, evenly spaced, whatever their number is.
#[derive(Debug)]
pub struct Thinned<K> {
    keys: Vec<K>,
    most: usize,
    every: usize,
    seen: usize,
}

impl<K: Clone> Thinned<K> {
    /// Keeps at most `most` keys.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Thinned {
            keys: Vec::new(),
            most,
            every: 1,
            seen: 0,
        }
    }

    /// Counts the next key, and calls `key` if it is to be kept. If that returns `None`, it isn't counted.
    pub fn count(&mut self, key: impl FnOnce() -> Option<K>) {
        if self.seen.is_multiple_of(self.every) {
            let Some(key) = key() else { return };
            if self.keys.len() == self.most {
                let mut at = 0..;
                self.keys
                    .retain(|_| at.next().is_some_and(|at| at % 2 == 0));
                self.every *= 2;
            }
            // In an even number of kept keys, this one still has its turn.
            self.keys.push(key);
        }
        self.seen += 1;
    }

    /// Returns the first keys of parts of the same number of keys.
    #[must_use]
    pub fn points(&self, parts: usize) -> Vec<K> {
        points(&self.keys, parts)
    }
}

/// Returns the first keys of parts of the same number of keys, without the first part's. Fewer if there are fewer keys.
#[must_use]
pub fn points<K: Clone>(keys: &[K], parts: usize) -> Vec<K> {
    let parts = parts.min(keys.len());
    let first = |part: usize| keys[part * keys.len() / parts].clone();
    (1..parts).map(first).collect()
}
