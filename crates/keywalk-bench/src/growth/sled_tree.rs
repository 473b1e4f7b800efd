use keywalk::Walk;
use keywalk_sled::{Key, Tree};

use super::Passes;
use crate::Fallible;
use crate::pairs::Measured;

/// Of a value.
const BYTES: usize = 16;

pub(super) fn with(
    size: u64,
    measure: &mut dyn FnMut(Passes<'_>) -> Fallible<Measured>,
) -> Fallible<Measured> {
    let folder = tempfile::tempdir()?;
    // All of it stays in the cache, and nothing is written meanwhile.
    let config = sled::Config::new()
        .path(folder.path())
        .cache_capacity(4 << 30);
    let db = config.flush_every_ms(None).open()?;
    for at in 0..size {
        db.insert(at.to_bytes(), &[at as u8; BYTES])?;
    }
    db.flush()?;
    measure(Passes {
        floor: &mut |seen| {
            for entry in db.iter() {
                let (key, value) = entry?;
                let key = u64::from_be_bytes(key.as_ref().try_into()?);
                seen.see(key.wrapping_add(value.len() as u64));
            }
            Ok(())
        },
        walk: &mut |seen| {
            let mut chunks = Walk::new(Tree::<u64>::new((*db).clone())).chunks();
            while let Some(items) = chunks.next()? {
                for (key, value) in items {
                    seen.see(key.wrapping_add(value.len() as u64));
                }
            }
            Ok(())
        },
    })
}
