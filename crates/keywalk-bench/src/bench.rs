use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::Fallible;
use crate::case::{Case, Target};
use crate::figures::Figures;
use crate::group::Group;
use crate::pairs::{Measured, measure, timed};
use crate::seen::Seen;

/// Runs cases and keeps what came of them.
#[derive(Debug)]
pub(crate) struct Bench {
    items: u64,
    group: &'static str,
    /// With what a case's name has to begin.
    only: String,
    cases: Vec<Case>,
}

/// Which time a ratio is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Cpu,
    Wall,
}

impl Bench {
    pub(crate) fn new(items: u64) -> Self {
        Bench {
            items,
            group: "",
            only: String::new(),
            cases: Vec::new(),
        }
    }

    /// Runs the cases of a group whose names begin with `only`.
    pub(crate) fn run(&mut self, group: &Group, only: &str) -> Fallible {
        self.group = group.name;
        only.clone_into(&mut self.only);
        (group.run)(self)
    }

    /// Whether this case is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.starts_with(&self.only)
    }

    /// Whether any case that begins so is to be measured.
    pub(crate) fn wants_any(&self, start: &str) -> bool {
        start.starts_with(&self.only) || self.only.starts_with(start)
    }

    /// How many items a store is to have, unless the group has a reason for another number.
    pub(crate) fn items(&self) -> u64 {
        self.items
    }

    /// Measures `way` between two turns of `floor`, nine times, and records the median of its CPU time
    /// over the mean of those two. Answers it; not a number if the case isn't wanted.
    pub(crate) fn versus(
        &mut self,
        name: impl Into<String>,
        target: Target,
        floor: impl FnMut() -> Fallible<Seen>,
        way: impl FnMut() -> Fallible<Seen>,
    ) -> Fallible<f64> {
        self.versus_of(Of::Cpu, name, target, floor, way)
    }

    /// As [`versus`](Self::versus), by either time.
    pub(crate) fn versus_of(
        &mut self,
        of: Of,
        name: impl Into<String>,
        target: Target,
        mut floor: impl FnMut() -> Fallible<Seen>,
        mut way: impl FnMut() -> Fallible<Seen>,
    ) -> Fallible<f64> {
        let name = name.into();
        if !self.wants(&name) {
            return Ok(f64::NAN);
        }
        let (floor, way) = (|| timed(&mut floor), || timed(&mut way));
        let Measured {
            ratio,
            items,
            ns_item,
            ..
        } = measure(of, &name, floor, way)?;
        self.record(name, ratio, target, items, ns_item)?;
        Ok(ratio)
    }

    /// Records and prints a case of the group that runs, measured in whatever way.
    pub(crate) fn record(
        &mut self,
        name: impl Into<String>,
        ratio: f64,
        target: Target,
        items: u64,
        ns_item: f64,
    ) -> Fallible {
        self.record_with(name, ratio, target, items, ns_item, Figures::default())
    }

    /// As [`record`](Self::record), with what else there is to know of it.
    pub(crate) fn record_with(
        &mut self,
        name: impl Into<String>,
        ratio: f64,
        target: Target,
        items: u64,
        ns_item: f64,
        figures: Figures,
    ) -> Fallible {
        let name = name.into();
        // A group may have to measure more than what is wanted.
        if !self.wants(&name) {
            return Ok(());
        }
        let case = Case {
            group: self.group,
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

    /// The cases that don't reach their target.
    pub(crate) fn missed(&self) -> Vec<&Case> {
        self.cases.iter().filter(|case| case.is_missed()).collect()
    }

    pub(crate) fn write_json(&self, file: &Path) -> Fallible {
        let mut out = BufWriter::new(File::create(file)?);
        serde_json::to_writer_pretty(&mut out, &self.cases)?;
        Ok(out.flush()?)
    }
}
