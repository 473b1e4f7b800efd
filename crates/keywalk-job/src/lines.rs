use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order, ResumableSource, Source,
};

use crate::lease::refuse_special_file;

/// The lines of a file, as a source: an import is then a [`Job`](crate::Job) that stops, resumes and records its
/// position like any other.
///
/// The key of a line is the byte offset of its start. An item is `(offset, line)`: the line's bytes without its line
/// end (`\n` or `\r\n`). The bytes need not be UTF-8; decode them in the job's function, so that a bad line can be
/// [skipped](crate::Job::skip_failures).
///
/// ```
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, Job, Lines};
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("users.csv");
/// # std::fs::write(&file, "1,ada\n2,bob\n")?;
/// # let checkpoints = FileCheckpoints::new(folder.path().join("state"));
/// let mut users = Vec::new();
/// let outcome = Job::new("import users", Walk::new(Lines::new(&file)), checkpoints).run(|(), lines| {
///     for (_offset, line) in lines {
///         let (id, name) = std::str::from_utf8(line)?.split_once(',').ok_or("no comma")?;
///         users.push((id.parse::<u32>()?, name.to_owned()));
///     }
///     Ok(())
/// })?;
/// assert!(outcome.is_done());
/// assert_eq!(users, [(1, "ada".to_owned()), (2, "bob".to_owned())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With `keywalk_sqlite::SqliteCheckpoints` as the checkpoints, each line's effect happens exactly once.
///
/// # The last line, and files that grow
///
/// A bounded walk ends at the line that is last when it begins, whether or not a line end follows. In an
/// [unbounded](keywalk::Walk::unbounded) walk, each run of the job imports the lines that were appended since the last
/// run. It leaves a last line without a line end to a later run, because that line may still be incomplete.
///
/// The file may only be appended to. If it is shorter than the walk's position, the walk ends with an error. Other
/// changes before the position aren't noticed. Lines that are cut off ahead of the position are left out, as deleted
/// rows are: a bounded walk then ends earlier, without an error.
///
/// The file needs a length, so special files such as pipes or those of `/proc` have no lines here.
///
/// # Cost
///
/// A fetch opens the file, reads the lines of the chunk once, and the last line of the chunk before. The walk reads the
/// file's end once. Lines are at most [`max_line_bytes`](Self::max_line_bytes) long; limit a chunk by
/// [`Walk::chunk_bytes`](keywalk::Walk::chunk_bytes) if they may be long. Only ascending walks are possible.
#[derive(Clone, Debug)]
pub struct Lines {
    path: PathBuf,
    name: Option<String>,
    max_line_bytes: usize,
}

impl Lines {
    /// Walks the lines of the file at this path. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Lines {
            path: path.into(),
            name: None,
            max_line_bytes: 1 << 24,
        }
    }

    /// Identifies the file by this name, for its [tokens](keywalk::Token) and jobs. Set it if the path may change
    /// between two runs. Default: the path as it was given.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the most bytes of a line, without its line end. A longer one ends the walk with an error, before it fills
    /// the memory. Default: 16 MiB.
    #[must_use]
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// Returns the file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, cause: Cause) -> LinesError {
        LinesError {
            path: self.path.clone(),
            cause,
        }
    }

    fn io(&self) -> impl Fn(io::Error) -> LinesError {
        |error| self.failed(Cause::Io(error))
    }

    /// Opens the file and returns its length, unless the walk descends or has read more than there is.
    fn open(&self, range: &KeyRange<u64>) -> Result<(File, u64), LinesError> {
        if range.order() == Order::Descending {
            return Err(self.failed(Cause::Descending));
        }
        let open = || {
            refuse_special_file(&self.path)?;
            let file = File::open(&self.path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        };
        let (file, len) = open().map_err(self.io())?;
        match range.start() {
            Bound::Excluded(&after) if after >= len => {
                Err(self.failed(Cause::Shorter { len, after }))
            }
            _ => Ok((file, len)),
        }
    }
}

impl Source for Lines {
    type Key = u64;
    type Item = (u64, Vec<u8>);
    type Error = LinesError;
}

impl ChunkSource for Lines {
    fn fetch(
        &mut self,
        range: &KeyRange<u64>,
        chunk: &mut Chunk<(u64, Vec<u8>)>,
    ) -> Result<Fetched<u64>, LinesError> {
        let (file, len) = self.open(range)?;
        let mut file = BufReader::new(file);
        let mut at = match start(range) {
            None => 0,
            Some(after) if after >= len => return Ok(Fetched::End),
            // The first line that starts after this byte.
            Some(after) => {
                file.seek(SeekFrom::Start(after)).map_err(self.io())?;
                after + file.skip_until(b'\n').map_err(self.io())? as u64
            }
        };
        // A line without a line end counts as whole only if a bounded walk ends at it.
        let last = match range.end() {
            Bound::Included(last) => Some(*last),
            _ => None,
        };
        loop {
            if at >= len || range.is_after_end(&at) {
                return Ok(Fetched::End);
            }
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            let mut line = chunk.spare().map(std::mem::take).unwrap_or_default().1;
            line.clear();
            // Room for the longest line and `\r\n`. A line that fills it without a line end is too long.
            let most = (self.max_line_bytes as u64).saturating_add(2);
            let mut rest = (&mut file).take(most);
            let read = rest.read_until(b'\n', &mut line).map_err(self.io())? as u64;
            let is_ended = line.pop_if(|byte| *byte == b'\n').is_some();
            if !is_ended && last != Some(at) && read < most {
                return Ok(Fetched::End);
            }
            if is_ended {
                line.pop_if(|byte| *byte == b'\r');
            }
            if line.len() > self.max_line_bytes {
                let most = self.max_line_bytes;
                return Err(self.failed(Cause::TooLong { at, most }));
            }
            chunk.push((at, line));
            at += read;
        }
    }

    /// Reads the file backward from its end, or from that of the range, to the start of a line.
    fn last_key(&mut self, range: &KeyRange<u64>) -> Result<LastKey<u64>, LinesError> {
        let (mut file, len) = self.open(range)?;
        let end = match range.end() {
            Bound::Unbounded => len,
            Bound::Included(key) => len.min(key.saturating_add(1)),
            Bound::Excluded(key) => len.min(*key),
        };
        // Looks for the last line that starts before `end`. It starts after the last line end among the bytes before
        // `end - 1`, or at 0 if there is none.
        let Some(before) = end.checked_sub(1) else {
            return Ok(LastKey::Empty);
        };
        let last = last_line_end(&mut file, before).map_err(self.io())?;
        let last = last.map_or(0, |line_end| line_end + 1);
        Ok(match range.may_contain(&last) {
            true => LastKey::Known(last),
            false => LastKey::Empty,
        })
    }
}

impl ResumableSource for Lines {
    fn fingerprint(&self) -> Result<Fingerprint, LinesError> {
        let name = match &self.name {
            Some(name) => name.into(),
            None => self.path.to_string_lossy(),
        };
        Ok(Fingerprint::new("lines").relation(name).key("offset"))
    }

    fn encode_key(&self, key: &u64, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<u64>, LinesError> {
        Ok(bytes.try_into().ok().map(u64::from_be_bytes))
    }

    fn key_text(&self, key: &u64) -> String {
        key.to_string()
    }

    fn fraction(&self, first: &u64, last: &u64, at: &u64) -> Option<f64> {
        let way = last.abs_diff(*first);
        (way > 0).then(|| at.abs_diff(*first) as f64 / way as f64)
    }
}

/// Returns the byte after which the range begins: its first line is the first one that starts after this byte. `None`
/// if the range begins with the file's first line.
fn start(range: &KeyRange<u64>) -> Option<u64> {
    match range.start() {
        Bound::Unbounded | Bound::Included(0) => None,
        Bound::Included(key) => Some(key - 1),
        Bound::Excluded(key) => Some(*key),
    }
}

/// Finds the last line end among the bytes before `end`.
fn last_line_end(file: &mut File, mut end: u64) -> io::Result<Option<u64>> {
    const BLOCK: u64 = 8_192;
    let mut block = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(begin))?;
        block.clear();
        (&mut *file).take(end - begin).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(begin + at as u64));
        }
        end = begin;
    }
    Ok(None)
}

/// The lines of a file can't be read.
#[derive(Debug)]
pub struct LinesError {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    Descending,
    TooLong { at: u64, most: usize },
    Shorter { len: u64, after: u64 },
}

impl LinesError {
    /// Returns the file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the operating system's error, if that is the cause.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for LinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.cause {
            Cause::Io(_) => write!(f, "can't read {path}"),
            Cause::Descending => write!(
                f,
                "the lines of {path} can't be walked backward; walk them ascending"
            ),
            Cause::TooLong { at, most } => write!(
                f,
                "the line at byte {at} of {path} is longer than {most} bytes; check that the file consists of \
                 lines, or allow longer ones (`Lines::max_line_bytes`)"
            ),
            Cause::Shorter { len, after } => write!(
                f,
                "{path} has {len} bytes, and the walk has read the line at byte {after}: the file was cut or \
                 replaced; restore it, or start over"
            ),
        }
    }
}

impl Error for LinesError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            _ => None,
        }
    }
}
