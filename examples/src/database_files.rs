use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use same_file::{Handle, is_same_file};

use crate::Failure;

/// What SQLite keeps beside a database, by how its name ends.
const ENDS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses an option's file or folder that is the database or one of the files that SQLite keeps beside it, by
/// whatever name. To be called before anything is opened.
///
/// # Errors
///
/// If it is.
pub fn refuse_database_file(database: &Path, option: &str, given: &Path) -> Result<(), Failure> {
    for file in files(database) {
        if is_same(&file, given) {
            let (given, file) = (given.display(), file.display());
            return Err(Failure::input(format!(
                "{option} {given} is the database's own file {file}; name another one"
            )));
        }
    }
    Ok(())
}

/// Refuses a database that stdout goes to.
pub(crate) fn refuse_stdout(database: &Path) -> Result<(), Failure> {
    let Ok(stdout) = Handle::stdout() else {
        return Ok(());
    };
    let is_stdout = |path: &PathBuf| Handle::from_path(path).is_ok_and(|file| file == stdout);
    match files(database).iter().find(|file| is_stdout(file)) {
        None => Ok(()),
        Some(file) => Err(Failure::input(format!(
            "stdout goes to the database's own file {}; send it to another one",
            file.display()
        ))),
    }
}

/// Whether a database of this name would have to do with one that is there: SQLite would take the file for
/// that one's, or that one's files for those of the new one.
#[must_use]
pub fn is_beside_a_database(new: &Path) -> bool {
    let is_part = |end: &&str| {
        let base = new.to_str().and_then(|new| new.strip_suffix(end));
        base.is_some_and(|base| Path::new(base).exists())
    };
    ENDS.iter().any(is_part) || ENDS.iter().any(|end| beside(new, end).exists())
}

/// The database's own, and those beside it, there or not. SQLite names them by where links lead to.
fn files(database: &Path) -> Vec<PathBuf> {
    let file = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    let mut files: Vec<_> = ENDS.iter().map(|end| beside(&file, end)).collect();
    files.insert(0, file);
    files
}

pub(crate) fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    PathBuf::from(name)
}

fn is_same(ours: &Path, given: &Path) -> bool {
    let is_special = |path| fs::metadata(path).is_ok_and(|is| !is.is_file() && !is.is_dir());
    // A pipe is no part of a database, and opening it would wait for its other end.
    if is_special(ours) || is_special(given) {
        return false;
    }
    // What isn't there yet is the same if it would be made at the same place; names differ by more than case
    // where case doesn't count.
    is_same_file(ours, given).unwrap_or_else(|_| match (place(ours), place(given)) {
        (Some((ours_in, ours)), Some((given_in, given))) => {
            ours.eq_ignore_ascii_case(given) && is_same_file(ours_in, given_in).unwrap_or(false)
        }
        _ => false,
    })
}

/// How many links may lead from one to the next, as on Linux.
const MOST_LINKS: usize = 40;

/// The folder and the name in it that a path leads to, past links to what isn't there.
fn place(path: &Path) -> Option<(PathBuf, OsString)> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = folder_of(&path).join(target);
    }
    Some((folder_of(&path).to_owned(), path.file_name()?.to_owned()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
