//! Schemas and data that others made, and callers that fail: whatever they hold and do, each row comes
//! once and in order, or there is an error that names what is wrong.

#![forbid(unsafe_code)]

mod any_table;
mod between;
mod collations;
mod extremes;
mod injections;
mod interleaved;
mod mixed;
mod nulls;
mod panics;
mod recursion;
mod relations;
mod sql;
mod walked;
