use plotters::chart::SeriesLabelPosition;

use super::chart::{Axis, Chart};
use super::line::{Line, Look};
use super::measured::Measured;
use crate::Fallible;

/// Memory over the size of a table.
pub(super) fn chart(measured: &Measured) -> Fallible<Chart> {
    let line = |name, look, way, figure| -> Fallible<Line> {
        let points = measured.figures("memory_peak", "rows_", way, figure)?;
        Ok(Line { name, look, points })
    };
    Ok(Chart {
        file: "memory.svg",
        title: "Peak memory of one pass over a SQLite table",
        description: "All rows in a Vec take memory that grows with the table, up to hundreds of megabytes for a \
                      million rows. A walk by keywalk and one open cursor stay at a few megabytes, whatever the \
                      table's size.",
        x: Axis {
            name: "rows in the table, of about 600 bytes each",
            from: 800.0,
            to: 1_250_000.0,
            ticks: &[1_000.0, 10_000.0, 100_000.0, 1_000_000.0],
        },
        y: Axis {
            name: "megabytes at the peak",
            from: 0.2,
            to: 2_000.0,
            ticks: &[1.0, 10.0, 100.0, 1_000.0],
        },
        lines: vec![
            line("all rows in a Vec", Look::Vermilion, "all", "peak_mb")?,
            line("keywalk, chunks of 512", Look::Blue, "lent_512", "peak_mb")?,
            line("one open cursor", Look::Black, "lent_512", "floor_mb")?,
        ],
        legend: SeriesLabelPosition::UpperLeft,
        at: None,
    })
}
