use keywalk::Walk;
use rusqlite::Connection;

use super::Passes;
use crate::Fallible;
use crate::filled_table;
use crate::pairs::Measured;
use crate::seen::Seen;
use crate::sqlite::{self, Integer};

/// Of a blob.
const BYTES: u64 = 16;

pub(super) fn with(
    size: u64,
    measure: &mut dyn FnMut(Passes<'_>) -> Fallible<Measured>,
) -> Fallible<Measured> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("items.db");
    filled_table::fill(&file, size, BYTES)?;
    let db = Connection::open(&file)?;
    let mut table = sqlite::table::<Integer, _>(&db)?;
    measure(Passes {
        floor: &mut |seen| {
            seen.add(sqlite::cursor_makes_structs::<Integer>(&db)?);
            Ok(())
        },
        walk: &mut |seen| {
            let mut of = Seen::default();
            let mut chunks = Walk::new(&mut table).chunks();
            while let Some(items) = chunks.next()? {
                for (key, item) in items {
                    of.see((*key as u64).wrapping_add(item.digest()));
                }
            }
            seen.add(of);
            Ok(())
        },
    })
}
