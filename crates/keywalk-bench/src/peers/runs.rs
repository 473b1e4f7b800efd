use std::path::Path;

use crate::Fallible;
use crate::peers::measured::{self, Usage};
use crate::peers::peer::Peer;
use crate::time::median;

/// A process that walked the table.
#[derive(Debug)]
pub(crate) struct Run {
    /// What it printed: equal if it did the same work.
    pub(crate) seen: String,
    pub(crate) usage: Usage,
}

impl Run {
    pub(crate) fn of(peer: &Peer, file: &Path) -> Fallible<Self> {
        let command = peer.program.command(peer.way, file)?;
        let (seen, usage) = measured::run(&command)?;
        Ok(Run { seen, usage })
    }
}

/// All rounds of a peer; what is asked of them are medians.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) peer: &'static Peer,
    /// Whether a process of it failed: it isn't run again.
    pub(crate) has_failed: bool,
    usages: Vec<Usage>,
    ratios: Vec<f64>,
}

impl Runs {
    pub(crate) fn of(peer: &'static Peer) -> Self {
        Runs {
            peer,
            has_failed: false,
            usages: Vec::new(),
            ratios: Vec::new(),
        }
    }

    /// A round, in which what it is compared with took so many seconds of CPU time.
    pub(crate) fn push(&mut self, usage: Usage, floor: f64) {
        self.ratios.push(usage.cpu / floor);
        self.usages.push(usage);
    }

    pub(crate) fn ratio(&self) -> f64 {
        median(self.ratios.clone())
    }

    /// The lowest and the highest.
    pub(crate) fn ratios(&self) -> (f64, f64) {
        let ratios = self.ratios.iter().copied();
        (
            ratios.clone().fold(f64::INFINITY, f64::min),
            ratios.fold(0.0, f64::max),
        )
    }

    pub(crate) fn cpu(&self) -> f64 {
        self.median_of(|usage| usage.cpu)
    }

    pub(crate) fn wall(&self) -> f64 {
        self.median_of(|usage| usage.wall)
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        self.median_of(|usage| usage.peak as f64 / f64::from(1 << 20))
    }

    fn median_of(&self, number: impl Fn(&Usage) -> f64) -> f64 {
        median(self.usages.iter().map(number).collect())
    }
}
