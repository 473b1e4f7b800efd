//! The process that is measured.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use keywalk_tests::peak_memory::PeakMemory;
use rusqlite::Connection;

use super::code;
use crate::Fallible;
use crate::seen::Seen;
use crate::sqlite::{self, Integer};

/// Its first argument.
const CHILD: &str = "--peak-memory";

/// How the rows are read, in chunks of this size.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// One that is open all along, and makes a struct a row.
    Cursor,
    /// Such a struct of each row, all in one `Vec`.
    All,
    Lent(usize),
    Items(usize),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Cursor => f.write_str("cursor"),
            Way::All => f.write_str("all"),
            Way::Lent(size) => write!(f, "lent_{size}"),
            Way::Items(size) => write!(f, "items_{size}"),
        }
    }
}

impl Way {
    fn parse(name: &str) -> Option<Self> {
        let (way, size) = match name.split_once('_') {
            Some((way, size)) => (way, Some(size.parse().ok()?)),
            None => (name, None),
        };
        match (way, size) {
            ("cursor", None) => Some(Way::Cursor),
            ("all", None) => Some(Way::All),
            ("lent", Some(size)) => Some(Way::Lent(size)),
            ("items", Some(size)) => Some(Way::Items(size)),
            _ => None,
        }
    }
}

/// A pass over the table `items`.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) file: PathBuf,
    /// SQLite's page cache.
    pub(super) cache_kib: u64,
    pub(super) way: Way,
}

impl Pass {
    /// Runs it in a process of its own: the bytes at its peak, above the idle process, and what it saw.
    pub(super) fn in_a_process(&self) -> Fallible<(f64, Seen)> {
        let child = Command::new(env::current_exe()?)
            .arg(CHILD)
            .arg(&self.file)
            .args([self.cache_kib.to_string(), self.way.to_string()])
            .output()?;
        let said = String::from_utf8_lossy(&child.stdout);
        let parsed = said.split_once(' ').and_then(|(peak, seen)| {
            Some((peak.parse().ok()?, serde_json::from_str(seen.trim()).ok()?))
        });
        parsed.ok_or_else(|| {
            let error = String::from_utf8_lossy(&child.stderr);
            format!("{}: {} {said}{error}", self.way, child.status).into()
        })
    }

    fn run(&self) -> Fallible<Seen> {
        let db = Connection::open(&self.file)?;
        db.pragma_update(None, "cache_size", -(self.cache_kib as i64))?;
        match self.way {
            Way::Cursor => sqlite::cursor_makes_structs::<Integer>(&db),
            Way::All => sqlite::collects_structs::<Integer>(&db),
            Way::Lent(size) => sqlite::walk_lends::<Integer>(&db, size),
            Way::Items(size) => sqlite::walk_hands_out::<Integer>(&db, size),
        }
    }
}

/// What the process does that is measured, if this is one.
pub(crate) fn child() -> Option<Fallible> {
    let mut args = env::args_os().skip(1);
    if args.next()? != CHILD {
        return None;
    }
    let (file, cache_kib, way) = (args.next()?, args.next()?, args.next()?);
    let pass = Pass {
        file: file.into(),
        cache_kib: cache_kib.to_str()?.parse().ok()?,
        way: Way::parse(way.to_str()?)?,
    };
    Some(measured(&pass))
}

fn measured(pass: &Pass) -> Fallible {
    code::bring_in()?;
    let memory = PeakMemory::start()?;
    let seen = pass.run()?;
    println!("{} {}", memory.added()?, serde_json::to_string(&seen)?);
    Ok(())
}
