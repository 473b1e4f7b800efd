//! The places of a database: in memory or in a file, and how its connections are lent.

use std::convert::Infallible;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keywalk_conformance::{BoxError, Capabilities, Capability, FaultInjector};
use keywalk_sqlite::Connect;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use tempfile::TempDir;

/// A place of a database, and the connections to it.
pub trait Place: Debug + Sized + 'static {
    /// The type of a connection that a source gets.
    type Connection<'a>: Connect;

    /// Makes a new, empty database, with this probe on the sources' connections.
    fn open(probe: Probe) -> Result<Self, BoxError>;

    /// Returns the capabilities of the place.
    #[must_use]
    fn capabilities() -> Capabilities;

    /// Returns the connection for changes.
    fn changes(&self) -> &Connection;

    /// Returns a connection for a source.
    fn connect(&self) -> Result<Self::Connection<'_>, BoxError>;

    /// Returns the probe of the sources' connections.
    fn probe(&self) -> &Probe;

    /// Performs an operation that fails while a statement of a source isn't reset.
    fn with_exclusive_access(&self) -> Result<(), BoxError>;

    /// Returns a connection for another thread, or `None` if the database has only one.
    fn another(&self) -> Option<Connection> {
        None
    }

    /// Closes the database and opens it again.
    fn reopen(self) -> Result<Self, BoxError> {
        Err("a database in memory is gone when it is closed".into())
    }
}

/// A database in memory. Sources borrow the connection that changes use.
#[derive(Debug)]
pub struct Lent {
    db: Connection,
    probe: Probe,
}

impl Place for Lent {
    type Connection<'a> = &'a Connection;

    fn open(probe: Probe) -> Result<Self, BoxError> {
        let mut db = Connection::open_in_memory()?;
        // Enough for every kind of request that the kit makes.
        db.set_prepared_statement_cache_capacity(64);
        probe.attach(&mut db)?;
        Ok(Lent { db, probe })
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::No("the database has one connection, of one thread"),
            reopening: Capability::No("a database in memory is gone when it is closed"),
            ..Capabilities::default()
        }
    }

    fn changes(&self) -> &Connection {
        &self.db
    }

    fn connect(&self) -> Result<&Connection, BoxError> {
        Ok(&self.db)
    }

    fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Drops a table, which fails while a statement of the connection reads. The table is temporary, because a change
    /// of the walked schema would end a walk by rowid.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        let alone = "CREATE TEMP TABLE alone (a); DROP TABLE alone";
        self.db.execute_batch(alone)?;
        match self.db.is_busy() {
            true => Err("a statement isn't reset".into()),
            false => Ok(()),
        }
    }
}

/// The journal of a database file, and how its connections are lent.
pub trait Mode: Debug + 'static {
    /// The journal mode in SQL.
    const JOURNAL: &'static str;

    /// The type of a connection that a source gets.
    type Connection: Connect;

    /// Makes the sources' connection from connections that `connect` makes.
    fn lend(
        connect: impl Fn() -> Result<Connection, BoxError>,
    ) -> Result<Self::Connection, BoxError>;
}

macro_rules! modes {
    ($($(#[$doc:meta])* $name:ident: $journal:literal, $connection:ty, $connect:ident => $lend:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Mode for $name {
            const JOURNAL: &'static str = $journal;
            type Connection = $connection;

            fn lend($connect: impl Fn() -> Result<Connection, BoxError>) -> Result<$connection, BoxError> {
                $lend
            }
        }
    )+};
}

modes! {
    /// A WAL: readers and a writer don't wait for one another. Each source owns a connection.
    Wal: "WAL", Connection, connect => connect();
    /// A rollback journal: a writer and readers wait for one another.
    Rollback: "DELETE", Connection, connect => connect();
    /// A WAL. Each source alternates between two connections, one per fetch.
    Pooled: "WAL", Turns, connect => Ok(Turns {
        connections: [connect()?.into(), connect()?.into()],
        taken: AtomicUsize::new(0),
    });
}

/// Two connections that are lent alternately.
#[derive(Debug)]
pub struct Turns {
    connections: [Mutex<Connection>; 2],
    taken: AtomicUsize,
}

impl Connect for Turns {
    type Lent<'a> = MutexGuard<'a, Connection>;
    type Error = Infallible;

    fn connect(&self) -> Result<MutexGuard<'_, Connection>, Infallible> {
        let turn = self.taken.fetch_add(1, Relaxed) % 2;
        // A panic in decoding doesn't damage the connection.
        let lent = self.connections[turn].lock();
        Ok(lent.unwrap_or_else(PoisonError::into_inner))
    }
}

/// A database in a file.
#[derive(Debug)]
pub struct File<M> {
    // Dropped, and so closed, before the directory is removed.
    changes: Connection,
    directory: TempDir,
    probe: Probe,
    mode: PhantomData<fn() -> M>,
}

/// The time that a change may wait for a source. It is short, because nothing is held.
const SHORT: Duration = Duration::from_millis(50);

/// The time that threads wait for one another.
const LONG: Duration = Duration::from_secs(30);

impl<M: Mode> File<M> {
    fn open_in(directory: TempDir, probe: Probe) -> Result<Self, BoxError> {
        let changes = connection(&directory, SHORT)?;
        changes.pragma_update_and_check(None, "journal_mode", M::JOURNAL, |row| {
            let mode: String = row.get(0)?;
            assert!(
                mode.eq_ignore_ascii_case(M::JOURNAL),
                "the journal is {mode}"
            );
            Ok(())
        })?;
        Ok(File {
            changes,
            directory,
            probe,
            mode: PhantomData,
        })
    }
}

fn connection(directory: &TempDir, patience: Duration) -> Result<Connection, BoxError> {
    let db = Connection::open(directory.path().join("walked.db"))?;
    db.busy_timeout(patience)?;
    // Data needn't survive a power failure.
    db.pragma_update(None, "synchronous", "OFF")?;
    Ok(db)
}

impl<M: Mode> Place for File<M> {
    type Connection<'a> = M::Connection;

    fn open(probe: Probe) -> Result<Self, BoxError> {
        Self::open_in(TempDir::new()?, probe)
    }

    fn capabilities() -> Capabilities {
        Capabilities {
            threads: Capability::Yes,
            reopening: Capability::Yes,
            ..Capabilities::default()
        }
    }

    fn changes(&self) -> &Connection {
        &self.changes
    }

    fn connect(&self) -> Result<M::Connection, BoxError> {
        M::lend(|| {
            let mut db = connection(&self.directory, LONG)?;
            self.probe.attach(&mut db)?;
            Ok(db)
        })
    }

    fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Takes the lock with a rollback journal, or completes a checkpoint with a WAL. A reader prevents either.
    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        self.changes.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        match self.changes.query_row(checkpoint, [], |row| row.get(0))? {
            true => Err("the checkpoint couldn't be completed".into()),
            false => Ok(()),
        }
    }

    fn another(&self) -> Option<Connection> {
        connection(&self.directory, LONG).ok()
    }

    fn reopen(self) -> Result<Self, BoxError> {
        self.changes.close().map_err(|(_, error)| error)?;
        Self::open_in(self.directory, self.probe)
    }
}

/// The probe on a harness's connections: what it counts, and what it makes fail.
#[derive(Clone, Debug)]
pub struct Probe {
    steps: i32,
    /// Makes steps fail.
    pub(super) fuse: FaultInjector,
    /// The number of rows that statements which call `seen` have looked at.
    pub(super) seen: Arc<AtomicU64>,
}

impl Probe {
    /// The number of steps of SQLite's virtual machine per operation that can fail. SQLite calls the handler at jumps,
    /// at each row, at the end of a statement and while it prepares one, once per this many steps since the last call.
    #[must_use]
    pub fn new(steps: i32) -> Self {
        Probe {
            steps,
            fuse: FaultInjector::default(),
            seen: Arc::default(),
        }
    }

    /// Interrupts the connection's statements when the injector fails an operation. Counts the calls of the SQL
    /// function `seen`, which returns true.
    pub fn attach(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let fuse = self.fuse.clone();
        let interrupts = move || fuse.operation().is_err();
        db.progress_handler(self.steps, Some(interrupts))?;
        let seen = Arc::clone(&self.seen);
        db.create_scalar_function("seen", 1, FunctionFlags::SQLITE_UTF8, move |_| {
            seen.fetch_add(1, SeqCst);
            Ok(true)
        })
    }
}
