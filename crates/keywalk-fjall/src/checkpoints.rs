use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, UserKey,
    UserValue,
};
use keywalk_bytes::Key;
use keywalk_job::{
    Attempt, BoxError, Checkpoint, CheckpointStore, DeadLetter, DeadLetterRecord, DeadLetters,
    Lease, Leases, from_unix_millis, unix_millis,
};

mod error;

pub use error::{CheckpointError, CheckpointErrorKind};

use error::Cause;

/// Stores jobs' checkpoints in the database that the jobs change. Each chunk's effects and its checkpoint commit in
/// one atomic batch, so every item's effect happens **exactly once**, even if the process is killed.
///
/// The job's function is passed the batch ([`ChunkBatch`]). Changes made through it happen exactly once. Anything done
/// elsewhere (a request, a file, another database, a write to a keyspace beside the batch) happens at least once. The
/// walk may be over the same database or over any other store.
///
/// ```
/// use fjall::{Database, KeyspaceCreateOptions};
/// use keywalk::Walk;
/// use keywalk_fjall::{FjallCheckpoints, Key, Tree};
/// use keywalk_job::Job;
///
/// # let folder = tempfile::tempdir()?;
/// let db = Database::builder(folder.path()).open()?;
/// let names = db.keyspace("names", KeyspaceCreateOptions::default)?;
/// let slugs = db.keyspace("slugs", KeyspaceCreateOptions::default)?;
/// # names.insert(1_u64.to_bytes(), "A Name")?;
///
/// let items = Tree::<u64>::new(names).map(|name| std::str::from_utf8(name).map(str::to_owned));
/// let job = Job::new("slugs", Walk::new(items), FjallCheckpoints::new(&db));
/// let outcome = job.run(|batch, items| {
///     for (id, name) in items {
///         batch.insert(&slugs, id.to_bytes(), name.to_lowercase().replace(' ', "-"));
///     }
///     Ok(())
/// })?;
/// assert!(outcome.is_done());
/// # assert_eq!(slugs.get(1_u64.to_bytes())?.as_deref(), Some(&b"a-name"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # A chunk's batch
///
/// A batch can't be read. Read through the keyspaces: they don't show the effects of the same chunk, which follow with
/// its commit. If two items of a chunk can change the same entry, keep what the first one wrote in the function, or
/// walk with chunks of one item.
///
/// A batch locks nothing. If other code changes an entry between a chunk's fetch and its commit, the batch overwrites
/// it. Keep other writers away from the entries that the job changes, or let one lock of your own cover both.
///
/// Other readers may see a commit in part, unless they read in a [snapshot](fjall::Database::snapshot). After a crash
/// it is there as a whole or not at all.
///
/// # Durability
///
/// A batch is one record of fjall's journal, with a checksum. [`persist`](Self::persist) chooses when a commit returns:
///
/// | Mode | A commit returns when the journal | Survives |
/// |---|---|---|
/// | [`SyncAll`](PersistMode::SyncAll) (default) | is on the disk (`fsync`) | a killed process, a crash of the system, a power failure |
/// | [`SyncData`](PersistMode::SyncData) | the same without the file's times (`fdatasync`) | the same, where the file system keeps to `fdatasync` |
/// | [`Buffer`](PersistMode::Buffer) | is passed to the operating system | a killed process only |
///
/// With `Buffer`, a power failure can undo the last commits, effects and checkpoint together. So each effect still
/// happens exactly once, if nothing outside the database depends on it. The mode holds for the job's commits, also if
/// the keyspaces persist their journal manually.
///
/// If the journal can't be written, fjall takes no further writes ([`Poisoned`](fjall::Error::Poisoned)), and whether
/// the chunk was committed is known only once the database is opened again. The next run then continues from what was
/// committed, with the effects up to there.
///
/// # Keyspaces
///
/// Two keyspaces are created when the first job runs. Their keys are in the encoding of [`Key`](crate::Key).
///
/// - `keywalk_jobs`: from a job's name (`String`) to its checkpoint, as
///   [`Checkpoint::from_json`](keywalk_job::Checkpoint::from_json) reads it. For monitoring, use
///   [`list`](keywalk_job::CheckpointStore::list).
/// - `keywalk_dead_letters`: from a job's name and a [skipped](keywalk_job::Job::skip_failures) item's key, as bytes
///   (`(String, Vec<u8>)`), to the key, human-readable, the error, and the time in milliseconds since 1970
///   (`(String, String, i64)`).
///
/// # Processing skipped items again
///
/// Once the cause is fixed, another job can walk the dead letters, process those items again, and remove each letter in
/// the same batch. A key's bytes are those of the source's [`encode_key`](keywalk::ResumableSource::encode_key).
///
/// ```
/// # use fjall::{Database, KeyspaceCreateOptions};
/// use keywalk::{ResumableSource, Walk};
/// use keywalk_fjall::{FjallCheckpoints, Key, Tree};
/// use keywalk_job::Job;
///
/// # let folder = tempfile::tempdir()?;
/// # let db = Database::builder(folder.path()).open()?;
/// # let prices = db.keyspace("prices", KeyspaceCreateOptions::default)?;
/// # let cents = db.keyspace("cents", KeyspaceCreateOptions::default)?;
/// # prices.insert(1_u64.to_bytes(), "150")?;
/// # prices.insert(2_u64.to_bytes(), "two")?;
/// # let items = Tree::<u64>::new(prices.clone());
/// # let job = Job::new("cents", Walk::new(items), FjallCheckpoints::new(&db));
/// # let outcome = job.skip_failures().run(|batch, items| {
/// #     for (id, price) in items {
/// #         let price: u64 = std::str::from_utf8(price)?.parse()?;
/// #         batch.insert(&cents, id.to_bytes(), price.to_be_bytes());
/// #     }
/// #     Ok(())
/// # })?;
/// # assert_eq!((outcome.items(), outcome.skipped()), (2, 1));
/// # prices.insert(2_u64.to_bytes(), "250")?;
/// let items = Tree::<u64>::new(prices.clone()); // The source that the job walked.
/// let letters = db.keyspace("keywalk_dead_letters", KeyspaceCreateOptions::default)?;
/// let walk = Walk::new(Tree::<(String, Vec<u8>)>::new(letters.clone())).prefix(("cents".to_owned(),));
/// let again = Job::new("cents again", walk, FjallCheckpoints::new(&db)).restart_when_done();
/// again.run(|batch, dead| {
///     for (letter, _) in dead {
///         if let Some(id) = items.decode_key(&letter.1)? {
///             let price = prices.get(id.to_bytes())?.ok_or("gone")?;
///             let price: u64 = std::str::from_utf8(&price)?.parse()?;
///             batch.insert(&cents, id.to_bytes(), price.to_be_bytes());
///         }
///         batch.remove(&letters, letter.to_bytes());
///     }
///     Ok(())
/// })?;
/// # use keywalk_job::DeadLetters;
/// # assert!(FjallCheckpoints::new(&db).dead_letters("cents")?.is_empty());
/// # assert!(cents.contains_key(2_u64.to_bytes())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Two runners
///
/// fjall locks a database's folder, so one process has it open, and a job's lease is an entry in a list of this
/// process. It ends with the run, and with the process. If a checkpoint store is used without its lease, the earlier run's next
/// commit is refused once a later run has recorded itself.
pub struct FjallCheckpoints {
    db: Database,
    persist: PersistMode,
    /// `None` until the keyspaces are known to exist.
    keyspaces: Option<(Keyspace, Keyspace)>,
}

const JOBS: &str = "keywalk_jobs";
const DEAD_LETTERS: &str = "keywalk_dead_letters";

/// The key of a dead letter: the job, and the item's key.
type LetterKey = (String, Vec<u8>);

/// The item's key, human-readable, the error, and the time in milliseconds since 1970.
type Letter = (String, String, i64);

impl FjallCheckpoints {
    /// Stores checkpoints in this database. Nothing is read yet.
    #[must_use]
    pub fn new(db: &Database) -> Self {
        FjallCheckpoints {
            db: db.clone(),
            persist: PersistMode::SyncAll,
            keyspaces: None,
        }
    }

    /// Sets how durable a commit is when it returns; see [Durability](Self#durability). Default:
    /// [`SyncAll`](PersistMode::SyncAll). A cheaper mode makes small chunks faster.
    #[must_use]
    pub fn persist(mut self, mode: PersistMode) -> Self {
        self.persist = mode;
        self
    }

    /// Opens a keyspace; `None` if it doesn't exist yet.
    fn existing(&self, name: &str) -> Result<Option<Keyspace>, Cause> {
        match self.db.keyspace_exists(name) {
            true => Ok(Some(open(&self.db, name)?)),
            false => Ok(None),
        }
    }
}

fn open(db: &Database, name: &str) -> fjall::Result<Keyspace> {
    db.keyspace(name, KeyspaceCreateOptions::default)
}

/// The changes of a chunk, lent to a job's function. They commit with the checkpoint, or not at all.
///
/// They are kept in memory until then. Of two changes to the same key, the later one counts.
pub struct ChunkBatch {
    db: Database,
    persist: PersistMode,
    jobs: Keyspace,
    letters: Keyspace,
    changes: Vec<Change>,
}

/// `None` removes the key.
type Change = (Keyspace, UserKey, Option<UserValue>);

impl ChunkBatch {
    /// Inserts an entry, or replaces its value.
    ///
    /// # Panics
    ///
    /// If the key is empty or longer than 65,535 bytes, as fjall does, or if the keyspace belongs to another database.
    #[track_caller]
    pub fn insert(
        &mut self,
        keyspace: &Keyspace,
        key: impl Into<UserKey>,
        value: impl Into<UserValue>,
    ) {
        self.change(keyspace, key.into(), Some(value.into()));
    }

    /// Removes an entry, if it exists.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert) does.
    #[track_caller]
    pub fn remove(&mut self, keyspace: &Keyspace, key: impl Into<UserKey>) {
        self.change(keyspace, key.into(), None);
    }

    #[track_caller]
    fn change(&mut self, keyspace: &Keyspace, key: UserKey, value: Option<UserValue>) {
        assert!(
            !key.is_empty() && fits(&key),
            "a key of fjall's has 1 to 65,535 bytes, and not {}",
            key.len()
        );
        // fjall would write its changes to the journal of this database under the number of another keyspace.
        let is_known = self
            .changes
            .last()
            .is_some_and(|last| same(&last.0, keyspace));
        assert!(
            is_known || folder(keyspace) == folder(&self.jobs),
            "the keyspace {:?} is of another database than the job's checkpoints",
            &**keyspace.name()
        );
        self.changes.push((keyspace.clone(), key, value));
    }

    fn write(self) -> fjall::Result<()> {
        let mut batch = OwnedWriteBatch::with_capacity(self.db, self.changes.len());
        for (keyspace, key, value) in self.changes {
            match value {
                Some(value) => batch.insert(&keyspace, key, value),
                None => batch.remove(&keyspace, key),
            }
        }
        batch.durability(Some(self.persist)).commit()
    }
}

/// Returns the folder of a database's keyspaces.
fn folder(keyspace: &Keyspace) -> Option<&Path> {
    keyspace.path().parent()
}

/// Returns whether these are handles of one keyspace, for sure.
fn same(one: &Keyspace, other: &Keyspace) -> bool {
    ptr::eq(&**one, &**other)
}

fn fits(key: &[u8]) -> bool {
    u16::try_from(key.len()).is_ok()
}

/// Held while a commit compares its run with the stored one and replaces it. Jobs with different names rarely share
/// one.
static COMMITS: [Mutex<()>; 16] = [const { Mutex::new(()) }; 16];

impl CheckpointStore for FjallCheckpoints {
    type Scope<'a> = ChunkBatch;
    type Rest<'a> = ();
    type Error = CheckpointError;

    fn begin(&mut self) -> Result<(ChunkBatch, ()), CheckpointError> {
        let (jobs, letters) = match &self.keyspaces {
            Some(keyspaces) => keyspaces.clone(),
            None => {
                let open = |name| open(&self.db, name).map_err(Cause::from);
                let keyspaces = (open(JOBS)?, open(DEAD_LETTERS)?);
                self.keyspaces.insert(keyspaces).clone()
            }
        };
        let batch = ChunkBatch {
            db: self.db.clone(),
            persist: self.persist,
            jobs,
            letters,
            changes: Vec::new(),
        };
        Ok((batch, ()))
    }

    fn load_in(
        scope: &mut ChunkBatch,
        (): &mut (),
        job: &str,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        Ok(load(&scope.jobs, job)?)
    }

    fn commit(
        mut scope: ChunkBatch,
        (): (),
        checkpoint: &Checkpoint,
    ) -> Result<(), CheckpointError> {
        let job = checkpoint.job();
        let key = job_key(job)?;
        let turn = job.bytes().map(usize::from).sum::<usize>() % COMMITS.len();
        let _turn = COMMITS[turn].lock().unwrap_or_else(PoisonError::into_inner);
        if load(&scope.jobs, job)?.is_some_and(|stored| stored.run() > checkpoint.run()) {
            let job = job.to_owned();
            return Err(Cause::Superseded { job }.into());
        }
        let json = checkpoint.to_json();
        scope
            .changes
            .push((scope.jobs.clone(), key, Some(json.into())));
        Ok(scope.write().map_err(Cause::from)?)
    }

    fn remove(&mut self, job: &str) -> Result<bool, CheckpointError> {
        // Avoids creating the keyspaces just for this.
        if self.load(job).is_ok_and(|known| known.is_none()) {
            return Ok(false);
        }
        let (mut scope, ()) = self.begin()?;
        let remove = || -> Result<(), Cause> {
            for letter in letters_of(&scope.letters, job)? {
                let (key, _) = letter?;
                scope
                    .changes
                    .push((scope.letters.clone(), key.to_bytes().into(), None));
            }
            scope
                .changes
                .push((scope.jobs.clone(), job_key(job)?, None));
            Ok(scope.write()?)
        };
        remove()?;
        Ok(true)
    }

    fn list(&mut self) -> Result<Vec<Checkpoint>, CheckpointError> {
        let list = || -> Result<_, Cause> {
            let mut found = Vec::new();
            if let Some(jobs) = self.existing(JOBS)? {
                for entry in jobs.iter() {
                    let (job, json) = entry.into_inner()?;
                    let job = String::decode(&job).map_err(|_| Cause::Foreign(JOBS))?;
                    found.push(read(&job, &json)?);
                }
            }
            Ok(found)
        };
        Ok(list()?)
    }

    /// Creates no keyspaces, unlike `begin`, which starts a chunk's batch.
    fn load(&mut self, job: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        match self.existing(JOBS)? {
            Some(jobs) => Ok(load(&jobs, job)?),
            None => Ok(None),
        }
    }

    fn attempt(
        scope: &mut ChunkBatch,
        (): &mut (),
        work: impl FnOnce(&mut ChunkBatch) -> Result<(), BoxError>,
    ) -> Result<Attempt, CheckpointError> {
        let before = scope.changes.len();
        Ok(match work(scope) {
            Ok(()) => Attempt::Done,
            Err(error) => {
                scope.changes.truncate(before);
                Attempt::RolledBack(error)
            }
        })
    }
}

/// The jobs that run in this process, each with the address of its database.
static RUNNING: Mutex<BTreeSet<(usize, String)>> = Mutex::new(BTreeSet::new());

/// Takes a job off the list when it is dropped. The database lives as long, so that its address is its own.
struct Listed(Database, String);

impl Drop for Listed {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&entry(&self.0, &self.1));
    }
}

fn entry(db: &Database, job: &str) -> (usize, String) {
    (ptr::from_ref(&**db).addr(), job.to_owned())
}

impl Leases for FjallCheckpoints {
    fn lease(&mut self, job: &str) -> Result<Option<Lease>, CheckpointError> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = running.insert(entry(&self.db, job));
        Ok(is_free.then(|| Lease::new(Listed(self.db.clone(), job.to_owned()))))
    }
}

impl DeadLetters for FjallCheckpoints {
    fn record_dead_letter(
        scope: &mut ChunkBatch,
        (): &mut (),
        letter: &DeadLetter<'_>,
    ) -> Result<(), CheckpointError> {
        let key: LetterKey = (letter.job().to_owned(), letter.key_bytes().to_vec());
        let time = unix_millis(letter.time());
        let said: Letter = (letter.key().to_owned(), letter.error_text(), time);
        let key = checked(letter.job(), key.to_bytes())?;
        let said = Some(said.to_bytes().into());
        scope.changes.push((scope.letters.clone(), key, said));
        Ok(())
    }

    fn dead_letters(&mut self, job: &str) -> Result<Vec<DeadLetterRecord>, CheckpointError> {
        let Some(letters) = self.existing(DEAD_LETTERS)? else {
            return Ok(Vec::new());
        };
        let records = letters_of(&letters, job)?.map(|letter| {
            let ((_, key_bytes), (key, error, time)) = letter?;
            let letter = DeadLetterRecord::new(key, key_bytes).failed_with(error);
            Ok(letter.failed_at(from_unix_millis(time)))
        });
        Ok(records.collect::<Result<_, Cause>>()?)
    }
}

/// Returns a job's letters, by the bytes of their keys.
fn letters_of(
    letters: &Keyspace,
    job: &str,
) -> Result<impl Iterator<Item = Result<(LetterKey, Letter), Cause>>, Cause> {
    let decoded = |entry: Guard| {
        let (key, said) = entry.into_inner()?;
        match (LetterKey::decode(&key), Letter::decode(&said)) {
            (Ok(key), Ok(letter)) => Ok((key, letter)),
            _ => Err(Cause::Foreign(DEAD_LETTERS)),
        }
    };
    let found = letters.prefix(job_key(job)?).map(decoded);
    // The prefix is also that of names that go on after a NUL.
    Ok(found.filter(move |letter| !matches!(letter, Ok(((name, _), _)) if name != job)))
}

fn load(jobs: &Keyspace, job: &str) -> Result<Option<Checkpoint>, Cause> {
    let json = jobs.get(job_key(job)?)?;
    json.map(|json| read(job, &json)).transpose()
}

fn read(job: &str, json: &[u8]) -> Result<Checkpoint, Cause> {
    let json = String::from_utf8_lossy(json);
    Checkpoint::from_json(&json).map_err(|source| Cause::Content {
        job: job.to_owned(),
        source,
    })
}

fn job_key(job: &str) -> Result<UserKey, Cause> {
    checked(job, job.to_owned().to_bytes())
}

/// Checks that fjall takes a key of this length. It panics over longer ones.
fn checked(job: &str, key: Vec<u8>) -> Result<UserKey, Cause> {
    match fits(&key) {
        true => Ok(key.into()),
        false => Err(Cause::TooLong {
            job: job.to_owned(),
            bytes: key.len(),
        }),
    }
}

/// Prints how durable its commits are.
impl fmt::Debug for FjallCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallCheckpoints")
            .field("persist", &self.persist)
            .finish_non_exhaustive()
    }
}

/// Prints the number of changes, and no data.
impl fmt::Debug for ChunkBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkBatch")
            .field("changes", &self.changes.len())
            .finish_non_exhaustive()
    }
}
