//! What a walk over a table or a query gives, refuses, and goes on from: tables of cases.

#![forbid(unsafe_code)]

mod check;
mod db;

mod any_table;
mod by_bytes;
mod changes;
mod closures;
mod collations;
mod count;
mod decode;
mod dyn_key;
mod filters;
mod golden;
mod key_bytes;
mod keys;
mod queries;
mod refused;
mod share;
mod split;
mod tokens;
mod values;
