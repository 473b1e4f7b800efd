use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Walks SQLite and sled beside writers, faults and a process that is killed, and judges every walk.
/// The last line is for scripts; the exit code is 1 if a walk broke its contract.
#[derive(Debug, Parser)]
#[command(
    name = "soak",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Args {
    /// For so long
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) seconds: u64,
    /// Of what is chosen at random; what threads do is up to the machine all the same
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where the databases are made, in a folder of their own; default: the temporary folder
    #[arg(long = "db", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// What a process does that another one started.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Is killed: it does what its parent says over this file.
    #[command(name = VICTIM, hide = true)]
    Victim { file: PathBuf },
}

/// The hidden subcommand.
pub(crate) const VICTIM: &str = "victim-of";
