//! Cursors that are written down, and their keys.

#![forbid(unsafe_code)]

mod db;

mod alike;
mod damaged;
mod goes_on;
mod golden;
mod key_bytes;
mod refused;
mod schema;
mod share;
