use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use keywalk_conformance::Clause;

use crate::trouble::Fault;

/// What was done so far, and what came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rounds: u64,
    pub(crate) walks: u64,
    pub(crate) items: u64,
    pub(crate) changes: u64,
    pub(crate) checks: BTreeMap<Clause, u64>,
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) violations: u64,
    /// The first ones.
    pub(crate) shown: Vec<String>,
}

/// What a walk broke.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) clause: Clause,
    /// And where, with a line for each thing that happened.
    pub(crate) what: String,
}

/// So many are printed.
const MOST_SHOWN: usize = 5;

impl Counts {
    pub(crate) fn checked(&mut self, clause: Clause, times: u64) {
        *self.checks.entry(clause).or_default() += times;
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn violation(&mut self, store: &str, violation: &Violation) {
        self.violations += 1;
        if self.shown.len() < MOST_SHOWN {
            let Violation { clause, what } = violation;
            self.shown.push(format!("{store}: {what}\n  {clause}"));
        }
    }

    pub(crate) fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }

    pub(crate) fn all_checks(&self) -> u64 {
        self.checks.values().sum()
    }

    pub(crate) fn add(&mut self, other: Counts) {
        self.rounds += other.rounds;
        self.walks += other.walks;
        self.items += other.items;
        self.changes += other.changes;
        self.violations += other.violations;
        for (clause, times) in other.checks {
            self.checked(clause, times);
        }
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.shown.extend(other.shown);
        self.shown.truncate(MOST_SHOWN);
    }
}

/// The counts of all stores.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

impl Tally {
    pub(crate) fn add(&self, counts: Counts) {
        self.lock().add(counts);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Whoever panicked while adding left nothing that matters half done.
    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A progress line.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds, {} walks, {} items, {} changes, {} faults, {} violations",
            self.rounds,
            self.walks,
            self.items,
            self.changes,
            self.all_faults(),
            self.violations
        )
    }
}
