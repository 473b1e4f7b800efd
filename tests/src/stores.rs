//! A harness for each store.

mod lent;
mod retried;
mod shared_map;
mod skip_list;
pub mod sled;
pub mod sqlite;

pub use self::sled::SledHarness;
pub use lent::{LentMap, LentSlice};
pub use retried::{Loss, Lossy, RetriedHarness};
pub use shared_map::SharedMapHarness;
pub use skip_list::SkipListHarness;
