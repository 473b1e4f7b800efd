use plotters::chart::SeriesLabelPosition;

use super::chart::{Axis, Chart};
use super::line::{Line, Look};
use super::measured::Measured;
use crate::Fallible;

/// What an item costs over the size of a chunk.
pub(super) fn chart(measured: &Measured) -> Fallible<Chart> {
    let line = |name, look, group, start| -> Fallible<Line> {
        let points = measured.ratios(group, start)?;
        Ok(Line { name, look, points })
    };
    Ok(Chart {
        file: "chunk_size.svg",
        title: "What an item costs, by the size of a chunk",
        description: "In chunks of one item a walk costs several times what the store's own open cursor or \
                      iterator costs; from a hundred items a chunk on it costs about the same.",
        x: Axis {
            name: "items in a chunk",
            from: 0.8,
            to: 12_500.0,
            ticks: &[1.0, 10.0, 100.0, 1_000.0, 10_000.0],
        },
        y: Axis {
            name: "times the CPU time of one open cursor",
            from: 0.7,
            to: 12.0,
            ticks: &[1.0, 2.0, 5.0, 10.0],
        },
        lines: vec![
            line(
                "SQLite, item by item",
                Look::Vermilion,
                "sqlite",
                "integer/items_",
            )?,
            line(
                "SQLite, rows borrowed",
                Look::Green,
                "sqlite",
                "integer/visit_",
            )?,
            line("SQLite, lent chunks", Look::Blue, "sqlite", "integer/lent_")?,
            line("sled, lent chunks", Look::Purple, "sled", "lent_")?,
            line("BTreeMap, lent chunks", Look::Black, "memory", "map/lent_")?,
        ],
        legend: SeriesLabelPosition::UpperRight,
        at: Some((512.0, "512, the default")),
    })
}
