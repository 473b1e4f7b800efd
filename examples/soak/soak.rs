use std::path::Path;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use keywalk_conformance::Clause;
use keywalk_examples::{PeakMemory, note};

use crate::database::{Database, Journal};
use crate::outcome::Outcome;
use crate::round::Round;
use crate::store::Store;
use crate::tally::{Counts, Tally, Violation};
use crate::tree::SledTree;
use crate::trouble::BoxError;
use keywalk_examples::Random;

const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// A store whose round takes longer hangs: a walk without end, a lock that is held.
const PATIENCE: Duration = Duration::from_secs(120);

/// Walks all stores for so long, and judges.
pub(crate) fn run(time: Duration, seed: u64, folder: &Path) -> Result<Outcome, BoxError> {
    note(format_args!("soak: seed {seed}"));
    let stop = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stop);
    ctrlc::set_handler(move || stops.store(true, Relaxed))?;
    let folder = tempfile::tempdir_in(folder)?;
    let soak = Soak {
        wal: Database::make(folder.path().join("wal.db"), Journal::Wal)?,
        rollback: Database::make(folder.path().join("rollback.db"), Journal::Rollback)?,
        tree: SledTree::make(&folder.path().join("sled"))?,
        tally: Tally::default(),
        rounds: Default::default(),
        stop: &stop,
    };
    let memory = PeakMemory::start().map_err(|error| format!("peak memory: {error}"))?;
    let mut random = Random::new(seed);
    let start = Instant::now();
    let at_quarter = thread::scope(|scope| -> Result<u64, BoxError> {
        let [wal, rollback, tree] = [(); 3].map(|()| random.fork());
        let stores = [
            scope.spawn(|| soak.rounds(&soak.wal, 0, wal)),
            scope.spawn(|| soak.rounds(&soak.rollback, 1, rollback)),
            scope.spawn(|| soak.rounds(&soak.tree, 2, tree)),
        ];
        let mut at_quarter = None;
        let mut last_line = start;
        let mut seen = [(0, start); 3];
        while !stores.iter().all(|store| store.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            if start.elapsed() >= time {
                stop.store(true, Relaxed);
            }
            if at_quarter.is_none() && start.elapsed() >= time / 4 {
                at_quarter = Some(memory.added()?);
            }
            if last_line.elapsed() >= BETWEEN_LINES {
                last_line = Instant::now();
                let seconds = start.elapsed().as_secs();
                note(format_args!("soak: {seconds} s, {}", soak.tally.counts()));
            }
            for ((seen, since), rounds) in seen.iter_mut().zip(&soak.rounds) {
                if *seen != rounds.load(Relaxed) {
                    (*seen, *since) = (rounds.load(Relaxed), Instant::now());
                }
                if since.elapsed() > PATIENCE {
                    note(format_args!(
                        "soak: a round doesn't end, {}",
                        soak.tally.counts()
                    ));
                    exit(1);
                }
            }
        }
        Ok(at_quarter.unwrap_or(memory.added()?))
    })?;
    Ok(Outcome {
        peak_memory: (at_quarter, memory.added()?),
        counts: soak.tally.counts(),
    })
}

/// The stores, and what came of them so far.
struct Soak<'s> {
    wal: Database,
    rollback: Database,
    tree: SledTree,
    tally: Tally,
    /// How many rounds are over, of each store.
    rounds: [AtomicU64; 3],
    stop: &'s AtomicBool,
}

impl Soak<'_> {
    /// Round after round over a store, until told to stop.
    fn rounds<S: Store>(&self, store: &S, number: usize, mut random: Random) {
        while !self.stop.load(Relaxed) {
            let round = self.rounds[number].fetch_add(1, Relaxed) + 1;
            let counts = Round::new(store, round, random.fork(), self.stop).run();
            self.tally.add(counts.unwrap_or_else(|error| {
                self.stop.store(true, Relaxed);
                let mut counts = Counts::default();
                counts.violation(
                    store.name(),
                    &Violation {
                        clause: Clause::Harness,
                        what: error.to_string(),
                    },
                );
                counts
            }));
        }
    }
}
