use std::fmt;
use std::time::SystemTime;

use crate::checkpoints::CheckpointStore;
use crate::error::BoxError;

/// Keeps the items that a job has [skipped](crate::Job::skip_failures), each with its last error. They stay
/// until the job is [reset](crate::Leases::reset).
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, DeadLetters, Job};
///
/// # let folder = tempfile::tempdir()?;
/// let numbers = BTreeMap::from([(1, "12"), (2, "a dozen"), (3, "144")]);
/// let mut checkpoints = FileCheckpoints::new(folder.path());
/// let job = Job::new("parse", Walk::new(keywalk_memory::Named::new("numbers", &numbers)), &mut checkpoints);
/// let outcome = job.skip_failures().run(|(), items| {
///     for (_, number) in items {
///         println!("{}", number.parse::<u32>()?);
///     }
///     Ok(())
/// })?;
/// assert_eq!(outcome.skipped(), 1);
///
/// for letter in checkpoints.dead_letters("parse")? {
///     println!("{}: {}", letter.key(), letter.error()); // 2: invalid digit found in string
/// }
/// # assert_eq!(checkpoints.dead_letters("parse")?[0].key(), "2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no place for the items that a job skips: it is no `DeadLetters`",
    label = "keeps no dead letters",
    note = "implement `keywalk_job::DeadLetters` beside `CheckpointStore`, or let the job end at the first failure"
)]
pub trait DeadLetters: CheckpointStore {
    /// Records an item that failed, as part of the scope's commit. A later letter of the same job and key
    /// replaces it.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn record_dead_letter(
        scope: &mut Self::Scope<'_>,
        rest: &mut Self::Rest<'_>,
        letter: &DeadLetter<'_>,
    ) -> Result<(), Self::Error>;

    /// Lists a job's letters, ordered by the bytes of their keys. O(letters).
    ///
    /// To process the items again: with SQLite, run a job over the table of dead letters (see
    /// `keywalk_sqlite::SqliteCheckpoints`); with files, look up each key (see
    /// [`FileCheckpoints`](crate::FileCheckpoints)). A store of your own creates the letters with
    /// [`DeadLetterRecord::new`].
    ///
    /// # Errors
    ///
    /// Returns the store's error, including if a letter can't be read.
    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, Self::Error>;
}

#[deny(clippy::missing_trait_methods)]
impl<C: DeadLetters> DeadLetters for &mut C {
    fn record_dead_letter(
        scope: &mut C::Scope<'_>,
        rest: &mut C::Rest<'_>,
        letter: &DeadLetter<'_>,
    ) -> Result<(), C::Error> {
        C::record_dead_letter(scope, rest, letter)
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, C::Error> {
        (**self).dead_letters(job)
    }
}

/// An item for which the job's function failed, and which [`Job::skip_failures`](crate::Job::skip_failures)
/// skipped. A [`DeadLetterRecord`] is one that was read back.
pub struct DeadLetter<'a> {
    pub(crate) job: &'a str,
    pub(crate) key: String,
    pub(crate) key_bytes: &'a [u8],
    pub(crate) error: &'a BoxError,
    pub(crate) time: SystemTime,
}

impl DeadLetter<'_> {
    /// Returns the job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        self.job
    }

    /// Returns the item's key, human-readable.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the item's key as the source encodes it. It identifies a letter within its job.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.key_bytes
    }

    /// Returns the error of the job's function.
    #[must_use]
    pub fn error(&self) -> &BoxError {
        self.error
    }

    /// Returns the error and its causes, separated by colons.
    #[must_use]
    pub fn error_text(&self) -> String {
        use fmt::Write;
        let mut text = self.error.to_string();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            // Writing to a string never fails.
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }

    /// Returns the time of the failure.
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

/// A recorded [`DeadLetter`], as [`DeadLetters::dead_letters`] reads it back.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetterRecord {
    key: String,
    key_bytes: Vec<u8>,
    error: String,
    time: SystemTime,
}

impl DeadLetterRecord {
    /// Creates a record from the item's key: `key` is its readable text, `key_bytes` the source's encoding. For a
    /// store of your own.
    ///
    /// ```
    /// use keywalk_job::{DeadLetterRecord, from_unix_millis};
    ///
    /// // As they were stored.
    /// let (key, key_bytes, error, time) = ("7", vec![0, 7], "no such file", 1_764_214_226_123);
    /// let letter = DeadLetterRecord::new(key, key_bytes)
    ///     .failed_with(error)
    ///     .failed_at(from_unix_millis(time));
    /// assert_eq!(letter.error(), "no such file");
    /// ```
    #[must_use]
    pub fn new(key: impl Into<String>, key_bytes: Vec<u8>) -> Self {
        DeadLetterRecord {
            key: key.into(),
            key_bytes,
            error: String::new(),
            time: SystemTime::UNIX_EPOCH,
        }
    }

    /// Sets the error text, [`DeadLetter::error_text`]. Default: empty.
    #[must_use]
    pub fn failed_with(mut self, error: impl Into<String>) -> Self {
        self.error = error.into();
        self
    }

    /// Sets the time of the failure, [`DeadLetter::time`]. Default: 1970.
    #[must_use]
    pub fn failed_at(mut self, time: SystemTime) -> Self {
        self.time = time;
        self
    }

    /// Returns the item's key, human-readable.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the item's key as the source encodes it. The source
    /// [decodes it again](keywalk::ResumableSource::decode_key).
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        &self.key_bytes
    }

    /// Returns the error of the job's function and its causes, separated by colons.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }

    /// Returns the time of the last failure.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.time
    }
}

/// Prints its time, and no data.
impl fmt::Debug for DeadLetterRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetterRecord")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}
