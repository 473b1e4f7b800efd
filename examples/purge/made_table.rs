use std::time::{Duration, Instant};

use keywalk_examples::{Failure, note, quoted, say, stop_on_interrupt};
use rusqlite::Connection;

use crate::args::Options;
use crate::events;
use crate::purge;
use crate::writer::Writer;

/// Purges a table of its own beside a writer, and checks what is left.
pub(crate) fn purge(rows: u64, at_once: bool, options: &Options) -> Result<(), Failure> {
    let stop = stop_on_interrupt()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.db");
    let mut db = Connection::open(&file)?;
    events::make(&mut db, rows, &stop)?;
    note(format_args!("made the table events of {rows} rows"));
    db.busy_timeout(Duration::from_secs(60))?;

    let writer = Writer::start(&file)?;
    let began = Instant::now();
    let purged = match at_once {
        true => delete_at_once(&db).map(|rows| (rows, 1, true)),
        false => purge::run(&db, &events::old(), options, &stop).map(|purged| {
            (
                purged.rows,
                purged.outcome.chunks(),
                purged.outcome.is_done(),
            )
        }),
    };
    let seconds = began.elapsed().as_secs_f64();
    let written = writer.end()?;
    let (purged, chunks, is_done) = purged?;
    if is_done {
        events::check(&db, rows, &written)?;
    } else {
        note("not done yet; the table was a temporary one, and is gone");
    }
    say(format_args!(
        "purged {purged} of {rows} rows in {chunks} chunks, {seconds:.2} s; meanwhile the writer committed {} times and waited at most {} ms",
        written.commits,
        written.longest.as_millis()
    ))?;
    Ok(())
}

/// What not to do.
fn delete_at_once(db: &Connection) -> Result<u64, Failure> {
    let old = events::old();
    let sql = format!("DELETE FROM {} WHERE {}", quoted(&old.table), old.condition);
    Ok(db.execute(&sql, [])? as u64)
}
