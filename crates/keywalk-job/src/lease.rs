use std::any::Any;
use std::convert::Infallible;
use std::fmt::{self, Write};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use crate::checkpoint::Checkpoint;
use crate::checkpoints::CheckpointStore;
use crate::error::Error;
use crate::parallel::part_name;

/// Assigns each job to one runner at a time: by a lock on a file, a database lock, or a row that expires.
///
/// # Contract
///
/// While a job's [`Lease`] lives, no other lease is granted for it. Leases of other jobs are, also to the same store: to
/// reset or to plan a [parallel job](crate::ParallelJob), one store takes those of all its parts. A crash ends the
/// lease. If a lease fails to keep runners apart, a later [run](crate::Checkpoint::run) fences off an earlier one; see
/// [`CheckpointStore`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't keep two runners of a job apart: it is no `Leases`",
    label = "gives no leases",
    note = "implement `keywalk_job::Leases` beside `CheckpointStore`: by `Lease::by_file`, or `Lease::unguarded` where \
            one process alone can reach the store"
)]
pub trait Leases: CheckpointStore {
    /// Takes the job for one runner. Returns `None` if another runner has it. Doesn't wait.
    ///
    /// # Errors
    ///
    /// Returns the store's error.
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, Self::Error>;

    /// Forgets a job that isn't running, so that its next run starts over. Its dead letters are removed too, and the
    /// parts of a [parallel job](crate::ParallelJob). Also works if the checkpoint can't be read. Returns whether the job
    /// was known. Provided: calls [`lease`](Self::lease) and [`remove`](CheckpointStore::remove), once per part too.
    ///
    /// ```
    /// use keywalk_job::{FileCheckpoints, CheckpointStore, Leases};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut checkpoints = FileCheckpoints::new(folder.path());
    /// for job in checkpoints.list()? {
    ///     println!("{}: {} items, at {:?}", job.job(), job.items(), job.position());
    /// }
    /// assert!(!checkpoints.reset("export")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error::AlreadyRunning`] while the job runs, or one of its parts, or the store's error.
    fn reset(&mut self, job: &str) -> Result<bool, Error<Infallible, Self::Error>> {
        let failed = |error| Error::CheckpointStore {
            job: job.to_owned(),
            error,
        };
        let is_running = || Error::AlreadyRunning {
            job: job.to_owned(),
        };
        let lease = |store: &mut Self, job: &str| {
            let lease = store.lease(job).map_err(failed)?;
            lease.ok_or_else(is_running)
        };
        let mut leases = vec![lease(self, job)?];
        let mut recorded = match self.load(job) {
            Err(error) if self.is_transient(&error) => return Err(failed(error)),
            loaded => Recorded::by(loaded),
        };
        while recorded.is_unreadable
            && let Ok(Some(_)) = self.load(&part_name(job, recorded.parts + 1))
        {
            recorded.parts += 1;
        }
        for number in 1..=recorded.parts {
            leases.push(lease(self, &part_name(job, number))?);
        }
        if let Some(void) = &recorded.void {
            let (mut scope, mut rest) = self.begin().map_err(failed)?;
            Self::load_in(&mut scope, &mut rest, job).map_err(failed)?;
            Self::commit(scope, rest, void).map_err(failed)?;
        }
        for number in 1..=recorded.most() {
            let part = part_name(job, number);
            if number > recorded.parts {
                leases.push(lease(self, &part)?);
            }
            if !self.remove(&part).map_err(failed)? && number > recorded.parts {
                break;
            }
        }
        self.remove(job).map_err(failed)
    }
}

/// What a reset has to remove besides a job's own checkpoint.
pub(crate) struct Recorded {
    /// The checkpoint of a parallel job without parts. It is recorded first: a job whose parts are removed in part must
    /// not go on.
    pub(crate) void: Option<Checkpoint>,
    /// The number of the parts.
    pub(crate) parts: usize,
    /// Whether the job's checkpoint can't be read. Then the parts are counted by their checkpoints, up to one that can't
    /// be read either. What follows is removed while there is any.
    pub(crate) is_unreadable: bool,
}

impl Recorded {
    pub(crate) fn by<E>(loaded: Result<Option<Checkpoint>, E>) -> Self {
        let is_unreadable = loaded.is_err();
        let known = loaded.ok().flatten();
        Recorded {
            void: known.as_ref().and_then(Checkpoint::without_parts),
            parts: known.map_or(0, |whole| whole.plan().1),
            is_unreadable,
        }
    }

    /// The number of the parts at most.
    pub(crate) fn most(&self) -> usize {
        match self.is_unreadable {
            true => usize::MAX,
            false => self.parts,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl<C: Leases> Leases for &mut C {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, C::Error> {
        (**self).lease(job)
    }

    fn reset(&mut self, job: &str) -> Result<bool, Error<Infallible, C::Error>> {
        (**self).reset(job)
    }
}

/// Exclusive ownership of a job until this is dropped. [`Leases::lease`] returns it.
///
/// ```
/// use keywalk_job::Lease;
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("export.lock");
/// let lease = Lease::by_file(&path)?.expect("no one else has it");
/// assert!(Lease::by_file(&path)?.is_none());
/// drop(lease);
/// assert!(Lease::by_file(&path)?.is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the job is anyone's once the lease is dropped"]
pub struct Lease {
    /// Held until the lease is dropped; its own `Drop` releases it.
    _guard: Option<Box<dyn Any + Send>>,
}

impl Lease {
    /// Creates a lease that lasts as long as `guard`.
    pub fn new(guard: impl Send + 'static) -> Self {
        Lease {
            _guard: Some(Box::new(guard)),
        }
    }

    /// Creates a lease that excludes no one. For a store that only one process can reach.
    pub fn unguarded() -> Self {
        Lease { _guard: None }
    }

    /// Takes a lease by a lock on this file. The file is created if it doesn't exist, and stays when the lease
    /// ends. Returns `None` if another runner has the lock, in this process or in another one on this machine.
    ///
    /// The lock is the operating system's ([`File::try_lock`]). It ends with the process, so a crash leaves no
    /// lease behind. A forked child that drops its copy of the lease doesn't end it.
    ///
    /// # Errors
    ///
    /// If the file can't be created or locked, or isn't a regular file.
    pub fn by_file(path: &Path) -> io::Result<Option<Self>> {
        let file = lock(path)?;
        Ok(file.map(|file| Lease::new(Locked::new(file, None))))
    }

    /// Takes a lease [by a file](Self::by_file), for a job of the store at `path`. The file is
    /// `PATH.job-NAME.lock` and is removed when the lease ends. After a crash the next lease removes it.
    ///
    /// In the job's name, every byte except small letters, digits, `-` and `_` is written as `%` and two
    /// hexadecimal digits.
    ///
    /// # Errors
    ///
    /// If the file can't be created or locked, or isn't a regular file.
    pub fn beside(path: &Path, job: &str) -> io::Result<Option<Self>> {
        let mut file = path.as_os_str().to_owned();
        file.push(format!(".job-{}.lock", file_name(job)));
        Lease::by_own_file(Path::new(&file))
    }

    /// Takes a lease by a file that has no other purpose. The file is removed when the lease ends.
    #[cfg(not(windows))]
    pub(crate) fn by_own_file(path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..MOST_REMOVALS {
            let Some(file) = lock(path)? else {
                return Ok(None);
            };
            // The last holder may have removed the file after it was opened here. A lock on a file without a
            // name excludes no one.
            if is_at(&file, path)? {
                return Ok(Some(Lease::new(Locked::new(file, Some(path)))));
            }
        }
        Err(io::Error::other(
            "it was replaced each time that it was locked",
        ))
    }

    /// Takes a lease by a file that has no other purpose. No one else may open the file. Windows deletes it
    /// when it is closed, also when the process is killed.
    #[cfg(windows)]
    pub(crate) fn by_own_file(path: &Path) -> io::Result<Option<Self>> {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
        const ERROR_SHARING_VIOLATION: i32 = 32;
        refuse_special_file(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.share_mode(0);
        options.custom_flags(FILE_FLAG_DELETE_ON_CLOSE);
        match options.open(path) {
            Ok(file) => Ok(Some(Lease::new(file))),
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The number of attempts to lock the file, if other runners keep removing it between opening and locking. More
/// than two are rarely needed.
#[cfg(not(windows))]
const MOST_REMOVALS: usize = 1000;

/// Opens and locks the file. Returns `None` if another runner has the lock.
fn lock(path: &Path) -> io::Result<Option<File>> {
    refuse_special_file(path)?;
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Returns whether the path still names this file.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (ours, there) = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        there => (file.metadata()?, there?),
    };
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// Always true: the standard library can't check it here. It isn't needed on Windows, where a lease doesn't
/// remove its file by name.
#[cfg(not(unix))]
pub(crate) fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Refuses a path that exists and isn't a regular file: opening a named pipe would wait forever for its other
/// end.
pub(crate) fn refuse_special_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is there already, and isn't a regular file",
        )),
        // Opening the file reports any other problem.
        _ => Ok(()),
    }
}

/// A locked file, which is unlocked when this is dropped.
///
/// Closing the file isn't enough: while a child process is being started, it holds copies of all open files, and
/// so would keep the lock.
struct Locked {
    file: File,
    /// The path of the file, if it is to be removed before unlocking.
    removes: Option<PathBuf>,
    /// The process that locked it.
    process: u32,
}

impl Locked {
    fn new(file: File, removes: Option<&Path>) -> Self {
        Locked {
            file,
            removes: removes.map(Path::to_owned),
            process: process::id(),
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // A forked child does nothing here. It shares the open file and its lock with its parent, and only the
        // parent may release the lock.
        if process::id() != self.process {
            return;
        }
        if let Some(path) = &self.removes
            && is_at(&self.file, path).unwrap_or(false)
        {
            // Removed while locked, so that no one else can have locked it. If it can't be removed it stays, as
            // after a crash.
            let _ = fs::remove_file(path);
        }
        // Closing follows in any case.
        let _ = self.file.unlock();
    }
}

/// Encodes a job's name as part of a file name. Different names give different files, also if case is ignored.
pub(crate) fn file_name(job: &str) -> String {
    job.bytes()
        .fold(String::with_capacity(job.len()), |mut name, byte| {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                    name.push(char::from(byte));
                }
                // Writing to a string never fails.
                byte => drop(write!(name, "%{byte:02X}")),
            }
            name
        })
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses `try_clone` instead of a fork, which needs unsafe code: either way, both copies share one open file.
    #[test]
    fn a_forked_child_that_drops_the_lease_leaves_it_to_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.lock");
        let file = lock(&path).unwrap().unwrap();
        let mut of_child = Locked::new(file.try_clone().unwrap(), Some(&path));
        of_child.process = process::id().wrapping_add(1);
        drop(of_child);
        assert!(path.exists() && lock(&path).unwrap().is_none());
        drop(Locked::new(file, Some(&path)));
        assert!(lock(&path).unwrap().is_some());
    }
}
