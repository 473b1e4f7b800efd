use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::InterruptHandle;

use crate::store::Store;
use crate::trouble::BoxError;
use keywalk_examples::Random;

/// Interrupts walks, and keeps everyone from the store for a moment, now and then.
pub(crate) struct Saboteur {
    pub(crate) random: Random,
}

/// What the walkers can be interrupted by.
#[derive(Default)]
pub(crate) struct Handles(Mutex<Vec<InterruptHandle>>);

impl Handles {
    pub(crate) fn add(&self, handle: InterruptHandle) {
        self.lock().push(handle);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<InterruptHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Saboteur {
    pub(crate) fn work<S: Store>(
        mut self,
        store: &S,
        handles: &Handles,
        go_on: impl Fn() -> bool,
    ) -> Result<(), BoxError> {
        let mut connection = store.connect()?;
        while go_on() {
            for handle in handles.lock().iter() {
                if self.random.one_in(2) {
                    handle.interrupt();
                }
            }
            if self.random.one_in(10) {
                let random = &mut self.random;
                store.lock(&mut connection, &mut || {
                    thread::sleep(Duration::from_micros(random.below(8_000)));
                })?;
            }
            thread::sleep(Duration::from_micros(self.random.below(6_000)));
        }
        Ok(())
    }
}
