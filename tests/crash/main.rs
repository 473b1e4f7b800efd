//! Is a job's work done exactly once if its process is killed?
//!
//! `cargo run --release -p keywalk-tests --bin crash -- --store redb` (or `fjall`) kills a job over that store 50 times
//! at random moments, and counts how often each row was done. SQLite's is
//! `cargo run --release --example backfill -- --crash-test 50`.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use keywalk_tests::crash_test::{Done, exactly_once};
use keywalk_tests::program::{BoxError, run};

mod fjall;
mod redb;

/// Kills a job at random moments, and counts how often each row was done.
#[derive(Parser)]
#[command(name = "crash")]
struct Args {
    /// Store that the job walks and changes
    #[arg(long)]
    store: Store,
    /// Number of kills
    #[arg(long, default_value = "50")]
    kills: u64,
    /// Number of rows
    #[arg(long, default_value = "20000")]
    rows: u64,
    /// Run the job over this database: what is killed
    #[arg(long, hide = true)]
    child: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Store {
    Redb,
    Fjall,
}

type Make = fn(&Path, u64) -> Result<(), BoxError>;
type Work = fn(&Path) -> Result<(), BoxError>;
type Look = fn(&Path, bool) -> Result<Done, BoxError>;

fn main() -> ExitCode {
    run(|args: Args| {
        let (make, work, look) = match args.store {
            Store::Redb => (redb::make as Make, redb::work as Work, redb::look as Look),
            Store::Fjall => (
                fjall::make as Make,
                fjall::work as Work,
                fjall::look as Look,
            ),
        };
        if let Some(path) = args.child {
            return work(&path);
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("items");
        make(&path, args.rows)?;
        let name = args.store.to_possible_value().ok_or("it has a name")?;
        let arguments = ["--store".into(), name.get_name().into(), "--child".into()];
        let arguments = [&arguments[..], &[path.clone().into()]].concat();
        exactly_once(args.kills, 1, None, args.rows, &arguments, |is_done| {
            look(&path, is_done)
        })
    })
}
