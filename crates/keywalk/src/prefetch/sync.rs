//! The synchronization primitives of the handoff. A test replaces this module, to try every interleaving of the
//! two threads.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
