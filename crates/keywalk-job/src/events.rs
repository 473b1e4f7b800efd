//! The events that a run sends to `tracing`, with that feature; nothing without it.

use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::dead_letter::DeadLetter;
use crate::error::Error;
use crate::outcome::Outcome;

/// A run's span. Without the feature it does nothing.
pub(crate) struct Span {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Span {
    pub(crate) fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        return self.span.in_scope(f);
        #[cfg(not(feature = "tracing"))]
        f()
    }

    /// Enters the span whenever the future is polled.
    #[cfg(feature = "async")]
    pub(crate) async fn around<F: Future>(self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| self.in_scope(|| future.as_mut().poll(context))).await
    }
}

#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($level:ident, $($field:ident = $value:expr,)* $message:literal) => {{
        $(let _ = &$value;)*
    }};
}

#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $($field:ident = $value:expr,)* $message:literal) => {
        tracing::$level!($($field = $value,)* $message)
    };
}

pub(crate) fn run(job: &str) -> Span {
    #[cfg(not(feature = "tracing"))]
    let _ = job;
    Span {
        #[cfg(feature = "tracing")]
        span: tracing::info_span!("job", name = job),
    }
}

pub(crate) fn chunk(checkpoint: &Checkpoint, items: usize, skipped: u64) {
    event!(
        debug,
        items = items,
        skipped = skipped,
        position = checkpoint.position(),
        "a chunk is done"
    );
}

pub(crate) fn tried(checkpoint: &Checkpoint, items: usize, delay: Duration) {
    event!(
        warn,
        items = items,
        after = checkpoint.position(),
        delay = delay.as_secs_f64(),
        "a chunk failed and is tried again"
    );
}

pub(crate) fn checkpoints_tried(job: &str, error: &impl std::error::Error, delay: Duration) {
    event!(
        warn,
        job = job,
        error = error.to_string(),
        delay = delay.as_secs_f64(),
        "the checkpoints failed and are tried again"
    );
}

pub(crate) fn buried(letter: &DeadLetter<'_>) {
    event!(
        warn,
        key = letter.key(),
        error = letter.error_text(),
        "an item failed and is skipped"
    );
}

pub(crate) fn ended<S, C>(outcome: &Result<Outcome, Error<S, C>>) {
    let why = match outcome {
        Ok(outcome) => {
            let ended = format!("{:?}", outcome.stop_reason());
            return event!(
                info,
                ended = ended,
                items = outcome.items(),
                skipped = outcome.skipped(),
                "the run ended"
            );
        }
        Err(Error::Work { error, .. }) => error.to_string(),
        Err(Error::SkipLimit { .. }) => "too many items failed".to_owned(),
        Err(Error::CheckpointStore { .. }) => "the checkpoint can't be read or written".to_owned(),
        Err(Error::Resume { .. }) => "the checkpoint isn't of this walk".to_owned(),
        Err(Error::Walk { .. }) => "the walk failed".to_owned(),
        Err(Error::AlreadyRunning { .. }) => "another runner has the job".to_owned(),
        Err(Error::InvalidNext { .. }) => "it counted items that it doesn't have".to_owned(),
        Err(Error::NotParallel { .. }) => "an option is only for a job without workers".to_owned(),
        Err(Error::WasReset { .. }) => "the job was reset or started over".to_owned(),
        Err(Error::Suspended { .. }) => "it waited where it can't".to_owned(),
    };
    event!(error, error = why, "the run failed");
}
