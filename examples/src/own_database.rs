use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::Failure;
use crate::database_files::refuse_stdout;

/// Opens a database of the user's own, to be changed; it must be there.
///
/// # Errors
///
/// If it isn't, can't be opened, or is what stdout goes to.
pub fn open(file: &Path) -> Result<Connection, Failure> {
    let shown = file.display();
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(Failure::input(format!("{shown} is not a file"))),
        Err(error) => return Err(Failure::input(format!("can't open {shown}: {error}"))),
    }
    refuse_stdout(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags)
        .map_err(|error| Failure::input(format!("can't open {shown}: {error}")))
}

/// The columns of a table's primary key, in its order; the rowid where it has none.
///
/// # Errors
///
/// What SQLite says.
pub fn key_columns(db: &Connection, table: &str) -> Result<Vec<String>, Failure> {
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    let mut statement = db.prepare(sql)?;
    let columns = statement.query_map([table], |row| row.get(0))?;
    let columns = columns.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(match columns.is_empty() {
        true => vec!["rowid".to_owned()],
        false => columns,
    })
}

/// A name in SQL.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
