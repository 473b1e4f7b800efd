use std::fmt;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The clock that a job uses to read the time and to sleep: the system's, or one that a test controls.
///
/// ```
/// use std::cell::Cell;
/// use std::time::Duration;
/// use keywalk_job::Clock;
///
/// /// Waiting takes no time.
/// #[derive(Debug, Default)]
/// struct ByHand(Cell<Duration>);
///
/// impl Clock for ByHand {
///     fn now(&self) -> Duration {
///         self.0.get()
///     }
///
///     fn sleep(&self, time: Duration) {
///         self.0.set(self.0.get() + time);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` isn't a clock for jobs: it doesn't implement `keywalk_job::Clock`",
    label = "not a clock",
    note = "leave `Job::clock` out for the machine's, or implement `keywalk_job::Clock`"
)]
pub trait Clock: fmt::Debug {
    /// Returns the time since a fixed start.
    fn now(&self) -> Duration;

    /// Waits for `time`. A job waits in short steps, and checks between them whether to stop.
    fn sleep(&self, time: Duration);

    /// Returns the time of day, to be recorded. Provided: the machine's.
    fn time_of_day(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn sleep(&self, time: Duration) {
        (**self).sleep(time);
    }

    fn time_of_day(&self) -> SystemTime {
        (**self).time_of_day()
    }
}

/// The machine's clock. It isn't read before the first call, because reading it panics in a browser. Jobs there
/// set their own clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        START.elapsed()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }
}
