use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that requests jobs to stop. Each job finishes its chunk, records it and returns. Clones share one
/// flag.
///
/// A handler of Ctrl-C or SIGTERM only has to set it:
///
/// ```no_run
/// use keywalk_job::Stop;
///
/// let stop = Stop::new();
/// ctrlc::set_handler({
///     let stop = stop.clone();
///     move || stop.request()
/// })?;
/// # Ok::<(), ctrlc::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
}

impl Stop {
    /// Creates a flag that isn't set.
    #[must_use]
    pub fn new() -> Self {
        Stop::default()
    }

    /// Wraps an existing flag, for crates that set one in a signal handler. `true` requests the stop.
    #[must_use]
    pub fn from_flag(flag: Arc<AtomicBool>) -> Self {
        Stop { flag }
    }

    /// Requests the stop. Takes no lock, so a signal handler may call it.
    #[doc(alias = "stop")]
    pub fn request(&self) {
        self.flag.store(true, Ordering::Release);
    }

    /// Returns whether a stop was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }
}
