use std::error::Error as StdError;
use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::types::FromSqlError;

use super::detail::{Change, CollationProblem, FilterProblem, KeyProblem, QueryProblem};
use crate::ErrorKind;

/// What an [`Error`](crate::Error) is about. A relation is `table "items"` or `the query`.
#[derive(Debug)]
pub(crate) enum Problem {
    NoSuchTable {
        schema: Option<String>,
        table: String,
        /// Those that are there.
        tables: Vec<String>,
    },
    NoSuchSchema {
        schema: String,
        schemas: Vec<String>,
    },
    NotATable {
        table: String,
        what: String,
    },
    NoSuchColumn {
        relation: String,
        column: String,
        columns: Vec<String>,
    },
    NoPrimaryKey {
        table: String,
        /// The columns of a key that the table has.
        other_key: Vec<String>,
    },
    KeyColumns {
        relation: String,
        why: KeyProblem,
    },
    NotUnique {
        table: String,
        columns: Vec<String>,
        /// A UNIQUE index over them compares by another collation than they do.
        by_collation: bool,
        /// The columns of a key that the table has.
        other_key: Vec<String>,
    },
    Nullable {
        table: String,
        column: String,
        /// The columns of a key that the table has.
        other_key: Vec<String>,
    },
    Collation {
        relation: String,
        column: String,
        why: CollationProblem,
    },
    FixedToNull {
        relation: String,
        column: String,
    },
    NotSeekable {
        relation: String,
        /// What index would do; `None` for a query.
        index: Option<String>,
        /// Whether there is one over these columns, in whatever directions.
        has_one: bool,
        plan: String,
    },
    /// SQLite's plan has a step in words that no known version has.
    UnknownPlan {
        relation: String,
        step: String,
    },
    /// They say that the table has few rows.
    StaleStatistics {
        relation: String,
    },
    /// The schema changed while it was walked.
    Changed {
        relation: String,
        why: Change,
    },
    OwnRange {
        relation: String,
        columns: Vec<String>,
    },
    Filter {
        relation: String,
        why: FilterProblem,
    },
    Query {
        why: QueryProblem,
    },
    /// Those of the caller's SQL and the walk's own are more than SQLite takes.
    TooManyParameters {
        relation: String,
        is_query: bool,
        source: rusqlite::Error,
    },
    /// A value that the caller gave can't be one of SQLite's.
    Given {
        relation: String,
        column: String,
        source: rusqlite::Error,
    },
    AnyKey {
        relation: String,
        columns: Vec<String>,
    },
    NumericBound {
        relation: String,
        column: String,
        value: String,
    },
    ForeignKey {
        relation: String,
        columns: Vec<String>,
    },
    Key {
        relation: String,
        column: String,
        value: String,
        source: FromSqlError,
    },
    Row {
        relation: String,
        key: String,
        source: rusqlite::Error,
    },
    /// The decoding asks for a column that isn't among those that are read.
    NotRead {
        relation: String,
        columns: Arc<[String]>,
        source: rusqlite::Error,
    },
    NullKey {
        relation: String,
        column: String,
    },
    RepeatedKey {
        key: String,
    },
    OutOfOrder {
        relation: String,
        before: String,
        key: String,
    },
    Sqlite {
        relation: String,
        source: rusqlite::Error,
    },
    /// None was lent.
    NoConnection {
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Problem {
    /// That a value for a column couldn't be taken; unless the store failed meanwhile.
    pub(crate) fn given(relation: String, column: &str, source: rusqlite::Error) -> Self {
        match is_of_store(&source) {
            true => Problem::Sqlite { relation, source },
            false => Problem::Given {
                relation,
                column: column.to_owned(),
                source,
            },
        }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Problem::NoSuchTable { .. } | Problem::NoSuchSchema { .. } => ErrorKind::NoSuchTable,
            Problem::NotATable { .. } => ErrorKind::NotATable,
            Problem::NoSuchColumn { .. } => ErrorKind::NoSuchColumn,
            Problem::NoPrimaryKey { .. } => ErrorKind::NoPrimaryKey,
            Problem::KeyColumns { .. } => ErrorKind::KeyColumns,
            Problem::NotUnique { .. } => ErrorKind::NotUnique,
            Problem::Nullable { .. } => ErrorKind::Nullable,
            Problem::Collation { .. } => ErrorKind::Collation,
            Problem::NotSeekable { .. }
            | Problem::UnknownPlan { .. }
            | Problem::StaleStatistics { .. }
            | Problem::OwnRange { .. } => ErrorKind::NotSeekable,
            Problem::Changed { .. } => ErrorKind::Changed,
            Problem::Filter { .. } => ErrorKind::Filter,
            Problem::Query { .. } | Problem::TooManyParameters { is_query: true, .. } => {
                ErrorKind::Query
            }
            Problem::TooManyParameters { .. } => ErrorKind::Filter,
            Problem::FixedToNull { .. }
            | Problem::Given { .. }
            | Problem::AnyKey { .. }
            | Problem::ForeignKey { .. }
            | Problem::NumericBound { .. }
            | Problem::Key { .. }
            | Problem::NullKey { .. }
            | Problem::Row { .. }
            | Problem::NotRead { .. } => ErrorKind::Value,
            Problem::RepeatedKey { .. } => ErrorKind::RepeatedKey,
            Problem::OutOfOrder { .. } => ErrorKind::Corrupt,
            Problem::Sqlite { source, .. } => kind_of(source),
            Problem::NoConnection { .. } => ErrorKind::NoConnection,
        }
    }

    pub(crate) fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Problem::Key { source, .. } => Some(source),
            Problem::Row { source, .. }
            | Problem::NotRead { source, .. }
            | Problem::Given { source, .. }
            | Problem::TooManyParameters { source, .. }
            | Problem::Sqlite { source, .. } => Some(source),
            Problem::NoConnection { source } => Some(&**source),
            Problem::Filter { why, .. } => match why {
                FilterProblem::Invalid { source, .. } | FilterProblem::Params(source) => {
                    Some(source)
                }
                FilterProblem::Twice => None,
            },
            Problem::Query { why } => match why {
                QueryProblem::Invalid(source)
                | QueryProblem::Params(source)
                | QueryProblem::OrderOrLimit(source) => Some(source),
                QueryProblem::NotASelect | QueryProblem::Values | QueryProblem::Ambiguous(_) => {
                    None
                }
            },
            _ => None,
        }
    }
}

/// Whether SQL failed for what the store is or does, and not for how it is written.
pub(crate) fn is_of_store(error: &rusqlite::Error) -> bool {
    kind_of(error) != ErrorKind::Sqlite
}

/// The kind of a failure of SQLite's own.
pub(super) fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => ErrorKind::Busy,
        Some(ErrorCode::OperationInterrupted) => ErrorKind::Interrupted,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::DiskFull
            | ErrorCode::PermissionDenied
            | ErrorCode::NoLargeFileSupport,
        ) => ErrorKind::Io,
        Some(ErrorCode::OutOfMemory) => ErrorKind::OutOfMemory,
        // While it reads a pragma as a table, SQLite loses the code (of `sqlite3_declare_vtab`).
        Some(ErrorCode::Unknown) if message(error) == Some("interrupted") => ErrorKind::Interrupted,
        _ => ErrorKind::Sqlite,
    }
}

/// Whether SQL has more parameters than SQLite takes, which has no code of its own. (Its words come first in
/// each of rusqlite's errors, of which one isn't there in every version and feature.)
pub(crate) fn has_too_many_parameters(error: &rusqlite::Error) -> bool {
    let message = error.to_string();
    message.starts_with("too many SQL variables")
        || message.starts_with("variable number must be between")
}

fn message(error: &rusqlite::Error) -> Option<&str> {
    match error {
        rusqlite::Error::SqliteFailure(_, message) => message.as_deref(),
        _ => None,
    }
}
