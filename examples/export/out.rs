//! The output: stdout, or a file that holds each line exactly once.
//!
//! A chunk's lines are appended and synced before the job's checkpoint is written. So the file holds at least the
//! lines that the checkpoint counts. The next run cuts off any lines beyond those, including a torn last line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use keywalk_job::Lease;
use keywalk_tests::program::{BoxError, Failure};
use serde::de::IgnoredAny;

pub(crate) enum Out {
    Stdout,
    /// A locked file, because another job may write to it too.
    File(File, Lease),
}

impl Out {
    /// Opens and locks the file. Creates it if it doesn't exist.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, BoxError> {
        let Some(path) = path else {
            return Ok(Out::Stdout);
        };
        let refused = |why: &str| Failure::Mistake(format!("{} {why}", path.display()));
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(
                refused("is not a regular file; omit --out and redirect stdout to it").into(),
            );
        }
        let lease = Lease::by_file(path)?;
        let lease = lease.ok_or_else(|| refused("is written to by another export"))?;
        // Syncs the folder, so that the new file survives a crash. Windows can't sync folders.
        if cfg!(not(windows)) {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Out::File(file, lease))
    }

    /// Cuts off everything after the lines that the checkpoint counts, and checks their columns. Without a checkpoint,
    /// the file must be empty.
    pub(crate) fn cut(&mut self, counted: Option<u64>, columns: &[String]) -> Result<(), BoxError> {
        let Out::File(file, _lease) = self else {
            return Ok(());
        };
        let refused = |why: &str| {
            let why =
                format!("the file {why}; name another file, or give --reset to overwrite this one");
            Err(Failure::Mistake(why).into())
        };
        let (mut lines, mut line) = (BufReader::new(&*file), Vec::new());
        for number in 0..counted.unwrap_or(0) {
            line.clear();
            lines.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return refused(&format!(
                    "has only {number} of the lines that were written to it"
                ));
            }
            let first = (number == 0).then(|| serde_json::from_slice(&line).unwrap_or_default());
            let expected: BTreeSet<&String> = columns.iter().collect();
            let is_other = |names: BTreeMap<String, IgnoredAny>| !names.keys().eq(expected);
            if first.is_some_and(is_other) {
                return refused("has lines with other columns");
            }
        }
        let end = lines.stream_position()?;
        if counted.is_none() && file.metadata()?.len() > 0 {
            return refused("wasn't written by an export of this table");
        }
        file.set_len(end)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file.sync_all()?)
    }

    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), BoxError> {
        match self {
            Out::Stdout => {
                let mut out = io::stdout().lock();
                let written = out.write_all(lines).and_then(|()| out.flush());
                Ok(written.map_err(Failure::Stdout)?)
            }
            Out::File(file, _lease) => {
                file.write_all(lines)?;
                Ok(file.sync_data()?)
            }
        }
    }
}
