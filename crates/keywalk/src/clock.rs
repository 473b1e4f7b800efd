use alloc::boxed::Box;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::time::Duration;

/// Whether the standard library tells the time. In a browser it panics instead.
const HAS_SYSTEM_CLOCK: bool = cfg!(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
));

/// Tells the time: as the walk was told to, or by the system.
#[derive(Default)]
pub(crate) struct Clock {
    /// Nothing of a walk is broken where it panics.
    given: Option<AssertUnwindSafe<Box<dyn Fn() -> Duration + Send + Sync>>>,
}

impl Clock {
    pub(crate) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Clock {
            given: Some(AssertUnwindSafe(Box::new(now))),
        }
    }

    /// Whether there is a time to tell.
    pub(crate) fn runs(&self) -> bool {
        HAS_SYSTEM_CLOCK || self.given.is_some()
    }

    /// What the call returns, and how long it took; no time at all if that can't be told, or the clock
    /// was set back.
    pub(crate) fn time<R>(&self, call: impl FnOnce() -> R) -> (R, Duration) {
        if let Some(AssertUnwindSafe(now)) = &self.given {
            let start = now();
            let returned = call();
            return (returned, now().saturating_sub(start));
        }
        #[cfg(feature = "std")]
        if HAS_SYSTEM_CLOCK {
            let start = std::time::Instant::now();
            let returned = call();
            return (returned, start.elapsed());
        }
        (call(), Duration::ZERO)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("given", &self.given.is_some())
            .finish()
    }
}
