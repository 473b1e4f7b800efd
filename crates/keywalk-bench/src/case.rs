use std::fmt;

use serde::Serialize;

use crate::figures::Figures;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    /// What it is of stands with the group.
    pub(crate) ratio: f64,
    pub(crate) target: Target,
    /// How many items each turn handled.
    pub(crate) items: u64,
    /// Nanoseconds an item.
    pub(crate) ns_item: f64,
    /// What else there is to know, to stand at the end of the line.
    #[serde(skip_serializing_if = "Figures::is_empty")]
    pub(crate) figures: Figures,
}

/// What a case has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Only to be known.
    None,
}

impl Case {
    pub(crate) fn is_missed(&self) -> bool {
        // To the hundredth that is printed: what reads as reached is.
        let ratio = (self.ratio * 100.0).round() / 100.0;
        match self.target {
            // What has to be none isn't there if there is a little of it.
            Target::AtMost(0.0) => self.ratio > 0.0,
            Target::AtMost(most) => ratio > most,
            Target::AtLeast(least) => ratio < least,
            Target::None => false,
        }
    }
}

/// The line that is printed.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case {
            group,
            name,
            ratio,
            target,
            items,
            ns_item,
            figures,
        } = self;
        write!(f, "{group}/{name} ratio=")?;
        match *ratio != 0.0 && ratio.abs() < 0.01 {
            true => write!(f, "{ratio:.6}")?,
            false => write!(f, "{ratio:.2}")?,
        }
        match target {
            Target::AtMost(most) => write!(f, " target<={most:.2}")?,
            Target::AtLeast(least) => write!(f, " target>={least:.2}")?,
            Target::None => f.write_str(" target=none")?,
        }
        write!(f, " items={items}")?;
        // Where it is of something else than time, there are none.
        if ns_item.is_finite() {
            write!(f, " ns_item={ns_item:.1}")?;
        }
        write!(f, "{figures}")
    }
}
