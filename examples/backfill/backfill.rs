use std::path::Path;

use keywalk::Walk;
use keywalk_examples::{
    Failure, key_columns, make_table, note, open, quoted, say, show_progress, stop_on_interrupt,
};
use keywalk_job::{BoxError, Checkpoint, Checkpoints, Job, Outcome};
use keywalk_sqlite::{AnyKey, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::args::Options;
use crate::ledger::Ledger;
use crate::slug::slug;

/// Fills a table of the user's own.
pub(crate) fn own(file: &Path, options: &Options) -> Result<(), Failure> {
    options.check(file)?;
    let db = open(file)?;
    let outcome = fill(&db, options).map_err(|failure| failure.about(file))?;
    if options.counts {
        return Ok(());
    }
    let position = outcome.checkpoint().and_then(Checkpoint::position);
    if !outcome.is_done() {
        let position = position.unwrap_or("-");
        note(format_args!(
            "{outcome}, after the key {position}; run it again to go on"
        ));
    }
    say(last_line(&outcome))?;
    Ok(())
}

/// Makes a table, fills it and checks it.
pub(crate) fn made(rows: u64, options: &Options) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut db = Connection::open(folder.path().join("items.db"))?;
    make_table(&mut db, rows, |_| {})?;
    note(format_args!("made a table of {rows} rows"));
    let outcome = fill(&db, options)?;
    if outcome.is_done() {
        let right = "SELECT count(*) FROM items WHERE slug = replace(name, ' ', '-')";
        let filled: i64 = db.query_row(right, [], |row| row.get(0))?;
        if filled != rows.cast_signed() {
            return Err(Failure::failed(format!(
                "{filled} of {rows} rows have their slug"
            )));
        }
    }
    say(last_line(&outcome))?;
    Ok(())
}

fn last_line(outcome: &Outcome) -> String {
    format!(
        "filled {} rows in {} chunks, {:.2} s, {}",
        outcome.items(),
        outcome.chunks(),
        outcome.elapsed().as_secs_f64(),
        if outcome.is_done() {
            "done"
        } else {
            "not done yet"
        }
    )
}

/// A job for each column that is filled.
pub(crate) fn name(options: &Options) -> String {
    format!("{} of {}", options.to, options.table)
}

/// Fills the column, from where the job stands.
fn fill(db: &Connection, options: &Options) -> Result<Outcome, Failure> {
    add_column(db, options)?;
    let key = key_columns(db, &options.table)?;
    let from = options.from.clone();
    let items = Table::new(db, &options.table)
        .key::<AnyKey>(&key)?
        .columns([&from])
        .map(move |row| row.get::<_, Option<String>>(0));
    let total = options.count.then(|| items.count()).transpose()?;
    let walk = Walk::new(items).chunk_size(options.chunk_size.get());

    let set = match options.counts {
        false => format!("{} = ?1", quoted(&options.to)),
        // What is counted shows a repetition, which a slug wouldn't.
        true => format!("{} = ?1, fills = fills + 1", quoted(&options.to)),
    };
    let is_key: Vec<String> = key
        .iter()
        .zip(2..)
        .map(|(column, at)| format!("{} = ?{at}", quoted(column)))
        .collect();
    let update = format!(
        "UPDATE {} SET {set} WHERE {}",
        quoted(&options.table),
        is_key.join(" AND ")
    );
    let work = |db: &Connection, items: &[(AnyKey, Option<String>)]| -> Result<(), BoxError> {
        let mut update = db.prepare_cached(&update)?;
        for (key, name) in items {
            let slug = Value::from(name.as_deref().map(slug));
            update.execute(params_from_iter([&slug].into_iter().chain(key.values())))?;
        }
        if options.counts {
            db.execute("UPDATE totals SET fills = fills + ?1", [items.len() as i64])?;
        }
        Ok(())
    };

    match Ledger::new(db, options) {
        // The effects and the checkpoint are one transaction: exactly once.
        Ledger::Table(checkpoints) => {
            let job = Job::new(name(options), walk, checkpoints);
            run(job, options, total, |tx, items| work(tx, items))
        }
        // The checkpoint comes after the effects: after a crash one chunk comes again.
        Ledger::Files(checkpoints) => {
            let job = Job::new(name(options), walk, checkpoints);
            run(job, options, total, |(), items| {
                let tx = db.unchecked_transaction()?;
                work(&tx, items)?;
                Ok(tx.commit()?)
            })
        }
    }
}

type Items<'db, D> = Table<&'db Connection, AnyKey, D>;

fn run<'db, D, C>(
    mut job: Job<'_, Items<'db, D>, C>,
    options: &Options,
    total: Option<u64>,
    work: impl FnMut(&C::Scope, &[(AnyKey, D::Item)]) -> Result<(), BoxError>,
) -> Result<Outcome, Failure>
where
    D: keywalk_sqlite::Decode,
    C: Checkpoints<Error: 'static>,
{
    job = options.limits.limit(job).stop_on(&stop_on_interrupt()?);
    if let Some(total) = total {
        job = job.total(total);
    }
    if !options.counts {
        job = show_progress(job, "filling");
    }
    Ok(job.run(work)?)
}

fn add_column(db: &Connection, options: &Options) -> Result<(), Failure> {
    let sql = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
    let is_there: bool = db.query_row(sql, [&options.table, &options.to], |row| row.get(0))?;
    let has_table: bool = db.query_row(
        "SELECT count(*) FROM pragma_table_info(?1)",
        [&options.table],
        |row| row.get(0),
    )?;
    if has_table && !is_there {
        let sql = format!(
            "ALTER TABLE {} ADD COLUMN {} TEXT",
            quoted(&options.table),
            quoted(&options.to)
        );
        db.execute_batch(&sql)?;
    }
    Ok(())
}
