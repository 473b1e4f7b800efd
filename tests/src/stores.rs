//! The stores that the laws are tried on.

mod map;
mod shared_map;
mod skip_list;
mod slice;
mod sqlite;

pub use map::{RebuiltMap, RebuiltMapSource};
pub use shared_map::SharedMapStore;
pub use skip_list::SkipListStore;
pub use slice::{RebuiltSlice, RebuiltSliceSource};
pub use sqlite::{Clustered, Filtered, Joined, SqliteKey, SqliteStore, Way};
