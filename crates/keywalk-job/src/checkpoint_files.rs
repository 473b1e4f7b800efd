use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use atomic_write_file::AtomicWriteFile;
use serde::{Deserialize, Serialize};

#[cfg(feature = "async")]
use crate::async_checkpoints::{AsyncCheckpointStore, AsyncDeadLetters, AsyncLeases, AsyncScope};
use crate::checkpoint::{Checkpoint, CheckpointDecodeError, from_unix_millis, unix_millis};
use crate::checkpoints::CheckpointStore;
use crate::dead_letter::{DeadLetter, DeadLetterRecord, DeadLetters};
use crate::lease::{Lease, Leases, file_name, refuse_special_file};

/// Checkpoints in a folder, one file per job. Use it for walks over any source, with effects anywhere.
///
/// Effects happen *at least once*: the checkpoint is written after the chunk's work. After a crash between the
/// two, the items of that one chunk are processed again.
///
/// | File | Content |
/// |---|---|
/// | `job-NAME.json` | the checkpoint. It is written whole and durably or not at all: a new file is synced and renamed over the old one, and the folder is synced |
/// | `job-NAME.dead-letters.ndjson` | skipped items, one JSON object per line: `key`, `error`, `time` in milliseconds since 1970, and `key_bytes` in hexadecimal digits. A key may have several lines, because a repeated chunk writes its letters again; only the last is valid. [`dead_letters`](DeadLetters::dead_letters) returns only that one |
/// | `job-NAME.lock` | empty. Locked by the operating system while the job runs, and removed afterwards. After a kill the file may remain, but unlocked; the job's next run takes it over and removes it at its end |
///
/// In file names, every byte of the job's name except small letters, digits, `-` and `_` is written as `%` and
/// two hexadecimal digits. A process that is killed while it writes can leave a file `.job-NAME.json.XXXXXX`,
/// which you may delete.
///
/// # Two runners
///
/// The lock is the lease, so use a file system on which locks work, and don't share the folder between machines.
/// Two runners may still get the same job, for example if the lock file was deleted. The later run records its
/// run number, so the earlier run's next commit fails. Until then, both may process the same chunk. This check
/// misses two runs that start at the same moment.
///
/// After a reset the run numbers start at 1 again. An earlier run that is still running may then have the higher
/// number: the later run's commit may fail instead. If both have the same number, both may continue unnoticed.
///
/// # Damage
///
/// A checkpoint that can't be read makes [`list`](CheckpointStore::list) fail, and the error names its path. An
/// incomplete last line of the dead letters, left by a crash or power failure, is ignored. The next dead letter
/// overwrites it. The chunk of the incomplete letter is processed again. Any other line that is not a letter
/// makes [`dead_letters`](DeadLetters::dead_letters) fail, and the error names its line number.
///
/// # Skipped items
///
/// To process skipped items again, go through [`dead_letters`](DeadLetters::dead_letters). The source
/// [decodes](keywalk::ResumableSource::decode_key) the key of each letter, and a walk over `key..=key` yields
/// its item. The letters stay until the job is reset.
///
/// # Cost
///
/// Two syncs per chunk, and one per dead letter: some milliseconds each on a disk. Larger chunks need fewer
/// syncs, and repeat more after a crash. The first dead letter of a run reads the whole file of letters.
#[derive(Clone, Debug)]
pub struct FileCheckpoints {
    folder: PathBuf,
    /// The file to which letters were last added, and its length then.
    letters: Option<(PathBuf, u64)>,
}

impl FileCheckpoints {
    /// Keeps checkpoints in this folder, which is created when the first job runs. Reads nothing yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        FileCheckpoints {
            folder: folder.into(),
            letters: None,
        }
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Fails if a later run of the job has recorded itself.
    pub(crate) fn check_run(&self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let path = self.path(checkpoint.job(), CHECKPOINT);
        match read(&path)?.is_some_and(|stored| stored.run() > checkpoint.run()) {
            true => Err(FileError::superseded(&path)),
            false => Ok(()),
        }
    }

    fn path(&self, job: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{START}{}{end}", file_name(job)))
    }
}

const START: &str = "job-";
const CHECKPOINT: &str = ".json";
const LOCK: &str = ".lock";
const DEAD_LETTERS: &str = ".dead-letters.ndjson";

impl CheckpointStore for FileCheckpoints {
    type Scope<'a> = ();
    type Rest<'a> = &'a mut Self;
    type Error = FileError;

    fn begin(&mut self) -> Result<((), &mut Self), FileError> {
        Ok(((), self))
    }

    fn load_in(
        (): &mut (),
        files: &mut &mut Self,
        job: &str,
    ) -> Result<Option<Checkpoint>, FileError> {
        read(&files.path(job, CHECKPOINT))
    }

    fn commit((): (), files: &mut Self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let path = files.path(checkpoint.job(), CHECKPOINT);
        files.check_run(checkpoint)?;
        let write = || {
            let line = checkpoint.to_json() + "\n";
            replace(&path, line.as_bytes())
        };
        write().map_err(FileError::io("write", &path))
    }

    fn remove(&mut self, job: &str) -> Result<bool, FileError> {
        let mut was_there = false;
        for end in [DEAD_LETTERS, CHECKPOINT] {
            let path = self.path(job, end);
            match fs::remove_file(&path) {
                Ok(()) => was_there = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(FileError::io("remove", &path)(error)),
            }
        }
        Ok(was_there)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, FileError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(FileError::io("read", &self.folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::io("read", &self.folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(START) && name.ends_with(CHECKPOINT)) {
                found.extend(read(&path)?);
            }
        }
        found.sort_by(|a, b| a.job().cmp(b.job()));
        Ok(found)
    }
}

/// Each call blocks the thread: a commit for two fsyncs. The effects of a job are at least once.
#[cfg(feature = "async")]
impl AsyncCheckpointStore for FileCheckpoints {
    type Scope<'a> = FileScope<'a>;
    type Error = FileError;

    async fn begin(&mut self) -> Result<FileScope<'_>, FileError> {
        Ok(FileScope(self))
    }

    async fn remove(&mut self, job: &str) -> Result<bool, FileError> {
        CheckpointStore::remove(self, job)
    }

    async fn list(&mut self) -> Result<Vec<Checkpoint>, FileError> {
        CheckpointStore::list(self)
    }
}

/// The scope of an asynchronous job with [`FileCheckpoints`]. It encloses nothing: effects happen at once.
#[cfg(feature = "async")]
#[derive(Debug)]
pub struct FileScope<'a>(&'a mut FileCheckpoints);

#[cfg(feature = "async")]
impl AsyncScope for FileScope<'_> {
    type Error = FileError;

    async fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, FileError> {
        CheckpointStore::load(self.0, job)
    }

    async fn commit(self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        FileCheckpoints::commit((), self.0, checkpoint)
    }

    async fn record_dead_letter(&mut self, letter: &DeadLetter<'_>) -> Result<(), FileError> {
        FileCheckpoints::record_dead_letter(&mut (), &mut self.0, letter)
    }
}

#[cfg(feature = "async")]
impl AsyncLeases for FileCheckpoints {
    type Lease = Lease;

    async fn lease(&mut self, job: &str) -> Result<Option<Lease>, FileError> {
        Leases::lease(self, job)
    }
}

#[cfg(feature = "async")]
impl AsyncDeadLetters for FileCheckpoints {
    async fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, FileError> {
        DeadLetters::dead_letters(self, job)
    }
}

impl Leases for FileCheckpoints {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, FileError> {
        make_folder(&self.folder).map_err(FileError::io("make", &self.folder))?;
        let path = self.path(job, LOCK);
        Lease::by_own_file(&path).map_err(FileError::io("lock", &path))
    }
}

impl DeadLetters for FileCheckpoints {
    fn record_dead_letter(
        (): &mut (),
        files: &mut &mut Self,
        letter: &DeadLetter<'_>,
    ) -> Result<(), FileError> {
        let path = files.path(letter.job(), DEAD_LETTERS);
        let known = files.letters.take().filter(|(known, _)| *known == path);
        let known = known.map(|(_, length)| length);
        let length = append_letter(&path, letter, known);
        let length = length.map_err(FileError::io("write", &path))?;
        files.letters = Some((path, length));
        Ok(())
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, FileError> {
        read_letters(&self.path(job, DEAD_LETTERS))
    }
}

/// Writes the file whole and durably, or leaves the old one.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = AtomicWriteFile::open(path)?;
    io::Write::write_all(&mut file, content)?;
    file.commit()
}

/// Fails: a browser has no files.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::write(path, content)
}

fn read(path: &Path) -> Result<Option<Checkpoint>, FileError> {
    refuse_special_file(path).map_err(FileError::io("read", path))?;
    match fs::read_to_string(path) {
        Ok(json) => Checkpoint::from_json(&json)
            .map(Some)
            .map_err(FileError::content(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("read", path)(error)),
    }
}

/// Creates the folder and its missing parents, durably. For each folder created, the parent that holds its name
/// is synced.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    // The parent of a relative path's first name is the current folder.
    if folder == Path::new("") || folder.is_dir() {
        return Ok(());
    }
    make_folder(parent(folder))?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(parent(folder)),
    }
}

/// Returns the folder that holds this path; empty for the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match folder {
        // Windows has no such sync.
        _ if cfg!(windows) => Ok(()),
        folder if folder == Path::new("") => fs::File::open(".")?.sync_all(),
        folder => fs::File::open(folder)?.sync_all(),
    }
}

/// A line of a file of dead letters, as JSON.
#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    #[serde(with = "hex")]
    key_bytes: Vec<u8>,
    error: String,
    /// In milliseconds since 1970.
    time: i64,
}

/// Any JSON object: perhaps a dead letter that another release wrote.
type Object = serde_json::Map<String, serde_json::Value>;

/// Appends a letter durably, and replaces what a crash tore at the file's end. Returns the file's length. Pass
/// that length as `known` next time: if the file still has it, the file isn't read again.
fn append_letter(path: &Path, letter: &DeadLetter<'_>, known: Option<u64>) -> io::Result<u64> {
    let line = Line {
        key: letter.key().to_owned(),
        key_bytes: letter.key_bytes().to_owned(),
        error: letter.error_text(),
        time: unix_millis(letter.time()),
    };
    let mut line = serde_json::to_string(&line)? + "\n";
    refuse_special_file(path)?;
    let mut options = OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    if known != Some(file.metadata()?.len()) {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = &text[..Letters::of(&text).end];
        if whole.len() < text.len() {
            // On Windows a file that is open for appending can't be truncated.
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(whole.len() as u64)?;
        }
        // The last letter is whole; only its line end was torn.
        if whole.last().is_some_and(|byte| *byte != b'\n') {
            line.insert(0, '\n');
        }
    }
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Reads the last letter of each key, ordered by the keys' bytes.
fn read_letters(path: &Path) -> Result<Vec<DeadLetterRecord>, FileError> {
    refuse_special_file(path).map_err(FileError::io("read", path))?;
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(FileError::io("read", path))?,
    };
    let letters = Letters::of(&text);
    match letters.foreign {
        Some((number, error)) => Err(FileError::letter(path, number)(error)),
        None => Ok(letters.by_key.into_values().collect()),
    }
}

/// The content of a file of letters.
struct Letters {
    by_key: BTreeMap<Vec<u8>, DeadLetterRecord>,
    /// The end of the last line that a crash hasn't torn. What comes after it was never committed.
    end: usize,
    /// The first line before that end that is not a letter, counted from 1.
    foreign: Option<(usize, serde_json::Error)>,
}

impl Letters {
    fn of(text: &[u8]) -> Self {
        let mut letters = Letters {
            by_key: BTreeMap::new(),
            end: 0,
            foreign: None,
        };
        let mut foreign = None;
        let mut at = 0;
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            at += line.len();
            match serde_json::from_slice::<Line>(line.strip_suffix(b"\n").unwrap_or(line)) {
                Ok(line) => {
                    let letter = DeadLetterRecord::new(line.key, line.key_bytes.clone())
                        .failed_with(line.error)
                        .failed_at(from_unix_millis(line.time));
                    letters.by_key.insert(line.key_bytes, letter);
                }
                // This line is torn. An earlier release may have appended the next letter to the same line.
                Err(error) if error.is_eof() || line.contains(&0) => continue,
                Err(error) => {
                    foreign = foreign.or(Some((number, error)));
                    // A line that isn't an object counts as torn too, unless a whole line follows.
                    if serde_json::from_slice::<Object>(line).is_err() {
                        continue;
                    }
                }
            }
            letters.end = at;
            letters.foreign = letters.foreign.or(foreign.take());
        }
        letters
    }
}

/// Bytes as hexadecimal digits, for serde.
mod hex {
    use std::fmt::Write as _;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let digits = bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
            text
        });
        serializer.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let bytes = digits.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes.ok_or_else(|| de::Error::custom("key_bytes are no pairs of hexadecimal digits"))
    }
}

/// A job's file can't be read or written, has invalid content, or belongs to a later run.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// The action that failed on the file.
    Io(&'static str, io::Error),
    Content(CheckpointDecodeError),
    /// The line number in a file of dead letters, counted from 1.
    Letter(usize, serde_json::Error),
    /// The file holds a later run's checkpoint.
    Superseded,
    /// An export can't go to the file.
    Export(Refusal),
}

/// Why an export can't go to a file.
#[derive(Debug)]
enum Refusal {
    NotEmpty,
    /// How many bytes it has, and how many were written to it.
    Short(u64, u64),
    NotExported,
    InUse,
    NoItems,
}

impl FileError {
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| FileError {
            path,
            cause: Cause::Io(verb, error),
        }
    }

    pub(crate) fn content(path: &Path) -> impl FnOnce(CheckpointDecodeError) -> Self {
        let path = path.to_owned();
        move |error| FileError {
            path,
            cause: Cause::Content(error),
        }
    }

    pub(crate) fn letter(path: &Path, line: usize) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |error| FileError {
            path,
            cause: Cause::Letter(line, error),
        }
    }

    pub(crate) fn superseded(path: &Path) -> Self {
        FileError {
            path: path.to_owned(),
            cause: Cause::Superseded,
        }
    }

    fn export(path: &Path, refusal: Refusal) -> Self {
        FileError {
            path: path.to_owned(),
            cause: Cause::Export(refusal),
        }
    }

    pub(crate) fn not_empty(path: &Path) -> Self {
        FileError::export(path, Refusal::NotEmpty)
    }

    pub(crate) fn short(path: &Path, has: u64, written: u64) -> Self {
        FileError::export(path, Refusal::Short(has, written))
    }

    pub(crate) fn not_exported(path: &Path) -> Self {
        FileError::export(path, Refusal::NotExported)
    }

    pub(crate) fn in_use(path: &Path) -> Self {
        FileError::export(path, Refusal::InUse)
    }

    pub(crate) fn no_items(path: &Path) -> Self {
        FileError::export(path, Refusal::NoItems)
    }

    /// Returns the path of the file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the operating system's error. `None` if the file could be read, but its content is invalid, belongs to
    /// a later run, or doesn't fit an export.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.cause {
            Cause::Io(_, error) => Some(error),
            Cause::Content(_) | Cause::Letter(..) | Cause::Superseded | Cause::Export(_) => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Io(verb, _) => write!(f, "can't {verb} {}", self.path.display()),
            Cause::Content(_) => write!(
                f,
                "{} is no checkpoint that this release can read; restore it, or reset the job to start \
                 over",
                self.path.display()
            ),
            Cause::Letter(line, _) => write!(
                f,
                "line {line} of {} is no dead letter that this release can read; restore it, take it out, or \
                 reset the job to start over",
                self.path.display()
            ),
            Cause::Superseded => write!(
                f,
                "a later run of the job has taken {} over, and goes on from there; this run records nothing \
                 more",
                self.path.display()
            ),
            Cause::Export(refusal) => refusal.describe(&self.path, f),
        }
    }
}

impl Refusal {
    fn describe(&self, path: &Path, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = path.display();
        match self {
            Refusal::NotEmpty => write!(
                f,
                "there is content at {path} that this job didn't write; export to another file, or remove it"
            ),
            Refusal::Short(has, written) => write!(
                f,
                "{path} has only {has} of the {written} bytes that the job wrote to it; restore it, or reset \
                 the job to start over"
            ),
            Refusal::NotExported => write!(
                f,
                "the job that is to export to {path} has a checkpoint without an export; use a different name, \
                 or reset the job to start over"
            ),
            Refusal::InUse => write!(
                f,
                "another job exports to {path}; try again when that has ended, or export to another file"
            ),
            Refusal::NoItems => write!(
                f,
                "the function wrote to a part of {path} and counted no item as done; write nothing before \
                 `Next::after(0)`"
            ),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Io(_, error) => Some(error),
            Cause::Content(error) => error.source(),
            Cause::Letter(_, error) => Some(error),
            Cause::Superseded | Cause::Export(_) => None,
        }
    }
}
