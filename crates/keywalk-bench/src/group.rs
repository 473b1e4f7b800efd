use crate::bench::Bench;
use crate::{Fallible, sqlite};

/// Cases that belong together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether it runs where no group is named.
    pub(crate) by_default: bool,
    pub(crate) run: fn(&mut Bench) -> Fallible,
}

/// In the order in which they run.
pub(crate) const GROUPS: &[Group] = &[Group {
    name: "sqlite",
    about: "every key shape and chunk size, beside one cursor: CPU time",
    by_default: true,
    run: sqlite::run,
}];
