//! Estimates where a key lies in a range of keys.

use std::cmp::Ordering;

use keywalk::Order;

/// A value of a key's column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// NULL.
    Null,
    /// An integer, or anything that is counted in integers, such as a time.
    Integer(i64),
    /// A number that isn't NaN.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes, compared from the first on.
    Bytes(&'a [u8]),
}

/// A column of a key.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The column's direction.
    pub order: Order,
    /// True if only the store can compare its text.
    pub is_collated: bool,
}

impl Scalar<'_> {
    /// Compares in SQLite's own order: NULL, then numbers, then text by bytes, then blobs by bytes
    /// (<https://www.sqlite.org/datatype3.html>, section 4.1).
    #[must_use]
    pub fn compare(self, other: Self) -> Ordering {
        use Scalar::{Bytes, Integer, Real, Text};
        match (self, other) {
            (Integer(a), Integer(b)) => a.cmp(&b),
            (Real(a), Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Integer(a), Real(b)) => compare_mixed(a, b),
            (Real(a), Integer(b)) => compare_mixed(b, a).reverse(),
            (Text(a), Text(b)) => a.cmp(b),
            (Bytes(a), Bytes(b)) => a.cmp(b),
            (a, b) => a.class().cmp(&b.class()),
        }
    }

    fn class(self) -> u8 {
        match self {
            Scalar::Null => 0,
            Scalar::Integer(_) | Scalar::Real(_) => 1,
            Scalar::Text(_) => 2,
            Scalar::Bytes(_) => 3,
        }
    }
}

/// Compares exactly, even if the integer can't be represented as an `f64`.
fn compare_mixed(integer: i64, real: f64) -> Ordering {
    const PAST_MAX: f64 = 9_223_372_036_854_775_808.0;
    if real >= PAST_MAX {
        return Ordering::Less;
    }
    if real < -PAST_MAX {
        return Ordering::Greater;
    }
    // In range, so truncating is exact.
    let whole = real.trunc();
    integer
        .cmp(&(whole as i64))
        .then_with(|| whole.partial_cmp(&real).unwrap_or(Ordering::Equal))
}

/// Returns the fraction of the range from `first` to `last` that lies before `at`, for columns of these `scales`: that of
/// the first column in which those two differ. If that column holds integers, such as tenants, the columns after it
/// divide each step. Text other than UUIDs gives `None`: it uses few byte values, so the fraction would be far from even
/// (all dates of a year would lie within a hundredth of the range).
///
/// A key is given by its columns' values, up to the first value that isn't known.
#[must_use]
pub fn fraction(
    scales: &[Scale],
    first: &[Scalar<'_>],
    last: &[Scalar<'_>],
    at: &[Scalar<'_>],
) -> Option<f64> {
    let way = scales.iter().enumerate().find_map(|(column, scale)| {
        match (first.get(column)?).compare(*last.get(column)?) {
            Ordering::Equal => None,
            way => Some(in_order(way, scale.order)),
        }
    })?;
    let span = Span {
        first,
        last,
        scales,
        way,
    };
    span.fraction(0, at)
}

/// Returns how two keys compare: `values` is how they compare in the first column in which they differ, and `order` is
/// that column's direction.
fn in_order(values: Ordering, order: Order) -> Ordering {
    match order {
        Order::Ascending => values,
        Order::Descending => values.reverse(),
    }
}

/// The range of a walk, from its first to its last key.
struct Span<'a> {
    first: &'a [Scalar<'a>],
    last: &'a [Scalar<'a>],
    scales: &'a [Scale],
    /// How its first key compares with its last.
    way: Ordering,
}

impl Span<'_> {
    /// Returns the fraction by the columns from this one on: 0 or 1 for a key that isn't between both ends. `None` if
    /// it isn't known, or if these columns of the last key come before those of the first.
    fn fraction(&self, column: usize, at: &[Scalar<'_>]) -> Option<f64> {
        let Scale { order, is_collated } = *self.scales.get(column)?;
        let [from, to, here] = [
            self.first.get(column)?,
            self.last.get(column)?,
            at.get(column)?,
        ];
        let way = from.compare(*to);
        if way == Ordering::Equal {
            return match in_order(from.compare(*here), order) {
                Ordering::Equal => self.fraction(column + 1, at),
                // Only the store knows.
                _ if is_collated => None,
                step => Some(if step == self.way { 1.0 } else { 0.0 }),
            };
        }
        if in_order(way, order) != self.way {
            return None;
        }
        // Text and other classes have no common scale.
        let values = [*from, *to, *here];
        let texts = values
            .iter()
            .filter(|value| matches!(value, Scalar::Text(_)));
        if ![0, 3].contains(&texts.count()) {
            return None;
        }
        let uuids = values.map(|value| match value {
            Scalar::Text(text) if !is_collated => uuid(text),
            _ => None,
        });
        let place = |at: usize| match values[at] {
            Scalar::Text(_) => uuids[at].as_ref().map(|uuid| Scalar::Bytes(uuid)),
            value => Some(value),
        };
        let (from, to, here) = (place(0)?, place(1)?, place(2)?);
        match (from, to) {
            (Scalar::Integer(from), Scalar::Integer(to))
                if self.fraction(column + 1, self.first).is_some() =>
            {
                self.steps(column, [from, to], here, at)
            }
            (from, to) => part(from, to, here),
        }
    }

    /// Returns the fraction by a column of integers and the columns after it. Each integer between the ends gets an
    /// equal share. It isn't known where one integer's keys begin and end. So it is assumed that within each share the
    /// later columns run from those of the walk's first key to those of its last key.
    fn steps(
        &self,
        column: usize,
        ends: [i64; 2],
        here: Scalar<'_>,
        at: &[Scalar<'_>],
    ) -> Option<f64> {
        let [from, to] = ends.map(Scalar::Integer);
        let way = from.compare(to);
        if here.compare(from) == way {
            return Some(0.0);
        }
        if to.compare(here) == way {
            return Some(1.0);
        }
        let [from, to] = ends.map(i128::from);
        let floor = whole(here)?;
        let is_whole = i64::try_from(floor)
            .is_ok_and(|floor| here.compare(Scalar::Integer(floor)) == Ordering::Equal);
        let within = match is_whole {
            true => self.fraction(column + 1, at)?,
            // A real between two integers: past all keys of one, and before all of the other.
            false if from < to => 1.0,
            false => 0.0,
        };
        let (all, before) = ((to - from).abs() as f64, (floor - from).abs() as f64);
        Some(((before + within) / (all + 1.0)).clamp(0.0, 1.0))
    }
}

/// Returns the bytes of a UUID that is written as text, in a form whose order is that of the bytes: in lower case, with
/// all hyphens or none.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let is_hyphen = |at: usize| text.as_bytes()[at] == b'-';
    let digits = match text.len() {
        36 if [8, 13, 18, 23].into_iter().all(is_hyphen) => text.replace('-', ""),
        _ => text.to_owned(),
    };
    let is_uuid = digits.len() == 32 && digits.bytes().all(|b| b"0123456789abcdef".contains(&b));
    is_uuid.then(|| {
        u128::from_str_radix(&digits, 16)
            .ok()
            .map(u128::to_be_bytes)
    })?
}

fn part(from: Scalar<'_>, to: Scalar<'_>, at: Scalar<'_>) -> Option<f64> {
    let way = from.compare(to);
    if from.compare(at) != way {
        return Some(0.0);
    }
    if at.compare(to) != way {
        return Some(1.0);
    }
    let (to, at) = match (from, to, at) {
        // Computed as integers: as an `f64`, a large integer can equal the next one.
        (Scalar::Integer(from), Scalar::Integer(to), at) => {
            let steps = |to: i128| (to - i128::from(from)) as f64;
            (steps(i128::from(to)), steps(whole(at)?))
        }
        (Scalar::Bytes(from), Scalar::Bytes(to), Scalar::Bytes(at)) => strings(from, to, at),
        (from, to, at) => {
            let (from, to, at) = (number(from)?, number(to)?, number(at)?);
            (to - from, at - from)
        }
    };
    // They may be too close together to be distinguished as numbers.
    Some(match to == 0.0 {
        true => 0.0,
        false => (at / to).clamp(0.0, 1.0),
    })
}

/// Returns the number as an integer, rounded down. The caller knows that it lies between two integers.
fn whole(value: Scalar<'_>) -> Option<i128> {
    match value {
        Scalar::Integer(integer) => Some(i128::from(integer)),
        Scalar::Real(real) => Some(real.floor() as i128),
        _ => None,
    }
}

/// Returns half the number, so that no difference is infinite.
fn number(value: Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Integer(integer) => Some(integer as f64 / 2.0),
        Scalar::Real(real) => Some(real.clamp(f64::MIN, f64::MAX) / 2.0),
        _ => None,
    }
}

/// Returns the distances of `to` and of `at` from `from`. They are computed from the eight bytes after the common
/// prefix of `from` and `to`. Everything between those two has that prefix too.
fn strings(from: &[u8], to: &[u8], at: &[u8]) -> (f64, f64) {
    let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let digits = |bytes: &[u8]| {
        let rest = bytes.get(common..).unwrap_or_default();
        let mut digits = [0; 8];
        for (digit, byte) in digits.iter_mut().zip(rest) {
            *digit = *byte;
        }
        i128::from(u64::from_be_bytes(digits))
    };
    let from = digits(from);
    ((digits(to) - from) as f64, (digits(at) - from) as f64)
}
