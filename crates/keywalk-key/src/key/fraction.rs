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
        let differ = |(a, b): (&u8, &u8)| a != b;
        let shorter = first.len().min(last.len());
        let common = first.iter().zip(last).position(differ).unwrap_or(shorter);
        // What lies between has the same prefix as both.
        let number = |bytes: &[u8]| {
            let mut digits = [0; 16];
            for (digit, byte) in digits.iter_mut().zip(&bytes[common..]) {
                *digit = *byte;
            }
            u128::from_be_bytes(digits)
        };
        // The numbers are equal if one key is the other with zeros at its end.
        u128::column_fraction(&number(first), &number(last), &number(at)).or(Some(0.5))
    })
}
