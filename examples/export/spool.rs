//! A file that lines are appended to, exactly once each, with checkpoints beside it; or stdout.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use keywalk_job::{Checkpoint, CheckpointFiles, Checkpoints, FileError, Lease};
use keywalk_tests::program::{BoxError, Failure};
use serde::de::IgnoredAny;

/// The scope is a chunk's lines. They are committed in this order: the lines are written, they are synced,
/// the checkpoint is written. Wherever that is cut off, the file holds at least what the checkpoint counts;
/// the first commit of the next run, which records that it has begun, cuts off what is more.
pub(crate) struct Spool {
    /// Stdout, if `None`.
    path: Option<PathBuf>,
    /// Of a line.
    columns: Vec<String>,
    checkpoints: CheckpointFiles,
    /// Whether to begin with an empty file, whatever there is.
    anew: bool,
    /// Where the lines end that the checkpoint counts, when the run begins.
    end: u64,
    /// Open once a run has begun. Its end is where the next line goes.
    file: Option<File>,
}

impl Spool {
    pub(crate) fn new(
        path: Option<&Path>,
        columns: Vec<String>,
        checkpoints: CheckpointFiles,
        anew: bool,
    ) -> Self {
        Spool {
            path: path.map(Path::to_owned),
            columns,
            checkpoints,
            anew,
            end: 0,
            file: None,
        }
    }

    /// Sees that the file is what the job's checkpoint counts the lines of, before anything is made.
    pub(crate) fn check(&mut self, job: &str) -> Result<(), SpoolError> {
        let Some(path) = &self.path else {
            self.checkpoints.load(job)?;
            return Ok(());
        };
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(self.refused(
                "is not a regular file, in which an export could be cut back after a crash; leave out --out and \
                 send stdout there",
            ));
        }
        if !self.anew {
            let checkpoint = self.checkpoints.load(job)?;
            self.end = self.end_of(checkpoint.as_ref())?;
        }
        Ok(())
    }

    fn refused(&self, why: &str) -> SpoolError {
        let path = self.path.as_deref().unwrap_or(Path::new("stdout"));
        SpoolError(Failure::Mistake(format!("{} {why}", path.display())).into())
    }

    /// Where the lines end that a checkpoint counts.
    fn end_of(&self, checkpoint: Option<&Checkpoint>) -> Result<u64, SpoolError> {
        let lines = checkpoint.map_or(0, Checkpoint::items);
        let mut file = match self.path.as_ref().map(File::open) {
            Some(Ok(file)) => BufReader::new(file),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ if lines == 0 => return Ok(0),
            _ => {
                return Err(
                    self.refused("is gone; bring it back, or give --reset to write it anew")
                );
            }
        };
        let mut first = Vec::new();
        file.read_until(b'\n', &mut first)?;
        file.rewind()?;
        let columns = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&first);
        let is_ours = columns.is_ok() || lines == 0;
        if (checkpoint.is_none() && !first.is_empty()) || !is_ours {
            return Err(self.refused(
                "is there already, and isn't what an export of this table began to write; name another file, or \
                 give --reset to write it anew",
            ));
        }
        let expected: BTreeSet<&String> = self.columns.iter().collect();
        let columns: Vec<String> = columns.unwrap_or_default().into_keys().collect();
        if lines > 0 && !columns.iter().eq(expected) {
            return Err(self.refused(&format!(
                "has lines with the columns {}; export the same ones, name another file, or give --reset to write \
                 it anew",
                columns.join(",")
            )));
        }
        let mut line = Vec::new();
        for _ in 0..lines {
            line.clear();
            file.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return Err(self.refused(&format!(
                    "has less than the {lines} lines that were written to it; bring it back, or give --reset to \
                     write it anew"
                )));
            }
        }
        Ok(file.stream_position()?)
    }

    /// Opens the file and cuts off what is behind its end.
    fn cut(&self, path: &Path) -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.set_len(self.end)?;
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        // That there is such a file. Windows has no such sync.
        if cfg!(not(windows)) {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(file)
    }
}

impl Checkpoints for Spool {
    type Scope = RefCell<Vec<u8>>;
    type Error = SpoolError;

    /// Of the job, and of the file: another job may write to the same.
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, SpoolError> {
        let Some(of_job) = self.checkpoints.lease(job)? else {
            return Ok(None);
        };
        let Some(path) = &self.path else {
            return Ok(Some(of_job));
        };
        let of_file = Lease::by_file(path)?;
        Ok(of_file.map(|of_file| Lease::new((of_job, of_file))))
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, SpoolError> {
        if self.anew {
            // Else it would refuse to be replaced by a first run's.
            self.checkpoints.remove(job)?;
            return Ok(None);
        }
        let checkpoint = self.checkpoints.load(job)?;
        if self.path.is_some() {
            self.end = self.end_of(checkpoint.as_ref())?;
        }
        Ok(checkpoint)
    }

    fn begin(&mut self) -> Result<Self::Scope, SpoolError> {
        Ok(RefCell::default())
    }

    fn commit(&mut self, lines: Self::Scope, checkpoint: &Checkpoint) -> Result<(), SpoolError> {
        let lines = lines.into_inner();
        match (&self.path, &mut self.file) {
            (None, _) => {
                let mut out = io::stdout().lock();
                let written = out.write_all(&lines).and_then(|()| out.flush());
                written.map_err(|error| SpoolError(Failure::Stdout(error).into()))?;
            }
            (Some(_), Some(file)) => {
                file.write_all(&lines)?;
                file.sync_data()?;
            }
            // The first commit has no lines.
            (Some(path), None) => {
                self.checkpoints.commit((), checkpoint)?;
                self.file = Some(self.cut(path)?);
                return Ok(());
            }
        }
        Ok(self.checkpoints.commit((), checkpoint)?)
    }

    fn remove(&mut self, job: &str) -> Result<bool, SpoolError> {
        Ok(self.checkpoints.remove(job)?)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, SpoolError> {
        Ok(self.checkpoints.list()?)
    }
}

/// Any error, of which the user can mend a [`Failure`].
#[derive(Debug)]
pub(crate) struct SpoolError(BoxError);

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        SpoolError(error.into())
    }
}

impl From<FileError> for SpoolError {
    fn from(error: FileError) -> Self {
        SpoolError(error.into())
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SpoolError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
