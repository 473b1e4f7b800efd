//! Draws pictures of measurements as SVG: `keywalk-bench plot FILE.json --out DIR`. `FILE.json` holds the groups
//! `memory_peak`, `sqlite`, `sled` and `memory`.
//!
//! The same figures produce the same bytes. The pictures in `pictures/` are drawn from `measured.json`; a test compares
//! them.

use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::bench::Case;
use crate::measure::Fallible;

const SIZE: (u32, u32) = (760, 420);

const TEXT: i32 = 14;

/// Draws each picture into `folder`.
pub(crate) fn plot(file: &Path, folder: &Path) -> Fallible {
    let read = || -> Fallible<Vec<Case>> { Ok(serde_json::from_slice(&fs::read(file)?)?) };
    let cases = read().map_err(|error| format!("{}: {error}", file.display()))?;
    fs::create_dir_all(folder)?;
    for (name, chart) in [
        ("memory.svg", table_sizes(&cases)?),
        ("chunk_size.svg", chunk_sizes(&cases)?),
    ] {
        let svg = folder.join(name);
        fs::write(&svg, chart.to_svg()?).map_err(|error| format!("{}: {error}", svg.display()))?;
    }
    Ok(())
}

/// Draws memory against table size.
fn table_sizes(cases: &[Case]) -> Fallible<Chart> {
    let line = |name, look, way: &str, figure: &str| {
        line(name, look, cases, |case| {
            let (rows, of) = case.name.strip_prefix("rows_")?.split_once('/')?;
            let is_of = case.group == "memory_peak" && of == way;
            Some((
                rows.parse().ok()?,
                *case.figures.get(figure).filter(|_| is_of)?,
            ))
        })
    };
    Ok(Chart {
        title: "Peak memory of one pass over a SQLite table",
        description: "All rows in a Vec take memory that grows with the table, up to hundreds of megabytes for a \
                      million rows. A walk by keywalk and one open cursor stay at a few megabytes, whatever the \
                      table's size.",
        x: Axis(
            "rows in the table, of about 600 bytes each",
            800.0..1_250_000.0,
            &[1_000.0, 10_000.0, 100_000.0, 1_000_000.0],
        ),
        y: Axis(
            "megabytes at the peak",
            0.2..2_000.0,
            &[1.0, 10.0, 100.0, 1_000.0],
        ),
        lines: vec![
            line("all rows in a Vec", &VERMILION, "all", "peak_mb")?,
            line("keywalk, chunks of 512", &BLUE, "lent_512", "peak_mb")?,
            line("one open cursor", &DARK, "lent_512", "floor_mb")?,
        ],
        legend: SeriesLabelPosition::UpperLeft,
        at: None,
    })
}

/// Draws the cost of an item against chunk size.
fn chunk_sizes(cases: &[Case]) -> Fallible<Chart> {
    let line = |name, look, group: &str, start: &str| {
        line(name, look, cases, |case| {
            let size = case
                .name
                .strip_prefix(start)
                .filter(|_| case.group == group)?;
            Some((size.parse().ok()?, case.ratio))
        })
    };
    Ok(Chart {
        title: "What an item costs, by the size of a chunk",
        description: "In chunks of one item a walk costs several times what the store's own open cursor or \
                      iterator costs; from a hundred items per chunk on it costs about the same.",
        x: Axis(
            "items in a chunk",
            0.8..12_500.0,
            &[1.0, 10.0, 100.0, 1_000.0, 10_000.0],
        ),
        y: Axis(
            "times the CPU time of one open cursor",
            0.7..12.0,
            &[1.0, 2.0, 5.0, 10.0],
        ),
        lines: vec![
            line(
                "SQLite, item by item",
                &VERMILION,
                "sqlite",
                "integer/items_",
            )?,
            line("SQLite, rows borrowed", &GREEN, "sqlite", "integer/visit_")?,
            line("SQLite, lent chunks", &BLUE, "sqlite", "integer/lent_")?,
            line("sled, lent chunks", &PURPLE, "sled", "lent_")?,
            line("BTreeMap, lent chunks", &DARK, "memory", "map/lent_")?,
        ],
        legend: SeriesLabelPosition::UpperRight,
        at: Some((512.0, "512, the default")),
    })
}

/// Returns the points of a line's cases, in order, at least one.
fn line(
    name: &'static str,
    look: &'static Look,
    cases: &[Case],
    point: impl Fn(&Case) -> Option<(f64, f64)>,
) -> Fallible<Line> {
    let mut points: Vec<_> = cases.iter().filter_map(point).collect();
    points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    match points.is_empty() {
        true => Err(format!("no case of the line {name:?} was measured").into()),
        false => Ok(Line { name, look, points }),
    }
}

/// A picture: lines over two logarithmic axes.
#[derive(Debug)]
struct Chart {
    title: &'static str,
    /// The text alternative.
    description: &'static str,
    x: Axis,
    y: Axis,
    lines: Vec<Line>,
    /// A named place on the x axis.
    at: Option<(f64, &'static str)>,
    legend: SeriesLabelPosition,
}

/// An axis: its name, its start and end, and the labelled places.
#[derive(Debug)]
struct Axis(&'static str, Range<f64>, &'static [f64]);

/// The points of one line.
#[derive(Debug)]
struct Line {
    name: &'static str,
    look: &'static Look,
    points: Vec<(f64, f64)>,
}

/// The style of a line: a colour that the colour-blind can distinguish from the others (M. Okabe, K. Ito, "Color
/// universal design", 2008), and the corners of a mark, for displays without colours.
#[derive(Debug)]
struct Look(RGBColor, &'static [(i32, i32)]);

static BLUE: Look = Look(
    RGBColor(0, 114, 178),
    &[
        (2, 5),
        (5, 2),
        (5, -2),
        (2, -5),
        (-2, -5),
        (-5, -2),
        (-5, 2),
        (-2, 5),
    ],
);
static GREEN: Look = Look(RGBColor(0, 158, 115), &[(4, 4), (4, -4), (-4, -4), (-4, 4)]);
static VERMILION: Look = Look(RGBColor(213, 94, 0), &[(0, -6), (5, 4), (-5, 4)]);
static PURPLE: Look = Look(RGBColor(204, 121, 167), &[(0, 6), (5, -4), (-5, -4)]);
static DARK: Look = Look(RGBColor(0, 0, 0), &[(0, 6), (6, 0), (0, -6), (-6, 0)]);

impl Look {
    /// Draws the mark around a place.
    fn mark(&self, (x, y): (i32, i32)) -> Polygon<(i32, i32)> {
        let corners = self.1.iter().map(|(right, down)| (x + right, y + down));
        Polygon::new(corners.collect::<Vec<_>>(), self.0)
    }
}

impl Chart {
    fn to_svg(&self) -> Fallible<String> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        // The library has no option for this.
        let (open, rest) = svg.split_once('>').ok_or("a picture without a beginning")?;
        let (title, description) = (self.title, self.description);
        Ok(format!(
            "{open} role=\"img\" aria-labelledby=\"title description\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"description\">{description}</desc>{rest}"
        ))
    }

    fn draw(&self, svg: &mut String) -> Fallible {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        // Makes the text readable on a dark page too.
        root.fill(&WHITE)?;
        let (Axis(x_name, x, x_ticks), Axis(y_name, y, y_ticks)) = (&self.x, &self.y);
        let bold = ("sans-serif", 19).into_font().style(FontStyle::Bold);
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, bold)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(46)
            .y_label_area_size(66)
            .build_cartesian_2d(
                x.clone().log_scale().with_key_points(x_ticks.to_vec()),
                y.clone().log_scale().with_key_points(y_ticks.to_vec()),
            )?;
        chart
            .configure_mesh()
            .x_desc(*x_name)
            .y_desc(*y_name)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .label_style(("sans-serif", TEXT))
            .axis_desc_style(("sans-serif", TEXT))
            .bold_line_style(BLACK.mix(0.15))
            .draw()?;
        if let Some((at, name)) = self.at {
            let ends = [(at, y.start), (at, y.end)];
            chart.draw_series([PathElement::new(ends, BLACK.mix(0.4))])?;
            // Placed to the left, because the legend may be to the right.
            let style = ("sans-serif", TEXT).into_text_style(&root);
            let style = style.pos(Pos::new(HPos::Right, VPos::Top));
            chart.draw_series([Text::new(name, (at / 1.06, y.end / 1.05), style)])?;
        }
        for Line { name, look, points } in &self.lines {
            let stroke = look.0.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), stroke))?
                .label(*name)
                .legend(move |(x, y)| {
                    EmptyElement::at((x, y))
                        + PathElement::new([(0, 0), (24, 0)], stroke)
                        + look.mark((12, 0))
                });
            let mark = |point: &(f64, f64)| EmptyElement::at(*point) + look.mark((0, 0));
            chart.draw_series(points.iter().map(mark))?;
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .background_style(WHITE.mix(0.9))
            .legend_area_size(32)
            .label_font(("sans-serif", TEXT))
            .draw()?;
        root.present()?;
        Ok(())
    }
}

/// Formats a number with separators: 1,000.
fn number(number: f64) -> String {
    let mut text = number.to_string();
    let mut at = text.find('.').unwrap_or(text.len());
    while at > 3 {
        at -= 3;
        text.insert(at, ',');
    }
    text
}
