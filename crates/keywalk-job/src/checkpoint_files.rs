use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use atomic_write_file::AtomicWriteFile;

use crate::lease::file_name;
use crate::{Buried, Checkpoint, Checkpoints, DeadLetter, FileError, Lease};

mod dead_letters;
mod hex;

/// Checkpoints in a folder, a file a job: for walks over any source, with effects anywhere.
///
/// A job's effects are *at least once*: the checkpoint is written after the chunk's work, so that after a
/// crash between the two the items of that one chunk come again.
///
/// | File | |
/// |---|---|
/// | `job-NAME.json` | the checkpoint: written whole and durably or not at all (a new file, synced and renamed over the old one, and the folder synced) |
/// | `job-NAME.dead-letters.ndjson` | items that were skipped, a JSON object a line: `key`, `error`, `time` in milliseconds since 1970, and `key_bytes` in hexadecimal digits; of lines with one key the last counts, since a chunk that comes again adds its letters again, as [`dead_letters`](Checkpoints::dead_letters) reads them |
/// | `job-NAME.lock` | locked by the operating system while the job runs; empty, and left there |
///
/// In the names of files what isn't a small letter, digit, `-` or `_` of a job's name is written as `%` and
/// two hexadecimal digits. A process that is killed while it writes can leave a file
/// `.job-NAME.json.XXXXXX`, which may be deleted.
///
/// The lease is the lock alone: the folder must be on a file system on which locks hold, and not be one that
/// two machines share. A checkpoint that can't be read makes [`list`](Checkpoints::list) fail, with its path;
/// and a letter that can't [`dead_letters`](Checkpoints::dead_letters), with its line. A letter that a crash cut
/// is none: its chunk comes again.
///
/// What was skipped is done again letter by letter: the source [reads](keywalk::DurableSource::decode_key) the
/// key of each of the [`dead_letters`](Checkpoints::dead_letters), and a walk over `key..=key` has its item.
/// The letters stay until the job is reset.
///
/// # Cost
///
/// Two syncs a chunk: some milliseconds on a disk. Larger chunks pay it less often, and repeat more after a
/// crash.
#[derive(Clone, Debug)]
pub struct CheckpointFiles {
    folder: PathBuf,
}

impl CheckpointFiles {
    /// Checkpoints in this folder, which is made when the first job runs. Nothing is read yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        CheckpointFiles {
            folder: folder.into(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, job: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{START}{}{end}", file_name(job)))
    }
}

const START: &str = "job-";
const CHECKPOINT: &str = ".json";
const LOCK: &str = ".lock";
const DEAD_LETTERS: &str = ".dead-letters.ndjson";

impl Checkpoints for CheckpointFiles {
    type Scope = ();
    type Error = FileError;

    fn lease(&mut self, job: &str) -> Result<Option<Lease>, FileError> {
        fs::create_dir_all(&self.folder).map_err(FileError::io("make", &self.folder))?;
        let path = self.path(job, LOCK);
        Lease::by_file(&path).map_err(FileError::io("lock", &path))
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, FileError> {
        read(&self.path(job, CHECKPOINT))
    }

    fn begin(&mut self) -> Result<(), FileError> {
        Ok(())
    }

    fn commit(&mut self, (): (), checkpoint: &Checkpoint) -> Result<(), FileError> {
        let path = self.path(checkpoint.job(), CHECKPOINT);
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

    fn bury(&mut self, (): &(), letter: &DeadLetter<'_>) -> Result<bool, FileError> {
        let path = self.path(letter.job(), DEAD_LETTERS);
        dead_letters::append(&path, letter).map_err(FileError::io("write", &path))?;
        Ok(true)
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<Buried>, FileError> {
        dead_letters::read(&self.path(job, DEAD_LETTERS))
    }
}

/// Writes the file whole and durably, or leaves the old one.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = AtomicWriteFile::open(path)?;
    io::Write::write_all(&mut file, content)?;
    file.commit()
}

/// Fails: a browser has no files.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::write(path, content)
}

fn read(path: &Path) -> Result<Option<Checkpoint>, FileError> {
    match fs::read_to_string(path) {
        Ok(json) => Checkpoint::from_json(&json)
            .map(Some)
            .map_err(FileError::content(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("read", path)(error)),
    }
}
