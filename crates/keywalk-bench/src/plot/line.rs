use plotters::style::RGBColor;

/// Points that belong together.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) look: Look,
    pub(super) points: Vec<(f64, f64)>,
}

/// What a line is told from others by: a colour that the colour-blind can tell from the others' (M. Okabe,
/// K. Ito, "Color universal design", 2008), and a mark, for where there are no colours.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Blue,
    Green,
    Vermilion,
    Purple,
    Black,
}

impl Look {
    pub(super) fn color(self) -> RGBColor {
        match self {
            Look::Blue => RGBColor(0, 114, 178),
            Look::Green => RGBColor(0, 158, 115),
            Look::Vermilion => RGBColor(213, 94, 0),
            Look::Purple => RGBColor(204, 121, 167),
            Look::Black => RGBColor(0, 0, 0),
        }
    }

    /// The mark's corners, in pixels to the right of its middle and below it.
    pub(super) fn mark(self) -> &'static [(i32, i32)] {
        match self {
            Look::Blue => &[
                (2, 5),
                (5, 2),
                (5, -2),
                (2, -5),
                (-2, -5),
                (-5, -2),
                (-5, 2),
                (-2, 5),
            ],
            Look::Green => &[(4, 4), (4, -4), (-4, -4), (-4, 4)],
            Look::Vermilion => &[(0, -6), (5, 4), (-5, 4)],
            Look::Purple => &[(0, 6), (5, -4), (-5, -4)],
            Look::Black => &[(0, 6), (6, 0), (0, -6), (-6, 0)],
        }
    }
}
