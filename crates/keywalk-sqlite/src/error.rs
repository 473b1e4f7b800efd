use std::error::Error as StdError;
use std::fmt;

mod detail;
mod message;
mod problem;

pub(crate) use detail::{Change, CollationProblem, FilterProblem, KeyProblem, QueryProblem};
pub(crate) use problem::{Problem, has_too_many_parameters, is_of_store};

/// What went wrong with a SQLite source: a key, filter or query that can't be walked, a stored value
/// that isn't what was asked for, or SQLite itself.
///
/// It says which table, column, key or value it is about and what to do, on one line of bounded length.
/// Match on [`kind`](Self::kind); what SQLite said is in [`source`](StdError::source) and
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
/// // A walk's error is the source's, or a contract that is broken.
/// for item in Walk::new(Table::new(&db, "items").key::<i64>(["id"])?) {
///     match item {
///         Ok((id, _row)) => println!("{id}"),
///         Err(keywalk::Error::Source(error)) if error.is_transient() => break, // Go on later.
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Error {
    problem: Box<Problem>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such table (in the schema that was named, or in any), or no such schema.
    NoSuchTable,
    /// The name is that of a view or a virtual table: its rows have no key that can be proven.
    NotATable,
    /// The table or query has no such column.
    NoSuchColumn,
    /// No key was named, and the table has no primary key.
    NoPrimaryKey,
    /// The key's type has another number of columns than were named, a column is named twice, or it never
    /// holds what the type is stored as.
    KeyColumns,
    /// Nothing in the schema makes the key unique.
    NotUnique,
    /// A key column may hold NULL. A primary key of one column that isn't declared NOT NULL is let pass
    /// ([but for some](crate::Table#proven-before-the-first-row)): a NULL in it is a [`Value`](Self::Value)
    /// when the walk comes to it.
    Nullable,
    /// A key column's text isn't ordered as the key's type is.
    Collation,
    /// SQLite can't seek by the key: its plan reads or sorts more than the rows it answers. There is no
    /// index for it, its statistics keep SQLite from it, or a query compares its key by itself. Or this
    /// version of SQLite explains its plan in words that aren't known.
    NotSeekable,
    /// The filter isn't a SQL expression over the table, or its parameters don't fit.
    Filter,
    /// The query isn't a single SELECT without an order and a limit of its own, or its parameters
    /// don't fit.
    Query,
    /// A stored value doesn't decode into what was asked for, or the decoding asked for a column that
    /// isn't read; or a value that was given is NULL where that can't be.
    Value,
    /// A query gave two rows of the same key.
    RepeatedKey,
    /// While it was walked, the schema changed in a way that the walk can't go on under.
    Changed,
    /// A pool lent no connection; what it said is the [`source`](StdError::source).
    NoConnection,
    /// Another connection holds a lock (`SQLITE_BUSY`, `LOCKED`, `PROTOCOL`). The same fetch may
    /// succeed later.
    Busy,
    /// SQLite was told to stop (`SQLITE_INTERRUPT`): by an interrupt handle or a progress handler.
    Interrupted,
    /// The file is damaged, or no database (`SQLITE_CORRUPT`, `NOTADB`), or rows come in an order that
    /// isn't the index's.
    Corrupt,
    /// A file can't be opened, read or written (`SQLITE_IOERR`, `CANTOPEN`, `FULL`, `PERM`, `NOLFS`).
    Io,
    /// There is no more memory, or no more than SQLite was allowed (`SQLITE_NOMEM`).
    OutOfMemory,
    /// SQLite failed in another way; see [`Error::sqlite_error`].
    Sqlite,
}

impl Error {
    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }

    /// Whether the same may succeed if it is just asked again, after a while: another connection's
    /// lock is in the way, of the walk's own statement ([`ErrorKind::Busy`]) or of one that the
    /// decoding ran; or a pool had no connection to lend ([`ErrorKind::NoConnection`]), whatever it says of the
    /// cause. Any other error wants something done.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let sqlite = self.sqlite_error().map(problem::kind_of);
        self.kind() == ErrorKind::NoConnection || sqlite == Some(ErrorKind::Busy)
    }

    /// Whether a stored key couldn't be read.
    pub(crate) fn is_of_key(&self) -> bool {
        matches!(*self.problem, Problem::Key { .. } | Problem::NullKey { .. })
    }

    /// What SQLite, or a conversion of rusqlite's, said; `None` if neither is to blame.
    #[must_use]
    pub fn sqlite_error(&self) -> Option<&rusqlite::Error> {
        self.source()?.downcast_ref()
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error {
            problem: Box::new(problem),
        }
    }
}

/// With the message: it is what a `main` that returns the error shows.
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
        fmt::Display::fmt(&self.problem, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.problem.source()
    }
}

/// For `?` in a function that returns the walk's error.
impl From<Error> for keywalk::Error<Error> {
    fn from(error: Error) -> Self {
        keywalk::Error::Source(error)
    }
}
