use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks jobs to stop: each finishes its chunk, records it and returns. Clones are one flag.
///
/// Setting it is all that a handler of Ctrl-C or SIGTERM has to do:
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
    /// A flag that isn't set.
    #[must_use]
    pub fn new() -> Self {
        Stop::default()
    }

    /// A flag that is kept elsewhere, and that `true` asks to stop; for crates that set one in a signal's
    /// handler.
    #[must_use]
    pub fn from_flag(flag: Arc<AtomicBool>) -> Self {
        Stop { flag }
    }

    /// Asks to stop. Takes no lock, so a signal's handler may call it.
    #[doc(alias = "stop")]
    pub fn request(&self) {
        self.flag.store(true, Ordering::Release);
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }
}
