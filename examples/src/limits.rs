use std::num::NonZeroU32;
use std::time::Duration;

use keywalk::DurableSource;
use keywalk_job::{Checkpoints, Job};

/// How fast a job may be, and for how long: options of several examples.
#[derive(Clone, Debug, clap::Args)]
pub struct Limits {
    /// No more rows a second than this
    #[arg(long, value_name = "N")]
    most_per_second: Option<NonZeroU32>,
    /// Begin no chunk after this time
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u64>,
}

impl Limits {
    /// Keeps the job within them.
    pub fn limit<'a, S: DurableSource, C: Checkpoints>(
        &self,
        mut job: Job<'a, S, C>,
    ) -> Job<'a, S, C> {
        if let Some(most) = self.most_per_second {
            job = job.most_per_second(most.get().into());
        }
        if let Some(seconds) = self.deadline {
            job = job.deadline(Duration::from_secs(seconds));
        }
        job
    }
}
