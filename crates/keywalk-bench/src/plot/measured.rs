use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Fallible;
use crate::figures::Figures;

/// The cases of a run, as `--json` wrote them.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Measured(Vec<Case>);

/// What pictures are made of.
#[derive(Debug, Deserialize)]
struct Case {
    group: String,
    name: String,
    /// None where it isn't finite.
    ratio: Option<f64>,
    #[serde(default)]
    figures: Figures,
}

impl Measured {
    pub(super) fn read(file: &Path) -> Fallible<Self> {
        let read = || -> Fallible<Self> { Ok(serde_json::from_slice(&fs::read(file)?)?) };
        read().map_err(|error| format!("{}: {error}", file.display()).into())
    }

    /// The ratios of the cases `GROUP/startN`, by `N`.
    pub(super) fn ratios(&self, group: &str, start: &str) -> Fallible<Vec<(f64, f64)>> {
        self.points(group, |case| {
            let number = case.name.strip_prefix(start)?.parse().ok()?;
            Some((number, case.ratio?))
        })
        .ok_or_else(|| format!("no case {group}/{start}N was measured").into())
    }

    /// A figure of the cases `GROUP/startN/way`, by `N`.
    pub(super) fn figures(
        &self,
        group: &str,
        start: &str,
        way: &str,
        figure: &str,
    ) -> Fallible<Vec<(f64, f64)>> {
        self.points(group, |case| {
            let (number, of) = case.name.strip_prefix(start)?.split_once('/')?;
            let number = number.parse().ok().filter(|_| of == way)?;
            Some((number, case.figures.get(figure)?))
        })
        .ok_or_else(|| format!("no case {group}/{start}N/{way} was measured").into())
    }

    /// In order, at least one.
    fn points(
        &self,
        group: &str,
        point: impl Fn(&Case) -> Option<(f64, f64)>,
    ) -> Option<Vec<(f64, f64)>> {
        let cases = self.0.iter().filter(|case| case.group == group);
        let mut points: Vec<_> = cases.filter_map(point).collect();
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Some(points).filter(|points| !points.is_empty())
    }
}
