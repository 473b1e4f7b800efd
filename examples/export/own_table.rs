use std::path::PathBuf;

use keywalk::Walk;
use keywalk_examples::{Failure, ReadOnly, note, refuse_database_file, say};
use keywalk_job::{CheckpointFiles, Checkpoints, Outcome, Stop};

use crate::args::{Options, Own};
use crate::export::{columns, job_name, lines, to_file, to_stdout};
use crate::spool::Spool;
use crate::spool_error::SpoolError;

/// Exports a table of the user's own, or goes on with it. Answers whether it is done.
pub(crate) fn export(own: &Own, options: &Options, stop: &Stop) -> Result<bool, Failure> {
    let Some(outcome) = run(own, options, stop)? else {
        return Ok(false);
    };
    let mut end = "";
    if !outcome.is_done() {
        end = ", not done yet";
        note(format_args!(
            "stopped; run it again to {}",
            match own.state_folder() {
                Some(_) => "go on",
                None => "start anew, or with --state to go on where it stops",
            }
        ));
    }
    note(format_args!(
        "exported {} rows in {} chunks, {:.2} s{end}",
        outcome.items(),
        outcome.chunks(),
        outcome.elapsed().as_secs_f64()
    ));
    Ok(outcome.is_done())
}

fn run(own: &Own, options: &Options, stop: &Stop) -> Result<Option<Outcome>, Failure> {
    if let Some(out) = &own.out {
        refuse_database_file(&own.db, "--out", out)?;
    }
    if let Some(folder) = own.state_folder() {
        refuse_database_file(&own.db, "--state", &folder)?;
    }
    let database = ReadOnly::open(&own.db)?;
    let about = |failure: Failure| failure.about(&own.db);
    let columns = columns(database.db(), own).map_err(about)?;
    let source = lines(database.db(), own, &columns).map_err(about)?;
    let walk = Walk::new(source).chunk_size(options.chunk_size.get());
    let name = own.job()?;
    let Some(folder) = own.state_folder() else {
        // It is kept for as long as it runs.
        let folder = tempfile::tempdir()?;
        return to_stdout(
            &name,
            walk,
            CheckpointFiles::new(folder.path()),
            options,
            stop,
        );
    };
    let mut checkpoints = CheckpointFiles::new(folder);
    if let Some(out) = &own.out {
        let mut spool = Spool::new(out, columns, checkpoints, options.reset);
        spool.check(&name)?;
        return to_file(&name, walk, spool, options, stop).map(Some);
    }
    checkpoints.load(&name).map_err(SpoolError::from)?;
    if options.reset {
        let reset = checkpoints.reset(&name);
        reset.map_err(|error| Failure::caused(&error))?;
    }
    to_stdout(&name, walk, checkpoints, options, stop)
}

/// Says where the job stands.
pub(crate) fn status(own: &Own) -> Result<(), Failure> {
    let Some(folder) = own.state_folder() else {
        return Ok(());
    };
    let checkpoint = CheckpointFiles::new(folder).load(&own.job()?);
    match checkpoint.map_err(SpoolError::from)? {
        None => say("exported nothing yet")?,
        Some(checkpoint) => say(format_args!(
            "exported {} rows in {} chunks, {:.0} %, up to the key {}{}",
            checkpoint.items(),
            checkpoint.chunks(),
            checkpoint.share().unwrap_or_default() * 100.0,
            checkpoint.position().unwrap_or("-"),
            match checkpoint.is_done() {
                true => ", done",
                false => ", not done yet",
            }
        ))?,
    }
    Ok(())
}

impl Own {
    fn job(&self) -> Result<String, Failure> {
        job_name(&self.db, &self.table, self.out.as_deref())
    }

    /// Where checkpoints are kept, if they are.
    fn state_folder(&self) -> Option<PathBuf> {
        self.state.clone().or_else(|| {
            let mut folder = self.out.clone()?.into_os_string();
            folder.push(".state");
            Some(folder.into())
        })
    }
}
