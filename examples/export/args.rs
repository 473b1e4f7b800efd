//! The command line.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgGroup, Parser};
use keywalk_tests::program::Pace;

/// Exports a SQLite table as lines of JSON, and goes on where it was after a crash.
/// Without --db it makes a table in a temporary folder, exports it to a file and checks the file. Numbers are
/// written exactly. Blobs are texts of hexadecimal digits, as SQLite's hex() makes them.
#[derive(Clone, Parser)]
#[command(name = "export")]
#[command(group = ArgGroup::new("kept").args(["out", "state"]).multiple(true))]
pub(crate) struct Args {
    /// How many rows the table that is made has
    #[arg(long, default_value = "500000", conflicts_with = "db")]
    pub(crate) rows: NonZeroU64,
    /// Kill it so many times at random moments, run it again until it is done, and check the file
    #[arg(long, value_name = "KILLS", conflicts_with = "db")]
    pub(crate) crash_test: Option<NonZeroU64>,
    /// Export a table of yours, to stdout; the database is opened read-only
    #[arg(long, value_name = "FILE", requires = "table")]
    pub(crate) db: Option<PathBuf>,
    /// Which table
    #[arg(long, default_value = "readings", requires = "db")]
    pub(crate) table: String,
    /// Only these columns, with commas between them, and those of the key
    #[arg(long, value_delimiter = ',', requires = "db")]
    pub(crate) columns: Vec<String>,
    /// Only the rows for which this is true
    #[arg(long = "where", value_name = "SQL", requires = "db")]
    pub(crate) condition: Option<String>,
    /// To this file, where each row comes exactly once; where it stands is kept in FILE.state if --state says
    /// nothing else
    #[arg(long, value_name = "FILE", requires = "db")]
    pub(crate) out: Option<PathBuf>,
    /// Keep there where it stands: run again it goes on, and after a crash one chunk may come again
    #[arg(long, value_name = "FOLDER", requires = "db")]
    pub(crate) state: Option<PathBuf>,
    /// Say where it stands, and do nothing
    #[arg(long, requires = "kept", conflicts_with = "reset")]
    pub(crate) status: bool,
    /// Start anew, and write the file anew
    #[arg(long, requires = "kept")]
    pub(crate) reset: bool,
    /// Rows between two checkpoints
    #[arg(long, default_value = "4096")]
    pub(crate) chunk_size: NonZeroUsize,
    #[command(flatten)]
    pub(crate) pace: Pace,
}
