//! Peers that are scripts, in an environment of their own with the versions of `requirements.txt`.

use std::path::PathBuf;
use std::process::Command;

use crate::Fallible;
use crate::peers::program::{built, sources};

/// Makes the environment, if it isn't there yet as it should be.
pub(crate) fn build() -> Fallible {
    let environment = built()?.join("venv");
    let python = python()?;
    if !python.exists() {
        succeeds(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(environment),
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
            .arg(sources().join("python").join("requirements.txt")),
    )
}

pub(crate) fn command(script: &str) -> Fallible<Command> {
    let mut command = Command::new(python()?);
    // Nothing is written beside the sources.
    command.arg("-B").arg(sources().join("python").join(script));
    Ok(command)
}

/// What a script imports that isn't Python's own, and what all have.
pub(crate) fn versions(script: &str) -> Fallible<String> {
    let packages = match script {
        "django_peer.py" => ["Django"].as_slice(),
        _ => &["SQLAlchemy", "sqlakeyset"],
    };
    let program = "import importlib.metadata, platform, sqlite3, sys\n\
        packages = [f'{name} {importlib.metadata.version(name)}' for name in sys.argv[1:]]\n\
        print(', '.join(packages), end='')\n\
        print(f' (Python {platform.python_version()}, SQLite {sqlite3.sqlite_version})')";
    let output = Command::new(python()?)
        .args(["-c", program])
        .args(packages)
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn python() -> Fallible<PathBuf> {
    Ok(built()?.join("venv").join("bin").join("python"))
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
