use std::fmt;

/// A clause of what a walk promises, as far as a source can break it; or the harness, where that is
/// to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Clause {
    /// The harness doesn't do what it says, so that nothing can be told about the source.
    Harness,
    /// Keys come strictly ascending (or descending) in the store's order.
    G1,
    /// No key comes twice.
    G2,
    /// What is certainly there comes.
    G3,
    /// What certainly isn't there doesn't come.
    G4,
    /// Values are those that the key has during the fetch.
    G5,
    /// Keys lie past the cursor and within the range; no more of them than the limit.
    G6,
    /// Each fetch is exactly what the store holds at its time, or held at the snapshot's.
    G7,
    /// The end is said when nothing remains, and only then.
    G8,
    /// A walk ends.
    G9,
    /// A walk that is cut and resumed is one walk.
    G10,
    /// An error is said, moves nothing and never looks like the end.
    G11,
    /// After the end and after an error nothing more comes.
    G12,
    /// No more is read or buffered than was asked for, and nothing before it is.
    G13,
    /// Between two fetches nothing of the store is held.
    G14,
    /// A broken source ends the walk with an error.
    G15,
}

impl Clause {
    /// The clause that a violation's `clause()` names.
    pub(crate) fn of(violation: keywalk::Violation) -> Self {
        match violation.clause() {
            "G1" => Clause::G1,
            "G6" => Clause::G6,
            "G8" => Clause::G8,
            _ => Clause::G15,
        }
    }

    /// Its name, such as `"G6 Bounds"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.said().0
    }

    /// What it says, in a sentence.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.said().1
    }

    fn said(self) -> (&'static str, &'static str) {
        match self {
            Clause::Harness => (
                "Harness",
                "what is put can be fetched, what is declared is so, and nothing fails that wasn't made to",
            ),
            Clause::G1 => (
                "G1 Order",
                "keys come strictly ascending in the store's declared order, or strictly descending",
            ),
            Clause::G2 => ("G2 Once", "no key comes twice"),
            Clause::G3 => (
                "G3 Complete",
                "a key that is certainly present throughout its fetch is yielded",
            ),
            Clause::G4 => (
                "G4 Sound",
                "a key that is certainly absent throughout its fetch is not yielded",
            ),
            Clause::G5 => (
                "G5 Value",
                "an item is one that its key has during the fetch: never torn, never of an earlier fetch",
            ),
            Clause::G6 => (
                "G6 Bounds",
                "every key lies past the cursor and within the range, and no more come than the limit",
            ),
            Clause::G7 => (
                "G7 Exact",
                "a fetch answers what the store holds when it is asked, or, from a declared snapshot, \
                 what it held when the walk began",
            ),
            Clause::G8 => (
                "G8 The end is said",
                "the end means that nothing remained; neither the end nor progress is a violation",
            ),
            Clause::G9 => ("G9 Termination", "a bounded walk ends"),
            Clause::G10 => (
                "G10 Resume",
                "what came before a cursor and what comes after it are together one walk",
            ),
            Clause::G11 => (
                "G11 Errors",
                "a fetch that fails says so, hands out nothing, moves nothing, and never looks like the end",
            ),
            Clause::G12 => (
                "G12 Fused",
                "after the end or an error nothing comes, and the store is not asked again",
            ),
            Clause::G13 => (
                "G13 Bounded and lazy",
                "nothing is fetched before the first item, at most a chunk is buffered, and a fetch reads \
                 about as much as it answers",
            ),
            Clause::G14 => (
                "G14 Nothing held",
                "between two fetches no statement, transaction, lock or iterator of the store is held",
            ),
            Clause::G15 => (
                "G15 Contract checks",
                "a source that breaks its contract ends the walk with an error that names the clause",
            ),
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = self.said();
        write!(f, "{name}: {text}")
    }
}
