//! Command-line options.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgGroup, Parser};
use keywalk_tests::program::Pace;

/// Exports a SQLite table as lines of JSON, and continues after a crash.
/// Without --db it makes a table in a temporary folder, exports it to a file and checks the file. Numbers are
/// exact. Blobs become hexadecimal text, as from SQLite's hex().
#[derive(Clone, Parser)]
#[command(name = "export")]
#[command(group = ArgGroup::new("kept").args(["out", "state"]).multiple(true))]
pub(crate) struct Args {
    /// Number of rows in the table that it makes
    #[arg(long, default_value = "500000", conflicts_with = "db")]
    pub(crate) rows: NonZeroU64,
    /// Kill the job this many times at random moments, run it to the end, and check the file
    #[arg(long, value_name = "KILLS", conflicts_with = "db")]
    pub(crate) crash_test: Option<NonZeroU64>,
    /// Export a table of your own database, which is opened read-only, to stdout
    #[arg(long, value_name = "FILE", requires = "table")]
    pub(crate) db: Option<PathBuf>,
    /// Table to export
    #[arg(long, default_value = "readings", requires = "db")]
    pub(crate) table: String,
    /// Export only these columns, separated by commas, and the key columns
    #[arg(long, value_delimiter = ',', requires = "db")]
    pub(crate) columns: Vec<String>,
    /// Export only the rows that satisfy this condition
    #[arg(long = "where", value_name = "SQL", requires = "db")]
    pub(crate) condition: Option<String>,
    /// Export to this file, each row exactly once; without --state, the position is stored in FILE.state
    #[arg(long, value_name = "FILE", requires = "db")]
    pub(crate) out: Option<PathBuf>,
    /// Store the position in this folder: a second run continues, and after a crash one chunk may be repeated
    #[arg(long, value_name = "FOLDER", requires = "db")]
    pub(crate) state: Option<PathBuf>,
    /// Print the position and exit
    #[arg(long, requires = "kept", conflicts_with = "reset")]
    pub(crate) status: bool,
    /// Start over, and overwrite the file
    #[arg(long, requires = "kept")]
    pub(crate) reset: bool,
    /// Rows between two checkpoints
    #[arg(long, default_value = "4096")]
    pub(crate) chunk_size: NonZeroUsize,
    #[command(flatten)]
    pub(crate) pace: Pace,
}
