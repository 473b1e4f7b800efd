use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use keywalk::Token;
use serde::{Deserialize, Serialize};

/// How far a job got: what a store of [`CheckpointStore`](crate::CheckpointStore) keeps of it.
///
/// With serde, or [`to_json`](Self::to_json), it has a form that later releases read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub(crate) job: String,
    pub(crate) run: u64,
    pub(crate) token: Token,
    /// Where the walk began: its range and order, to tell another walk by.
    pub(crate) begun: Token,
    /// A cursor past the first item, to tell what share is done.
    #[serde(default)]
    pub(crate) first: Option<Token>,
    pub(crate) position: Option<String>,
    #[serde(default)]
    pub(crate) share: Option<f64>,
    pub(crate) items: u64,
    pub(crate) chunks: u64,
    pub(crate) skipped: u64,
    /// In milliseconds since 1970.
    pub(crate) started: i64,
    pub(crate) updated: i64,
}

impl Checkpoint {
    /// The job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// Which run of the job wrote this, counted from 1. A store that can compare refuses to replace a
    /// later run's by an earlier one's.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// The position, to go on from.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether the job has come to its end. Never true of an unbounded walk's.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.token.is_done()
    }

    /// The key that the walk has come to, in words; `None` before the first item.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// The share that was done, 0 to 1, where it can be told; see [`Progress::share`](crate::Progress::share).
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.share
    }

    /// The items that were done, by all runs since the job began; the skipped ones among them.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// The chunks that were done, by all runs since the job began.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The items that failed and were [recorded](crate::DeadLetter) instead, by all runs.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// When the job's first run began.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        from_unix_millis(self.started)
    }

    /// When this was written.
    #[must_use]
    pub fn updated(&self) -> SystemTime {
        from_unix_millis(self.updated)
    }

    /// One JSON object, on one line. It ends with a checksum of the text before, so it is to be stored as it
    /// is.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::json!(self).to_string();
        // The object's end, which the checksum's field comes before.
        json.pop();
        let checksum = crc32fast::hash(json.as_bytes());
        json + CHECKSUM + &format!("{checksum:08x}\"}}")
    }

    /// Reads what [`to_json`](Self::to_json) wrote, by this release or an earlier one.
    ///
    /// # Errors
    ///
    /// If it is none, or anything in it was changed.
    pub fn from_json(json: &str) -> Result<Self, CheckpointDecodeError> {
        let checkpoint =
            serde_json::from_str(json).map_err(|error| CheckpointDecodeError(Some(error)))?;
        let given = json
            .trim_end()
            .rsplit_once(CHECKSUM)
            .and_then(|(before, checksum)| {
                let is_right =
                    checksum == format!("{:08x}\"}}", crc32fast::hash(before.as_bytes()));
                is_right.then_some(checkpoint)
            });
        given.ok_or(CheckpointDecodeError(None))
    }
}

/// Prints the job's name and counts, and no key.
impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("job", &self.job)
            .field("run", &self.run)
            .field("items", &self.items)
            .field("share", &self.share)
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

const CHECKSUM: &str = ",\"checksum\":\"";

/// A text is no checkpoint: cut, changed, or of a later release.
#[derive(Debug)]
pub struct CheckpointDecodeError(Option<serde_json::Error>);

impl fmt::Display for CheckpointDecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the checkpoint can't be read; restore it, or reset the job to start anew")
    }
}

impl Error for CheckpointDecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}

/// A time in milliseconds since 1970, as the stores of checkpoints here keep it; for one of your own. 0 for a
/// time before that, `i64::MAX` for one that is too late to be told so.
///
/// ```
/// use std::time::SystemTime;
/// use keywalk_job::{from_unix_millis, unix_millis};
///
/// let stored: i64 = unix_millis(SystemTime::now());
/// assert_eq!(unix_millis(from_unix_millis(stored)), stored);
/// ```
#[must_use]
pub fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis().try_into().unwrap_or(i64::MAX))
}

/// The time that is so many [milliseconds](unix_millis) after 1970; 1970 itself where they are negative, or
/// more than the machine's clock can tell.
#[must_use]
pub fn from_unix_millis(millis: i64) -> SystemTime {
    let since = Duration::from_millis(millis.try_into().unwrap_or(0));
    let time = SystemTime::UNIX_EPOCH.checked_add(since);
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
