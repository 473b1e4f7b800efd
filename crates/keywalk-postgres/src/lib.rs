//! Walks PostgreSQL tables and queries with [keywalk].
#![forbid(unsafe_code)]

mod catalog;
#[cfg(feature = "jobs")]
mod checkpoints;
mod codec;
mod connect;
pub mod decode;
mod error;
mod key;
mod numeric;
mod query;
mod relation;
mod source;
mod table;
mod time;
mod value;

#[cfg(feature = "jobs")]
pub use checkpoints::{
    CheckpointError, CheckpointErrorKind, ChunkTransaction, PostgresCheckpoints, PostgresLease,
};
pub use connect::{Connect, PerFetch, Wrapped};
pub use decode::{Decode, FromRow, Row};
pub use error::{Error, ErrorKind};
pub use key::{Collated, DynKey, Nulls, NullsLast, SqlKey, SqlKeyColumn, TextOrder};
pub use numeric::{NotNumeric, Numeric};
pub use query::{Query, QuerySpec};
pub use source::{SqlBuilder, SqlSource};
pub use table::{Table, TableSpec};
pub use time::{Date, Timestamp, TimestampTz};
pub use value::{BoxError, Value};

#[cfg(feature = "chrono")]
pub use chrono;
#[cfg(feature = "uuid")]
pub use uuid;
pub use {keywalk, tokio_postgres};
