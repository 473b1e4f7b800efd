//! What is refused before the first row, and how its error says what to do.

#![forbid(unsafe_code)]

mod db;
mod refusal;

mod cures;
mod key_types;
mod keys;
mod messages;
mod names;
mod relations;
mod sql;
mod statistics;
