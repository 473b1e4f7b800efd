//! What SQLite does for a walk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

/// Counts the operations of SQLite's virtual machine, by so many at once.
pub(crate) fn count_operations(db: &mut Connection, by: u32) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let tick = move || {
        counter.fetch_add(u64::from(by), Ordering::Relaxed);
        false
    };
    let by = by.try_into().expect("it is a small number");
    db.progress_handler(by, Some(tick))
        .expect("SQLite takes a handler");
    count
}
