use std::fmt;
use std::time::SystemTime;

use crate::BoxError;

/// An item that the job's function failed for, and that was skipped: what
/// [`Job::skip_failures`](crate::Job::skip_failures) has recorded. A [`Buried`](crate::Buried) is one that is
/// read back.
pub struct DeadLetter<'a> {
    pub(crate) job: &'a str,
    pub(crate) key: String,
    pub(crate) key_bytes: &'a [u8],
    pub(crate) error: &'a BoxError,
    pub(crate) time: SystemTime,
}

impl DeadLetter<'_> {
    /// The job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        self.job
    }

    /// The item's key, in words.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The item's key as the source encodes it: what tells one letter of a job from another.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.key_bytes
    }

    /// What the function failed with.
    #[must_use]
    pub fn error(&self) -> &BoxError {
        self.error
    }

    /// The error and what caused it, with colons between them.
    #[must_use]
    pub fn error_text(&self) -> String {
        use fmt::Write;
        let mut text = self.error.to_string();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            // A string takes whatever is written.
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }

    /// When it failed.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.time
    }
}

/// Prints the job's name, and no data.
impl fmt::Debug for DeadLetter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}
