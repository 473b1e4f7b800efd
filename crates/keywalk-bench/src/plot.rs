//! Pictures of what was measured, as SVG: `keywalk-bench plot FILE.json --out DIR`, where `FILE.json` is of the
//! groups `memory_peak`, `sqlite`, `sled` and `memory`.
//!
//! The same figures give the same bytes. Those in `pictures/` are of `measured.json`, and a test compares them.

use std::fs;
use std::path::Path;

use crate::bench::Case;
use crate::measure::Fallible;

/// Draws each picture into `folder`.
pub(crate) fn plot(file: &Path, folder: &Path) -> Fallible {
    let read = || -> Fallible<Vec<Case>> { Ok(serde_json::from_slice(&fs::read(file)?)?) };
    let cases = read().map_err(|error| format!("{}: {error}", file.display()))?;
    fs::create_dir_all(folder)?;
    for (name, svg) in [
        ("memory.svg", table_sizes(&cases)?),
        ("chunk_size.svg", chunk_sizes(&cases)?),
    ] {
        let file = folder.join(name);
        fs::write(&file, svg).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Memory over the size of a table.
fn table_sizes(cases: &[Case]) -> Fallible<String> {
    let x = Axis("rows in the table, of about 600 bytes each", 8e2, 1.25e6);
    let y = Axis("megabytes at the peak", 0.2, 2e3);
    let title = "Peak memory of one pass over a SQLite table";
    let mut chart = Chart::new(title, x, y);
    chart.describe(
        "All rows in a Vec take memory that grows with the table, up to hundreds of megabytes for a million rows. A \
         walk by keywalk and one open cursor stay at a few megabytes, whatever the table's size.",
    );
    chart.ticks(&[1e3, 1e4, 1e5, 1e6], &[1.0, 10.0, 100.0, 1e3]);
    for (name, look, way, figure) in [
        ("all rows in a Vec", VERMILION, "all", "peak_mb"),
        ("keywalk, chunks of 512", BLUE, "lent_512", "peak_mb"),
        ("one open cursor", BLACK, "lent_512", "floor_mb"),
    ] {
        let cases = cases.iter().filter(|case| case.group == "memory_peak");
        let points = cases.filter_map(|case| {
            let (rows, of) = case.name.strip_prefix("rows_")?.split_once('/')?;
            let figure = case.figures.get(figure).filter(|_| of == way);
            Some((rows.parse().ok()?, *figure?))
        });
        chart.line(name, look, points, LEFT + 16.0)?;
    }
    Ok(chart.end())
}

/// What an item costs over the size of a chunk.
fn chunk_sizes(cases: &[Case]) -> Fallible<String> {
    let x = Axis("items in a chunk", 0.8, 1.25e4);
    let y = Axis("times the CPU time of one open cursor", 0.7, 12.0);
    let mut chart = Chart::new("What an item costs, by the size of a chunk", x, y);
    chart.describe(
        "In chunks of one item a walk costs several times what the store's own open cursor or iterator costs; from a \
         hundred items a chunk on it costs about the same.",
    );
    chart.ticks(&[1.0, 10.0, 100.0, 1e3, 1e4], &[1.0, 2.0, 5.0, 10.0]);
    chart.default_size(512.0);
    for (name, look, start) in [
        ("SQLite, item by item", VERMILION, "sqlite/integer/items_"),
        ("SQLite, rows borrowed", GREEN, "sqlite/integer/visit_"),
        ("SQLite, lent chunks", BLUE, "sqlite/integer/lent_"),
        ("sled, lent chunks", PURPLE, "sled/lent_"),
        ("BTreeMap, lent chunks", BLACK, "memory/map/lent_"),
    ] {
        let points = cases.iter().filter_map(|case| {
            let name = format!("{}/{}", case.group, case.name);
            let size = name.strip_prefix(start)?.parse();
            Some((size.ok()?, case.ratio))
        });
        chart.line(name, look, points, RIGHT - 200.0)?;
    }
    Ok(chart.end())
}

/// A colour that the colour-blind can tell from the others' (M. Okabe, K. Ito, "Color universal design", 2008), and
/// the corners of a mark, for where there are no colours.
#[derive(Clone, Copy)]
struct Look(&'static str, &'static str);

const BLUE: Look = Look("#0072b2", "2,5 5,2 5,-2 2,-5 -2,-5 -5,-2 -5,2 -2,5");
const GREEN: Look = Look("#009e73", "4,4 4,-4 -4,-4 -4,4");
const VERMILION: Look = Look("#d55e00", "0,-6 5,4 -5,4");
const PURPLE: Look = Look("#cc79a7", "0,6 5,-4 -5,-4");
const BLACK: Look = Look("#000000", "0,6 6,0 0,-6 -6,0");

/// A logarithmic axis: its name, and from where to where.
struct Axis(&'static str, f64, f64);

impl Axis {
    fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (value / self.1).ln() / (self.2 / self.1).ln() * (to - from)
    }
}

/// A picture that is being drawn: lines over two axes.
struct Chart {
    svg: String,
    title: &'static str,
    x: Axis,
    y: Axis,
    lines: u32,
}

/// Where the axes end.
const LEFT: f64 = 78.0;
const RIGHT: f64 = 736.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 360.0;

impl Chart {
    fn new(title: &'static str, x: Axis, y: Axis) -> Self {
        let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="760" height="420" viewBox="0 0 760 420" role="img"
 aria-labelledby="title description" font-family="sans-serif" font-size="12">
"##;
        let (svg, lines) = (format!("{svg}<title id=\"title\">{title}</title>\n"), 0);
        Chart {
            svg,
            title,
            x,
            y,
            lines,
        }
    }

    fn draw(&mut self, what: &str) {
        self.svg += what;
        self.svg.push('\n');
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        self.draw(&format!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    fn stroke(&mut self, colour: &str, width: u8, path: &str) {
        let stroke = format!(r#"stroke="{colour}" stroke-width="{width}" fill="none""#);
        self.draw(&format!(r#"<path d="{path}" {stroke}/>"#));
    }

    /// Says what is seen, for those who don't see it; and draws what every chart has.
    fn describe(&mut self, description: &str) {
        self.draw(&format!(r#"<desc id="description">{description}</desc>"#));
        // So that it can be read on a dark page, too.
        self.draw(r##"<rect width="760" height="420" fill="#fff"/>"##);
        self.draw(r#"<g font-size="16" font-weight="bold">"#);
        self.text((380.0, 26.0), "middle", self.title);
        self.draw("</g>");
        self.text(((LEFT + RIGHT) / 2.0, 402.0), "middle", self.x.0);
        self.draw(r#"<g transform="translate(24 200) rotate(270)">"#);
        self.text((0.0, 0.0), "middle", self.y.0);
        self.draw("</g>");
        self.stroke("#000", 1, &format!("M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"));
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.place(x, LEFT, RIGHT), self.y.place(y, BOTTOM, TOP))
    }

    fn ticks(&mut self, x: &[f64], y: &[f64]) {
        for value in x {
            let (at, _) = self.at((*value, 1.0));
            self.stroke("#ddd", 1, &format!("M{at:.1} {TOP}V{BOTTOM}"));
            self.text((at, BOTTOM + 20.0), "middle", &number(*value));
        }
        for value in y {
            let (_, at) = self.at((1.0, *value));
            self.stroke("#ddd", 1, &format!("M{LEFT} {at:.1}H{RIGHT}"));
            self.text((LEFT - 8.0, at + 4.0), "end", &number(*value));
        }
    }

    fn default_size(&mut self, size: f64) {
        let (at, _) = self.at((size, 1.0));
        self.stroke("#999", 1, &format!("M{at:.1} {TOP}V{BOTTOM}"));
        self.text(
            (at - 6.0, TOP + 14.0),
            "end",
            &format!("{size}, the default"),
        );
    }

    /// Through at least one point; and its name in the legend, which begins there.
    fn line(
        &mut self,
        name: &str,
        Look(colour, mark): Look,
        points: impl Iterator<Item = (f64, f64)>,
        legend: f64,
    ) -> Fallible {
        let mut points: Vec<_> = points.map(|point| self.at(point)).collect();
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if points.is_empty() {
            return Err(format!("no case of the line {name:?} was measured").into());
        }
        self.lines += 1;
        let below = TOP + 22.0 * f64::from(self.lines);
        self.text((legend + 34.0, below + 4.0), "start", name);
        self.stroke(colour, 2, &format!("M{legend} {below}h24"));
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1} {y:.1}"))
            .collect();
        self.stroke(colour, 2, &format!("M{}", path.join("L")));
        points.push((legend + 12.0, below));
        for (x, y) in points {
            let place = format!(r#"transform="translate({x:.1} {y:.1})""#);
            self.draw(&format!(
                r#"<polygon points="{mark}" {place} fill="{colour}"/>"#
            ));
        }
        Ok(())
    }

    fn end(self) -> String {
        self.svg + "</svg>\n"
    }
}

/// As people write it: 1,000.
fn number(number: f64) -> String {
    let text = number.to_string();
    match text.len() {
        0..=3 => text,
        length => {
            let (thousands, rest) = text.split_at(length - 3);
            format!(
                "{},{rest}",
                self::number(thousands.parse().unwrap_or_default())
            )
        }
    }
}
