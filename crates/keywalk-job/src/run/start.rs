use std::time::Duration;

use keywalk::{Chunks, DurableSource, Token, Walk};

use super::{Failure, Run, checkpoints_failed, passed, source_failed, walk_failed};
use crate::events;
use crate::options::Options;
use crate::{
    BoxError, Checkpoint, Checkpoints, Differs, Ended, Error, Job, Lease, Outcome, unix_millis,
};

const LEASE_POLL: Duration = Duration::from_millis(50);

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: DurableSource,
    C: Checkpoints,
    F: FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
{
    /// Runs a job.
    pub(crate) fn of(job: Job<'a, S, C>, work: F) -> Result<Outcome, Failure<S, C>> {
        events::run(&job.name).in_scope(|| {
            let outcome = Self::start(job, work);
            events::ended(&outcome);
            outcome
        })
    }

    fn start(job: Job<'a, S, C>, work: F) -> Result<Outcome, Failure<S, C>> {
        let Job {
            name,
            walk,
            mut checkpoints,
            options,
        } = job;
        let walk = match options.rate {
            // A second's worth: what is bunched by a chunk isn't more.
            Some(rate) => walk.chunk_size_at_most((rate.ceil() as usize).max(1)),
            None => walk,
        };
        let began = options.clock.now();
        let lease = match take_lease(&name, &mut checkpoints, &options, began)? {
            Ok(lease) => lease,
            Err(ended) => {
                return Ok(Outcome::of(
                    ended,
                    options.clock.now().saturating_sub(began),
                ));
            }
        };
        // Where scopes are transactions an earlier runner that lives on, in spite of the lease, can't commit
        // between what is loaded here and what is recorded.
        let scope = checkpoints.begin().map_err(checkpoints_failed(&name))?;
        let stored = checkpoints.load(&name).map_err(checkpoints_failed(&name))?;
        let goes_on = stored
            .as_ref()
            .filter(|stored| !(options.repeated && stored.is_done()));
        let begun = Token::new(&walk.cursor(), walk.source()).map_err(source_failed(&name))?;
        let (chunks, first) = match goes_on {
            None => (walk.chunks(), None),
            Some(stored) => resume(walk, stored, &name)?,
        };
        let now = unix_millis(options.clock.time_of_day());
        let last = stored.as_ref().map_or(0, Checkpoint::run);
        let checkpoint = match goes_on {
            // The name is that of the job that runs, whatever is stored under it. A run over a job that is
            // done records nothing.
            Some(stored) => Checkpoint {
                run: last.saturating_add(u64::from(!stored.is_done())),
                job: name,
                ..stored.clone()
            },
            None => Checkpoint {
                run: last.saturating_add(1),
                token: begun.clone(),
                begun,
                first: None,
                position: None,
                share: None,
                items: 0,
                chunks: 0,
                skipped: 0,
                started: now,
                updated: now,
                job: name,
            },
        };
        let run = Run {
            committed: chunks.cursor(),
            first,
            chunks,
            checkpoints,
            options,
            work,
            checkpoint,
            began,
            moves: 0,
            share_at_start: None,
            outcome: Outcome::of(Ended::Done, Duration::ZERO),
            delays: None,
            tries: 0,
            next_start: Duration::ZERO,
            _lease: lease,
        };
        run.go(scope)
    }
}

/// Waits for the lease where that was asked for; why the run should end, if that comes first.
fn take_lease<K, S, C: Checkpoints>(
    job: &str,
    checkpoints: &mut C,
    options: &Options<'_, K>,
    began: Duration,
) -> Result<Result<Lease, Ended>, Error<S, C::Error>> {
    loop {
        let lease = checkpoints.lease(job).map_err(checkpoints_failed(job))?;
        if let Some(lease) = lease {
            return Ok(Ok(lease));
        }
        if !options.waits {
            return Err(Error::Taken {
                job: job.to_owned(),
            });
        }
        if let Some(ended) = options.wait_for(LEASE_POLL, began) {
            return Ok(Err(ended));
        }
    }
}

/// The walk from the checkpoint on, and the first key that the job had.
#[expect(
    clippy::type_complexity,
    reason = "told apart right where it is called"
)]
fn resume<S: DurableSource, C>(
    walk: Walk<S>,
    stored: &Checkpoint,
    job: &str,
) -> Result<(Chunks<S>, Option<S::Key>), Error<S::Error, C>> {
    let read = |token: &Token| token.cursor(walk.source());
    let failed = |error| walk_failed(job, error);
    let (begun, now) = (read(&stored.begun).map_err(failed)?, walk.cursor());
    let differs = if begun.range().order() != now.range().order() {
        Some(Differs::Order)
    } else if begun.is_live() != now.is_live() {
        Some(Differs::Live)
    } else if begun.range() != now.range() {
        Some(Differs::Range)
    } else {
        None
    };
    if let Some(differs) = differs {
        let job = job.to_owned();
        return Err(Error::Resume { job, differs });
    }
    let first = stored.first.as_ref().map(read).transpose();
    let first = first
        .map_err(failed)?
        .and_then(|cursor| passed(&cursor).cloned());
    let walk = walk.resume_token(&stored.token).map_err(failed)?;
    Ok((walk.chunks(), first))
}
