//! Builds the peers' programs: crates with their lock files, scripts in an environment of their own with the versions
//! of `requirements.txt`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::Fallible;

/// The folder of the programs' sources.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// A program that walks the table in several ways: `PROGRAM WAY STORE`.
#[derive(Debug)]
pub(crate) struct Program {
    /// The prefix of its cases' names.
    pub(crate) cases: &'static [&'static str],
    /// The human-readable name of the library that it uses.
    pub(crate) name: &'static str,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// A crate in a folder named after the library that it uses.
    Crate(&'static str),
    /// A script and the packages that it imports.
    Script(&'static str, &'static [&'static str]),
}
use Source::{Crate, Script};

/// Those that walk a table of SQLite.
pub(crate) const SQLITE: [Program; 6] = [
    program(&["keywalk", "rusqlite"], "rusqlite", Crate("rusqlite")),
    program(&["diesel"], "diesel", Crate("diesel")),
    program(&["sqlx"], "sqlx", Crate("sqlx")),
    program(&["sea_orm"], "SeaORM", Crate("sea-orm")),
    program(&["django"], "Django", Script("django_peer.py", &["Django"])),
    program(
        &["sqlalchemy"],
        "SQLAlchemy",
        Script("sqlalchemy_peer.py", &["SQLAlchemy", "sqlakeyset"]),
    ),
];

/// Those that walk a table of PostgreSQL.
pub(crate) const POSTGRES: [Program; 5] = [
    program(
        &["keywalk", "tokio_postgres"],
        "tokio-postgres",
        Crate("tokio-postgres"),
    ),
    program(&["diesel_async"], "diesel-async", Crate("diesel-async")),
    program(&["sqlx"], "sqlx", Crate("sqlx")),
    program(&["sea_orm"], "SeaORM", Crate("sea-orm")),
    program(
        &["django"],
        "Django",
        Script("django_peer.py", &["Django", "psycopg"]),
    ),
];

const fn program(cases: &'static [&'static str], name: &'static str, source: Source) -> Program {
    Program {
        cases,
        name,
        source,
    }
}

impl Program {
    /// Builds the program.
    pub(crate) fn build(&self) -> Fallible {
        let built = built()?;
        if let Crate(folder) = self.source {
            let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            return succeeds(
                Command::new(cargo)
                    .args(["build", "--release", "--manifest-path"])
                    .arg(Path::new(SOURCES).join(folder).join("Cargo.toml"))
                    .arg("--target-dir")
                    .arg(built),
            );
        }
        let python = python()?;
        if !python.exists() {
            succeeds(
                Command::new("python3")
                    .args(["-m", "venv"])
                    .arg(built.join("venv")),
            )?;
        }
        succeeds(
            Command::new(python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .arg("--requirement")
                .arg(Path::new(SOURCES).join("python").join("requirements.txt")),
        )
    }

    /// Returns the command without arguments.
    pub(crate) fn command(&self) -> Fallible<Command> {
        match self.source {
            Crate(folder) => {
                let program = format!("keywalk-bench-{folder}{}", env::consts::EXE_SUFFIX);
                Ok(Command::new(built()?.join("release").join(program)))
            }
            Script(script, _) => {
                let mut command = Command::new(python()?);
                // Writes no files next to the sources.
                command
                    .arg("-B")
                    .arg(Path::new(SOURCES).join("python").join(script));
                Ok(command)
            }
        }
    }

    /// Returns the versions of its dependencies, with SQLite's if `has_sqlite`.
    pub(crate) fn versions(&self, has_sqlite: bool) -> Fallible<String> {
        match self.source {
            Crate(folder) => {
                let lock = fs::read_to_string(Path::new(SOURCES).join(folder).join("Cargo.lock"))?;
                let package = format!("name = \"{folder}\"\nversion = \"");
                let (_, rest) = lock
                    .split_once(&package)
                    .ok_or("it isn't in its lock file")?;
                let (version, _) = rest.split_once('"').ok_or("a version without an end")?;
                if !has_sqlite {
                    return Ok(format!("{} {version}", self.name));
                }
                let sqlite = said(self.command()?.args(["sqlite", ":memory:"]))?;
                Ok(format!("{} {version} (SQLite {sqlite})", self.name))
            }
            Script(_, packages) => {
                let program = "import importlib.metadata, platform, sqlite3, sys\n\
                    packages = [f'{name} {importlib.metadata.version(name)}' for name in sys.argv[2:]]\n\
                    sqlite = f', SQLite {sqlite3.sqlite_version}' if sys.argv[1] == 'true' else ''\n\
                    print(', '.join(packages), f'(Python {platform.python_version()}{sqlite})')";
                let mut command = Command::new(python()?);
                command.args(["-c", program, &has_sqlite.to_string()]);
                said(command.args(packages))
            }
        }
    }
}

/// Returns the folder of the built programs, which is in the folder of this program.
fn built() -> Fallible<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2);
    Ok(target
        .ok_or("this program isn't in a target folder")?
        .join("peers"))
}

fn python() -> Fallible<PathBuf> {
    Ok(built()?.join("venv").join("bin").join("python"))
}

fn said(command: &mut Command) -> Fallible<String> {
    Ok(String::from_utf8(command.output()?.stdout)?
        .trim()
        .to_owned())
}

fn succeeds(command: &mut Command) -> Fallible {
    let program = command.get_program().to_owned();
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} ended with {status}").into()),
    }
}
