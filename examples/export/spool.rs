use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use keywalk_job::{Checkpoint, CheckpointFiles, Checkpoints, Lease};
use serde::de::IgnoredAny;

use crate::spool_error::SpoolError;

/// A file that lines are appended to, exactly once each, with checkpoints beside it.
///
/// The scope is a chunk's lines. They are committed in this order: the lines are written, they are synced,
/// the checkpoint is written. Wherever that is cut off, the file holds at least what the checkpoint counts;
/// the first commit of the next run, which records that it has begun, cuts off what is more.
pub(crate) struct Spool {
    path: PathBuf,
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
        path: &Path,
        columns: Vec<String>,
        checkpoints: CheckpointFiles,
        anew: bool,
    ) -> Self {
        Spool {
            path: path.to_owned(),
            columns,
            checkpoints,
            anew,
            end: 0,
            file: None,
        }
    }

    /// Sees that the file is what the job's checkpoint counts the lines of, before anything is made.
    pub(crate) fn check(&mut self, job: &str) -> Result<(), SpoolError> {
        if fs::metadata(&self.path).is_ok_and(|found| !found.is_file()) {
            return Err(SpoolError::NotAFile(self.path.clone()));
        }
        if !self.anew {
            let checkpoint = self.checkpoints.load(job)?;
            self.end_of(checkpoint.as_ref())?;
        }
        Ok(())
    }

    /// Where the lines end that a checkpoint counts.
    fn end_of(&self, checkpoint: Option<&Checkpoint>) -> Result<u64, SpoolError> {
        let lines = checkpoint.map_or(0, Checkpoint::items);
        let path = self.path.clone();
        let read = || match File::open(&self.path) {
            Ok(file) => {
                let columns = first_lines_columns(&file)?;
                Ok((end_of_lines(&file, lines)?, file.metadata()?.len(), columns))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(((lines == 0).then_some(0), 0, None))
            }
            Err(error) => Err(error),
        };
        let (end, length, columns) = read().map_err(self.failed("read"))?;
        match (end, columns) {
            _ if checkpoint.is_none() && length > 0 => Err(SpoolError::NotOurs(path)),
            (None, _) => Err(SpoolError::Short { path, lines }),
            (Some(0), _) => Ok(0),
            (Some(_), None) => Err(SpoolError::NotOurs(path)),
            (Some(end), Some(columns)) => match columns.iter().eq(sorted(&self.columns)) {
                true => Ok(end),
                false => Err(SpoolError::OtherColumns { path, columns }),
            },
        }
    }

    /// Opens the file and cuts off what is behind its end.
    fn cut(&self) -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        file.set_len(self.end)?;
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        // That there is such a file. Windows has no such sync.
        if cfg!(not(windows)) {
            let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(file)
    }

    fn failed(&self, verb: &'static str) -> impl FnOnce(io::Error) -> SpoolError {
        let path = self.path.clone();
        move |error| SpoolError::Io { verb, path, error }
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
        let of_file = Lease::by_file(&self.path).map_err(self.failed("lock"))?;
        Ok(of_file.map(|of_file| Lease::new((of_job, of_file))))
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, SpoolError> {
        if self.anew {
            // Else it would refuse to be replaced by a first run's.
            self.checkpoints.remove(job)?;
            return Ok(None);
        }
        let checkpoint = self.checkpoints.load(job)?;
        self.end = self.end_of(checkpoint.as_ref())?;
        Ok(checkpoint)
    }

    fn begin(&mut self) -> Result<Self::Scope, SpoolError> {
        Ok(RefCell::default())
    }

    fn commit(&mut self, lines: Self::Scope, checkpoint: &Checkpoint) -> Result<(), SpoolError> {
        let Some(file) = &mut self.file else {
            self.checkpoints.commit((), checkpoint)?;
            self.file = Some(self.cut().map_err(self.failed("cut"))?);
            return Ok(());
        };
        let lines = lines.into_inner();
        if !lines.is_empty() {
            let written = file.write_all(&lines).and_then(|()| file.sync_data());
            written.map_err(self.failed("write"))?;
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

/// The columns that the file's first line has, by name; `None` if it is no object of JSON.
fn first_lines_columns(mut file: &File) -> io::Result<Option<Vec<String>>> {
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line)?;
    file.rewind()?;
    let columns = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&line);
    Ok(columns.ok().map(|columns| columns.into_keys().collect()))
}

fn sorted(columns: &[String]) -> BTreeSet<&String> {
    columns.iter().collect()
}

/// Where so many lines of the file end; `None` if there are fewer.
fn end_of_lines(file: &File, mut lines: u64) -> io::Result<Option<u64>> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut end = 0;
    while lines > 0 {
        let read = reader.fill_buf()?;
        if read.is_empty() {
            return Ok(None);
        }
        let is_break = |byte: &u8| *byte == b'\n';
        let found = read.iter().filter(|byte| is_break(byte)).count() as u64;
        let taken = match usize::try_from(lines - 1) {
            Ok(last) if lines <= found => {
                let mut breaks = (1..).zip(read).filter(|(_, byte)| is_break(byte));
                breaks.nth(last).map_or(0, |(at, _)| at)
            }
            _ => read.len(),
        };
        end += taken as u64;
        lines -= found.min(lines);
        reader.consume(taken);
    }
    Ok(Some(end))
}
