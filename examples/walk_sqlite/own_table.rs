use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use keywalk::Walk;
use keywalk_sqlite::{AnyKey, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::args::Options;
use crate::outcome::{Measure, Outcome};
use crate::progress::Progress;
use keywalk_examples::Failure;

/// Walks a table of the user's own, whose key and types its schema tells.
pub(crate) fn walk(
    file: &Path,
    table: &str,
    key: &[String],
    options: &Options,
) -> Result<Outcome, Failure> {
    let shown = file.display();
    match std::fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(Failure::input(format!("{shown} is not a file"))),
        Err(error) => return Err(Failure::input(format!("can't open {shown}: {error}"))),
    }
    let tidy = Tidy::new(file);
    let walked = walk_file(file, table, key, options);
    tidy.up();
    walked.map_err(|failure| failure.about(file))
}

fn walk_file(
    file: &Path,
    table: &str,
    key: &[String],
    options: &Options,
) -> Result<Outcome, Failure> {
    let measure = Measure::start(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags)
        .map_err(|error| Failure::input(format!("can't open {}: {error}", file.display())))?;
    // A walk reads each page once: more cache than SQLite needs for the way down the tree is wasted.
    db.execute_batch("PRAGMA cache_size = -512")?;
    let mut source = Table::new(&db, table);
    if !key.is_empty() {
        source = source.key::<AnyKey>(key)?;
    }
    let mut chunks = Walk::new(source)
        .chunk_size(options.chunk_size)
        .order(options.order)
        .chunks();
    let mut progress = Progress::new("walking", None);
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(items) = chunks.next().map_err(Failure::walk)? {
        if options.print_keys {
            for (key, _row) in items {
                print_key(&mut out, key)?;
            }
        }
        progress.set(chunks.stats().items());
    }
    out.flush()?;
    progress.finish();
    measure.outcome(chunks.stats())
}

fn print_key(out: &mut impl Write, key: &AnyKey) -> io::Result<()> {
    for (column, value) in key.values().iter().enumerate() {
        if column > 0 {
            write!(out, "\t")?;
        }
        match value {
            Value::Null => write!(out, "NULL")?,
            Value::Integer(integer) => write!(out, "{integer}")?,
            Value::Real(real) => write!(out, "{real:?}")?,
            Value::Text(text) => write!(out, "{text}")?,
            Value::Blob(blob) => {
                for byte in blob {
                    write!(out, "{byte:02X}")?;
                }
            }
        }
    }
    writeln!(out)
}

/// To read a database in WAL mode SQLite makes the files `-wal` and `-shm` beside it, and a read-only
/// connection doesn't remove them. One that may write does, as the last to close.
struct Tidy {
    file: PathBuf,
    was_there: bool,
}

impl Tidy {
    fn new(file: &Path) -> Self {
        Tidy {
            file: file.to_owned(),
            was_there: beside(file, "-wal").exists() || beside(file, "-shm").exists(),
        }
    }

    /// Removes the files if they weren't there before. If that can't be done they stay: they are
    /// empty, and the next writer removes them.
    fn up(self) {
        if self.was_there || !beside(&self.file, "-wal").exists() {
            return;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if let Ok(db) = Connection::open_with_flags(&self.file, flags) {
            let _ = db.query_row("SELECT 1 FROM sqlite_schema", [], |_| Ok(()));
        }
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}
