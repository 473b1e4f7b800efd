//! A clock that moves when it is slept on, and by hand.

use std::fmt;
use std::time::{Duration, SystemTime};

use keywalk_job::Clock;

use crate::shared::Shared;

type Hook = Box<dyn FnMut(Duration) + Send>;

#[derive(Clone, Default)]
pub(crate) struct TestClock {
    now: Shared<Duration>,
    on_sleep: Shared<Option<Hook>>,
}

impl TestClock {
    pub(crate) fn now(&self) -> Duration {
        self.now.get()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.now.set(self.now() + time);
    }

    /// Calls this at each sleep with the time when it is over.
    pub(crate) fn on_sleep(&self, hook: impl FnMut(Duration) + Send + 'static) {
        *self.on_sleep.borrow_mut() = Some(Box::new(hook));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn sleep(&self, time: Duration) {
        assert!(!time.is_zero(), "a sleep of no time is a spin");
        self.pass(time);
        if let Some(hook) = &mut *self.on_sleep.borrow_mut() {
            hook(self.now());
        }
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestClock")
    }
}
