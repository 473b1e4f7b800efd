use std::any::Any;
use std::fmt::{self, Write};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// That a job is this runner's alone, until it is dropped; what
/// [`Checkpoints::lease`](crate::Checkpoints::lease) gives.
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
    /// Held, and let go of by its own `Drop`.
    _guard: Option<Box<dyn Any + Send>>,
}

impl Lease {
    /// A lease that lasts while `guard` does.
    pub fn new(guard: impl Send + 'static) -> Self {
        Lease {
            _guard: Some(Box::new(guard)),
        }
    }

    /// A lease that keeps no one out: for a store that one process alone can reach.
    pub fn unguarded() -> Self {
        Lease { _guard: None }
    }

    /// A lease by a lock on this file, which is made if it isn't there and stays when the lease ends.
    /// `None` if another runner has it, of this process or of another one on this machine.
    ///
    /// The lock is the operating system's ([`File::try_lock`]): it ends with the process, however that
    /// ends, so a crash leaves no lease behind.
    ///
    /// # Errors
    ///
    /// If the file can't be made or locked.
    pub fn by_file(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match File::try_lock(&file) {
            Ok(()) => Ok(Some(Lease::new(Locked(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// [`by_file`](Self::by_file), for a job of the store at `path`: the file is `PATH.job-NAME.lock`, where what
    /// isn't a small letter, digit, `-` or `_` of the job's name is written as `%` and two hexadecimal
    /// digits.
    ///
    /// # Errors
    ///
    /// If the file can't be made or locked.
    pub fn beside(path: &Path, job: &str) -> io::Result<Option<Self>> {
        let mut file = path.as_os_str().to_owned();
        file.push(format!(".job-{}.lock", file_name(job)));
        Lease::by_file(Path::new(&file))
    }
}

/// A child that is just being started has a copy of each open file, and would keep the lock for the moment
/// if the file were only closed.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // It is closed in any case.
        let _ = self.0.unlock();
    }
}

/// A job's name as a part of a file's; two names are two files also where case doesn't count.
pub(crate) fn file_name(job: &str) -> String {
    job.bytes()
        .fold(String::with_capacity(job.len()), |mut name, byte| {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                    name.push(char::from(byte));
                }
                // A string takes whatever is written.
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
