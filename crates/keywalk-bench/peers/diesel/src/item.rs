use diesel::prelude::{Queryable, Selectable};

diesel::table! {
    items (id) {
        id -> BigInt,
        name -> Text,
        photo -> Binary,
    }
}

/// A row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = items, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) photo: Vec<u8>,
}
