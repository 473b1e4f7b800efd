//! What is watched of a connection, and made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use keywalk_conformance::Fuse;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// Shared by the connections of a harness.
#[derive(Clone, Debug)]
pub struct Probe {
    steps: i32,
    fuse: Fuse,
    seen: Arc<AtomicU64>,
}

impl Probe {
    /// So many steps of SQLite's virtual machine are an operation that can fail. SQLite asks at
    /// jumps, at each row, at the end of a statement and while it prepares, once for every so many
    /// steps since it asked before.
    #[must_use]
    pub fn new(steps: i32) -> Self {
        Probe {
            steps,
            fuse: Fuse::default(),
            seen: Arc::default(),
        }
    }

    /// Interrupts the connection's statements when the fuse says so, and counts the calls of the SQL
    /// function `seen`, which is true.
    pub fn attach(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let fuse = self.fuse.clone();
        let interrupts = move || fuse.operation().is_err();
        db.progress_handler(self.steps, Some(interrupts))?;
        let seen = Arc::clone(&self.seen);
        db.create_scalar_function("seen", 1, FunctionFlags::SQLITE_UTF8, move |_| {
            seen.fetch_add(1, SeqCst);
            Ok(true)
        })
    }

    /// Makes steps fail.
    #[must_use]
    pub fn fuse(&self) -> &Fuse {
        &self.fuse
    }

    /// How many rows were looked at by statements that call `seen`.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen.load(SeqCst)
    }
}
