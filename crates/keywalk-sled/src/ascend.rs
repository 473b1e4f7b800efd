use std::ops::Bound;

use sled::{IVec, Tree};

use crate::edge::is_above;
use crate::fault::{Disorder, Fault, caught};

/// Calls `take` with the entries from `lower` up to `upper`, until it wants no more (`false`) or there
/// are none (`true`). Here alone is sled asked for entries.
///
/// That keys ascend is checked: of a damaged tree they may not, and come again without end.
pub(crate) fn ascend<E: From<Fault>>(
    tree: &Tree,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    mut take: impl FnMut(IVec, IVec) -> Result<bool, E>,
) -> Result<bool, E> {
    let read = caught(|others| {
        let mut last: Option<IVec> = None;
        for entry in tree.range::<&[u8], _>((lower, Bound::Unbounded)) {
            let (key, value) = entry.map_err(Fault::from)?;
            if let Some(before) = last.take_if(|last| *last >= key) {
                return Err(E::from(Fault::Disorder(Disorder { before, key })));
            }
            if is_above(&key, upper) {
                break;
            }
            last = Some(key.clone());
            if !others.run(|| take(key, value))? {
                return Ok(false);
            }
        }
        Ok(true)
    });
    read.map_err(E::from)?
}
