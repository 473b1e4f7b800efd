use std::convert::Infallible;

use crate::{Checkpoints, Error};

/// Forgets a job, so that its next run starts anew; its dead letters go too. Answers whether it was known.
///
/// What jobs are known, and where they stand, say [`Checkpoints::list`] and [`Checkpoints::load`].
///
/// ```
/// use keywalk_job::{CheckpointFiles, Checkpoints, reset};
///
/// # let folder = tempfile::tempdir()?;
/// let mut checkpoints = CheckpointFiles::new(folder.path());
/// for job in checkpoints.list()? {
///     println!("{}: {} items, at {:?}", job.job(), job.items(), job.position());
/// }
/// assert!(!reset(&mut checkpoints, "export")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error::Taken`] while the job runs, and the store's own.
pub fn reset<C: Checkpoints + ?Sized>(
    checkpoints: &mut C,
    job: &str,
) -> Result<bool, Error<Infallible, C::Error>> {
    let failed = |error| Error::Checkpoints {
        job: job.to_owned(),
        error,
    };
    let lease = checkpoints.lease(job).map_err(failed)?;
    match lease {
        Some(_lease) => checkpoints.remove(job).map_err(failed),
        None => Err(Error::Taken {
            job: job.to_owned(),
        }),
    }
}
