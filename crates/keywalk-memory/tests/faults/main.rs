//! Keys, values and closures of a caller's that panic or contradict themselves.

#![forbid(unsafe_code)]

mod contradictions;
mod panics;
mod stores;
mod touchy;
