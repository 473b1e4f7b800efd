use keywalk_sqlite::FromRow;
use rusqlite::{Result, Row};

/// What a row has beside its key.
#[derive(Default)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) photo: Vec<u8>,
}

impl FromRow for Item {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Item {
            name: row.get(1)?,
            photo: row.get(2)?,
        })
    }

    fn refill(&mut self, row: &Row<'_>) -> Result<()> {
        self.name.clear();
        self.name.push_str(row.get_ref(1)?.as_str()?);
        self.photo.clear();
        self.photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
        Ok(())
    }
}
