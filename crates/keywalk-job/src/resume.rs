//! A job's position: read from its checkpoint at the start, and written into it.

use std::ops::Bound;

use keywalk::{Cursor, Excerpt, KeyRange, ResumableSource, Source, Token};

use crate::checkpoint::{Checkpoint, unix_millis};
use crate::control::{Control, Options};
use crate::driver::{Host, JobStore, OpenScope, Steps};
use crate::error::{Error, WalkMismatch, checkpoints_failed, unwritten, walk_failed};
use crate::parallel::PartOf;

type Failure<S, E> = Error<<S as Source>::Error, E>;

/// The state in which a run begins.
pub(crate) struct Opened<K> {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) cursor: Cursor<K>,
    /// The first key that the job had.
    pub(crate) first: Option<K>,
}

/// Loads the checkpoint and records that the run has begun, in one scope. If scopes are transactions, an
/// earlier runner that is still alive despite the lease can't commit between the two.
pub(crate) async fn open<W: Steps, St: JobStore<W::Key, W::Item>, H: Host>(
    job: &str,
    begins: &Cursor<W::Key>,
    walk: &mut W,
    store: &mut St,
    control: &mut Control<H>,
) -> Result<Opened<W::Key>, Error<W::Error, St::Error>> {
    let mut scope = store.begin().await.map_err(checkpoints_failed(job))?;
    let stored = scope.load(job).await.map_err(checkpoints_failed(job))?;
    let (source, options) = (walk.source(), &control.options);
    let of_part;
    let begins = match &options.part {
        Some(part) => {
            of_part = part_begins(stored.as_ref(), begins, source, part, job)?;
            &of_part
        }
        None if stored
            .as_ref()
            .is_some_and(|stored| stored.parallel.is_some()) =>
        {
            return Err(Error::Resume {
                job: job.to_owned(),
                differs: WalkMismatch::Workers,
            });
        }
        None => begins,
    };
    let begun = Token::new(begins, source).map_err(unwritten(job))?;
    let resumed = match &stored {
        Some(stored) if !(options.repeated && stored.is_done()) => {
            resume(stored, begins, source, options, job)?
        }
        _ => None,
    };
    let goes_on = resumed.is_some();
    let last_run = stored.as_ref().map_or(0, Checkpoint::run);
    let now = unix_millis(control.host.time_of_day());
    let mut opened = match resumed {
        Some(resumed) => resumed,
        None => Opened {
            checkpoint: Checkpoint {
                run: last_run,
                ..Checkpoint::begin(job, begun.clone(), now)
            },
            cursor: begins.clone(),
            first: None,
        },
    };
    let checkpoint = &mut opened.checkpoint;
    // The stored checkpoint may carry another name; it takes the name of the job that runs.
    job.clone_into(&mut checkpoint.job);
    // A run of a job that is done records nothing, unless the walk has changed.
    let is_done = checkpoint.finished || opened.cursor.is_done();
    if goes_on && is_done && checkpoint.begun == begun {
        return Ok(opened);
    }
    checkpoint.run = last_run.saturating_add(1);
    checkpoint.begun = begun;
    let first = opened.first.as_ref();
    checkpoint.first = match first {
        Some(first) => Some(first_token(first, begins, source).map_err(unwritten(job))?),
        None => None,
    };
    let stands = checkpoint.stand_at(&opened.cursor, first, source, control);
    stands.map_err(unwritten(job))?;
    let committed = scope.commit(checkpoint).await;
    committed.map_err(checkpoints_failed(job))?;
    Ok(opened)
}

/// Returns the state in which the run continues from the checkpoint; `None` if the walk starts over, at `begins`.
fn resume<S: ResumableSource, E>(
    stored: &Checkpoint,
    begins: &Cursor<S::Key>,
    source: &S,
    options: &Options,
    job: &str,
) -> Result<Option<Opened<S::Key>>, Failure<S, E>> {
    let read = |token: &Token| match options.adopts {
        true => token.adopt(source),
        false => token.cursor(source),
    };
    let failed = |error| walk_failed(job, error);
    let differs = mismatch(stored, begins, source, read).map_err(failed)?;
    let is_longer = match differs {
        // If the range of a bounded walk has no end, the walk ends at the key that is last when it begins. That may be
        // a later key now.
        None => {
            let is_open = !begins.is_unbounded() && begins.range().end() == Bound::Unbounded;
            options.extends && is_open && stored.is_done()
        }
        Some(WalkMismatch::Range {
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
    let mut checkpoint = stored.clone();
    if is_longer {
        cursor = extended(&cursor, begins);
        checkpoint.finished = false;
    }
    Ok(Some(Opened {
        checkpoint,
        cursor,
        first: first.and_then(|cursor| passed(&cursor).cloned()),
    }))
}

/// Returns how the walk differs from the one that the job was begun with, if it does.
pub(crate) fn mismatch<S: ResumableSource>(
    stored: &Checkpoint,
    begins: &Cursor<S::Key>,
    source: &S,
    read: impl FnOnce(&Token) -> Result<Cursor<S::Key>, keywalk::Error<S::Error>>,
) -> Result<Option<WalkMismatch>, keywalk::Error<S::Error>> {
    match read(&stored.begun) {
        Ok(begun) => Ok(differs(&begun, begins, source)),
        Err(keywalk::Error::Token(error)) => Ok(Some(match stored.begun.adopt(source) {
            Ok(_) => WalkMismatch::Relation(error),
            Err(_) => WalkMismatch::Token(error),
        })),
        Err(error) => Err(error),
    }
}

/// Returns where a part of a parallel job began. Refuses a part that isn't one of the walk.
fn part_begins<S: ResumableSource, E>(
    stored: Option<&Checkpoint>,
    walk: &Cursor<S::Key>,
    source: &S,
    part: &PartOf,
    job: &str,
) -> Result<Cursor<S::Key>, Failure<S, E>> {
    let Some(stored) = stored.filter(|stored| part.is_of(stored)) else {
        return Err(Error::WasReset {
            job: job.to_owned(),
        });
    };
    let resumed = |differs| Error::Resume {
        job: job.to_owned(),
        differs,
    };
    let begun = match stored.begun.cursor(source) {
        Ok(begun) => begun,
        Err(error) => return Err(walk_failed(job, error)),
    };
    let (was, is) = (begun.range(), walk.range());
    match () {
        () if was.order() != is.order() => Err(resumed(WalkMismatch::Order)),
        () if !is.may_contain_range(was) => Err(resumed(WalkMismatch::Range {
            begun: range_text(was, source),
            walk: range_text(is, source),
            is_longer: false,
        })),
        () => Ok(begun),
    }
}

/// Returns how a walk differs from the one that the job was begun with.
fn differs<S: ResumableSource>(
    begun: &Cursor<S::Key>,
    begins: &Cursor<S::Key>,
    source: &S,
) -> Option<WalkMismatch> {
    let (was, is) = (begun.range(), begins.range());
    if was.order() != is.order() {
        return Some(WalkMismatch::Order);
    }
    if begun.is_unbounded() != begins.is_unbounded() {
        return Some(WalkMismatch::Unbounded);
    }
    (was != is).then(|| WalkMismatch::Range {
        begun: range_text(was, source),
        walk: range_text(is, source),
        is_longer: was.start() == is.start() && is.may_contain_range(was),
    })
}

/// Returns the position of `cursor` in the longer walk `to`. `to` has the same start, and its last key hasn't been
/// fetched.
fn extended<K: Clone + PartialOrd>(cursor: &Cursor<K>, to: &Cursor<K>) -> Cursor<K> {
    match passed(cursor) {
        Some(key) => to.clone().after(key.clone()),
        None => to.clone(),
    }
}

/// Formats a range in Rust's notation, `1..9`, where that can express it.
fn range_text<S: ResumableSource>(range: &KeyRange<S::Key>, source: &S) -> String {
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

impl Checkpoint {
    /// Moves the checkpoint to `cursor`.
    pub(crate) fn stand_at<S: ResumableSource, H: Host>(
        &mut self,
        cursor: &Cursor<S::Key>,
        first: Option<&S::Key>,
        source: &S,
        control: &Control<H>,
    ) -> Result<(), keywalk::Error<S::Error>> {
        self.token = Token::new(cursor, source)?;
        self.position = position(cursor, self).map(|key| key_text(source, key));
        self.fraction = self.fraction_at(cursor, first, source, control.options.total);
        self.updated = unix_millis(control.host.time_of_day());
        Ok(())
    }

    fn fraction_at<S: ResumableSource>(
        &self,
        cursor: &Cursor<S::Key>,
        first: Option<&S::Key>,
        source: &S,
        total: Option<u64>,
    ) -> Option<f64> {
        if self.is_done() {
            return Some(1.0);
        }
        if let Some(total) = total {
            let fraction = self.items as f64 / total as f64;
            return (total > 0).then_some(fraction.min(1.0));
        }
        let (Bound::Included(last) | Bound::Excluded(last)) = cursor.range().end() else {
            return None;
        };
        source.fraction(first?, last, passed(cursor)?)
    }
}

/// Encodes a cursor after the first item. Later, only the first item's key is decoded from it.
pub(crate) fn first_token<S: ResumableSource>(
    first: &S::Key,
    cursor: &Cursor<S::Key>,
    source: &S,
) -> Result<Token, keywalk::Error<S::Error>> {
    let mut range = cursor.range().clone();
    range.start_after(first.clone());
    Token::new(&Cursor::unbounded(range), source)
}

/// Returns the key that a job has reached. Returns `None` before its first item, even if the walk starts after
/// a key.
pub(crate) fn position<'c, K>(cursor: &'c Cursor<K>, checkpoint: &Checkpoint) -> Option<&'c K> {
    (checkpoint.items > 0).then(|| passed(cursor)).flatten()
}

/// Formats a key, escaped and cut: errors, logs and status reports show it on terminals.
pub(crate) fn key_text<S: ResumableSource>(source: &S, key: &S::Key) -> String {
    const MOST_CHARS: usize = 1_000;
    Excerpt::new(&source.key_text(key), MOST_CHARS).to_string()
}

/// Returns the key after which the rest of a walk starts.
fn passed<K>(cursor: &Cursor<K>) -> Option<&K> {
    match cursor.range().start() {
        Bound::Excluded(key) => Some(key),
        Bound::Included(_) | Bound::Unbounded => None,
    }
}
