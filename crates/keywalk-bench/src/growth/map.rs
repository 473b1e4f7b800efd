use std::collections::BTreeMap;

use keywalk::Walk;
use keywalk_memory::Map;

use super::Passes;
use crate::Fallible;
use crate::pairs::Measured;

pub(super) fn with(
    size: u64,
    measure: &mut dyn FnMut(Passes<'_>) -> Fallible<Measured>,
) -> Fallible<Measured> {
    let map: BTreeMap<u64, u64> = (0..size).map(|at| (at, at)).collect();
    measure(Passes {
        floor: &mut |seen| {
            for (key, value) in &map {
                seen.see(key.wrapping_add(*value));
            }
            Ok(())
        },
        walk: &mut |seen| {
            let mut chunks = Walk::new(Map::new(&map)).chunks();
            while let Some(items) = chunks.next()? {
                for (key, value) in items {
                    seen.see(key.wrapping_add(**value));
                }
            }
            Ok(())
        },
    })
}
