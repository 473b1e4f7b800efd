//! Databases of the user: opens them, and refuses output files that would overwrite them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use same_file::{Handle, is_same_file};

use crate::program::{BoxError, Failure};

/// Opens an existing database for reading and writing.
pub fn open(file: &Path) -> Result<Connection, Failure> {
    let shown = file.display();
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(Failure::Mistake(format!("{shown} is not a file"))),
        Err(error) => return Err(Failure::Mistake(format!("can't open {shown}: {error}"))),
    }
    if let Ok(stdout) = Handle::stdout() {
        let is_stdout = |file: &PathBuf| Handle::from_path(file).is_ok_and(|file| file == stdout);
        if let Some(file) = files_of(file).iter().find(|file| is_stdout(file)) {
            let file = file.display();
            return Err(Failure::Mistake(format!(
                "stdout goes to the database's own file {file}; send it to another one"
            )));
        }
    }
    open_again(file)
}

/// Opens a database that this process has opened, for another thread. Unlike [`open`], it doesn't open the file besides:
/// closing that would end the locks that this process has on the database.
pub fn open_again(file: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(file, flags).and_then(|db| {
        db.pragma_query_value(None, "schema_version", |_| Ok(()))?;
        Ok(db)
    });
    let shown = file.display();
    opened.map_err(|error| Failure::Mistake(format!("can't open {shown}: {error}")))
}

/// Opens an existing database for reading. It leaves no new file beside the database: only a connection that could
/// write removes the files of a WAL, so this one could, but `query_only` is set.
pub fn open_to_read(file: &Path) -> Result<Connection, BoxError> {
    let db = match beside(file, "-wal").exists() {
        false => open(file)?,
        // A connection that could write would move the WAL's contents to the database.
        true => Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
    };
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

/// Returns the columns of a table's primary key, in its order, or the rowid if it has none.
pub fn key_columns(db: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    let mut statement = db.prepare(sql)?;
    let columns = statement.query_map([table], |row| row.get(0))?;
    let columns = columns.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(match columns.is_empty() {
        true => vec!["rowid".to_owned()],
        false => columns,
    })
}

/// Quotes a name for SQL.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Builds the SQL condition that a row's key equals the parameters from this number on.
#[must_use]
pub fn key_equals(columns: &[String], from: usize) -> String {
    let equals = |(column, number): (&String, usize)| format!("{} = ?{number}", quoted(column));
    let equal: Vec<String> = columns.iter().zip(from..).map(equals).collect();
    equal.join(" AND ")
}

/// The name endings of the files that SQLite keeps beside a database.
const ENDS: [&str; 3] = ["-wal", "-shm", "-journal"];

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    PathBuf::from(name)
}

/// Returns the database file and those beside it, whether they exist or not. SQLite follows links to name them.
fn files_of(database: &Path) -> Vec<PathBuf> {
    let file = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    let mut files: Vec<_> = ENDS.iter().map(|end| beside(&file, end)).collect();
    files.insert(0, file);
    files
}

/// Refuses a name for a new database if SQLite would mistake it, or a file beside it, for a part of an existing one.
pub fn refuse_beside_a_database(new: &Path) -> Result<(), Failure> {
    let is_part = |end: &&str| {
        let base = new.to_str().and_then(|new| new.strip_suffix(*end));
        base.is_some_and(|base| Path::new(base).exists()) || beside(new, end).exists()
    };
    match ENDS.iter().any(is_part) {
        false => Ok(()),
        true => Err(Failure::Mistake(format!(
            "SQLite would take {} and another file beside it for parts of one database; name another one",
            new.display()
        ))),
    }
}

/// Refuses an option's file or folder that is the database or one of the files beside it, under any name. Call it
/// before anything is opened.
pub fn refuse_database_file(database: &Path, option: &str, given: &Path) -> Result<(), Failure> {
    let is_special = |path| fs::metadata(path).is_ok_and(|is| !is.is_file() && !is.is_dir());
    // A pipe is no part of a database, and opening it would wait for its other end.
    if is_special(database) || is_special(given) {
        return Ok(());
    }
    // What isn't there yet is the same if it would be made at the same place.
    let is_given = |file: &PathBuf| {
        is_same_file(file, given)
            .unwrap_or_else(|_| place(file).is_some() && place(file) == place(given))
    };
    let Some(file) = files_of(database).into_iter().find(is_given) else {
        return Ok(());
    };
    let (given, file) = (given.display(), file.display());
    Err(Failure::Mistake(format!(
        "{option} {given} is the database's own file {file}; name another one"
    )))
}

/// Resolves a path, also through links to files that don't exist. Some systems ignore case, so the name is in lower
/// case.
fn place(path: &Path) -> Option<PathBuf> {
    let folder_of = |path: &Path| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = folder_of(&path).join(target);
    }
    let folder = fs::canonicalize(folder_of(&path)).ok()?;
    Some(folder.join(path.file_name()?.to_ascii_lowercase()))
}
