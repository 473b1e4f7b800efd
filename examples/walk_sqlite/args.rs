use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use keywalk::Order;

/// Walks a SQLite table in key order, a chunk at a time, in constant memory.
/// Without --db it makes a table in a temporary folder, and walks it while a second connection deletes every
/// tenth row.
#[derive(Debug, Parser)]
#[command(name = "walk_sqlite")]
pub(crate) struct Args {
    /// How many rows the table that is made has
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    pub(crate) rows: u64,
    /// Only make the table, `items`, in a new file
    #[arg(long, value_name = "FILE")]
    pub(crate) make: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) own: Option<Own>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// A table of the user's own; none without `--db`, which is why nothing of it is required alone.
#[derive(Debug, clap::Args)]
#[group(conflicts_with_all = ["rows", "make"])]
pub(crate) struct Own {
    /// Walk a table of yours; the file is opened read-only
    #[arg(long = "db", value_name = "FILE", required = false, requires = "table")]
    pub(crate) file: PathBuf,
    /// Which one
    #[arg(long, value_name = "NAME", required = false, requires = "file")]
    pub(crate) table: String,
    /// By these columns; default: the table's primary key
    #[arg(
        long,
        value_name = "COLUMN,…",
        value_delimiter = ',',
        requires = "file"
    )]
    pub(crate) key: Vec<String>,
    /// Print each key, its columns separated by tabs, and the last line on stderr
    #[arg(long, requires = "file")]
    pub(crate) print_keys: bool,
}

/// The options of the walk.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rows to fetch at a time
    #[arg(long, value_name = "N", default_value = "512")]
    pub(crate) chunk_size: NonZeroUsize,
    /// From the last key to the first
    #[arg(long)]
    desc: bool,
}

impl Options {
    pub(crate) fn order(&self) -> Order {
        match self.desc {
            true => Order::Descending,
            false => Order::Ascending,
        }
    }
}
