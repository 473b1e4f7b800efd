//! What SQLite says of one step of a plan.

/// How steps begin that are no loops, by SQLite's sources.
const KNOWN: &[&str] = &[
    "USE TEMP B-TREE FOR ",
    "MERGE (",
    "LEFT",
    "RIGHT",
    "COMPOUND QUERY",
    "UNION ",
    "INTERSECT ",
    "EXCEPT ",
    "CO-ROUTINE ",
    "MATERIALIZE ",
    "SCALAR SUBQUERY ",
    "LIST SUBQUERY ",
    "CORRELATED ",
    "REUSE ",
    "MULTI-INDEX OR",
    "INDEX ",
    "BLOOM FILTER ON ",
    "CREATE BLOOM FILTER",
    "CREATE AUTOMATIC ",
    "SETUP",
    "RECURSIVE STEP",
    "USING INDEX ",
    "USING ROWID SEARCH ",
];

/// What a loop may use.
const KNOWN_USES: &[&str] = &[
    "INDEX ",
    "COVERING INDEX ",
    "INTEGER PRIMARY KEY",
    "PRIMARY KEY",
    "AUTOMATIC ",
];

/// Whether a step is worded as in the versions of SQLite that are known. What isn't may mean anything.
pub(super) fn is_known(step: &str) -> bool {
    let search = step.strip_prefix("SEARCH ");
    let Some(of) = search.or_else(|| step.strip_prefix("SCAN ")) else {
        return KNOWN.iter().any(|start| step.starts_with(start));
    };
    if of.contains(" VIRTUAL TABLE INDEX ") {
        return true;
    }
    match of.rsplit_once(" USING ") {
        // Only min() and max() make a search of a loop without conditions.
        None => search.is_none() || !of.contains('?'),
        Some((_, uses)) => KNOWN_USES.iter().any(|start| uses.starts_with(start)),
    }
}

/// The index and the number of columns of a search that equals each with a value, for a rowid without
/// the index.
pub(super) fn lookup(step: &str) -> Option<(Option<&str>, usize)> {
    let step = step.strip_prefix("SEARCH ")?;
    let (_, uses) = step.rsplit_once(" USING ")?;
    let (by, conditions) = uses.rsplit_once(" (")?;
    let conditions = conditions.split_once(')')?.0;
    if !conditions.split(" AND ").all(|term| term.ends_with("=?")) {
        return None;
    }
    let columns = conditions.split(" AND ").count();
    match by {
        "INTEGER PRIMARY KEY" => Some((None, columns)),
        _ => {
            let index = by.strip_prefix("COVERING ").unwrap_or(by);
            Some((Some(index.strip_prefix("INDEX ")?), columns))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_known, lookup};

    #[test]
    fn a_step_in_words_that_no_known_version_has_is_told_from_a_scan_and_a_search() {
        for known in [
            "SCAN t",
            "SCAN t USING COVERING INDEX i",
            "SEARCH t USING INTEGER PRIMARY KEY (rowid>? AND rowid<?) LEFT-JOIN",
            "SEARCH x USING INDEX i (a=? AND (b,c)>(?,?))",
            "SEARCH w USING PRIMARY KEY (a=?)",
            "SEARCH t",
            "SCAN f VIRTUAL TABLE INDEX 0:M3",
            "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
        ] {
            assert!(is_known(known), "{known}");
        }
        for unknown in [
            "SEEK t USING INDEX i (a>?)",
            "SEARCH t BY INTEGER PRIMARY KEY (rowid>?)",
            "SEARCH t USING LEARNED INDEX i (a>?)",
            "SORT BY a",
            "",
        ] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_lookup_equals_each_column() {
        let of = |uses| lookup(uses).map(|(index, columns)| (index.unwrap_or(""), columns));
        let rowid = "SEARCH t USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN";
        assert_eq!(of(rowid), Some(("", 1)));
        let index = "SEARCH t USING COVERING INDEX a (b) (a=? AND b=?)";
        assert_eq!(of(index), Some(("a (b)", 2)));
        for other in ["(a=? AND b>?)", "((a,b)>(?,?))", "(ANY(a) AND b=?)"] {
            let step = format!("SEARCH t USING INDEX i {other}");
            assert!(lookup(&step).is_none(), "{step}");
        }
        assert_eq!(of("SCAN t USING INDEX i"), None);
    }
}
