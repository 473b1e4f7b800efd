use std::io::{self, BufWriter, Write};

use keywalk::{Stats, Walk};
use keywalk_examples::{Failure, ReadOnly};
use keywalk_sqlite::{AnyKey, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::args::{Options, Own};
use crate::outcome::{Measure, Outcome};
use crate::progress::Progress;

/// Walks a table of the user's own, whose key and types its schema tells.
pub(crate) fn walk(own: &Own, options: &Options) -> Result<Outcome, Failure> {
    let measure = Measure::start(&own.file)?;
    let database = ReadOnly::open(&own.file)?;
    let stats = walk_table(database.db(), own, options);
    measure.outcome(stats.map_err(|failure| failure.about(&own.file))?)
}

fn walk_table(db: &Connection, own: &Own, options: &Options) -> Result<Stats, Failure> {
    // A walk reads each page once: more cache than SQLite needs for the way down the tree is wasted.
    db.execute_batch("PRAGMA cache_size = -512")?;
    let mut source = Table::new(db, &own.table);
    if !own.key.is_empty() {
        source = source.key::<AnyKey>(&own.key)?;
    }
    let mut chunks = Walk::new(source)
        .chunk_size(options.chunk_size.get())
        .order(options.order())
        .chunks();
    let mut progress = Progress::new("walking", None);
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(items) = chunks.next().map_err(Failure::walk)? {
        if own.print_keys {
            for (key, _row) in items {
                print_key(&mut out, key).map_err(Failure::stdout)?;
            }
        }
        progress.set(chunks.stats().items());
    }
    out.flush().map_err(Failure::stdout)?;
    progress.finish();
    Ok(chunks.stats())
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
