use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fallible;
use crate::peers::{python, rust};

/// A program that walks the table in several ways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Program {
    /// By hand, and keywalk.
    Rusqlite,
    Diesel,
    Sqlx,
    SeaOrm,
    Django,
    SqlAlchemy,
}

impl Program {
    pub(crate) const ALL: [Program; 6] = [
        Program::Rusqlite,
        Program::Diesel,
        Program::Sqlx,
        Program::SeaOrm,
        Program::Django,
        Program::SqlAlchemy,
    ];

    /// What it walks with, for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Program::Rusqlite => "rusqlite",
            Program::Diesel => "diesel",
            Program::Sqlx => "sqlx",
            Program::SeaOrm => "SeaORM",
            Program::Django => "Django",
            Program::SqlAlchemy => "SQLAlchemy",
        }
    }

    /// Makes it ready to run.
    pub(crate) fn build(self) -> Fallible {
        match self.source() {
            Source::Crate(folder) => rust::build(folder),
            Source::Script(_) => python::build(),
        }
    }

    /// Walks `file` in a way of its own.
    pub(crate) fn command(self, way: &str, file: &Path) -> Fallible<Command> {
        let mut command = match self.source() {
            Source::Crate(folder) => rust::command(folder)?,
            Source::Script(script) => python::command(script)?,
        };
        command.arg(way).arg(file);
        Ok(command)
    }

    /// The versions of what it is made of.
    pub(crate) fn versions(self) -> Fallible<String> {
        match self.source() {
            Source::Crate(folder) => {
                let version = rust::version(folder)?;
                let said = self.command("sqlite", Path::new(":memory:"))?.output()?;
                let sqlite = String::from_utf8(said.stdout)?;
                let (name, sqlite) = (self.name(), sqlite.trim());
                Ok(format!("{name} {version} (SQLite {sqlite})"))
            }
            Source::Script(script) => python::versions(script),
        }
    }

    fn source(self) -> Source {
        match self {
            Program::Rusqlite => Source::Crate("rusqlite"),
            Program::Diesel => Source::Crate("diesel"),
            Program::Sqlx => Source::Crate("sqlx"),
            Program::SeaOrm => Source::Crate("sea-orm"),
            Program::Django => Source::Script("django_peer.py"),
            Program::SqlAlchemy => Source::Script("sqlalchemy_peer.py"),
        }
    }
}

enum Source {
    /// In this folder, which is called as what it walks with.
    Crate(&'static str),
    Script(&'static str),
}

/// Where the programs' sources are.
pub(crate) fn sources() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "peers"].iter().collect()
}

/// Where what is built of them is: in the folder that this program was built in.
pub(crate) fn built() -> Fallible<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2);
    Ok(target
        .ok_or("this program isn't in a target folder")?
        .join("peers"))
}
