//! A value that clones share, with the methods of `Cell` and `RefCell`. Hooks of asynchronous jobs are `Send`.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Shared(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn borrow(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    pub(crate) fn borrow_mut(&self) -> MutexGuard<'_, T> {
        self.borrow()
    }

    pub(crate) fn set(&self, value: T) {
        *self.borrow() = value;
    }

    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        *self.borrow()
    }

    pub(crate) fn take(&self) -> T
    where
        T: Default,
    {
        mem::take(&mut self.borrow())
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}
