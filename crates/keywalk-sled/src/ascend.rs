use std::ops::Bound;

use sled::{IVec, Tree};

use crate::edge::{is_above, is_below};
use crate::fault::{Disorder, Fault, Others, caught};

/// Calls `take` with the entries from `lower` up to `upper`, until it returns `false`. Returns `true` if there
/// are no more entries, and `false` if `take` ended the call. No other code reads entries from sled.
pub(crate) fn ascend<E: From<Fault>>(
    tree: &Tree,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    take: impl FnMut(&IVec, IVec) -> Result<bool, E>,
) -> Result<bool, E> {
    let read = caught(|others| {
        let entries = tree.range::<&[u8], _>((lower, Bound::Unbounded));
        take_each(entries, (lower, upper), others, take)
    });
    read.map_err(E::from)?
}

/// Calls `take` as [`ascend`] does. Returns a fault if keys don't ascend: the walk would skip some, or never
/// end.
fn take_each<E: From<Fault>>(
    entries: impl Iterator<Item = sled::Result<(IVec, IVec)>>,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    others: &Others,
    mut take: impl FnMut(&IVec, IVec) -> Result<bool, E>,
) -> Result<bool, E> {
    let mut last: Option<IVec> = None;
    for entry in entries {
        let (key, value) = entry.map_err(Fault::from)?;
        let past = last.as_deref().map_or(lower, Bound::Excluded);
        if is_below(&key, past) {
            return Err(E::from(Fault::Disorder(Disorder::new(past, key))));
        }
        if is_above(&key, upper) {
            break;
        }
        if !others.run(|| take(&key, value))? {
            return Ok(false);
        }
        last = Some(key);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the keys that were taken and, if there was a fault, the wrong key and the key or bound before it.
    fn taken(lower: Bound<&[u8]>, keys: &[&[u8]]) -> (Vec<IVec>, Option<(IVec, IVec)>) {
        let mut taken = Vec::new();
        let entries = keys
            .iter()
            .map(|key| Ok((IVec::from(*key), IVec::default())));
        let ended = caught(|others| {
            take_each(entries, (lower, Bound::Unbounded), others, |key, _| {
                taken.push(key.clone());
                Ok::<_, Fault>(true)
            })
        });
        match ended {
            Ok(Ok(true)) => (taken, None),
            Ok(Err(Fault::Disorder(Disorder { before, key }))) => (taken, Some((key, before))),
            _ => panic!("nothing else was said"),
        }
    }

    #[test]
    fn keys_that_do_not_ascend_are_a_fault_and_no_endless_walk() {
        let disorder = |key: &[u8], before: &[u8]| Some((key.into(), before.into()));
        let (keys, fault) = taken(Bound::Unbounded, &[b"a", b"b", b"a", b"b"]);
        assert_eq!((keys.len(), fault), (2, disorder(b"a", b"b")));
        let (keys, fault) = taken(Bound::Unbounded, &[b"", b""]);
        assert_eq!((keys.len(), fault), (1, disorder(b"", b"")));
        let (keys, fault) = taken(Bound::Unbounded, &[b"", b"a", b"a\0", b"b"]);
        assert_eq!((keys.len(), fault), (4, None));
    }

    #[test]
    fn a_key_that_lies_before_the_range_is_a_fault() {
        let disorder = |key: &[u8], before: &[u8]| Some((key.into(), before.into()));
        for (lower, fault) in [
            (Bound::Included(&b"b"[..]), None),
            (Bound::Excluded(&b"a\xff"[..]), None),
            (Bound::Included(&b"b\0"[..]), disorder(b"b", b"b\0")),
            (Bound::Excluded(&b"b"[..]), disorder(b"b", b"b")),
        ] {
            let count = usize::from(fault.is_none());
            assert_eq!(taken(lower, &[b"b"]), (vec![b"b".into(); count], fault));
        }
    }
}
