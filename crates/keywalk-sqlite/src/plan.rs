use rusqlite::Connection;

/// What SQLite plans to do for a statement (`EXPLAIN QUERY PLAN`).
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    id: i64,
    parent: i64,
    what: String,
}

impl Step {
    fn is_loop(&self) -> bool {
        self.what.starts_with("SEARCH ") || self.what.starts_with("SCAN ")
    }
}

/// Ids are addresses in the program, which differ between statements with the same plan.
impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

/// A column, as plans name it.
#[derive(Clone, Debug)]
pub(crate) struct PlanName {
    pub(crate) name: String,
    /// Then it may also be called `rowid`: where no index names it, or an index has it at its end
    /// without naming it.
    pub(crate) is_rowid: bool,
}

/// One condition that a search of an index has to use, such as `(a,b)>(?,?)`.
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
            let step = Step {
                id: row.get(0)?,
                parent: row.get(1)?,
                what: row.get(3)?,
            };
            // Subqueries within expressions are the filter's own affair.
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

    /// Whether the statement reads what it needs, when it needs it: nothing is sorted, kept aside
    /// or indexed first.
    pub(crate) fn streams(&self) -> bool {
        let keeps = |step: &Step| {
            [
                "USE TEMP B-TREE",
                "MATERIALIZE",
                "CO-ROUTINE",
                "BLOOM FILTER",
            ]
            .iter()
            .any(|start| step.what.starts_with(start))
        };
        // Only what is joined is indexed for that. In an outer loop it would be the table's name.
        let (_, inner) = self.loops();
        !self.steps.iter().any(|step| !step.is_loop() && keeps(step))
            && !inner.iter().any(|step| step.contains(" USING AUTOMATIC "))
    }

    /// Whether the outermost loop of each of the statement's parts is a search by all of that
    /// part's conditions. A part without conditions may be a scan in the index's order.
    pub(crate) fn searches(&self, parts: &[Vec<Condition>]) -> bool {
        let loops = self.outer_loops();
        loops.len() == parts.len()
            && loops.iter().zip(parts).all(|(step, conditions)| {
                conditions
                    .iter()
                    .all(|condition| condition.is_used_by(step))
            })
    }

    /// Whether an index serves more of the conditions than in `other`: each search is by a further
    /// equality, or in an index that holds only the rows in question.
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

    /// Whether an outermost loop is a search from some value on, by this operator.
    pub(crate) fn ranges(&self, operator: char) -> bool {
        let (one, several) = (format!("{operator}?"), format!("{operator}("));
        let from_value = |step: &&str| step.contains(&one) || step.contains(&several);
        self.outer_loops().iter().any(from_value)
    }

    fn outer_loops(&self) -> Vec<&str> {
        self.loops().0
    }

    /// The outermost loop of each of the statement's parts, and those within them.
    fn loops(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut outer, mut inner) = (Vec::new(), Vec::new());
        let mut part = None;
        for step in self.steps.iter().filter(|step| step.is_loop()) {
            match part.replace(step.parent) == Some(step.parent) {
                false => outer.push(step.what.as_str()),
                true => inner.push(step.what.as_str()),
            }
        }
        (outer, inner)
    }

    pub(crate) fn describe(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|step| step.what.as_str()).collect();
        steps.join("; ")
    }
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
