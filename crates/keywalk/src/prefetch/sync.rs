//! What the relay waits by. A test puts another module in the place of this one, to try every order in
//! which two threads can come to it.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
