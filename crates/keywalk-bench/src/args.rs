use std::path::PathBuf;

use crate::Fallible;
use crate::group::{GROUPS, Group};

const USAGE: &str = "\
Usage: cargo run --release -p keywalk-bench -- [GROUP[/CASE]…] [OPTIONS]

With GROUP/CASE only those of the group's cases whose names begin so.
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
    /// With what the names of the cases begin.
    pub(crate) groups: Vec<(&'static Group, String)>,
    pub(crate) check: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) items: u64,
}

impl Args {
    /// `None` if it was only asked for help.
    pub(crate) fn parse() -> Fallible<Option<Self>> {
        use lexopt::prelude::{Long, Value, ValueExt};

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
                Value(name) => args.groups.push(group(&name.string()?)?),
                _ => return Err(arg.unexpected().into()),
            }
        }
        if args.groups.is_empty() {
            args.groups = GROUPS
                .iter()
                .filter(|group| group.by_default)
                .map(|group| (group, String::new()))
                .collect();
        }
        Ok(Some(args))
    }
}

fn group(name: &str) -> Fallible<(&'static Group, String)> {
    let (name, case) = name.split_once('/').unwrap_or((name, ""));
    let group = GROUPS.iter().find(|group| group.name == name);
    let group = group.ok_or_else(|| format!("there is no group {name:?}; see --help"))?;
    Ok((group, case.to_owned()))
}

fn at_least(least: u64, value: std::ffi::OsString) -> Fallible<u64> {
    use lexopt::ValueExt;

    let number = value.parse()?;
    if number < least {
        return Err(format!("--items must be at least {least}").into());
    }
    Ok(number)
}
