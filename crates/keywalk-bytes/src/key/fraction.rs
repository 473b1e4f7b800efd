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

/// Appends the common prefix, and 16 bytes for the number that lies `fraction` of the way from `first` to `last`.
pub(super) fn between_bytes(first: &[u8], last: &[u8], fraction: f64, bytes: &mut Vec<u8>) {
    let common = common(first, last);
    bytes.extend_from_slice(&first[..common]);
    let at = u128::between(number(first, common), number(last, common), fraction);
    bytes.extend_from_slice(&at.to_be_bytes());
}

/// Returns the length of the common prefix. What lies between has it too.
fn common(first: &[u8], last: &[u8]) -> usize {
    let differ = |(a, b): (&u8, &u8)| a != b;
    let shorter = first.len().min(last.len());
    first.iter().zip(last).position(differ).unwrap_or(shorter)
}

fn number(bytes: &[u8], common: usize) -> u128 {
    let mut digits = [0; 16];
    for (digit, byte) in digits.iter_mut().zip(&bytes[common..]) {
        *digit = *byte;
    }
    u128::from_be_bytes(digits)
}

/// The inverse of a fraction, for integers.
pub(super) trait Between {
    /// Returns the integer that lies `fraction` of the way from `first` to `last`.
    fn between(first: Self, last: Self, fraction: f64) -> Self;
}

macro_rules! between {
    ($($integer:ident $unsigned:ident),+) => {$(
        impl Between for $integer {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
            fn between(first: Self, last: Self, fraction: f64) -> Self {
                let way = last.abs_diff(first);
                // A cast from a float stays within the type, and the way may be rounded up.
                let step = ((way as f64 * fraction).round() as $unsigned).min(way) as Self;
                match first <= last {
                    true => first.wrapping_add(step),
                    false => first.wrapping_sub(step),
                }
            }
        }
    )+};
}

between!(i8 u8, i16 u16, i32 u32, i64 u64, i128 u128, u8 u8, u16 u16, u32 u32, u64 u64, u128 u128);

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

/// A place on the way from one tuple to another, in the first column in which the two tuples differ.
pub(super) struct Place<'a> {
    fraction: f64,
    step: Option<f64>,
    is_ascending: bool,
    pack: Box<Pack<'a>>,
}

/// Appends the column's value at a fraction.
type Pack<'a> = dyn Fn(f64, &mut Vec<u8>) + 'a;

impl<'a> Place<'a> {
    pub(super) fn of<T: TupleElement>(first: &'a T, last: &'a T, fraction: f64) -> Self {
        Place {
            fraction,
            step: T::column_step(first, last).filter(|step| *step >= LEAST_STEP),
            is_ascending: first < last,
            pack: Box::new(move |fraction, bytes| T::pack_between(first, last, fraction, bytes)),
        }
    }

    /// Appends this column, if it is the last one.
    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        (self.pack)(self.fraction, bytes);
    }

    /// Appends this column and the next one: the inverse of [`Value::within`]. If the fraction isn't known for the next
    /// column, the place is where the nearest value of this column begins.
    pub(super) fn within<T: TupleElement>(self, first: &T, last: &T, bytes: &mut Vec<u8>) {
        let Some(step) = self.step else {
            return self.pack(bytes);
        };
        let (low, high) = (first.min(last), first.max(last));
        let is_known = T::column_fraction(low, high, low).is_some();
        let most = (1.0 / step).round() - 1.0;
        let at = self.fraction / step;
        let value = if is_known { at.floor() } else { at.round() }.clamp(0.0, most);
        (self.pack)(value / most, bytes);
        if !is_known {
            return;
        }
        let (start, end) = if self.is_ascending {
            (low, high)
        } else {
            (high, low)
        };
        let start = if value == 0.0 { first } else { start };
        let end = if value == most { last } else { end };
        T::pack_between(start, end, at - value, bytes);
    }
}
