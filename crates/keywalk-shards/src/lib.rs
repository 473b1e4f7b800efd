//! Many shards and many workers, for [keywalk](keywalk).

#![forbid(unsafe_code)]

mod boxed;
mod diff;
mod merge;
mod numbered;
mod shard;
mod shard_error;

#[cfg(feature = "async")]
pub use boxed::BoxAsyncShard;
pub use boxed::BoxShard;
pub use diff::{Diff, Difference};
pub use merge::{Merge, SameKey};
pub use numbered::{Numbered, NumberedItem};
pub use shard_error::{ShardError, ShardErrorKind};
