use rusqlite::Connection;

use crate::error::is_of_store;
use crate::schema::is_unique;

/// SQLite's plan for a statement (`EXPLAIN QUERY PLAN`).
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    id: i64,
    parent: i64,
    what: String,
    /// True for a loop of one row: a search by all columns of something unique. (`IN (…)` shows as `=?` too, but may
    /// find several rows. Those rows are in key order only if the key's first column belongs to this loop.)
    finds_one: bool,
}

impl Step {
    fn is_loop(&self) -> bool {
        self.what.starts_with("SEARCH ") || self.what.starts_with("SCAN ")
    }

    /// True for a loop over an index that SQLite first makes itself.
    fn makes_index(&self) -> bool {
        self.what.contains(" USING AUTOMATIC ")
    }

    /// True for a step that reads rows before they are needed: it sorts or materializes them.
    fn keeps_rows(&self) -> bool {
        const KEEPS: [&str; 4] = [
            "USE TEMP B-TREE",
            "MATERIALIZE",
            "CO-ROUTINE",
            "BLOOM FILTER",
        ];
        !self.is_loop() && KEEPS.iter().any(|start| self.what.starts_with(start))
    }
}

/// The prefix of the aliases that `one_row` gives to its tables. Plans show a table by its alias.
pub(crate) const ONE_ROW: &str = "keywalk one row";

/// Ignores ids: they are addresses in the bytecode and differ between statements with the same plan.
impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

/// A column, as plans name it.
#[derive(Clone, Debug)]
pub(crate) struct PlanName {
    pub(crate) name: String,
    /// True for the rowid, whatever its name. Plans call it `rowid`; if the index declares it as a column, they use
    /// that column's name.
    pub(crate) is_rowid: bool,
}

/// A condition that a search of an index has to use, such as `(a,b)>(?,?)`.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// The columns as the plan names them; `None` where they aren't known (a query's).
    pub(crate) columns: Option<Vec<PlanName>>,
    pub(crate) count: usize,
    pub(crate) operator: char,
}

impl Plan {
    pub(crate) fn of(db: &Connection, sql: &str) -> rusqlite::Result<Self> {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = statement.raw_query();
        let mut steps: Vec<Step> = Vec::new();
        let mut aside: Vec<i64> = Vec::new();
        while let Some(row) = rows.next()? {
            let what: String = row.get(3)?;
            let step = Step {
                id: row.get(0)?,
                parent: row.get(1)?,
                finds_one: match lookup(&what) {
                    None => false,
                    Some((None, _)) => true,
                    Some((Some(index), columns)) => match is_unique(db, index, columns) {
                        // An authorizer may deny reading the schema table; then it isn't known to be unique.
                        Err(error) if !is_of_store(&error) => false,
                        unique => unique?,
                    },
                },
                what,
            };
            // Subqueries within expressions are the filter's business.
            let is_subquery = !step.is_loop()
                && step.what.contains("SUBQUERY")
                && step.what != "LEFT-MOST SUBQUERY";
            if is_subquery || aside.contains(&step.parent) {
                aside.push(step.id);
            } else {
                steps.push(step);
            }
        }
        Ok(Plan { steps })
    }

    /// Returns a step whose wording isn't known.
    pub(crate) fn unknown(&self) -> Option<&str> {
        let steps = self.steps.iter().map(|step| step.what.as_str());
        steps.into_iter().find(|step| !is_known(step))
    }

    /// Checks whether the statement reads its rows as they are needed: nothing is sorted, materialized or indexed
    /// first.
    pub(crate) fn streams(&self) -> bool {
        !self.steps.iter().any(Step::keeps_rows) && !self.makes_index()
    }

    /// Checks whether a joined table is indexed first. (Ignores the outermost loop, where these words could only come
    /// from the table's name.)
    pub(crate) fn makes_index(&self) -> bool {
        let loops = self.loops();
        let mut inner = loops.iter().flat_map(|loops| loops.iter().skip(1));
        inner.any(|step| step.makes_index())
    }

    /// Checks whether each of the statement's parts searches by all of its conditions. If the query is a UNION ALL,
    /// each of the statement's parts contains all parts of the query. SQLite merges them all, in this order.
    pub(crate) fn searches(&self, parts: &[Vec<Condition>]) -> bool {
        let loops = self.loops();
        loops.len().is_multiple_of(parts.len())
            && !loops.is_empty()
            && loops
                .chunks(loops.len() / parts.len())
                .zip(parts)
                .all(|(own, conditions)| own.iter().all(|loops| search(loops, conditions)))
    }

    /// For a query that is a UNION ALL whose parts SQLite merges. Finds the first part that isn't searched by these
    /// conditions, or whose rows are sorted or kept. Returns that part's number, from 1, and its steps.
    pub(crate) fn unsearched_part(&self, parts: &[Vec<Condition>]) -> Option<(usize, String)> {
        const MERGE: &str = "MERGE (UNION ALL)";
        let mut merges = vec![0];
        let mut leaves = Vec::new();
        for step in &self.steps {
            if merges.contains(&step.parent) && [MERGE, "LEFT", "RIGHT"].contains(&&*step.what) {
                merges.push(step.id);
                match step.what == MERGE {
                    true => leaves.retain(|leaf| *leaf != step.parent),
                    false => leaves.push(step.id),
                }
            }
        }
        let of_query = leaves.len() / parts.len();
        if of_query < 2 {
            return None;
        }
        let steps = |leaf: i64| self.steps.iter().filter(move |step| step.parent == leaf);
        let at = (0..of_query * parts.len()).find(|at| {
            let loops: Vec<&Step> = steps(leaves[*at]).filter(|step| step.is_loop()).collect();
            !search(&loops, &parts[at / of_query])
                || steps(leaves[*at]).any(Step::keeps_rows)
                || loops.iter().skip(1).any(|step| step.makes_index())
        })?;
        Some((at % of_query + 1, describe(steps(leaves[at]))))
    }

    /// Checks whether the query is a UNION ALL whose parts SQLite reads one after the other.
    pub(crate) fn is_unmerged_union(&self) -> bool {
        self.steps.iter().any(|step| step.what == "UNION ALL")
    }

    /// Checks whether a joined table is read whole again and again: once for each row of a loop around it. (The plan
    /// doesn't show what a virtual table reads.)
    pub(crate) fn scans_within(&self) -> bool {
        let is_scan = |step: &&Step| {
            step.what.starts_with("SCAN ") && !step.what.contains(" VIRTUAL TABLE INDEX ")
        };
        self.loops().iter().any(|loops| {
            let rows = loops.iter().skip_while(|step| step.finds_one);
            rows.skip(1).any(is_scan)
        })
    }

    /// Checks whether the statement, or any part of its UNION, first reads a single row of the caller's SQL. Ignores
    /// the loops of `one_row`.
    pub(crate) fn begins_with_one(&self) -> bool {
        self.loops().iter().any(|loops| {
            let first = loops.iter().find(|step| !step.what.contains(ONE_ROW));
            first.is_some_and(|step| step.finds_one)
        })
    }

    /// Checks whether an index serves more of the conditions than in `other`. If so, the outermost loop of each part
    /// has more equalities than in `other`, or it uses a partial index and the loop in `other` doesn't.
    pub(crate) fn serves_more_than(&self, other: &Plan, partial_indexes: &[String]) -> bool {
        let equalities = |step: &str| step.matches("=?").count();
        let is_partial = |step: &str| {
            partial_indexes
                .iter()
                .any(|index| step.contains(&format!(" INDEX {index} ")))
        };
        let (loops, others) = (self.outer_loops(), other.outer_loops());
        loops.len() == others.len()
            && loops.iter().zip(others).all(|(step, other)| {
                equalities(step) > equalities(other) || is_partial(step) && !is_partial(other)
            })
    }

    /// Checks whether any loop, up to the first multi-row one (all loops if `within`), searches a range with this
    /// operator.
    pub(crate) fn ranges(&self, operator: char, within: bool) -> bool {
        let (one, several) = (format!("{operator}?"), format!("{operator}("));
        let is_ranged = |step: &&Step| step.what.contains(&one) || step.what.contains(&several);
        self.loops().iter().any(|loops| {
            let outer = loops.iter().position(|step| !step.finds_one);
            let end = outer.filter(|_| !within).map_or(loops.len(), |at| at + 1);
            loops[..end].iter().any(is_ranged)
        })
    }

    fn outer_loops(&self) -> Vec<&str> {
        let loops = self.loops();
        loops.iter().map(|loops| loops[0].what.as_str()).collect()
    }

    /// Returns the loops of each of the statement's parts, the outermost first.
    fn loops(&self) -> Vec<Vec<&Step>> {
        let mut parts: Vec<Vec<&Step>> = Vec::new();
        for step in self.steps.iter().filter(|step| step.is_loop()) {
            match parts.last_mut() {
                Some(part) if part[0].parent == step.parent => part.push(step),
                _ => parts.push(vec![step]),
            }
        }
        parts
    }

    pub(crate) fn describe(&self) -> String {
        describe(self.steps.iter())
    }
}

fn describe<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let steps: Vec<&str> = steps.map(|step| step.what.as_str()).collect();
    steps.join("; ")
}

/// Checks whether these loops search by all conditions. Only the loops up to the first multi-row loop matter: that loop
/// sets the order, since nothing is sorted. If all are single-row, the equality conditions suffice. A part without
/// conditions may be a scan in the index's order.
fn search(loops: &[&Step], conditions: &[Condition]) -> bool {
    let first = loops.iter().position(|step| !step.finds_one);
    let searches = &loops[..first.map_or(loops.len(), |first| first + 1)];
    let is_used = |condition: &Condition| {
        let mut searches = searches.iter();
        searches.any(|step| condition.is_used_by(&step.what))
    };
    let equalities = || conditions.iter().filter(|c| c.operator == '=');
    conditions.iter().all(is_used)
        || first.is_none() && equalities().count() > 0 && equalities().all(is_used)
}

impl Condition {
    fn is_used_by(&self, step: &str) -> bool {
        let operator = self.operator;
        let values = if self.count == 1 {
            format!("{operator}?")
        } else {
            format!("{operator}({}", vec!["?"; self.count].join(","))
        };
        let Some(columns) = &self.columns else {
            return step.starts_with("SEARCH ") && step.contains(&values);
        };
        let named = |rowid: bool| {
            let name = |column: &PlanName| match column.is_rowid && rowid {
                true => "rowid".to_owned(),
                false => column.name.clone(),
            };
            let names: Vec<String> = columns.iter().map(name).collect();
            match names.as_slice() {
                [only] => format!("{only}{values}"),
                several => format!("({}){values}", several.join(",")),
            }
        };
        let is_in_step = |condition: String| {
            step.match_indices(&condition)
                .any(|(at, _)| step[..at].ends_with(['(', ' ']))
        };
        step.starts_with("SEARCH ") && (is_in_step(named(false)) || is_in_step(named(true)))
    }
}

/// The beginnings of steps that aren't loops, from SQLite's sources.
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

/// The access paths that a loop may use.
const KNOWN_USES: &[&str] = &[
    "INDEX ",
    "COVERING INDEX ",
    "INTEGER PRIMARY KEY",
    "PRIMARY KEY",
    "AUTOMATIC ",
];

/// Checks whether a step is worded as in known versions of SQLite. Any other wording may mean anything.
fn is_known(step: &str) -> bool {
    let search = step.strip_prefix("SEARCH ");
    let Some(of) = search.or_else(|| step.strip_prefix("SCAN ")) else {
        return KNOWN.iter().any(|start| step.starts_with(start));
    };
    if of.contains(" VIRTUAL TABLE INDEX ") {
        return true;
    }
    match of.rsplit_once(" USING ") {
        // A step without USING has no conditions. Only min() and max() make such a step a search.
        None => search.is_none() || !of.contains('?'),
        Some((_, uses)) => KNOWN_USES.iter().any(|start| uses.starts_with(start)),
    }
}

/// Parses a search in which every condition is `=?`: returns the index (`None` for the rowid) and the number of
/// columns.
fn lookup(step: &str) -> Option<(Option<&str>, usize)> {
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
