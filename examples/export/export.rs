use std::io::{self, Write};
use std::path::{Path, PathBuf};

use keywalk::{DurableSource, Walk};
use keywalk_examples::{Failure, key_columns, show_progress};
use keywalk_job::{BoxError, CheckpointFiles, Checkpoints, Error, Job, Outcome, Stop};
use keywalk_sqlite::{AnyKey, Table};
use rusqlite::Connection;

use crate::args::{Options, Own};
use crate::line::LineFormat;
use crate::spool::Spool;

/// A row, as its key and its line.
type Line = (AnyKey, Vec<u8>);

/// The columns of a line: those of the key, and those that were asked for or all.
pub(crate) fn columns(db: &Connection, own: &Own) -> Result<Vec<String>, Failure> {
    let key = key_columns(db, &own.table)?;
    // Proves the table and its key, before it is asked for its columns.
    let _table = Table::new(db, &own.table).key::<AnyKey>(&key)?;
    let named = match own.columns.is_empty() {
        true => all_columns(db, &own.table)?,
        false => own.columns.clone(),
    };
    let is_named = |column: &String| named.iter().any(|name| name.eq_ignore_ascii_case(column));
    let mut columns: Vec<String> = key.into_iter().filter(|column| !is_named(column)).collect();
    columns.extend(named);
    Ok(columns)
}

/// The table's rows as lines.
pub(crate) fn lines<'db>(
    db: &'db Connection,
    own: &Own,
    columns: &[String],
) -> Result<
    impl DurableSource<Key = AnyKey, Item = Line, Error = keywalk_sqlite::Error> + use<'db>,
    Failure,
> {
    let format = LineFormat::new(columns).map_err(Failure::failed)?;
    let key = key_columns(db, &own.table)?;
    let table = Table::new(db, &own.table).key::<AnyKey>(&key)?;
    let table = table.columns(columns);
    let table = match &own.condition {
        Some(condition) => table.filter(condition, [])?,
        None => table,
    };
    let lines = table.fill(move |row, line: &mut Vec<u8>| format.write(row, line));
    lines.fingerprint()?;
    Ok(lines)
}

fn all_columns(db: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    // Generated columns among them, and not the hidden ones of virtual tables.
    let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
    let mut statement = db.prepare(sql)?;
    let columns = statement.query_map([table], |row| row.get(0))?;
    columns.collect()
}

/// To stdout. At least once: the checkpoint is written after the lines. `None` if whoever reads them wants no
/// more.
pub(crate) fn to_stdout(
    job: &str,
    walk: Walk<impl DurableSource<Item = Line, Error = keywalk_sqlite::Error>>,
    checkpoints: CheckpointFiles,
    options: &Options,
    stop: &Stop,
) -> Result<Option<Outcome>, Failure> {
    let mut out = io::stdout().lock();
    let mut lines = Vec::new();
    let job = Job::new(job, walk, checkpoints);
    let ran = run(job, options, stop, |(), rows| {
        lines.clear();
        rows.iter()
            .for_each(|(_, line)| lines.extend_from_slice(line));
        out.write_all(&lines)?;
        Ok(out.flush()?)
    });
    match ran {
        Ok(outcome) => Ok(Some(outcome)),
        Err(Error::Work { error, .. }) if is_hang_up(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_hang_up(error: &BoxError) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// To a file. Exactly once: the file follows the checkpoint.
pub(crate) fn to_file(
    job: &str,
    walk: Walk<impl DurableSource<Item = Line, Error = keywalk_sqlite::Error>>,
    spool: Spool,
    options: &Options,
    stop: &Stop,
) -> Result<Outcome, Failure> {
    let job = Job::new(job, walk, spool);
    let ran = run(job, options, stop, |lines, rows| {
        let mut lines = lines.borrow_mut();
        rows.iter()
            .for_each(|(_, line)| lines.extend_from_slice(line));
        Ok(())
    });
    match ran {
        Ok(outcome) => Ok(outcome),
        Err(Error::Checkpoints { error, .. }) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

/// Runs the job until it is done, out of time, or stopped by Ctrl-C.
fn run<'a, S: DurableSource, C: Checkpoints>(
    job: Job<'a, S, C>,
    options: &Options,
    stop: &Stop,
    work: impl FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
) -> Result<Outcome, Error<S::Error, C::Error>> {
    let job = options.limits.limit(job).stop_on(stop);
    show_progress(job, "exporting").run(work)
}

/// The name of the job: one for each table of each database, to each file.
pub(crate) fn job_name(db: &Path, table: &str, out: Option<&Path>) -> Result<String, Failure> {
    let absolute = |path: &Path| -> Result<PathBuf, Failure> { Ok(std::path::absolute(path)?) };
    let name = format!("{table} of {}", absolute(db)?.display());
    Ok(match out {
        Some(out) => format!("{name} to {}", absolute(out)?.display()),
        None => name,
    })
}
