use std::path::Path;

use keywalk_examples::{Failure, ReadOnly, key_columns, note, open, say, stop_on_interrupt};
use keywalk_sqlite::{AnyKey, Table};

use crate::args::Options;
use crate::purge::{self, OldRows};

/// Says how many rows would be deleted, and changes nothing.
pub(crate) fn count(file: &Path, old: &OldRows) -> Result<(), Failure> {
    let own = ReadOnly::open(file)?;
    let db = own.db();
    let count = || {
        let key = key_columns(db, &old.table)?;
        Ok((
            old.source(db, &key)?.count()?,
            Table::new(db, &old.table).key::<AnyKey>(&key)?.count()?,
        ))
    };
    let (rows, all) = count().map_err(|failure: Failure| failure.about(file))?;
    say(format_args!(
        "would purge {rows} of {all} rows; give --yes to delete them"
    ))?;
    Ok(())
}

/// Deletes the rows, or goes on with it.
pub(crate) fn purge(file: &Path, old: &OldRows, options: &Options) -> Result<(), Failure> {
    let db = open(file)?;
    // Writers may hold the lock for long.
    db.busy_timeout(std::time::Duration::from_secs(60))?;
    let stop = stop_on_interrupt()?;

    let purged = purge::run(&db, old, options, &stop).map_err(|failure| failure.about(file))?;
    let outcome = purged.outcome;
    let what = if outcome.is_done() {
        "done"
    } else {
        note("what was deleted stays so; run it again to go on");
        "not done yet"
    };
    say(format_args!(
        "purged {} rows in {} chunks, {:.2} s, {what}",
        purged.rows,
        outcome.chunks(),
        outcome.elapsed().as_secs_f64()
    ))?;
    Ok(())
}
