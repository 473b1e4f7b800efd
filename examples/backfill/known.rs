use std::path::Path;
use std::time::UNIX_EPOCH;

use keywalk_examples::{Failure, open, say};
use keywalk_job::Checkpoints;

use crate::args::Options;
use crate::backfill::name;
use crate::ledger::Ledger;

/// Says which jobs are known, and where they stand.
pub(crate) fn status(file: &Path, options: &Options) -> Result<(), Failure> {
    let db = open(file)?;
    match Ledger::new(&db, options) {
        Ledger::Table(mut checkpoints) => show(&mut checkpoints),
        Ledger::Files(mut checkpoints) => show(&mut checkpoints),
    }
}

/// Forgets the job.
pub(crate) fn reset(file: &Path, options: &Options) -> Result<(), Failure> {
    options.check(file)?;
    let db = open(file)?;
    match Ledger::new(&db, options) {
        Ledger::Table(mut checkpoints) => forget(&mut checkpoints, options),
        Ledger::Files(mut checkpoints) => forget(&mut checkpoints, options),
    }
}

fn show<C: Checkpoints<Error: 'static>>(checkpoints: &mut C) -> Result<(), Failure> {
    let jobs = checkpoints
        .list()
        .map_err(|error| Failure::caused(&error))?;
    if jobs.is_empty() {
        say("no job is known")?;
    }
    for job in jobs {
        let updated = job.updated().duration_since(UNIX_EPOCH).unwrap_or_default();
        say(format_args!(
            "{}: {}, {} rows, run {}, at the key {}, {:.0} %, recorded {} s after 1970 began",
            job.job(),
            if job.is_done() { "done" } else { "not done" },
            job.items(),
            job.run(),
            job.position().unwrap_or("-"),
            job.share().unwrap_or_default() * 100.0,
            updated.as_secs()
        ))?;
    }
    Ok(())
}

fn forget<C: Checkpoints<Error: 'static>>(
    checkpoints: &mut C,
    options: &Options,
) -> Result<(), Failure> {
    let name = name(options);
    let was_known = checkpoints
        .reset(&name)
        .map_err(|error| Failure::caused(&error))?;
    say(format_args!(
        "{name}: {}",
        if was_known { "forgotten" } else { "not known" }
    ))?;
    Ok(())
}
