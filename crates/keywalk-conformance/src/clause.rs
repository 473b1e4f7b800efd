use std::fmt::{self, Display};

/// Defines the clauses. Each has a text, which is also its documentation, and a title.
macro_rules! clauses {
    ($($(#[doc = $text:literal])+ $clause:ident $title:literal;)+) => {
        /// A clause of what a walk promises, as far as a source can break it. `Harness` marks a fault of the
        /// harness.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Clause {
            $($(#[doc = $text])+ $clause,)+
        }

        impl Clause {
            /// Returns the clause's name, such as `"G6 Bounds"`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Clause::$clause => concat!(stringify!($clause), $title),)+
                }
            }

            /// Returns the clause's text, one sentence.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Clause::$clause => concat!($($text),+).trim_start(),)+
                }
            }
        }
    };
}

clauses! {
    /// a key that was put can be fetched, declarations are true, and nothing fails without an injected fault
    Harness "";
    /// keys come strictly ascending in the store's declared order, or strictly descending
    G1 " Order";
    /// no key comes twice
    G2 " Once";
    /// a key that is certainly present throughout its fetch is yielded
    G3 " Complete";
    /// a key that is certainly absent throughout its fetch is not yielded
    G4 " Sound";
    /// an item has a value that its key had during the fetch: never a mix of two, never a value of an earlier fetch
    G5 " Value";
    /// every key lies past the cursor and within the range, and no more come than the limit
    G6 " Bounds";
    /// a fetch returns what the store holds at that time, or, with a declared snapshot, what the store held
    /// when the walk began
    G7 " Exact";
    /// the end means that nothing remained; a response with neither the end nor progress is a violation
    G8 " Explicit end";
    /// a bounded walk ends
    G9 " Termination";
    /// what came before a cursor and what comes after it are together one walk
    G10 " Resume";
    /// a fetch that fails returns an error and no item, doesn't move the position, and never looks like the end
    G11 " Errors";
    /// after the end or an error nothing comes, and nothing more is requested from the store
    G12 " Fused";
    /// nothing is fetched before the first item, at most a chunk is buffered, and a fetch reads about as
    /// much as it returns
    G13 " Bounded and lazy";
    /// between two fetches no statement, transaction, lock or iterator of the store is held
    G14 " Nothing held";
    /// a source that breaks its contract ends the walk with an error that names the clause
    G15 " Contract checks";
}

impl Clause {
    pub(crate) fn of(violation: keywalk::ContractViolation) -> Self {
        match violation.clause() {
            "G1" => Clause::G1,
            "G6" => Clause::G6,
            "G8" => Clause::G8,
            _ => Clause::G15,
        }
    }
}

impl Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.text())
    }
}
