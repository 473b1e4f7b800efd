//! The stores that are walked. A new one is [`Filled`](crate::filled::Filled) in a file beside these,
//! and a line in `main`.

mod key;
mod map;
mod shared_map;
mod skip_list;
mod slice;
mod sqlite_table;
pub(crate) mod wild_table;

pub(crate) use key::Key;
pub(crate) use map::BorrowedMap;
pub(crate) use shared_map::LockedMap;
pub(crate) use skip_list::LockFreeList;
pub(crate) use slice::SortedSlice;
pub(crate) use sqlite_table::SqliteTable;
pub(crate) use wild_table::WildTable;
