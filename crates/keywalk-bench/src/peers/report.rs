use std::error::Error;
use std::io::{self, Write};

use crate::Fallible;
use crate::peers::machine::machine;
use crate::peers::program::Program;
use crate::peers::runs::Runs;

/// The table for the README of the peers, in Markdown, and what one has to know of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    missing: Vec<String>,
}

impl Report {
    pub(crate) fn row(&mut self, runs: &Runs, ratio: f64) {
        let title = runs.peer.title;
        let (cpu, wall, peak) = (runs.cpu(), runs.wall(), runs.peak_mib());
        let decimals = if ratio < 10.0 { 2 } else { 0 };
        self.rows.push(format!(
            "| {title} | {cpu:.2} | {ratio:.decimals$} | {wall:.2} | {peak:.0} |"
        ));
    }

    /// Says at once that something couldn't be built or run, and again at the end.
    pub(crate) fn is_missing(&mut self, name: &str, error: Box<dyn Error>) {
        let line = format!("{name} isn't there: {error}");
        eprintln!("{line}");
        self.missing.push(line);
    }

    pub(crate) fn print(&self, there: &[Program]) -> Fallible {
        let mut out = io::stdout();
        writeln!(
            out,
            "\n| | CPU s | Ratio | Wall s | Peak MiB |\n|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            writeln!(out, "{row}")?;
        }
        let versions: Vec<String> = there
            .iter()
            .map(|program| match program.versions() {
                Ok(versions) => versions,
                Err(error) => format!("{} ({error})", program.name()),
            })
            .collect();
        writeln!(out, "\n{}; {}.", machine()?, versions.join(", "))?;
        for line in &self.missing {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
        Ok(())
    }
}
