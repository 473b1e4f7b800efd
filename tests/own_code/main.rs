//! Code of an application over SQLite, beside others and killed anywhere, judged by what it visited alone.

#![forbid(unsafe_code)]

mod by_hand;
mod job;
mod rows;
