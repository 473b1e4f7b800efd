use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use clap::Parser;
use keywalk_examples::{Failure, Limits, refuse_database_file};

/// Fills a column of a SQLite table from another one, a chunk at a time, and goes on where it was.
/// Without --db it makes a table in a temporary folder, fills it and checks it.
#[derive(Debug, Parser)]
#[command(name = "backfill")]
pub(crate) struct Args {
    /// How many rows the table that is made has
    #[arg(
        long,
        value_name = "N",
        default_value = "500000",
        conflicts_with = "file"
    )]
    pub(crate) rows: NonZeroU64,
    /// Kill it so many times at random moments, run it again until it is done, and count how often each row was
    /// filled
    #[arg(long, value_name = "KILLS", conflicts_with = "file")]
    pub(crate) crash_test: Option<u64>,
    /// Fill a table of yours; run again it goes on, and does nothing when it is done
    #[arg(long = "db", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Say where it stands
    #[arg(long, requires = "file", conflicts_with = "reset")]
    pub(crate) status: bool,
    /// Forget where it stands, so that the next run starts anew
    #[arg(long, requires = "file")]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Which table
    #[arg(long, value_name = "NAME", default_value = "items")]
    pub(crate) table: String,
    /// From this column
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    pub(crate) from: String,
    /// Into this column, which is added if it isn't there
    #[arg(long, value_name = "COLUMN", default_value = "slug")]
    pub(crate) to: String,
    /// Keep the position in a file there (at least once) instead of in the database (exactly once)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Rows to a transaction
    #[arg(long, value_name = "N", default_value = "512")]
    pub(crate) chunk_size: NonZeroUsize,
    /// Count the rows first, to show how much is left where the key doesn't tell
    #[arg(long)]
    pub(crate) count: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Of the moments at which the crash test kills
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    // Of a child of the crash test: counts what it does, and says nothing.
    #[arg(long, hide = true)]
    pub(crate) counts: bool,
}

impl Options {
    /// Refuses a folder for the position that is the database.
    pub(crate) fn check(&self, file: &Path) -> Result<(), Failure> {
        match &self.checkpoint {
            Some(folder) => refuse_database_file(file, "--checkpoint", folder),
            None => Ok(()),
        }
    }
}
