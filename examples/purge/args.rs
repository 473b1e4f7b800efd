use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::Parser;
use keywalk_examples::Limits;

use crate::purge::OldRows;

/// Deletes old rows from a SQLite table, a chunk at a time, without holding up writers.
/// Without --db it makes a table in a temporary folder and deletes the older half, while a second connection
/// inserts and reads.
#[derive(Debug, Parser)]
#[command(name = "purge")]
pub(crate) struct Args {
    /// How many rows the table that is made has
    #[arg(long, value_name = "N", default_value = "500000")]
    pub(crate) rows: NonZeroU64,
    /// Delete by one DELETE, to compare
    #[arg(long)]
    pub(crate) at_once: bool,
    #[command(flatten)]
    pub(crate) own: Option<Own>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// A table of the user's own; none without `--db`, which is why nothing of it is required alone.
#[derive(Debug, clap::Args)]
#[group(conflicts_with_all = ["rows", "at_once"])]
pub(crate) struct Own {
    /// Count the rows of a table of yours that would be deleted
    #[arg(long = "db", value_name = "FILE", required = false)]
    #[arg(requires_all = ["table", "condition"])]
    pub(crate) file: PathBuf,
    /// Which table
    #[arg(long, value_name = "NAME", required = false, requires = "file")]
    table: String,
    /// Which rows: those for which this is true. With another text it starts over: write
    /// "at < unixepoch('now', '-30 days')" rather than a number that changes
    #[arg(
        long = "where",
        value_name = "SQL",
        required = false,
        requires = "file"
    )]
    condition: String,
    /// Delete them. Run again it goes on where it was; once it is done, it starts anew
    #[arg(long, requires = "file")]
    pub(crate) yes: bool,
}

/// The options of the job.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rows to a transaction
    #[arg(long, value_name = "N", default_value = "512")]
    pub(crate) chunk_size: NonZeroUsize,
    /// Rest so long after each chunk, so that others who wait for the database get in
    #[arg(long, value_name = "MS", default_value_t = 1)]
    pub(crate) pause: u64,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Start anew, whatever was done
    #[arg(long, requires_all = ["file", "yes"])]
    pub(crate) reset: bool,
}

impl Own {
    pub(crate) fn old_rows(&self) -> OldRows {
        OldRows {
            table: self.table.clone(),
            condition: self.condition.clone(),
        }
    }
}
