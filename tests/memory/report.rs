//! The table of all walks.

use std::process::ExitCode;

use keywalk::Order;

use crate::heap::Usage;
use crate::stores::{BoxError, Filled};

/// Prints a line for each walk, and keeps which ones broke a rule.
#[derive(Debug)]
pub(crate) struct Report {
    wanted: Vec<String>,
    /// The rule and the store of the lines to come.
    heading: String,
    store: String,
    walks: usize,
    broken: Vec<String>,
}

/// A line.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) way: &'static str,
    /// And the size of its chunks.
    pub(crate) order: (Order, usize),
    /// Items and fetches.
    pub(crate) counts: (u64, u64),
    pub(crate) usage: Usage,
}

impl Report {
    /// Of the stores and rules whose names contain one of the arguments before the first option, or
    /// of all if there is none.
    pub(crate) fn new(args: impl Iterator<Item = String>) -> Self {
        println!(
            "{:<32} {:<10} {:<10} {:>5} {:>9} {:>7} {:>10} {:>11}",
            "store", "way", "order", "chunk", "items", "fetches", "peak bytes", "allocations"
        );
        Report {
            wanted: args.take_while(|arg| !arg.starts_with('-')).collect(),
            heading: String::new(),
            store: String::new(),
            walks: 0,
            broken: Vec::new(),
        }
    }

    /// Whether this store is to be tried by this rule.
    pub(crate) fn starts<S: Filled>(&mut self, rule: &str) -> bool {
        self.store = S::name();
        self.heading = format!("{}: {rule}", self.store);
        let identifier = self.heading.replace([' ', ','], "_");
        let is_named = |part: &String| self.heading.contains(part) || identifier.contains(part);
        self.wanted.is_empty() || self.wanted.iter().any(is_named)
    }

    /// Prints a line, and which of the rules it breaks, if one.
    pub(crate) fn line(&mut self, walked: &Walked, rules: &[(bool, String)]) {
        let broken = rules.iter().find(|(holds, _)| !holds);
        let Walked { way, usage, .. } = walked;
        let ((order, chunk), (items, fetches)) = (walked.order, walked.counts);
        let line = format!(
            "{:<32} {way:<10} {:<10} {chunk:>5} {items:>9} {fetches:>7} {:>10} {:>11}",
            self.store,
            format!("{order:?}"),
            usage.peak,
            usage.allocations,
        );
        self.walks += 1;
        let Some((_, reason)) = broken else {
            println!("{line}");
            return;
        };
        println!("{line}  BROKEN: {reason}");
        let heading = &self.heading;
        self.broken.push(format!("{heading}\n{line}\n{reason}"));
    }

    /// Says once more what is broken, and what ended the walks early.
    pub(crate) fn finish(mut self, end: Result<(), BoxError>) -> ExitCode {
        if let Err(error) = end {
            let mut entry = format!("{}\n{error}", self.heading);
            let mut cause = error.source();
            while let Some(error) = cause {
                entry = format!("{entry}: {error}");
                cause = error.source();
            }
            self.broken.push(entry);
        }
        let Report { walks, broken, .. } = self;
        println!("{walks} walks, {} broken rules", broken.len());
        for entry in &broken {
            eprintln!("\n{entry}");
        }
        if broken.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
