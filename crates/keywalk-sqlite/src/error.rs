use std::error::Error as StdError;
use std::fmt;

use rusqlite::ErrorCode;

mod constructors;

/// An error of a SQLite source: a key, filter or query that can't be walked, a stored value that doesn't decode, or a
/// failure of SQLite itself.
///
/// The message names the table, column, key or value and the fix, on one line of bounded length. Match on
/// [`kind`](Self::kind). SQLite's own error is available as [`source`](StdError::source) and
/// [`sqlite_error`](Self::sqlite_error).
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::{ErrorKind, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # db.execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")?;
/// let error = Table::new(&db, "items").key::<i64>(["di"]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
/// assert_eq!(
///     error.to_string(),
///     r#"table "items" has no column "di"; its columns are "id", "name""#,
/// );
///
/// // A walk's error is the source's error, or a broken contract.
/// for item in Walk::new(Table::new(&db, "items").key::<i64>(["id"])?) {
///     match item {
///         Ok((id, _row)) => println!("{id}"),
///         Err(keywalk::Error::Source(error)) if error.is_transient() => break, // Resume later.
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such table (in the given schema, or in any), or no such schema.
    NoSuchTable,
    /// The name belongs to a view or a virtual table. Its rows have no key that can be proven.
    NotATable,
    /// The table or query has no such column.
    NoSuchColumn,
    /// No key was given, and the table has no primary key.
    NoPrimaryKey,
    /// Wrong number of columns for the key's type, a repeated column, or a column that can't hold the type.
    KeyColumns,
    /// Nothing in the schema makes the key unique.
    NotUnique,
    /// A key column may hold NULL, its type isn't an `Option`, and the filter doesn't leave NULL out. A primary key of
    /// one column without NOT NULL is accepted ([with exceptions](crate::Table#proven-before-the-first-row)); a NULL in
    /// it is a [`Value`](Self::Value).
    Nullable,
    /// A key column's text is ordered differently from the key's type.
    Collation,
    /// SQLite can't seek by the key: its plan reads or sorts more rows than it returns. Either there is no index for
    /// the key, SQLite's statistics make it avoid the index, or a query has a condition on its own key. Also returned
    /// if keywalk doesn't recognize SQLite's description of a plan.
    NotSeekable,
    /// The filter isn't a SQL expression over the table, or its parameters don't fit.
    Filter,
    /// The query isn't a single SELECT, has an ORDER BY or LIMIT of its own, or its parameters don't fit.
    Query,
    /// A stored value doesn't decode into the requested type, or the decoding requested a column that isn't read. Or
    /// a given value is NULL where NULL isn't allowed.
    Value,
    /// A query returned two rows with the same key.
    RepeatedKey,
    /// The schema changed during the walk in a way that prevents it from continuing.
    Changed,
    /// A pool lent no connection. Its own error is the [`source`](StdError::source).
    NoConnection,
    /// Another connection holds a lock (`SQLITE_BUSY`, `LOCKED`, `PROTOCOL`). The same fetch may
    /// succeed later.
    Busy,
    /// An interrupt handle or a progress handler stopped SQLite (`SQLITE_INTERRUPT`).
    Interrupted,
    /// The file is damaged or isn't a database (`SQLITE_CORRUPT`, `NOTADB`), or rows are not in the index's order.
    Corrupt,
    /// A file can't be opened, read or written (`SQLITE_IOERR`, `CANTOPEN`, `FULL`, `PERM`, `NOLFS`).
    Io,
    /// Memory, or the memory that SQLite is allowed to use, is exhausted (`SQLITE_NOMEM`).
    OutOfMemory,
    /// SQLite failed in another way; see [`Error::sqlite_error`].
    Sqlite,
}

impl Error {
    #[cold]
    fn new(kind: ErrorKind, message: String) -> Self {
        Error(Box::new(Inner {
            kind,
            message,
            source: None,
        }))
    }

    fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Returns the kind of error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Checks whether the same call may succeed later. This is the case if:
    ///
    /// - another connection's lock blocked a statement of the walk ([`ErrorKind::Busy`]) or of your decoding closure;
    /// - a pool lent no connection ([`ErrorKind::NoConnection`], whatever error the pool returned).
    ///
    /// Any other error needs a fix first.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let sqlite = self.sqlite_error().map(kind_of);
        self.kind() == ErrorKind::NoConnection || sqlite == Some(ErrorKind::Busy)
    }

    /// Returns the error of SQLite, or of one of rusqlite's conversions; `None` if neither is the cause.
    #[must_use]
    pub fn sqlite_error(&self) -> Option<&rusqlite::Error> {
        self.source()?.downcast_ref()
    }

    /// Checks whether a fetch couldn't read a stored key. Such an error has the kind [`Value`](ErrorKind::Value). An
    /// error for a row that doesn't decode has the same kind, but its source is a rusqlite error.
    pub(crate) fn is_of_key(&self) -> bool {
        self.kind() == ErrorKind::Value && self.sqlite_error().is_none()
    }

    /// Checks whether SQLite itself failed, for a reason other than the caller's SQL or values.
    pub(crate) fn is_of_sqlite(&self) -> bool {
        self.sqlite_error().map(kind_of) == Some(self.kind())
    }
}

/// Includes the message, since a `main` that returns the error prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &format_args!("{self}"))
            .field("source", &self.source())
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&**self.0.source.as_ref()?)
    }
}

/// Checks whether SQL failed because of the store's state, and not because of how it is written.
pub(crate) fn is_of_store(error: &rusqlite::Error) -> bool {
    kind_of(error) != ErrorKind::Sqlite
}

/// Checks whether SQL has more parameters than SQLite allows. SQLite has no code for this. (Compares the text, since
/// the rusqlite variant depends on its version and features. The text of each variant begins with SQLite's message.)
pub(crate) fn has_too_many_parameters(error: &rusqlite::Error) -> bool {
    let message = error.to_string();
    message.starts_with("too many SQL variables")
        || message.starts_with("variable number must be between")
}

/// Returns the kind of an error of SQLite itself.
fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    use ErrorCode::*;
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed) => ErrorKind::Busy,
        Some(OperationInterrupted) => ErrorKind::Interrupted,
        Some(DatabaseCorrupt | NotADatabase) => ErrorKind::Corrupt,
        Some(SystemIoFailure | CannotOpen | DiskFull | PermissionDenied | NoLargeFileSupport) => {
            ErrorKind::Io
        }
        Some(OutOfMemory) => ErrorKind::OutOfMemory,
        // If an interrupt comes while SQLite reads a pragma as a table, `sqlite3_declare_vtab` loses the code.
        Some(Unknown) if error.to_string() == "interrupted" => ErrorKind::Interrupted,
        _ => ErrorKind::Sqlite,
    }
}

/// Supports `?` in a function that returns the walk's error.
impl From<Error> for keywalk::Error<Error> {
    fn from(error: Error) -> Self {
        keywalk::Error::Source(error)
    }
}
