use std::ops::Bound;
use std::time::Duration;

use keywalk::{ChunkSource, Cursor, KeyRange, ResumableSource, Token};

use super::{
    Failure, Run, checkpoints_failed, first_token, key_text, passed, source_failed, walk_failed,
};
use crate::events;
use crate::options::Options;
use crate::{
    BoxError, Checkpoint, Checkpoints, Differs, Ended, Error, Job, Lease, Outcome, unix_millis,
};

const LEASE_POLL: Duration = Duration::from_millis(50);

impl<'a, S, C, F> Run<'a, S, C, F>
where
    S: ChunkSource + ResumableSource,
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
            mut options,
        } = job;
        let walk = match options.rate {
            // A second's worth: what is bunched by a chunk isn't more.
            Some(rate) => walk.chunk_size_at_most((rate.ceil() as usize).max(1)),
            None => walk,
        };
        let began = options.clock.now();
        let mut outcome = Outcome::of(Ended::Done, Duration::ZERO);
        let ends = |ended, outcome, options: &Options<'_, S::Key>| {
            Ok(Outcome {
                ended,
                elapsed: options.clock.now().saturating_sub(began),
                ..outcome
            })
        };
        let retries = &mut outcome.retries;
        let lease = match take_lease(&name, &mut checkpoints, &mut options, began, retries)? {
            Ok(lease) => lease,
            Err(ended) => return ends(ended, outcome, &options),
        };
        let begins = walk.cursor();
        let mut chunks = walk.chunks();
        let opened = loop {
            let opened = open(&name, &begins, chunks.source(), &mut checkpoints, &options);
            let error = match opened {
                Ok(opened) => break opened,
                Err(error) => error,
            };
            let delay = options.delay_for_checkpoints(&checkpoints, error)?;
            outcome.retries += 1;
            if let Some(ended) = options.wait_for(delay, began) {
                return ends(ended, outcome, &options);
            }
        };
        options.checkpoints_worked();
        // A walk that contradicts its own cursor is to say so.
        if opened.cursor != begins {
            chunks.seek(opened.cursor.clone());
        }
        let run = Run {
            share_at_start: opened.checkpoint.share.unwrap_or(0.0),
            checkpoint: opened.checkpoint,
            committed: opened.cursor,
            first: opened.first,
            chunks,
            checkpoints,
            options,
            work,
            began,
            moves: 0,
            outcome,
            tries: None,
            next_start: Duration::ZERO,
            _lease: lease,
        };
        run.go()
    }
}

/// Waits for the lease where that was asked for; why the run should end, if that comes first.
fn take_lease<K, S, C: Checkpoints>(
    job: &str,
    checkpoints: &mut C,
    options: &mut Options<'_, K>,
    began: Duration,
    retries: &mut u64,
) -> Result<Result<Lease, Ended>, Error<S, C::Error>> {
    loop {
        let lease = checkpoints.lease(job).map_err(checkpoints_failed(job));
        let delay = match lease {
            Ok(Some(lease)) => return Ok(Ok(lease)),
            Ok(None) if options.waits => LEASE_POLL,
            Ok(None) => {
                return Err(Error::Taken {
                    job: job.to_owned(),
                });
            }
            Err(error) => {
                let delay = options.delay_for_checkpoints(checkpoints, error)?;
                *retries += 1;
                delay
            }
        };
        if let Some(ended) = options.wait_for(delay, began) {
            return Ok(Err(ended));
        }
    }
}

/// Where a run begins.
struct Opened<K> {
    checkpoint: Checkpoint,
    cursor: Cursor<K>,
    /// The first key that the job had.
    first: Option<K>,
}

/// Loads the checkpoint and records that the run has begun, in one scope: where scopes are transactions an
/// earlier runner that lives on, in spite of the lease, can't commit between the two.
fn open<S: ChunkSource + ResumableSource, C: Checkpoints>(
    job: &str,
    begins: &Cursor<S::Key>,
    source: &S,
    checkpoints: &mut C,
    options: &Options<'_, S::Key>,
) -> Result<Opened<S::Key>, Failure<S, C>> {
    let scope = checkpoints.begin().map_err(checkpoints_failed(job))?;
    let stored = checkpoints.load(job).map_err(checkpoints_failed(job))?;
    let begun = Token::new(begins, source).map_err(source_failed(job))?;
    let resumed = match &stored {
        Some(stored) if !(options.repeated && stored.is_done()) => {
            resume::<S, C>(stored, begins, source, options, job)?
        }
        _ => None,
    };
    let goes_on = resumed.is_some();
    let last_run = stored.as_ref().map_or(0, Checkpoint::run);
    let now = unix_millis(options.clock.time_of_day());
    let mut opened = match resumed {
        Some(resumed) => resumed,
        None => Opened {
            checkpoint: Checkpoint {
                run: last_run,
                token: begun.clone(),
                begun: begun.clone(),
                first: None,
                position: None,
                share: None,
                items: 0,
                chunks: 0,
                skipped: 0,
                started: now,
                updated: now,
                job: job.to_owned(),
            },
            cursor: begins.clone(),
            first: None,
        },
    };
    let checkpoint = &mut opened.checkpoint;
    // The name is that of the job that runs, whatever is stored under it.
    job.clone_into(&mut checkpoint.job);
    // A run over a job that is done records nothing, unless it is of another walk now.
    if goes_on && opened.cursor.is_done() && checkpoint.begun == begun {
        return Ok(opened);
    }
    checkpoint.run = last_run.saturating_add(1);
    checkpoint.begun = begun;
    let first = opened.first.as_ref();
    checkpoint.first = match first {
        Some(first) => Some(first_token(first, begins, source).map_err(source_failed(job))?),
        None => None,
    };
    let stands = checkpoint.stand_at(&opened.cursor, first, source, options);
    stands.map_err(source_failed(job))?;
    let committed = checkpoints.commit(scope, checkpoint);
    committed.map_err(checkpoints_failed(job))?;
    Ok(opened)
}

/// Where a walk that begins at `begins` goes on by the checkpoint; `None` where it starts over.
fn resume<S: ChunkSource + ResumableSource, C: Checkpoints>(
    stored: &Checkpoint,
    begins: &Cursor<S::Key>,
    source: &S,
    options: &Options<'_, S::Key>,
    job: &str,
) -> Result<Option<Opened<S::Key>>, Failure<S, C>> {
    let read = |token: &Token| match options.adopts {
        true => token.adopt(source),
        false => token.cursor(source),
    };
    let failed = |error| walk_failed(job, error);
    let differs = match read(&stored.begun) {
        Ok(begun) => differs(&begun, begins, source),
        Err(keywalk::Error::Token(error)) => Some(match stored.begun.adopt(source) {
            Ok(_) => Differs::Relation(error),
            Err(_) => Differs::Token(error),
        }),
        Err(error) => return Err(failed(error)),
    };
    let is_longer = match differs {
        None => false,
        Some(Differs::Range {
            is_longer: true, ..
        }) if options.extends => true,
        Some(_) if options.restarts => return Ok(None),
        Some(differs) => {
            let job = job.to_owned();
            return Err(Error::Resume { job, differs });
        }
    };
    let first = stored.first.as_ref().map(read).transpose();
    let first = first.map_err(failed)?;
    let mut cursor = read(&stored.token).map_err(failed)?;
    if is_longer {
        cursor = extended(&cursor, begins);
    }
    Ok(Some(Opened {
        checkpoint: stored.clone(),
        cursor,
        first: first.and_then(|cursor| passed(&cursor).cloned()),
    }))
}

/// What is another in a walk than in the one that the job was begun with.
fn differs<S: ChunkSource + ResumableSource>(
    begun: &Cursor<S::Key>,
    begins: &Cursor<S::Key>,
    source: &S,
) -> Option<Differs> {
    let (was, is) = (begun.range(), begins.range());
    if was.order() != is.order() {
        return Some(Differs::Order);
    }
    if begun.is_live() != begins.is_live() {
        return Some(Differs::Live);
    }
    (was != is).then(|| Differs::Range {
        begun: range_text(was, source),
        walk: range_text(is, source),
        is_longer: was.near() == is.near() && is.may_enclose(was),
    })
}

/// From `cursor` on, up to the end of a walk that begins as its own did, whose last key hasn't been asked for.
fn extended<K: Clone + PartialOrd>(cursor: &Cursor<K>, to: &Cursor<K>) -> Cursor<K> {
    match passed(cursor) {
        Some(key) => to.clone().after(key.clone()),
        None => to.clone(),
    }
}

/// As Rust writes it, `1..9`, where it can.
fn range_text<S: ChunkSource + ResumableSource>(range: &KeyRange<S::Key>, source: &S) -> String {
    let lower = match range.lower() {
        Bound::Unbounded => String::new(),
        Bound::Included(key) => key_text(source, key),
        Bound::Excluded(key) => format!("after {}", key_text(source, key)),
    };
    let upper = match range.upper() {
        Bound::Unbounded => String::new(),
        Bound::Included(key) => format!("={}", key_text(source, key)),
        Bound::Excluded(key) => key_text(source, key),
    };
    format!("{lower}..{upper}")
}
