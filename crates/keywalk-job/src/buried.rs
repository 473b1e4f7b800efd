use std::fmt;
use std::time::SystemTime;

/// A [`DeadLetter`](crate::DeadLetter) that was recorded, as
/// [`Checkpoints::dead_letters`](crate::Checkpoints::dead_letters) reads it back.
#[derive(Clone, PartialEq, Eq)]
pub struct Buried {
    key: String,
    key_bytes: Vec<u8>,
    error: String,
    time: SystemTime,
}

impl Buried {
    /// The letter of the item with this key, in words and as the source encodes it; for a store of your own.
    ///
    /// ```
    /// use keywalk_job::{Buried, from_unix_millis};
    ///
    /// // As they were stored.
    /// let (key, key_bytes, error, time) = ("7", vec![0, 7], "no such file", 1_764_214_226_123);
    /// let letter = Buried::new(key, key_bytes)
    ///     .failed_with(error)
    ///     .failed_at(from_unix_millis(time));
    /// assert_eq!(letter.error(), "no such file");
    /// ```
    #[must_use]
    pub fn new(key: impl Into<String>, key_bytes: Vec<u8>) -> Self {
        Buried {
            key: key.into(),
            key_bytes,
            error: String::new(),
            time: SystemTime::UNIX_EPOCH,
        }
    }

    /// With what the function failed with, in words: [`DeadLetter::error_text`](crate::DeadLetter::error_text).
    /// Default: empty.
    #[must_use]
    pub fn failed_with(mut self, error: impl Into<String>) -> Self {
        self.error = error.into();
        self
    }

    /// With the time of the failure: [`DeadLetter::time`](crate::DeadLetter::time). Default: 1970.
    #[must_use]
    pub fn failed_at(mut self, time: SystemTime) -> Self {
        self.time = time;
        self
    }

    /// The item's key, in words.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The item's key as the source encodes it, and
    /// [reads it again](keywalk::ResumableSource::decode_key).
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        &self.key_bytes
    }

    /// What the function failed with and what caused that, with colons between them.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }

    /// When it failed, the last time.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.time
    }
}

/// Prints its time, and no data.
impl fmt::Debug for Buried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buried")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}
