use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use atomic_write_file::AtomicWriteFile;

use crate::lease::{file_name, refuse_special_file};
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
/// | `job-NAME.lock` | locked by the operating system while the job runs, and then removed; empty. One that a killed process left is locked by no one, and the job's next run removes it |
///
/// In the names of files what isn't a small letter, digit, `-` or `_` of a job's name is written as `%` and
/// two hexadecimal digits. A process that is killed while it writes can leave a file
/// `.job-NAME.json.XXXXXX`, which may be deleted.
///
/// The lease is the lock: the folder should be on a file system on which locks hold, and not be one that two
/// machines share. Where two runners have the job all the same (its lock's file was deleted, say) the earlier
/// one's next commit is refused, since the later one has recorded itself; the chunks that both did are done
/// twice. Two that begin in the same moment, or with a reset between them, aren't told apart: neither is refused.
///
/// A checkpoint that can't be read makes [`list`](Checkpoints::list) fail, with its path. What a crash or a power
/// failure tore at the end of the dead letters is ignored, and the next letter replaces it: its chunk comes again.
/// Any other line that is no letter makes [`dead_letters`](Checkpoints::dead_letters) fail, with its number.
///
/// What was skipped is done again letter by letter: the source [reads](keywalk::ResumableSource::decode_key) the
/// key of each of the [`dead_letters`](Checkpoints::dead_letters), and a walk over `key..=key` has its item.
/// The letters stay until the job is reset.
///
/// # Cost
///
/// Two syncs per chunk, and one per dead letter: some milliseconds each on a disk. Larger chunks pay it less often,
/// and repeat more after a crash. A run's first dead letter reads the file of them.
#[derive(Clone, Debug)]
pub struct CheckpointFiles {
    folder: PathBuf,
    /// The file that letters were last added to, and its length then.
    letters: Option<(PathBuf, u64)>,
}

impl CheckpointFiles {
    /// Checkpoints in this folder, which is made when the first job runs. Nothing is read yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        CheckpointFiles {
            folder: folder.into(),
            letters: None,
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
        make_folder(&self.folder).map_err(FileError::io("make", &self.folder))?;
        let path = self.path(job, LOCK);
        Lease::by_own_file(&path).map_err(FileError::io("lock", &path))
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, FileError> {
        read(&self.path(job, CHECKPOINT))
    }

    fn begin(&mut self) -> Result<(), FileError> {
        Ok(())
    }

    fn commit(&mut self, (): (), checkpoint: &Checkpoint) -> Result<(), FileError> {
        let path = self.path(checkpoint.job(), CHECKPOINT);
        if read(&path)?.is_some_and(|stored| stored.run() > checkpoint.run()) {
            return Err(FileError::superseded(&path));
        }
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
        let known = self.letters.take().filter(|(known, _)| *known == path);
        let known = known.map(|(_, length)| length);
        let length = dead_letters::append(&path, letter, known);
        let length = length.map_err(FileError::io("write", &path))?;
        self.letters = Some((path, length));
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
    refuse_special_file(path).map_err(FileError::io("read", path))?;
    match fs::read_to_string(path) {
        Ok(json) => Checkpoint::from_json(&json)
            .map(Some)
            .map_err(FileError::content(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("read", path)(error)),
    }
}

/// Makes the folder and those above it, durably. Of each that is made the folder above is synced, which holds its
/// name.
fn make_folder(folder: &Path) -> io::Result<()> {
    // Nothing before a path's first name is the current folder.
    if folder == Path::new("") || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make_folder(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        // Windows has no such sync.
        Ok(()) if cfg!(windows) => Ok(()),
        Ok(()) if above == Path::new("") => fs::File::open(".")?.sync_all(),
        Ok(()) => fs::File::open(above)?.sync_all(),
    }
}
