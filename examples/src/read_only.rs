use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::Failure;
use crate::database_files::{beside, refuse_stdout};

/// A database of the user's own, opened to be read only.
///
/// To read a database in WAL mode SQLite makes the files `-wal` and `-shm` beside it, and a read-only
/// connection doesn't remove them. This one does when it is dropped, if they weren't there before.
#[derive(Debug)]
pub struct ReadOnly {
    // Closed before the files are removed: fields are dropped in this order.
    db: Connection,
    _tidy: Tidy,
}

impl ReadOnly {
    /// Opens the file, which must be there.
    ///
    /// # Errors
    ///
    /// If it isn't, can't be opened, or is what stdout goes to.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let shown = file.display();
        let cannot =
            |error: &dyn std::fmt::Display| Failure::input(format!("can't open {shown}: {error}"));
        let metadata = std::fs::metadata(file).map_err(|error| cannot(&error))?;
        if !metadata.is_file() {
            return Err(Failure::input(format!("{shown} is not a file")));
        }
        refuse_stdout(file)?;
        let tidy = Tidy {
            file: file.to_owned(),
            was_there: beside(file, "-wal").exists() || beside(file, "-shm").exists(),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(file, flags).map_err(|error| cannot(&error))?;
        Ok(ReadOnly { db, _tidy: tidy })
    }

    /// The connection.
    #[must_use]
    pub fn db(&self) -> &Connection {
        &self.db
    }
}

#[derive(Debug)]
struct Tidy {
    file: PathBuf,
    was_there: bool,
}

/// As the last to close, a connection that may write removes the files. If that can't be done they stay:
/// they are empty, and the next writer removes them.
impl Drop for Tidy {
    fn drop(&mut self) {
        if self.was_there || !beside(&self.file, "-wal").exists() {
            return;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if let Ok(db) = Connection::open_with_flags(&self.file, flags) {
            let _ = db.query_row("SELECT 1 FROM sqlite_schema", [], |_| Ok(()));
        }
    }
}
