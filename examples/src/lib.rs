//! What several examples need: a `main`, a table to walk, the user's own database, a job's limits and
//! progress, failures, and measures of time and memory.

#![forbid(unsafe_code)]

mod arguments;
mod database_files;
mod failure;
mod interrupt;
mod job_progress;
mod limits;
mod made_table;
mod own_database;
mod peak_memory;
mod random;
mod read_only;

pub use arguments::{arguments, end, note, run, say};
pub use database_files::{is_beside_a_database, refuse_database_file};
pub use failure::Failure;
pub use interrupt::stop_on_interrupt;
pub use job_progress::show_progress;
pub use limits::Limits;
pub use made_table::make_table;
pub use own_database::{key_columns, open, quoted};
pub use peak_memory::PeakMemory;
pub use random::Random;
pub use read_only::ReadOnly;
