use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use keywalk::DurableSource;
use keywalk_job::{Checkpoints, Job};

use crate::note;

const ITEMS_PER_LINE: u64 = 100_000;

/// Shows a job's progress on stderr: a bar on a terminal, plain lines otherwise.
pub fn show_progress<'a, S: DurableSource, C: Checkpoints>(
    job: Job<'a, S, C>,
    what: &'static str,
) -> Job<'a, S, C> {
    if std::io::stderr().is_terminal() {
        let bar = ProgressBar::no_length().with_prefix(what);
        // The template is fixed; should it not parse, the default style does.
        if let Ok(style) =
            ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {msg}, {eta} left")
        {
            bar.set_style(style);
        }
        return job.bar(bar);
    }
    let mut next_line = ITEMS_PER_LINE;
    job.on_progress(move |progress| {
        if progress.items_of_run() < next_line {
            return;
        }
        next_line = (progress.items_of_run() / ITEMS_PER_LINE + 1) * ITEMS_PER_LINE;
        note(format_args!("{what}: {progress}"));
    })
}
