use std::time::Duration;

use keywalk::DurableSource;

use super::{Failure, Run, position, source_failed};
use crate::checkpoint::milliseconds;
use crate::events;
use crate::{BoxError, Checkpoint, Checkpoints, Ended, Error, Job, Outcome};

const LEASE_POLL: Duration = Duration::from_millis(50);

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: DurableSource,
    C: Checkpoints,
    F: FnMut(&C::Scope, &[S::Item]) -> Result<(), BoxError>,
{
    pub(crate) fn of(job: Job<'a, S, C>, work: F) -> Result<Outcome, Failure<S, C>> {
        let Job {
            name,
            walk,
            mut checkpoints,
            options,
        } = job;
        let began = options.clock.now();
        let mut outcome = Outcome {
            ended: Ended::Done,
            items: 0,
            chunks: 0,
            skipped: 0,
            retries: 0,
            elapsed: Duration::ZERO,
            checkpoint: None,
        };
        let lease = loop {
            match checkpoints.lease(&name).map_err(Error::Checkpoints)? {
                Some(lease) => break lease,
                None if !options.waits => return Err(Error::Taken { job: name }),
                None => {
                    if let Some(ended) = options.wait_for(LEASE_POLL, began) {
                        outcome.ended = ended;
                        outcome.elapsed = options.clock.now().saturating_sub(began);
                        return Ok(outcome);
                    }
                }
            }
        };
        let stored = checkpoints.load(&name).map_err(Error::Checkpoints)?;
        let run = stored.as_ref().map_or(0, Checkpoint::run) + 1;
        let goes_on = stored.filter(|stored| !(options.repeated && stored.is_done()));
        let resumed = match &goes_on {
            None => Ok((walk.chunks(), None)),
            Some(stored) => walk.resume_token(&stored.token).and_then(|walk| {
                let chunks = walk.chunks();
                let first = stored
                    .first
                    .as_ref()
                    .map(|token| token.cursor(chunks.source()));
                Ok((chunks, first.transpose()?))
            }),
        };
        let (chunks, first) = resumed.map_err(|error| Error::Resume {
            job: name.clone(),
            error,
        })?;
        let now = milliseconds(options.clock.time_of_day());
        let checkpoint = match goes_on {
            Some(stored) => Checkpoint { run, ..stored },
            None => Checkpoint {
                run,
                token: chunks.token().map_err(source_failed)?,
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
        let mut run = Run {
            committed: chunks.cursor(),
            first: first.and_then(|cursor| position(&cursor).cloned()),
            chunks,
            checkpoints,
            options,
            work,
            checkpoint,
            began,
            moves: 0,
            share_at_start: None,
            outcome,
            delays: None,
            _lease: lease,
        };
        let span = events::run(&run.checkpoint);
        let ended = span.in_scope(|| run.go());
        events::ended(&ended);
        let ended = ended?;
        Ok(Outcome {
            ended,
            elapsed: run.options.clock.now().saturating_sub(began),
            checkpoint: Some(run.checkpoint),
            ..run.outcome
        })
    }
}
