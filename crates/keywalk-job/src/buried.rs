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
    /// A letter with this key in words and as the source encodes it, this error in words, of this time; for
    /// a store of your own.
    #[must_use]
    pub fn new(key: String, key_bytes: Vec<u8>, error: String, time: SystemTime) -> Self {
        Buried {
            key,
            key_bytes,
            error,
            time,
        }
    }

    /// The item's key, in words.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The item's key as the source encodes it, and
    /// [reads it again](keywalk::DurableSource::decode_key).
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
