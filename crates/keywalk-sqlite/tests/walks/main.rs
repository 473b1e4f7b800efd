//! What a walk over a table or a query gives: which rows, in which order, once each, with nothing held.

#![forbid(unsafe_code)]

mod db;

mod any_key;
mod any_key_order;
mod collated;
mod count;
mod filters;
mod held;
mod keys;
mod named_rowid;
mod old_snippet;
mod once;
mod panics;
mod queries;
mod ranges;
mod repeated_keys;
mod schema_changes;
mod tables;
mod within;
