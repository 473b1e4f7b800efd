use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::group::{GROUPS, Group};

/// What does a walk cost, beside the floor that does the same work and beside what users pick today?
#[derive(Debug, Parser)]
#[command(name = "keywalk-bench", after_help = groups(), args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// With GROUP/CASE only those of the group's cases whose names begin so. Without a group all of them but
    /// `instructions`, which needs valgrind, and `peers`, which takes minutes to build, and Python
    #[arg(value_name = "GROUP[/CASE]", value_parser = wanted)]
    groups: Vec<Wanted>,
    /// End with exit code 1 if a target is missed
    #[arg(long)]
    pub(crate) check: bool,
    /// Also write the cases there
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// About so many items; targets are meant for the default
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) items: u64,
    #[command(subcommand)]
    pub(crate) instead: Option<Instead>,
}

/// What may be done instead of measuring.
#[derive(Debug, Subcommand)]
pub(crate) enum Instead {
    /// Draw pictures of what was measured, as SVG
    Plot {
        /// What `--json` wrote, of the groups memory_peak, sqlite, sled and memory
        #[arg(value_name = "FILE.json")]
        measured: PathBuf,
        /// The folder that they are written into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// A group, and with what the names of its cases have to begin.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) group: &'static Group,
    pub(crate) cases: String,
}

impl Args {
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        if !self.groups.is_empty() {
            return self.groups.clone();
        }
        let groups = GROUPS.iter().filter(|group| group.by_default);
        let all = |group| Wanted {
            group,
            cases: String::new(),
        };
        groups.map(all).collect()
    }
}

fn wanted(name: &str) -> Result<Wanted, String> {
    let (name, cases) = name.split_once('/').unwrap_or((name, ""));
    let group = GROUPS.iter().find(|group| group.name == name);
    let group = group.ok_or_else(|| "there is no such group".to_owned())?;
    let cases = cases.to_owned();
    Ok(Wanted { group, cases })
}

fn groups() -> String {
    let lines = GROUPS
        .iter()
        .map(|group| format!("\n  {:<13} {}", group.name, group.about));
    format!("Groups:{}", lines.collect::<String>())
}
