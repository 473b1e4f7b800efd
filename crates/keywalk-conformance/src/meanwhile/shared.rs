use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard};
use std::thread::{self, ThreadId};

use crate::watch::lock;

/// What several threads use in turn, where one that comes again before it is done panics: it would wait for
/// itself.
pub(super) struct Shared<T> {
    value: Mutex<T>,
    user: Mutex<Option<ThreadId>>,
}

/// The value, in use.
pub(super) struct Used<'s, T> {
    value: MutexGuard<'s, T>,
    user: &'s Mutex<Option<ThreadId>>,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Shared {
            value: Mutex::new(value),
            user: Mutex::new(None),
        }
    }

    /// Waits until no other thread uses it.
    #[track_caller]
    pub(super) fn get(&self) -> Used<'_, T> {
        let me = thread::current().id();
        let is_mine = *lock(&self.user) == Some(me);
        assert!(
            !is_mine,
            "`write` may not say turns, visits or deletions: those are the code's, and `write` is what \
             others do in a turn"
        );
        let value = lock(&self.value);
        *lock(&self.user) = Some(me);
        Used {
            value,
            user: &self.user,
        }
    }
}

impl<T> Deref for Used<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Used<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Used<'_, T> {
    fn drop(&mut self) {
        *lock(self.user) = None;
    }
}
