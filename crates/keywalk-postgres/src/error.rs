use std::error::Error as StdError;
use std::{fmt, io};

use tokio_postgres::error::SqlState;

/// An error of a PostgreSQL source: a key, filter or query that can't be walked, a stored value that doesn't decode, or
/// a failure of the server or the connection.
///
/// The message names the table, column, key or value and the fix. Match on [`kind`](Self::kind). The error of
/// tokio-postgres is available as [`source`](StdError::source) and [`postgres_error`](Self::postgres_error).
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
    /// There is no such table (in the given schema, or in the search path).
    NoSuchTable,
    /// The name belongs to a view, a foreign table, or a table with inheritance children. Nothing proves a key of it.
    NotATable,
    /// The table or query has no such column.
    NoSuchColumn,
    /// No key was given, and the table has no primary key that can be walked.
    NoPrimaryKey,
    /// Wrong number of columns for the key's type, a repeated column, or a column of another type.
    KeyColumns,
    /// No constraint or index makes the key unique.
    NotUnique,
    /// A key column may hold NULL, its type has no NULL, and the filter doesn't leave NULL out.
    Nullable,
    /// A key column's text is ordered differently from the key's type, or its collation isn't deterministic.
    Collation,
    /// No index is sorted by the key, or the plan of a query reads or sorts more rows than it returns.
    NotSeekable,
    /// The filter isn't a SQL expression over the table, or its parameters don't fit.
    Filter,
    /// The query isn't a single SELECT without ORDER BY and LIMIT, or its parameters don't fit.
    Query,
    /// A stored value doesn't decode into the requested type, or a given value doesn't fit its column.
    Value,
    /// The [snapshot](crate::SqlBuilder::snapshot) can't be imported, mostly because its transaction has ended; or the
    /// connection of a walk in a snapshot is in a transaction.
    Snapshot,
    /// The key of a [`settled`](crate::Table::settled) table doesn't begin with the id of the transaction that inserted
    /// the row.
    Settled,
    /// A query returned two rows with the same key.
    RepeatedKey,
    /// Rows are not in the order of their keys: a key was dropped during the walk, or an index is damaged.
    OutOfOrder,
    /// A pool lent no connection. Its own error is the [`source`](StdError::source).
    NoConnection,
    /// The connection is closed, or the server is shutting down (`08…`, `57P01` to `57P03`, or no SQLSTATE).
    Connection,
    /// PostgreSQL failed in another way; see [`Error::postgres_error`].
    Postgres,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// A failure of PostgreSQL or the connection. `name`: what was being read.
    pub(crate) fn postgres(name: &str, source: tokio_postgres::Error) -> Self {
        let kind = kind_of(&source);
        let what = match kind {
            ErrorKind::Connection => "the connection to PostgreSQL is lost",
            _ => "PostgreSQL failed",
        };
        let message = format!("{what}, reading {name}: {}", describe(&source));
        Error::new(kind, message).with_source(source)
    }

    /// A statement with the caller's SQL in it failed. `refused`: the kind, if that SQL is to blame.
    pub(crate) fn refused(kind: ErrorKind, what: &str, source: tokio_postgres::Error) -> Self {
        if !is_of_statement(&source) {
            return Error::postgres(what, source);
        }
        Error::new(kind, format!("{what}: {}", describe(&source))).with_source(source)
    }

    /// A snapshot couldn't be imported, or the server failed before.
    pub(crate) fn of_snapshot(what: &str, source: tokio_postgres::Error) -> Self {
        let is_over = source.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        if is_over || is_in_transaction(&source) || is_of_statement(&source) {
            let message = format!("{what}: {}", describe(&source));
            return Error::new(ErrorKind::Snapshot, message).with_source(source);
        }
        Error::postgres("a snapshot", source)
    }

    pub(crate) fn no_connection(source: impl StdError + Send + Sync + 'static) -> Self {
        let message = format!("no connection to PostgreSQL was lent: {source}");
        Error::new(ErrorKind::NoConnection, message).with_source(source)
    }

    /// Returns the kind of error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Checks whether the same call may succeed later. This is the case if:
    ///
    /// - a pool lent no connection ([`ErrorKind::NoConnection`], whatever error the pool returned);
    /// - the connection is lost (SQLSTATE `08…`, or none), or the server is starting or shutting down (`57P01` to
    ///   `57P03`). Only a [`Connect`](crate::Connect) that connects again helps;
    /// - the server lacked resources (`53…`), a transaction didn't serialize or conflicted with recovery (`40001`), it
    ///   was in a deadlock (`40P01`), or a lock wasn't available (`55P03`).
    ///
    /// Any other error needs a fix first.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.kind() {
            ErrorKind::NoConnection => true,
            ErrorKind::Value => false,
            _ => self.postgres_error().is_some_and(is_transient),
        }
    }

    /// Returns the error of tokio-postgres, with its [`SqlState`]; `None` if that isn't the cause.
    #[must_use]
    pub fn postgres_error(&self) -> Option<&tokio_postgres::Error> {
        self.source()?.downcast_ref()
    }
}

pub(crate) fn is_transient(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        None => is_connection_lost(error),
        Some(code) => {
            is_of_connection(code)
                || code.code().starts_with("53")
                || *code == SqlState::T_R_SERIALIZATION_FAILURE
                || *code == SqlState::T_R_DEADLOCK_DETECTED
                || *code == SqlState::LOCK_NOT_AVAILABLE
        }
    }
}

fn is_of_connection(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || *code == SqlState::ADMIN_SHUTDOWN
        || *code == SqlState::CRASH_SHUTDOWN
        || *code == SqlState::CANNOT_CONNECT_NOW
}

/// Checks whether the connection broke without a message of the server's.
fn is_connection_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error
            .source()
            .is_some_and(|source| source.downcast_ref::<io::Error>().is_some())
}

/// Checks whether a statement failed because of how it is written or what it is given.
fn is_of_statement(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        let code = code.code();
        ["42", "22", "0A", "26"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}

/// Checks whether a statement failed because the connection is in a transaction.
pub(crate) fn is_in_transaction(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| code.code().starts_with("25"))
}

fn kind_of(error: &tokio_postgres::Error) -> ErrorKind {
    match error.code() {
        None if is_connection_lost(error) => ErrorKind::Connection,
        Some(code) if is_of_connection(code) => ErrorKind::Connection,
        Some(code) if *code == SqlState::UNDEFINED_TABLE => ErrorKind::NoSuchTable,
        Some(code) if *code == SqlState::UNDEFINED_COLUMN => ErrorKind::NoSuchColumn,
        _ => ErrorKind::Postgres,
    }
}

/// Returns the server's message with its SQLSTATE, which `Display` of tokio-postgres' error leaves out.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        None => error.to_string(),
        Some(error) => {
            let mut text = format!("{} (SQLSTATE {})", error.message(), error.code().code());
            for more in [error.detail(), error.hint()].into_iter().flatten() {
                text += "; ";
                text += more;
            }
            text
        }
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

/// Supports `?` in a function that returns the walk's error.
impl From<Error> for keywalk::Error<Error> {
    fn from(error: Error) -> Self {
        keywalk::Error::Source(error)
    }
}
