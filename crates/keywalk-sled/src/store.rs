use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::ops::{Bound, ControlFlow};
use std::panic::{self, AssertUnwindSafe};

use keywalk::Order;
use keywalk_bytes::{ByteStore, Each};
use sled::IVec;

use crate::descent::Descent;
use crate::error::SledError;

/// A sled tree as a [`ByteStore`], which a [`Tree`](crate::Tree) walks. Create it from a [`sled::Tree`].
///
/// # Cost
///
/// Ascending, a scan costs one search, and per entry what `range` costs. Descending, each entry is read about twice, and
/// buffered. The first descending scan, such as the one that finds the last key of a bounded ascending walk, costs some
/// dozens of searches more (some tenths of a millisecond).
///
/// Descending scans don't use sled's `next_back`. Over keys with four bytes `ff` in a row, such as `i64`s around 0, it
/// may search a million times in vain and then panic. Instead, entries are read in ascending order from an estimated
/// start. The keys of earlier scans improve the estimate.
pub struct SledTree {
    tree: sled::Tree,
    descent: Descent,
}

impl SledTree {
    /// Returns sled's tree. You can use it freely between two fetches.
    #[must_use]
    pub fn tree(&self) -> &sled::Tree {
        &self.tree
    }
}

/// Reads nothing. sled's handle is cheap to clone.
impl From<sled::Tree> for SledTree {
    fn from(tree: sled::Tree) -> Self {
        let descent = Descent::default();
        SledTree { tree, descent }
    }
}

impl ByteStore for SledTree {
    type Error = SledError;

    const KIND: &'static str = "sled";

    fn name(&self) -> Cow<'_, [u8]> {
        self.tree.name().to_vec().into()
    }

    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, SledError> {
        let bounds = (lower, upper);
        match order {
            Order::Ascending => ascend(&self.tree, bounds, |key, value| each(key, &value)),
            Order::Descending => self.descent.scan(&self.tree, bounds, each),
        }
    }
}

/// Calls `take` with the entries from `lower` up to `upper`, until it returns `Break`. No other code reads entries.
///
/// A panic of sled is an error. A panic of `take` goes on to the caller.
pub(crate) fn ascend(
    tree: &sled::Tree,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    mut take: impl FnMut(&IVec, IVec) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, SledError> {
    let is_taking = Cell::new(false);
    let scan = || {
        let entries = tree.range::<&[u8], _>((lower, Bound::Unbounded));
        take_each(entries, (lower, upper), |key, value| {
            is_taking.set(true);
            let taken = take(key, value);
            is_taking.set(false);
            taken
        })
    };
    // Nothing that a panic left half done is used: the iterator is dropped.
    panic::catch_unwind(AssertUnwindSafe(scan)).unwrap_or_else(|payload| match is_taking.get() {
        true => panic::resume_unwind(payload),
        false => Err(SledError::panic(&*payload)),
    })
}

/// Returns an error if keys don't ascend: a walk would skip some, or never end.
fn take_each(
    entries: impl Iterator<Item = sled::Result<(IVec, IVec)>>,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    mut take: impl FnMut(&IVec, IVec) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, SledError> {
    let mut last: Option<IVec> = None;
    for entry in entries {
        let (key, value) = entry?;
        let (before, is_disordered) = match (last.as_deref(), lower) {
            (Some(before), _) | (None, Bound::Excluded(before)) => (before, *key <= *before),
            (None, Bound::Included(before)) => (before, *key < *before),
            (None, Bound::Unbounded) => (&[][..], false),
        };
        if is_disordered {
            return Err(SledError::disorder(before, &key));
        }
        if is_above(&key, upper) {
            break;
        }
        if take(&key, value).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        last = Some(key);
    }
    Ok(ControlFlow::Continue(()))
}

pub(crate) fn is_above(key: &[u8], upper: Bound<&[u8]>) -> bool {
    match upper {
        Bound::Unbounded => false,
        Bound::Included(upper) => key > upper,
        Bound::Excluded(upper) => key >= upper,
    }
}

/// Prints the tree's name, and no data.
impl fmt::Debug for SledTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.tree.name();
        f.debug_tuple("SledTree")
            .field(&format_args!("{:?}", String::from_utf8_lossy(&name)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SledErrorKind;

    /// Returns how many keys were taken, and whether the next one was an error.
    fn taken(lower: Bound<&[u8]>, keys: &[&[u8]]) -> (usize, bool) {
        let mut count = 0;
        let entries = keys.iter().map(|key| Ok(((*key).into(), IVec::default())));
        let taken = take_each(entries, (lower, Bound::Unbounded), |_, _| {
            count += 1;
            ControlFlow::Continue(())
        });
        let error = taken.err();
        let is_corrupt = |error: &SledError| error.kind() == SledErrorKind::Corrupt;
        assert!(error.as_ref().is_none_or(is_corrupt));
        (count, error.is_some())
    }

    #[test]
    fn keys_that_do_not_ascend_are_an_error_and_no_endless_walk() {
        assert_eq!(taken(Bound::Unbounded, &[b"a", b"b", b"a"]), (2, true));
        assert_eq!(taken(Bound::Unbounded, &[b"", b""]), (1, true));
        assert_eq!(taken(Bound::Unbounded, &[b"", b"a", b"a\0"]), (3, false));
    }

    #[test]
    fn a_key_before_the_range_is_an_error() {
        assert_eq!(taken(Bound::Included(b"b"), &[b"b"]), (1, false));
        assert_eq!(taken(Bound::Included(b"b\0"), &[b"b"]), (0, true));
        assert_eq!(taken(Bound::Excluded(b"a"), &[b"b"]), (1, false));
        assert_eq!(taken(Bound::Excluded(b"b"), &[b"b"]), (0, true));
    }
}
