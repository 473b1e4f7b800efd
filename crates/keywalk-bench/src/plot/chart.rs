use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::line::{Line, Look};
use crate::Fallible;

const SIZE: (u32, u32) = (760, 420);

const TEXT: i32 = 14;

/// A picture: lines over two logarithmic axes.
#[derive(Debug)]
pub(super) struct Chart {
    /// The picture's name.
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    /// What is seen, for those who don't see it.
    pub(super) description: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// A place on the x axis that has a name.
    pub(super) at: Option<(f64, &'static str)>,
    pub(super) legend: SeriesLabelPosition,
}

#[derive(Debug)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: &'static [f64],
}

impl Chart {
    pub(super) fn to_svg(&self) -> Fallible<String> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        // Which the library has no place for.
        let (open, rest) = svg.split_once('>').ok_or("a picture without a beginning")?;
        let (title, description) = (self.title, self.description);
        Ok(format!(
            "{open} role=\"img\" aria-labelledby=\"title description\">\n\
             <title id=\"title\">{title}</title>\n<desc id=\"description\">{description}</desc>{rest}"
        ))
    }

    fn draw(&self, svg: &mut String) -> Fallible {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        // So that it can be read on a dark page, too.
        root.fill(&WHITE)?;
        let (x, y) = (&self.x, &self.y);
        let mut chart = ChartBuilder::on(&root)
            .caption(
                self.title,
                ("sans-serif", 19).into_font().style(FontStyle::Bold),
            )
            .margin(12)
            .margin_right(24)
            .x_label_area_size(46)
            .y_label_area_size(66)
            .build_cartesian_2d(
                (x.from..x.to).log_scale().with_key_points(x.ticks.to_vec()),
                (y.from..y.to).log_scale().with_key_points(y.ticks.to_vec()),
            )?;
        chart
            .configure_mesh()
            .x_desc(x.name)
            .y_desc(y.name)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .label_style(("sans-serif", TEXT))
            .axis_desc_style(("sans-serif", TEXT))
            .bold_line_style(BLACK.mix(0.15))
            .draw()?;
        if let Some((at, name)) = self.at {
            let ends = [(at, y.from), (at, y.to)];
            chart.draw_series([PathElement::new(ends, BLACK.mix(0.4))])?;
            // To the left of it: the legend may be to the right.
            let style = ("sans-serif", TEXT).into_text_style(&root);
            let style = style.pos(Pos::new(HPos::Right, VPos::Top));
            let text = Text::new(name, (at / 1.06, y.to / 1.05), style);
            chart.draw_series([text])?;
        }
        for line in &self.lines {
            let look = line.look;
            let stroke = look.color().stroke_width(2);
            let points = line.points.iter().copied();
            chart
                .draw_series(LineSeries::new(points.clone(), stroke))?
                .label(line.name)
                .legend(move |(x, y)| {
                    EmptyElement::at((x, y))
                        + PathElement::new([(0, 0), (24, 0)], stroke)
                        + mark(look, (12, 0))
                });
            chart.draw_series(points.map(|point| EmptyElement::at(point) + mark(look, (0, 0))))?;
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

/// The outline of a line's mark, in pixels around a place.
fn mark(look: Look, (x, y): (i32, i32)) -> Polygon<(i32, i32)> {
    let outline = look
        .mark()
        .iter()
        .map(|(right, down)| (x + right, y + down));
    Polygon::new(outline.collect::<Vec<_>>(), look.color())
}

/// As people write it: 1,000.
fn number(number: f64) -> String {
    if number < 1_000.0 {
        return number.to_string();
    }
    let digits = (number as u64).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
