use std::fmt;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What a job knows of time, and how it waits: the machine's clock, or one that a test moves by hand.
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
    message = "`{Self}` doesn't tell a job the time: it is no `keywalk_job::Clock`",
    label = "not a clock",
    note = "leave `Job::clock` out for the machine's, or implement `keywalk_job::Clock`"
)]
pub trait Clock: fmt::Debug {
    /// The time since some start that stays the same.
    fn now(&self) -> Duration;

    /// Waits. A job waits in short steps, between which it looks whether to stop.
    fn sleep(&self, time: Duration);

    /// The time of day, for what is recorded. Provided: the machine's.
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

/// The machine's clock. It is first looked at when the time is asked for: a browser has none, and a job there is
/// given another.
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
