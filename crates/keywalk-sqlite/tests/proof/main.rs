//! What is refused before the first row, and how its error says what to do.

#![forbid(unsafe_code)]

mod support;

mod cures;
mod key_types;
mod messages;
mod names;
mod refusals;
