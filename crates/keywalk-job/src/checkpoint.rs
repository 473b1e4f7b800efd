use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use keywalk::Token;
use serde::{Deserialize, Serialize};

use crate::parts::RUNS_PER_PLAN;

/// The recorded progress of a job, which a [`CheckpointStore`](crate::CheckpointStore) keeps.
///
/// Serde and [`to_json`](Self::to_json) write it in a form that later releases read.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub(crate) job: String,
    pub(crate) run: u64,
    pub(crate) token: Token,
    /// Where the walk began: its range and order, to detect another walk.
    pub(crate) begun: Token,
    /// A cursor after the first item, to compute the fraction that is done.
    #[serde(default)]
    pub(crate) first: Option<Token>,
    pub(crate) position: Option<String>,
    #[serde(default)]
    #[serde(rename = "share")]
    pub(crate) fraction: Option<f64>,
    pub(crate) items: u64,
    pub(crate) chunks: u64,
    pub(crate) skipped: u64,
    /// In milliseconds since 1970.
    pub(crate) started: i64,
    pub(crate) updated: i64,
    /// Whether the function ended the job before the walk's end, or a part of a parallel job has reached its end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) finished: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exported: Option<Exported>,
    /// Its place in a parallel job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parallel: Option<Parallel>,
}

/// The place of a checkpoint in a parallel job.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parallel {
    /// The whole job. If it has no parts and isn't done, it is still being planned.
    Whole {
        parts: usize,
        /// The most parts that any of its plans has recorded: they have checkpoints or dead letters.
        recorded: usize,
    },
    /// One part. Its number counts from 1.
    Part { of: String, number: usize },
}

/// What an export has written.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exported {
    pub(crate) bytes: u64,
    /// How many items the job had processed by then. If the checkpoint counts more, the job has since run with another
    /// store, without the export.
    pub(crate) items: u64,
    /// A checksum of the file's last bytes, by which the file is recognized.
    pub(crate) tail: u32,
}

impl Checkpoint {
    /// Returns the job's name.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// Returns the number of the run that wrote this, counted from 1. That of a [parallel job](crate::ParallelJob) counts
    /// its plans, and the runs of a part are counted from `(plan << 32) + 1`. A store with conditional writes rejects a
    /// checkpoint whose run number is lower than the stored one.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Returns the position from which the job continues.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Returns whether the job has reached its end, or was [finished](crate::Next::finish) by its function. An
    /// unbounded walk has no end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.finished || self.token.is_done()
    }

    /// Returns the key that the walk has reached, human-readable; `None` before the first item.
    #[must_use]
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// Returns the fraction that is done, 0 to 1, if it is known; see [`Progress::fraction`](crate::Progress::fraction).
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        self.fraction
    }

    /// Returns the number of items done by all runs since the job began, including the skipped ones.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Returns the number of chunks done by all runs since the job began.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Returns the number of items that failed and were skipped, over all runs; see
    /// [`DeadLetter`](crate::DeadLetter).
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Returns how many bytes a [`FileExport`](crate::FileExport) has written, over all runs; `None` for any other job.
    /// If it appends to one file, that many bytes at the file's start are final.
    #[must_use]
    pub fn exported_bytes(&self) -> Option<u64> {
        let exported = self.exported?;
        (exported.items == self.items).then_some(exported.bytes)
    }

    /// Creates the checkpoint of a job that begins at `token`, before its first run.
    pub(crate) fn begin(job: &str, token: Token, now: i64) -> Self {
        Checkpoint {
            job: job.to_owned(),
            run: 0,
            begun: token.clone(),
            token,
            first: None,
            position: None,
            fraction: None,
            items: 0,
            chunks: 0,
            skipped: 0,
            started: now,
            updated: now,
            finished: false,
            exported: None,
            parallel: None,
        }
    }

    /// Returns the parts of a parallel job, and the most that any of its plans has recorded. 0 for any other job.
    pub(crate) fn plan(&self) -> (usize, usize) {
        match self.parallel {
            Some(Parallel::Whole { parts, recorded }) => (parts, recorded),
            Some(Parallel::Part { .. }) | None => (0, 0),
        }
    }

    /// Returns the checkpoint of a parallel job as it is while the job is being planned. `None` for any other job.
    pub(crate) fn without_parts(&self) -> Option<Self> {
        let Some(Parallel::Whole { recorded, .. }) = self.parallel else {
            return None;
        };
        Some(Checkpoint {
            parallel: Some(Parallel::Whole { parts: 0, recorded }),
            finished: false,
            ..self.clone()
        })
    }

    /// Returns whether both have the same place: the whole of a parallel job, or the same part of it.
    pub(crate) fn has_place_of(&self, other: &Checkpoint) -> bool {
        match (&self.parallel, &other.parallel) {
            (Some(Parallel::Whole { .. }), Some(Parallel::Whole { .. })) => true,
            (here, there) => here == there,
        }
    }

    /// Returns whether this is of a part that this plan of a job has recorded. After a reset, runs are counted from 1
    /// again.
    pub(crate) fn is_part_of(&self, whole: &Checkpoint) -> bool {
        (self.run / RUNS_PER_PLAN, self.started) == (whole.run, whole.started)
    }

    /// Returns whether both are of one plan of a parallel job.
    pub(crate) fn has_plan_of(&self, other: &Checkpoint) -> bool {
        (self.run, self.started) == (other.run, other.started)
    }

    /// Returns how many parts a [parallel job](crate::ParallelJob) has; `None` for any other job, and for a part itself.
    /// It is 0 while the job is being planned. Until the job is done, its items are counted in the checkpoints of its
    /// parts, whose names are the job's and `#part-001`, `#part-002` and so on.
    #[must_use]
    pub fn parts(&self) -> Option<usize> {
        match self.parallel {
            Some(Parallel::Whole { parts, .. }) => Some(parts),
            Some(Parallel::Part { .. }) | None => None,
        }
    }

    /// Returns when the job's first run began.
    #[must_use]
    pub fn started(&self) -> SystemTime {
        from_unix_millis(self.started)
    }

    /// Returns when this was written.
    #[must_use]
    pub fn updated(&self) -> SystemTime {
        from_unix_millis(self.updated)
    }

    /// Encodes the checkpoint as one JSON object on one line. It ends with a checksum of the text before, so
    /// store it unchanged.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = serde_json::json!(self).to_string();
        // The checksum's field comes before the object's end.
        json.pop();
        let checksum = crc32fast::hash(json.as_bytes());
        json + CHECKSUM + &format!("{checksum:08x}\"}}")
    }

    /// Decodes what [`to_json`](Self::to_json) wrote, in this release or an earlier one.
    ///
    /// # Errors
    ///
    /// If the text is not a checkpoint, or anything in it was changed.
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Prints the job's name and counts, and no key.
impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("job", &self.job)
            .field("run", &self.run)
            .field("items", &self.items)
            .field("fraction", &self.fraction)
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

const CHECKSUM: &str = ",\"checksum\":\"";

/// A text that is not a checkpoint: it was cut, changed, or written by a later release.
#[derive(Debug)]
pub struct CheckpointDecodeError(Option<serde_json::Error>);

impl fmt::Display for CheckpointDecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the checkpoint can't be read; restore it, or reset the job to start over")
    }
}

impl Error for CheckpointDecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}

/// Converts a time to milliseconds since 1970, the form that [`FileCheckpoints`](crate::FileCheckpoints) and
/// `keywalk_sqlite::SqliteCheckpoints` store. For a store of your own. Returns 0 for an earlier time, and
/// `i64::MAX` for one that is out of range.
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

/// Converts [milliseconds](unix_millis) since 1970 to a time. Returns 1970 for a negative number, and for one
/// that is out of the machine clock's range.
#[must_use]
pub fn from_unix_millis(millis: i64) -> SystemTime {
    let since = Duration::from_millis(millis.try_into().unwrap_or(0));
    let time = SystemTime::UNIX_EPOCH.checked_add(since);
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
