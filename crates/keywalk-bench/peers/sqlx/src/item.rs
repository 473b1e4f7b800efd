use sqlx::FromRow;

/// A row.
#[derive(FromRow)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) photo: Vec<u8>,
}
