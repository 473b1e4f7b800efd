use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What else there is to know of a case: numbers by their names, which end in the unit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// To the thousandth, and no further: so they read the same wherever they stand.
    pub(crate) fn of<const N: usize>(figures: [(&str, f64); N]) -> Self {
        let rounded = |figure: f64| (figure * 1_000.0).round() / 1_000.0;
        let figures = figures.map(|(name, figure)| (name.to_owned(), rounded(figure)));
        Figures(figures.into())
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Each after a space.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, figure)| write!(f, " {name}={figure}"))
    }
}
