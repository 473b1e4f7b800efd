//! The table of all walks, which prints and checks their figures.

use keywalk::Order;

use crate::heap::Usage;
use crate::stores::Filled;

/// Prints one line per walk, and stops at a walk that breaks a rule.
#[derive(Debug)]
pub(crate) struct Report {
    wanted: Vec<String>,
    /// The rule and the store of the next lines.
    heading: String,
    store: String,
}

/// A line of the report.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) way: &'static str,
    /// The order of the walk, and its chunk size.
    pub(crate) order: (Order, usize),
    /// The numbers of items and fetches.
    pub(crate) counts: (u64, u64),
    pub(crate) usage: Usage,
}

impl Report {
    /// Makes a report of the stores and rules whose names contain one of the arguments before the first option, or of
    /// all without arguments.
    pub(crate) fn new(args: impl Iterator<Item = String>) -> Self {
        println!(
            "{:<32} {:<10} {:<10} {:>5} {:>9} {:>7} {:>10} {:>11}",
            "store", "way", "order", "chunk", "items", "fetches", "peak bytes", "allocations"
        );
        Report {
            wanted: args.take_while(|arg| !arg.starts_with('-')).collect(),
            heading: String::new(),
            store: String::new(),
        }
    }

    /// Returns whether this store is tested by this rule.
    pub(crate) fn starts<S: Filled>(&mut self, rule: &str) -> bool {
        self.store = S::name();
        self.heading = format!("{}: {rule}", self.store);
        let identifier = self.heading.replace([' ', ','], "_");
        let is_named = |part: &String| self.heading.contains(part) || identifier.contains(part);
        self.wanted.is_empty() || self.wanted.iter().any(is_named)
    }

    /// Prints a line, and panics if it breaks one of the rules.
    pub(crate) fn line(&self, walked: &Walked, rules: &[(bool, String)]) {
        let Walked { way, usage, .. } = walked;
        let ((order, chunk), (items, fetches)) = (walked.order, walked.counts);
        let line = format!(
            "{:<32} {way:<10} {:<10} {chunk:>5} {items:>9} {fetches:>7} {:>10} {:>11}",
            self.store,
            format!("{order:?}"),
            usage.peak,
            usage.allocations,
        );
        println!("{line}");
        for (holds, rule) in rules {
            assert!(holds, "{}\n{line}\n{rule}", self.heading);
        }
    }
}
