use rusqlite::types::Type;

/// What SQLite makes of a value that is stored in a column, by the column's declared type
/// (<https://www.sqlite.org/datatype3.html>, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// INTEGER or NUMERIC: text that looks like a number becomes one.
    Numeric,
    /// The same, and integers become reals.
    Real,
    /// Numbers become text.
    Text,
    None,
}

impl Affinity {
    /// Of a column declared so; in a STRICT table ANY has none.
    pub(crate) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if has(&["INT"]) {
            Affinity::Numeric
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Affinity::Text
        } else if declared.is_empty() || has(&["BLOB"]) || strict && declared == "ANY" {
            Affinity::None
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    /// Whether SQLite compares a column's text as a number where it looks like one.
    pub(crate) fn is_numeric(self) -> bool {
        matches!(self, Affinity::Numeric | Affinity::Real)
    }

    /// The storage classes that a column's values can have, apart from NULL. A STRICT table lets no other
    /// in than the declared one.
    pub(crate) fn holds(self, strict: bool, declared: &str) -> &'static [Type] {
        use Type::{Blob, Integer, Real, Text};
        match self {
            Affinity::Numeric if strict => &[Integer],
            Affinity::Real if strict => &[Real],
            Affinity::Text if strict => &[Text],
            Affinity::None if strict && !declared.eq_ignore_ascii_case("ANY") => &[Blob],
            Affinity::Numeric | Affinity::None => &[Integer, Real, Text, Blob],
            Affinity::Real => &[Real, Text, Blob],
            Affinity::Text => &[Text, Blob],
        }
    }
}
