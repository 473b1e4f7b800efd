//! The harnesses, one per store.

mod byte_map;
pub mod fjall;
mod lent;
mod offloaded;
pub mod postgres;
pub mod redb;
mod retried;
mod sharded;
mod shared_map;
mod skip_list;
pub mod sled;
pub mod sqlite;

pub use self::sled::SledHarness;
pub use byte_map::{ByteKey, ByteMap, ByteMapHarness};
pub use lent::{LentMap, LentSlice};
pub use offloaded::OffloadedHarness;
pub use retried::{Lossy, RetriedHarness};
pub use sharded::{
    Boxed, Compared, ComparedAsync, Merged, MergedAsync, NumberedHarness, ShardedHarness, Way,
};
pub use shared_map::SharedMapHarness;
pub use skip_list::SkipListHarness;

use keywalk_conformance::{BoxError, Config, Harness, Verdict, Writer, run_check};

/// Writes through a copy of a harness.
struct ByCopy<H>(H);

impl<H: Harness + Send> Writer<H::Key> for ByCopy<H> {
    fn put(&mut self, key: &H::Key, value: u64) -> Result<(), BoxError> {
        self.0.put(key, value)
    }

    fn delete(&mut self, key: &H::Key) -> Result<(), BoxError> {
        self.0.delete(key)
    }
}

/// Walks while threads insert and delete, with far more threads than the kit uses. What certainly exists must come once
/// and in order; what certainly doesn't exist must not come.
///
/// Each history is recorded and judged by the intervals of its calls, in both orders and several chunk sizes, for many
/// seeds. `KEYWALK_CASES=10000` runs longer: four cases are one round of six walks.
///
/// # Panics
///
/// If a walk breaks this rule.
pub fn is_lawful_beside_writers<H: Harness>() {
    let longer = std::env::var_os("KEYWALK_CASES").is_some();
    let config = Config::default();
    let config = if longer { config } else { config.cases(160) };
    let outcome = run_check::<H>("keys_that_stay_are_found_during_writes", &config);
    let outcome = outcome.expect("the kit has that check");
    match outcome.verdict() {
        Verdict::Passed => {}
        Verdict::Skipped(reason) => panic!("it isn't tried: {reason}"),
        Verdict::Failed(failure) => panic!("{failure}"),
    }
}
