use keywalk_sqlite::FromRow;
use rusqlite::{Result, Row};

/// What a row holds beside its key.
#[derive(Debug, Default)]
pub(crate) struct Item {
    name: String,
    photo: Vec<u8>,
}

impl Item {
    /// Those that it's made of.
    pub(crate) const COLUMNS: [&'static str; 2] = ["name", "photo"];

    /// The columns from `at` on, borrowed; what [`digest`](Self::digest) would say of them.
    #[inline]
    pub(crate) fn visit(row: &Row<'_>, at: usize) -> Result<u64> {
        let name = row.get_ref(at)?.as_str()?;
        let photo = row.get_ref(at + 1)?.as_blob()?;
        Ok((name.len() + photo.len()) as u64)
    }

    /// The columns from `at` on, in memory of its own.
    #[inline]
    pub(crate) fn read(row: &Row<'_>, at: usize) -> Result<Self> {
        Ok(Item {
            name: row.get(at)?,
            photo: row.get(at + 1)?,
        })
    }

    #[inline]
    pub(crate) fn digest(&self) -> u64 {
        (self.name.len() + self.photo.len()) as u64
    }
}

impl FromRow for Item {
    #[inline]
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Item::read(row, 0)
    }

    #[inline]
    fn refill(&mut self, row: &Row<'_>) -> Result<()> {
        self.name.clear();
        self.name.push_str(row.get_ref(0)?.as_str()?);
        self.photo.clear();
        self.photo.extend_from_slice(row.get_ref(1)?.as_blob()?);
        Ok(())
    }
}
