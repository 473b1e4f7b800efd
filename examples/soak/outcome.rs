use std::fmt;

use crate::tally::Counts;

/// What is printed at the end.
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    /// Bytes, until a quarter of the time was over and until the end.
    pub(crate) peak_memory: (u64, u64),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        let listed = |counts: Vec<String>| counts.join(", ");
        let checks = counts.checks.iter().map(|(clause, times)| {
            let name = clause.name().split(' ').next().unwrap_or_default();
            format!("{name} {times}")
        });
        let faults = counts.faults.iter();
        let faults = faults.map(|(fault, times)| format!("{} {times}", fault.plural()));
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        let (quarter, end) = self.peak_memory;
        for violation in &counts.shown {
            writeln!(f, "violation: {violation}\n")?;
        }
        writeln!(
            f,
            "walked     {} items in {} walks",
            counts.items, counts.walks
        )?;
        writeln!(
            f,
            "beside     {} changes, in {} rounds",
            counts.changes, counts.rounds
        )?;
        writeln!(
            f,
            "checked    {} times: {}",
            counts.all_checks(),
            listed(checks.collect())
        )?;
        writeln!(f, "faults     {}", listed(faults.collect()))?;
        let (quarter, end) = (mib(quarter), mib(end));
        writeln!(
            f,
            "memory     {quarter:.1} MiB after a quarter of the time, {end:.1} MiB at most"
        )?;
        write!(
            f,
            "soak: {} walks, {} items, {} faults, {} violations",
            counts.walks,
            counts.items,
            counts.all_faults(),
            counts.violations
        )
    }
}
