//! Walks fjall keyspaces with [keywalk].

#![forbid(unsafe_code)]

#[cfg(feature = "jobs")]
mod checkpoints;
mod keyspace;

#[cfg(feature = "jobs")]
pub use checkpoints::{CheckpointError, CheckpointErrorKind, ChunkBatch, FjallCheckpoints};
pub use keyspace::{FjallKeyspace, Tree};
pub use keywalk_bytes::{
    BareString, Decode, DecodeError, Error, ErrorKind, Key, TupleElement, decode,
};

pub use fjall;
pub use keywalk_bytes::uuid;
