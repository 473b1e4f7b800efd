//! Which fraction of the way from one key to another lies before a third one.

use super::TupleElement;

/// Returns `None` if `first` equals `last`, 0 or 1 if `at` isn't between them, and else what `inside` returns.
pub(super) fn between<T: Ord + ?Sized>(
    first: &T,
    last: &T,
    at: &T,
    inside: impl FnOnce() -> Option<f64>,
) -> Option<f64> {
    let way = first.cmp(last);
    if way.is_eq() {
        None
    } else if first.cmp(at) != way {
        Some(0.0)
    } else if at.cmp(last) != way {
        Some(1.0)
    } else {
        inside()
    }
}

/// Leaves out the common prefix, and compares the next 16 bytes as numbers.
pub(super) fn of_bytes(first: &[u8], last: &[u8], at: &[u8]) -> Option<f64> {
    between(first, last, at, || {
        let common = common(first, last);
        let number = |bytes| number(bytes, common);
        // The numbers are equal if one key is the other with zeros at its end.
        u128::column_fraction(&number(first), &number(last), &number(at)).or(Some(0.5))
    })
}

/// Returns the length of the common prefix. What lies between has it too.
pub(crate) fn common(first: &[u8], last: &[u8]) -> usize {
    let differ = |(a, b): (&u8, &u8)| a != b;
    let shorter = first.len().min(last.len());
    first.iter().zip(last).position(differ).unwrap_or(shorter)
}

/// Returns the 16 bytes after the common prefix as a number.
pub(crate) fn number(bytes: &[u8], common: usize) -> u128 {
    let mut digits = [0; 16];
    for (digit, byte) in digits.iter_mut().zip(bytes.iter().skip(common)) {
        *digit = *byte;
    }
    u128::from_be_bytes(digits)
}

/// A value on the way from one tuple to another, in the first column in which the two tuples differ.
#[derive(Clone, Copy)]
pub(super) struct Value {
    /// The fraction of the way that lies before it, by this column alone.
    pub(super) share: f64,
    step: Option<f64>,
    is_ascending: bool,
    is_first: bool,
    is_last: bool,
}

/// Smaller steps aren't divided further: nobody would see it, and rounding could turn the order around.
const LEAST_STEP: f64 = 1e-6;

impl Value {
    /// Returns `None` if the fraction isn't known.
    pub(super) fn of<T: TupleElement>(first: &T, last: &T, at: &T) -> Option<Self> {
        Some(Value {
            share: T::column_fraction(first, last, at)?,
            step: T::column_step(first, last).filter(|step| *step >= LEAST_STEP),
            is_ascending: first < last,
            is_first: at == first,
            is_last: at == last,
        })
    }

    /// Moves within this value's step, by the next column. The range of that column is known only where the way begins
    /// and ends. So each value is assumed to have the range from the first tuple's column to the last tuple's.
    pub(super) fn within<T: TupleElement>(self, first: &T, last: &T, at: &T) -> f64 {
        let (low, high) = (first.min(last), first.max(last));
        let is_known = T::column_fraction(low, high, low).is_some();
        let (Some(step), true) = (self.step, is_known) else {
            return self.share;
        };
        let (start, end) = if self.is_ascending {
            (low, high)
        } else {
            (high, low)
        };
        let start = if self.is_first { first } else { start };
        let end = if self.is_last { last } else { end };
        let inside = T::column_fraction(start, end, at).unwrap_or(0.5);
        // Keeps a small distance from both ends of the step, so that rounding can't reach the next value.
        let inside = 0.5 + (inside - 0.5) * (1.0 - LEAST_STEP);
        self.share * (1.0 - step) + step * inside
    }
}
