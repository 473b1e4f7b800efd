use indicatif::ProgressBar;
use keywalk::{ChunkSource, ResumableSource};

use crate::outcome::Items;
use crate::{Job, Progress};

/// The length of a bar whose items aren't counted.
const PARTS: u64 = 10_000;

impl<'a, S: ChunkSource + ResumableSource, C: crate::Checkpoints> Job<'a, S, C> {
    /// Shows the progress on this bar: of the items, if their [total](Self::total) is told, otherwise by
    /// the share that is done, in ten-thousandths. Where neither can be told it counts items, without an
    /// end. The bar's message is the number of items, and of those that were skipped.
    ///
    /// With the feature `indicatif`.
    pub fn bar(self, bar: ProgressBar) -> Self {
        self.on_progress(move |progress| show(&bar, progress))
    }
}

fn show<K>(bar: &ProgressBar, progress: &Progress<'_, K>) {
    match (progress.total(), progress.share()) {
        (Some(total), _) => {
            bar.set_length(total);
            bar.set_position(progress.items());
        }
        (None, Some(share)) => {
            bar.set_length(PARTS);
            bar.set_position((share * PARTS as f64) as u64);
        }
        (None, None) => bar.set_position(progress.items()),
    }
    bar.set_message(Items(progress.items(), progress.skipped()).to_string());
    if progress.is_done() {
        bar.finish();
    }
}
