//! Code that walks, in the hands of `Schedule::run`: no right program is refused, and each mistake is found by
//! the clause that names it.

#![forbid(unsafe_code)]

mod mistakes;
mod pager;
mod right;
mod script;
mod stopped;
