use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, Exported};
use crate::checkpoint_files::{
    FileCheckpoints, FileError, make_folder, parent, replace, sync_folder,
};
use crate::checkpoints::{Attempt, CheckpointStore};
use crate::dead_letter::{DeadLetter, DeadLetterRecord, DeadLetters};
use crate::error::BoxError;
use crate::lease::{Lease, Leases, is_at, refuse_special_file};

/// Exports to a file, **exactly once**: after a crash or `kill -9` the file holds each item's bytes once and in order.
/// A job uses it as its checkpoint store. It keeps the position in [`FileCheckpoints`].
///
/// The job's function writes to its scope, an [`ExportChunk`]. When the function returns, the bytes are appended to
/// the file and synced, and then the checkpoint is written, with the file's length. The next run first cuts the file
/// back to the checkpoint's length.
///
/// ```
/// use std::io::Write;
/// use keywalk::Walk;
/// use keywalk_job::{FileCheckpoints, FileExport, Job};
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("users.csv");
/// # let state = folder.path().join("state");
/// # let map = std::collections::BTreeMap::from([(1, "ada"), (2, "bob")]);
/// # let walk = Walk::new(keywalk_memory::Named::new("users", &map));
/// let export = FileExport::append(&file, FileCheckpoints::new(&state));
/// let outcome = Job::new("export users", walk, export).run(|out, users| {
///     for (id, name) in users {
///         writeln!(out, "{id},{name}")?;
///     }
///     Ok(())
/// })?;
/// assert!(outcome.is_done());
/// assert_eq!(std::fs::read_to_string(file)?, "1,ada\n2,bob\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Part files
///
/// Formats that can't be appended to, such as Parquet, need a file per chunk; see [`parts`](Self::parts).
///
/// # What happens when
///
/// | Event | The next run |
/// |---|---|
/// | A crash before the checkpoint is written | cuts off what was written after the checkpoint, or replaces the part |
/// | The job [starts over](crate::Job::restart_when_done), or is [reset](Leases::reset) | starts with an empty file, or removes the parts |
/// | The file isn't empty, and isn't the one that the job wrote | fails, and leaves it as it is |
/// | The file is shorter than the checkpoint says | fails, unless the job is done: then it isn't looked at |
/// | Another job exports to the same file | fails, unless this job began and has exported nothing: then it can't distinguish that file from its own first chunk, and starts it over |
///
/// Don't write to the file yourself, and read only as many bytes as the checkpoint counts
/// ([`Checkpoint::exported_bytes`]): those after it may be cut off.
///
/// # Cost
///
/// The bytes of one chunk are kept in memory. Each chunk costs three syncs: of the file, and two of the checkpoint. So
/// use chunks of thousands of items. A part costs one sync more, for its folder.
///
/// The file `PATH.lock` keeps two exports to the same file apart, and is removed afterwards.
#[derive(Debug)]
pub struct FileExport {
    checkpoints: FileCheckpoints,
    out: Output,
}

/// Where the bytes of a chunk go. Private in [`ExportChunk`].
struct Output {
    path: PathBuf,
    kind: Kind,
    /// What the function has written for the chunk.
    buffer: Vec<u8>,
    /// The job's checkpoint before this run.
    before: Option<Checkpoint>,
    /// The state after the last commit of this run.
    committed: Option<Committed>,
}

enum Kind {
    Append(Option<File>),
    Parts,
}

struct Committed {
    bytes: u64,
    chunks: u64,
    /// The last bytes of a file that is appended to.
    tail: Vec<u8>,
}

/// A file is recognized by at most this many bytes before its end.
const MOST_TAIL: u64 = 4096;

impl FileExport {
    /// Appends to the file at `path`, which is created with its folder when the job runs. Keeps the position in
    /// `checkpoints`. Reads and writes nothing yet.
    pub fn append(path: impl Into<PathBuf>, checkpoints: FileCheckpoints) -> Self {
        FileExport::new(path.into(), Kind::Append(None), checkpoints)
    }

    /// Writes each chunk to a file of its own, whose name holds the [chunk's number](crate::Batch::number): for the
    /// path `out/users.parquet`, the files `out/users-000001.parquet`, `out/users-000002.parquet` and so on.
    ///
    /// A part is written under a temporary name, synced and renamed before the checkpoint is written. So a part is
    /// whole or absent, and the parts up to [`Checkpoint::chunks`] are final. The next run removes or replaces a part
    /// after the checkpoint. A chunk for which the function writes nothing has no part. You may move parts away. A
    /// crash may leave `.users-000001.parquet.XXXXXX`, which you may delete.
    ///
    /// ```
    /// use std::io::Write;
    /// use keywalk::Walk;
    /// use keywalk_job::{FileCheckpoints, FileExport, Job};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// # let map: std::collections::BTreeMap<u32, u32> = (1..=5).map(|n| (n, n)).collect();
    /// # let walk = Walk::new(keywalk_memory::Named::new("items", &map));
    /// let export = FileExport::parts(folder.join("items.bin"), FileCheckpoints::new(folder.join("state")));
    /// let outcome = Job::new("export", walk.chunk_size(2), export).run(|part, items| {
    ///     // A writer of Parquet takes `&mut *part`, and writes its footer when it is closed.
    ///     for (_id, number) in items {
    ///         part.write_all(&number.to_be_bytes())?;
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(outcome.chunks(), 3);
    /// assert_eq!(std::fs::read(folder.join("items-000003.bin"))?, [0, 0, 0, 5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parts(path: impl Into<PathBuf>, checkpoints: FileCheckpoints) -> Self {
        FileExport::new(path.into(), Kind::Parts, checkpoints)
    }

    fn new(path: PathBuf, kind: Kind, checkpoints: FileCheckpoints) -> Self {
        FileExport {
            checkpoints,
            out: Output {
                path,
                kind,
                buffer: Vec::new(),
                before: None,
                committed: None,
            },
        }
    }

    /// Returns the path that was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.out.path
    }
}

/// What the function of an exporting job writes to, by [`io::Write`]. The bytes reach the file when the function has
/// returned, or never if it fails. If failures are [skipped](crate::Job::skip_failures), only the failed item's bytes
/// are dropped.
///
/// The bytes are kept in memory until then, so writing doesn't fail and needs no [`io::BufWriter`].
#[derive(Debug)]
pub struct ExportChunk<'a>(&'a mut Output);

impl ExportChunk<'_> {
    /// Returns the bytes that were written for the chunk so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.buffer
    }
}

impl Write for ExportChunk<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CheckpointStore for FileExport {
    type Scope<'a> = ExportChunk<'a>;
    type Rest<'a> = &'a mut FileCheckpoints;
    type Error = FileError;

    fn begin(&mut self) -> Result<(ExportChunk<'_>, &mut FileCheckpoints), FileError> {
        self.out.buffer.clear();
        Ok((ExportChunk(&mut self.out), &mut self.checkpoints))
    }

    fn load_in(
        chunk: &mut ExportChunk<'_>,
        checkpoints: &mut &mut FileCheckpoints,
        job: &str,
    ) -> Result<Option<Checkpoint>, FileError> {
        let stored = FileCheckpoints::load_in(&mut (), checkpoints, job)?;
        chunk.0.before.clone_from(&stored);
        chunk.0.committed = None;
        Ok(stored)
    }

    fn commit(
        chunk: ExportChunk<'_>,
        checkpoints: &mut FileCheckpoints,
        checkpoint: &Checkpoint,
    ) -> Result<(), FileError> {
        let out = chunk.0;
        let mut next = checkpoint.clone();
        let committed = match out.committed.take() {
            // The first commit of a run records that it begins.
            None => {
                let opened = out.open(checkpoint)?;
                next.exported = Some(opened.at(next.items));
                FileCheckpoints::commit((), checkpoints, &next)?;
                // Cuts only after that commit, because the earlier checkpoint may count what is removed.
                out.cut(opened.bytes, next.chunks)?;
                opened
            }
            Some(committed) => {
                // Before the write: a run that is superseded may not touch the later one's bytes.
                let written = checkpoints
                    .check_run(checkpoint)
                    .and_then(|()| out.write(&committed, checkpoint))
                    .and_then(|()| {
                        let written = committed.after(&out.buffer, next.chunks);
                        next.exported = Some(written.at(next.items));
                        FileCheckpoints::commit((), checkpoints, &next)?;
                        Ok(written)
                    });
                if written.is_err() {
                    out.committed = Some(committed);
                }
                written?
            }
        };
        out.committed = Some(committed);
        Ok(())
    }

    fn remove(&mut self, job: &str) -> Result<bool, FileError> {
        // If the checkpoint can't be read, nothing shows that the file is this job's. The file then stays.
        let stored = self.checkpoints.load(job).ok().flatten();
        let was_there = self.checkpoints.remove(job)?;
        if let Some(stored) = stored {
            self.out.empty(&stored)?;
        }
        Ok(was_there)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, FileError> {
        self.checkpoints.list()
    }

    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, FileError> {
        self.checkpoints.load(job)
    }

    fn is_transient(&self, error: &FileError) -> bool {
        self.checkpoints.is_transient(error)
    }

    fn attempt(
        chunk: &mut ExportChunk<'_>,
        _: &mut &mut FileCheckpoints,
        work: impl FnOnce(&mut ExportChunk<'_>) -> Result<(), BoxError>,
    ) -> Result<Attempt, FileError> {
        let before = chunk.0.buffer.len();
        Ok(match work(chunk) {
            Ok(()) => Attempt::Done,
            Err(error) => {
                chunk.0.buffer.truncate(before);
                Attempt::RolledBack(error)
            }
        })
    }
}

impl Leases for FileExport {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, FileError> {
        let path = &self.out.path;
        if let Kind::Append(_) = self.out.kind {
            refuse_special_file(path).map_err(FileError::io("write", path))?;
        }
        let Some(lease) = self.checkpoints.lease(job)? else {
            return Ok(None);
        };
        make_folder(parent(path)).map_err(FileError::io("make", parent(path)))?;
        // By the file's own name, whatever links lead to it.
        let own = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.clone(),
            own => own.map_err(FileError::io("lock", path))?,
        };
        let mut lock = own.into_os_string();
        lock.push(".lock");
        let lock = Lease::by_own_file(Path::new(&lock)).map_err(FileError::io("lock", path))?;
        match lock {
            Some(lock) => Ok(Some(Lease::new((lock, lease)))),
            None => Err(FileError::in_use(path)),
        }
    }
}

impl DeadLetters for FileExport {
    fn record_dead_letter(
        _: &mut ExportChunk<'_>,
        checkpoints: &mut &mut FileCheckpoints,
        letter: &DeadLetter<'_>,
    ) -> Result<(), FileError> {
        FileCheckpoints::record_dead_letter(&mut (), checkpoints, letter)
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, FileError> {
        self.checkpoints.dead_letters(job)
    }
}

impl Output {
    /// Opens the file of a run that begins at this checkpoint. Changes nothing of what is there.
    fn open(&mut self, checkpoint: &Checkpoint) -> Result<Committed, FileError> {
        let bytes = match checkpoint.exported_bytes() {
            None if checkpoint.items > 0 => return Err(FileError::not_exported(&self.path)),
            bytes => bytes.unwrap_or(0),
        };
        let before = self.before.as_ref();
        let mut opened = Committed {
            bytes,
            chunks: checkpoint.chunks,
            tail: Vec::new(),
        };
        let Kind::Append(open) = &mut self.kind else {
            return match before.and_then(|before| before.exported) {
                None if !self.parts()?.is_empty() => Err(FileError::not_empty(&self.path)),
                _ => Ok(opened),
            };
        };
        let found = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found.map_err(FileError::io("read", &self.path))?),
        };
        let has = found.as_ref().map_or(0, fs::Metadata::len);
        if has < bytes {
            return Err(FileError::short(&self.path, has, bytes));
        }
        let mut options = File::options();
        let options = options.read(true).write(true).truncate(false);
        let file = options.create(found.is_none()).open(&self.path);
        let file = file.map_err(FileError::io("open", &self.path))?;
        if found.is_none() {
            sync_folder(parent(&self.path)).map_err(FileError::io("make", &self.path))?;
        }
        let is_ours = before.map_or(Ok(false), |before| is_file_of(&file, has, before));
        if has > 0 && !is_ours.map_err(FileError::io("read", &self.path))? {
            return Err(FileError::not_empty(&self.path));
        }
        opened.tail = read_tail(&file, bytes).map_err(FileError::io("read", &self.path))?;
        *open = Some(file);
        Ok(opened)
    }

    /// Removes what comes after the checkpoint.
    fn cut(&mut self, bytes: u64, chunks: u64) -> Result<(), FileError> {
        match &self.kind {
            Kind::Append(file) => file.as_ref().map_or(Ok(()), |file| {
                let cut = file.metadata().and_then(|found| match found.len() > bytes {
                    true => file.set_len(bytes).and_then(|()| file.sync_all()),
                    false => Ok(()),
                });
                cut.map_err(FileError::io("cut", &self.path))
            }),
            Kind::Parts => {
                let parts = self.parts()?;
                // A crash leaves one part more than its checkpoint counts. Further ones are someone else's.
                let before = self.before.as_ref().map_or(0, |before| before.chunks);
                let ours = chunks + 1..=before.max(chunks) + 1;
                let late: Vec<_> = parts
                    .into_iter()
                    .filter(|(number, _)| ours.contains(number))
                    .collect();
                for (_, part) in &late {
                    fs::remove_file(part).map_err(FileError::io("remove", part))?;
                }
                match late.is_empty() {
                    true => Ok(()),
                    false => {
                        sync_folder(parent(&self.path)).map_err(FileError::io("write", &self.path))
                    }
                }
            }
        }
    }

    /// Writes what the function wrote for a chunk, durably.
    fn write(&mut self, committed: &Committed, checkpoint: &Checkpoint) -> Result<(), FileError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        match &mut self.kind {
            Kind::Append(file) => {
                let has = file
                    .as_ref()
                    .map_or(Ok(0), |file| match is_at(file, &self.path)? {
                        true => Ok(file.metadata()?.len()),
                        false => Ok(0),
                    });
                let has = has.map_err(FileError::io("read", &self.path))?;
                if has < committed.bytes {
                    return Err(FileError::short(&self.path, has, committed.bytes));
                }
                let write = |mut file: &File| {
                    // A commit that failed may have left bytes.
                    if file.metadata()?.len() > committed.bytes {
                        file.set_len(committed.bytes)?;
                    }
                    file.seek(SeekFrom::Start(committed.bytes))?;
                    file.write_all(&self.buffer)?;
                    file.sync_data()
                };
                let written = file.as_ref().map_or(Ok(()), write);
                written.map_err(FileError::io("write", &self.path))
            }
            Kind::Parts if checkpoint.chunks == committed.chunks => {
                Err(FileError::no_items(&self.path))
            }
            Kind::Parts => {
                let path = self.part(checkpoint.chunks);
                replace(&path, &self.buffer).map_err(FileError::io("write", &path))
            }
        }
    }

    /// Removes what a job exported up to this checkpoint. Leaves a file that isn't its own.
    fn empty(&mut self, stored: &Checkpoint) -> Result<(), FileError> {
        let Some(exported) = stored.exported else {
            return Ok(());
        };
        match &self.kind {
            Kind::Append(_) => {
                let empty = || match File::options().read(true).write(true).open(&self.path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    file => {
                        let file = file?;
                        match is_file_of(&file, file.metadata()?.len(), stored)? {
                            // Without an exported byte, it could be anyone's.
                            true if exported.bytes > 0 => {
                                file.set_len(0).and_then(|()| file.sync_all())
                            }
                            _ => Ok(()),
                        }
                    }
                };
                empty().map_err(FileError::io("empty", &self.path))
            }
            Kind::Parts => {
                self.before = Some(stored.clone());
                self.cut(0, 0)
            }
        }
    }

    /// Returns the start and the end of the parts' names.
    fn around(&self) -> (OsString, OsString) {
        let mut start = self.path.file_stem().unwrap_or_default().to_owned();
        start.push("-");
        let end = self.path.extension().map(|extension| {
            let mut end = OsString::from(".");
            end.push(extension);
            end
        });
        (start, end.unwrap_or_default())
    }

    /// Returns the path of the part with this number.
    fn part(&self, number: u64) -> PathBuf {
        let (mut name, end) = self.around();
        name.push(format!("{number:06}"));
        name.push(end);
        self.path.with_file_name(name)
    }

    /// Returns the numbers and paths of the parts that are there.
    fn parts(&self) -> Result<Vec<(u64, PathBuf)>, FileError> {
        let (start, end) = self.around();
        let (start, end) = (start.as_encoded_bytes(), end.as_encoded_bytes());
        let number = |name: &[u8]| {
            let digits = name.strip_prefix(start)?.strip_suffix(end)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        };
        let folder = match parent(&self.path) {
            folder if folder == Path::new("") => Path::new("."),
            folder => folder,
        };
        let read = || {
            let mut parts: Vec<(u64, PathBuf)> = Vec::new();
            for entry in fs::read_dir(folder)? {
                let name = entry?.file_name();
                if let Some(number) = number(name.as_encoded_bytes()) {
                    parts.push((number, self.path.with_file_name(&name)));
                }
            }
            // What isn't written by `part` is someone else's.
            parts.retain(|(number, path)| *path == self.part(*number));
            Ok(parts)
        };
        read().map_err(FileError::io("read", folder))
    }
}

impl Committed {
    /// Returns the state after these bytes.
    fn after(&self, bytes: &[u8], chunks: u64) -> Self {
        let most = MOST_TAIL as usize;
        let last = &bytes[bytes.len().saturating_sub(most)..];
        let mut tail = [&self.tail, last].concat();
        tail.drain(..tail.len().saturating_sub(most));
        Committed {
            bytes: self.bytes + bytes.len() as u64,
            chunks,
            tail,
        }
    }

    fn at(&self, items: u64) -> Exported {
        Exported {
            bytes: self.bytes,
            items,
            tail: crc32fast::hash(&self.tail),
        }
    }
}

/// Returns whether a file of this length may be what a job with this checkpoint has exported, by its last bytes. After
/// the end of a job that is done, no crash can have left more.
fn is_file_of(file: &File, has: u64, checkpoint: &Checkpoint) -> io::Result<bool> {
    let Some(exported) = checkpoint.exported else {
        return Ok(false);
    };
    let fits = match checkpoint.is_done() {
        true => has == exported.bytes,
        false => has >= exported.bytes,
    };
    Ok(fits && crc32fast::hash(&read_tail(file, exported.bytes)?) == exported.tail)
}

/// Reads the last bytes before this place.
fn read_tail(mut file: &File, end: u64) -> io::Result<Vec<u8>> {
    let mut tail = vec![0; end.min(MOST_TAIL) as usize];
    file.seek(SeekFrom::Start(end - tail.len() as u64))?;
    file.read_exact(&mut tail)?;
    Ok(tail)
}

/// Prints the path, and no data.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
