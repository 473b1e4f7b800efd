use std::path::PathBuf;

use crate::Fallible;
use crate::group::{GROUPS, Group};

const USAGE: &str = "\
Usage: cargo run --release -p keywalk-bench -- [GROUP…] [OPTIONS]

Without a group all of them but `peers`, which takes minutes to build, and Python.

Options:
  --check       End with exit code 1 if a target is missed.
  --json FILE   Also write the cases there.
  --items N     About so many items instead of 500,000; targets are meant for the default.
  --help        Show this.

Groups:";

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) groups: Vec<&'static Group>,
    pub(crate) check: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) items: u64,
}

impl Args {
    /// `None` if it was only asked for help.
    pub(crate) fn parse() -> Fallible<Option<Self>> {
        use lexopt::prelude::{Long, Value};

        let mut args = Args {
            groups: Vec::new(),
            check: false,
            json: None,
            items: 500_000,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("help") => {
                    println!("{USAGE}");
                    for group in GROUPS {
                        println!("  {:<13} {}", group.name, group.about);
                    }
                    return Ok(None);
                }
                Long("check") => args.check = true,
                Long("json") => args.json = Some(parser.value()?.into()),
                Long("items") => args.items = at_least(1_000, parser.value()?)?,
                Value(name) => {
                    let found = GROUPS.iter().find(|group| name == *group.name);
                    args.groups.push(
                        found.ok_or_else(|| format!("there is no group {name:?}; see --help"))?,
                    );
                }
                _ => return Err(arg.unexpected().into()),
            }
        }
        if args.groups.is_empty() {
            args.groups = GROUPS.iter().filter(|group| group.by_default).collect();
        }
        Ok(Some(args))
    }
}

fn at_least(least: u64, value: std::ffi::OsString) -> Fallible<u64> {
    use lexopt::ValueExt;

    let number = value.parse()?;
    if number < least {
        return Err(format!("--items must be at least {least}").into());
    }
    Ok(number)
}
