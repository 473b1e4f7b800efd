use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use keywalk_examples::note;

/// A bar on a terminal, plain lines otherwise; on stderr.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: Option<u64>,
    next_line: u64,
}

const ROWS_PER_LINE: u64 = 100_000;

impl Progress {
    /// `total` is the number of rows, if that is known without counting them.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, template) = match total {
                Some(total) => (
                    ProgressBar::new(total),
                    "{msg} {wide_bar} {human_pos} of {human_len} rows, {eta} left",
                ),
                None => (
                    ProgressBar::new_spinner(),
                    "{msg} {spinner} {human_pos} rows in {elapsed}",
                ),
            };
            // The template is fixed; should it not parse, the default style does.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.with_message(what)
        });
        Progress {
            bar,
            what,
            total,
            next_line: ROWS_PER_LINE,
        }
    }

    pub(crate) fn set(&mut self, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(rows);
        } else if rows >= self.next_line {
            match self.total {
                Some(total) => note(format_args!("{}: {rows} of {total} rows", self.what)),
                None => note(format_args!("{}: {rows} rows", self.what)),
            }
            self.next_line = (rows / ROWS_PER_LINE + 1) * ROWS_PER_LINE;
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
