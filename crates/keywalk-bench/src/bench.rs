//! Runs cases, each alternating with its floor, and collects the results.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::measure::{Fallible, Seen, cpu, median};

/// The number of alternating measurements of a way and its floor.
const PAIRS: usize = 9;

/// The result of a case.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Case {
    pub(crate) group: String,
    pub(crate) name: String,
    /// The group's documentation defines what the ratio divides.
    pub(crate) ratio: f64,
    pub(crate) target: Target,
    /// The number of items per turn.
    pub(crate) items: u64,
    /// Nanoseconds per item, if time was measured.
    pub(crate) ns_item: Option<f64>,
    /// Other figures. Their names end in the unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) figures: BTreeMap<String, f64>,
}

/// The target of a case's ratio.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// No target: the ratio is for information.
    None,
}

impl Case {
    fn is_missed(&self) -> bool {
        // Rounded to the printed hundredth: a ratio that is printed as equal to its target doesn't miss it.
        let ratio = (self.ratio * 100.0).round() / 100.0;
        match self.target {
            // Zero means exactly zero.
            Target::AtMost(0.0) => self.ratio > 0.0,
            Target::AtMost(most) => ratio > most,
            Target::AtLeast(least) => ratio < least,
            Target::None => false,
        }
    }
}

/// Prints one line.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio;
        write!(f, "{}/{} ratio=", self.group, self.name)?;
        match ratio != 0.0 && ratio.abs() < 0.01 {
            true => write!(f, "{ratio:.6}")?,
            false => write!(f, "{ratio:.2}")?,
        }
        match self.target {
            Target::AtMost(most) => write!(f, " target<={most:.2}")?,
            Target::AtLeast(least) => write!(f, " target>={least:.2}")?,
            Target::None => f.write_str(" target=none")?,
        }
        write!(f, " items={}", self.items)?;
        if let Some(ns_item) = self.ns_item {
            write!(f, " ns_item={ns_item:.1}")?;
        }
        let mut figures = self.figures.iter();
        figures.try_for_each(|(name, figure)| write!(f, " {name}={figure}"))
    }
}

/// Measures the requested cases of one group after the other.
#[derive(Debug)]
pub(crate) struct Bench {
    /// The number of items in a store, unless the group needs another number.
    pub(crate) items: u64,
    group: &'static str,
    /// The prefix of the requested cases' names.
    only: String,
    cases: Vec<Case>,
}

impl Bench {
    pub(crate) fn new(items: u64) -> Self {
        let (group, only, cases) = ("", String::new(), Vec::new());
        Bench {
            items,
            group,
            only,
            cases,
        }
    }

    /// Begins a group. Requests the cases whose names begin with `only`.
    pub(crate) fn begin(&mut self, group: &'static str, only: &str) {
        self.group = group;
        only.clone_into(&mut self.only);
    }

    /// Returns whether this case is requested.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.starts_with(&self.only)
    }

    /// Returns whether any case is requested whose name begins with `start`.
    pub(crate) fn wants_any(&self, start: &str) -> bool {
        start.starts_with(&self.only) || self.only.starts_with(start)
    }

    /// Measures the CPU time of `way` over that of `floor`, as [`turns`](Self::turns) does.
    pub(crate) fn versus(
        &mut self,
        name: impl Into<String>,
        target: Target,
        mut floor: impl FnMut() -> Fallible<Seen>,
        mut way: impl FnMut() -> Fallible<Seen>,
    ) -> Fallible<Option<f64>> {
        self.turns(name, target, || cpu(&mut floor), || cpu(&mut way))
    }

    /// Measures `way` between two turns of `floor`, nine times. A ratio divides the time of `way` by the mean time of
    /// these two turns. Records the median of the ratios and returns it, if the case is requested.
    ///
    /// A turn returns its own nanoseconds, so that it can prepare something first.
    pub(crate) fn turns(
        &mut self,
        name: impl Into<String>,
        target: Target,
        mut floor: impl FnMut() -> Fallible<(Seen, f64)>,
        mut way: impl FnMut() -> Fallible<(Seen, f64)>,
    ) -> Fallible<Option<f64>> {
        let name = name.into();
        if !self.wants(&name) {
            return Ok(None);
        }
        // Warms up, and checks that both do the same.
        let (expected, _) = floor()?;
        let mut checked = || match way()? {
            (seen, took) if seen == expected => Ok(took),
            (seen, _) => {
                Fallible::Err(format!("{name}: saw {seen:?} instead of {expected:?}").into())
            }
        };
        checked()?;
        let (_, mut before) = floor()?;
        let (mut ratios, mut times) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            let took = checked()?;
            let (_, after) = floor()?;
            ratios.push(took / ((before + after) / 2.0));
            times.push(took);
            before = after;
        }
        let (ratio, items) = (median(ratios), expected.items);
        let ns_item = median(times) / items as f64;
        self.record(name, target, ratio, items, Some(ns_item), &[])?;
        Ok(Some(ratio))
    }

    /// Records and prints a case if it is requested, however it was measured.
    pub(crate) fn record(
        &mut self,
        name: impl Into<String>,
        target: Target,
        ratio: f64,
        items: u64,
        ns_item: Option<f64>,
        figures: &[(&str, f64)],
    ) -> Fallible {
        let name = name.into();
        // A group may have to measure more cases than are requested.
        if !self.wants(&name) {
            return Ok(());
        }
        // Rounded to the thousandth, so that figures read the same everywhere.
        let rounded = |figure: f64| (figure * 1_000.0).round() / 1_000.0;
        let figures = figures
            .iter()
            .map(|(name, figure)| ((*name).to_owned(), rounded(*figure)));
        let (group, figures) = (self.group.to_owned(), figures.collect());
        let case = Case {
            group,
            name,
            ratio,
            target,
            items,
            ns_item,
            figures,
        };
        writeln!(io::stdout(), "{case}")?;
        self.cases.push(case);
        Ok(())
    }

    /// Returns the cases that miss their targets.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| case.is_missed())
    }

    pub(crate) fn write_json(&self, file: &Path) -> Fallible {
        let mut out = BufWriter::new(File::create(file)?);
        serde_json::to_writer_pretty(&mut out, &self.cases)?;
        Ok(out.flush()?)
    }
}
