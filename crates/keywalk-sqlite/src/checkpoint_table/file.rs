#[cfg(unix)]
use std::ffi::OsString;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::error::Problem;

/// The main database's file, whose name need not be UTF-8; empty if it has none.
pub(super) fn file(db: &Connection) -> Result<PathBuf, Problem> {
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    let name = db.query_row(sql, [], |row| match row.get_ref(0)? {
        ValueRef::Text(name) => Ok(name.to_vec()),
        _ => Ok(Vec::new()),
    });
    let name = name.map_err(|source| Problem::Sqlite {
        verb: "find",
        source,
    })?;
    #[cfg(unix)]
    return Ok(OsString::from_vec(name).into());
    // SQLite's names are UTF-8 elsewhere.
    #[cfg(not(unix))]
    return Ok(String::from_utf8_lossy(&name).into_owned().into());
}
