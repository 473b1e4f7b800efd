//! The text of one statement, for one way to search.

use keywalk::Order;
use keywalk_sql::Quoted;

use crate::key::TextOrder;
use crate::plan::{Condition, ONE_ROW};
use crate::relation::{KeyPart, Relation};
use crate::statements::{Answer, BoundKind, Nulls, RangeShape};

/// The form of a statement's search conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeekForm {
    /// `(a, b) > (?, ?)`, bounded at both ends: one search of an index in one direction.
    RowValue,
    /// A UNION ALL of a SELECT with `a = ? AND b < ?` and one with `a > ?`. For columns of different directions, for an
    /// index whose last column is the rowid, and for descending walks that must reach NULL keys. It is bounded at the
    /// near end, and at the far end by the first column; the fetch checks the rest. The OR of these conditions would
    /// search by the first column alone, and read all rows of one `a` at every chunk.
    Union,
}

/// The way a statement is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeekPlan<'a> {
    pub(super) form: SeekForm,
    /// The text after FROM, if it isn't the caller's.
    pub(super) from: Option<&'a str>,
    /// The index that SQLite has to use.
    pub(super) index: Option<&'a str>,
    pub(super) urge: Urge<'a>,
    /// The positions of the filters in WHERE, which an index serves. The others are evaluated in columns after the
    /// row's own, and the fetch counts the rows that they drop.
    pub(super) served: &'a [usize],
}

/// A hint that makes SQLite search, whatever its statistics say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Urge<'a> {
    /// The second argument of `likelihood()` around the walk's conditions, if any.
    pub(super) likelihood: Option<&'static str>,
    /// If set, one row of this schema's `sqlite_master` is joined first; see [`one_row`].
    pub(super) one_row: Option<&'a str>,
}

/// A likelihood for few rows, since a fetch reads only a chunk. With it, SQLite begins a join with the key's table and
/// sorts nothing.
pub(super) const UNLIKELY: &str = "0.000001";

/// A likelihood with which a condition doesn't lower SQLite's estimate of the rows. It marks the lower bound of a range
/// and, in a statement with the one-row join, can mark any condition. If statistics record one or two rows for a table,
/// SQLite prefers a scan by the rowid to a search. With the join, both cost so much by SQLite's estimate that the
/// difference no longer counts. SQLite then chooses the one that reads fewer rows. (The join also prevents a Bloom
/// filter: SQLite builds none after a table without statistics, and the one-row subselect has no statistics.)
pub(super) const CERTAIN: &str = "1.0";

/// How the range's far bound is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FarBound {
    /// The statement ends at the bound.
    Ended,
    /// The fetch compares each row's key.
    Compared,
    /// A last column tells for each row whether it is within the bound, since only SQLite knows the order.
    Reported,
}

/// The meaning of a parameter of a walk's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    /// The caller's parameter at this position.
    Given(usize),
    /// The value of a fixed column.
    Fixed(usize),
    /// A column of the key at the near bound.
    Near(usize),
    /// A column of the key at the far bound.
    Far(usize),
}

/// A statement's text and its properties.
#[derive(Debug)]
pub(crate) struct Seek {
    pub(crate) sql: String,
    /// The walk's own parameters, numbered after the caller's.
    pub(crate) own: Vec<Param>,
    /// The conditions that each part of the statement has to search by.
    pub(crate) parts: Vec<Vec<Condition>>,
    pub(crate) far: FarBound,
}

impl Seek {
    pub(super) fn new(relation: &Relation, how: SeekPlan<'_>, shape: RangeShape) -> Self {
        let mut writer = Writer {
            relation,
            how,
            shape,
            own: Vec::new(),
            parts: Vec::new(),
        };
        let mut sql = match writer.form() {
            SeekForm::RowValue => writer.row_value(),
            SeekForm::Union => writer.union(),
        };
        sql += &writer.order_by();
        // A literal, since a statement with `LIMIT ?` would be prepared again for each value.
        if shape.answer == Answer::FirstKey {
            sql += " LIMIT 1";
        }
        Seek {
            sql,
            far: writer.end(),
            own: writer.own,
            parts: writer.parts,
        }
    }
}

/// The condition on the last column of a part of a union.
enum Last {
    /// A condition that the plan has to search by.
    Searched(String, Condition),
    /// The column is NULL. SQLite may know that this is never true. In the statement's plan, this part then has no
    /// search and doesn't come first.
    Unproven(String),
    /// None: all rows that have the columns before it.
    All,
}

struct Writer<'a> {
    relation: &'a Relation,
    how: SeekPlan<'a>,
    shape: RangeShape,
    own: Vec<Param>,
    parts: Vec<Vec<Condition>>,
}

impl Writer<'_> {
    /// Chooses the form. A row value with NULL in it compares as NULL, so a search down from `(x, 5)` would miss `(x,
    /// NULL)`, and one from `(x, NULL)` finds nothing. The union has parts for those.
    fn form(&self) -> SeekForm {
        let mut parts = self.relation.key.iter();
        let is_missed = |part: &KeyPart| part.may_be_null && self.is_down(part);
        if self.shape.near_nulls != Nulls::NONE || parts.any(is_missed) {
            SeekForm::Union
        } else {
            self.how.form
        }
    }

    /// Chooses how the far bound is enforced. A row value up to `(x, 5)` would miss `(x, NULL)`. So if the key may
    /// hold NULL, the fetch checks the far bound.
    fn end(&self) -> FarBound {
        let is_unordered = |part: &KeyPart| part.layout.comparison == TextOrder::Collation;
        if self.shape.far == BoundKind::Open
            || self.form() == SeekForm::RowValue && !self.meets_null()
        {
            FarBound::Ended
        } else if self.relation.key.iter().any(is_unordered) {
            FarBound::Reported
        } else {
            FarBound::Compared
        }
    }

    /// Checks whether a comparison with the far bound may be one with NULL.
    fn meets_null(&self) -> bool {
        let mut parts = self.relation.key.iter();
        self.shape.far_nulls != Nulls::NONE || parts.any(|part| part.may_be_null)
    }

    /// Checks whether the walk goes down in this column: NULL then comes last.
    fn is_down(&self, part: &KeyPart) -> bool {
        self.relation.direction(part, self.shape.order) == Order::Descending
    }

    /// Returns the ORDER BY, as the positions of the key's columns.
    fn order_by(&self) -> String {
        let (relation, order) = (self.relation, self.shape.order);
        let positions = match self.shape.answer {
            Answer::Rows => relation.key_positions(),
            Answer::FirstKey => (0..relation.key.len()).collect(),
        };
        let terms: Vec<String> = relation
            .key
            .iter()
            .zip(positions)
            .map(|(part, at)| match relation.direction(part, order) {
                Order::Ascending => format!("{}", at + 1),
                Order::Descending => format!("{} DESC", at + 1),
            })
            .collect();
        format!(" ORDER BY {}", terms.join(", "))
    }

    fn row_value(&mut self) -> String {
        let mut terms = Vec::new();
        let mut conditions = Vec::new();
        self.fix(&mut terms, &mut conditions);
        let all: Vec<usize> = (0..self.relation.key.len()).collect();
        let ends = self.shape.far != BoundKind::Open && self.end() == FarBound::Ended;
        if self.shape.near != BoundKind::Open {
            let past = self.shape.near == BoundKind::Excluded;
            let (term, condition) = self.compare(&all, self.shape.order, past, Param::Near);
            terms.push(self.urged(term, !ends || condition.operator == '<'));
            conditions.push(condition);
        } else {
            self.urge_all(&mut terms);
        }
        if ends {
            let before = self.shape.far == BoundKind::Excluded;
            let order = self.shape.order.reversed();
            let (term, condition) = self.compare(&all, order, before, Param::Far);
            let is_upper = condition.operator == '<';
            terms.push(self.urged(term, is_upper || self.shape.near == BoundKind::Open));
            conditions.push(condition);
            let last = terms.len() - 1;
            if self.how.urge.likelihood.is_some() && last > 0 && !is_upper {
                terms.swap(last - 1, last);
            }
        }
        let is_compared = all.len() == 1 && (ends || self.shape.near != BoundKind::Open);
        self.leave_nulls_out(&mut terms, usize::from(is_compared));
        self.parts.push(conditions);
        self.select(terms)
    }

    fn union(&mut self) -> String {
        if self.shape.near == BoundKind::Open {
            let mut terms = Vec::new();
            let mut conditions = Vec::new();
            self.fix(&mut terms, &mut conditions);
            self.urge_all(&mut terms);
            self.leave_nulls_out(&mut terms, 0);
            self.end_at_first_column(&mut terms);
            self.parts.push(conditions);
            return self.select(terms);
        }
        let relation = self.relation;
        let columns = relation.key.len();
        let mut selects = Vec::new();
        // The part with the most columns is written first, because its rows come first. It also uses every parameter.
        for equal in (0..columns).rev() {
            let nulls = self.shape.near_nulls;
            let key = &relation.key[equal];
            // No row equals a NULL in a column that has none.
            if (0..equal).any(|column| nulls.has(column) && !relation.key[column].may_be_null) {
                continue;
            }
            let past = self.shape.near == BoundKind::Excluded || equal + 1 < columns;
            if !nulls.has(equal) {
                selects.push(self.part(equal, |writer| {
                    let (term, condition) =
                        writer.compare(&[equal], writer.shape.order, past, Param::Near);
                    Last::Searched(term, condition)
                }));
            }
            let is_null = format!("{} IS NULL", key.uncollated);
            let is_last = match key.layout.nullable {
                true => Last::Searched(is_null, relation.condition(&[equal], '=')),
                false => Last::Unproven(is_null),
            };
            match (nulls.has(equal), self.is_down(key)) {
                // The rows with NULL are the last ones.
                (is_at_null, true) if key.may_be_null && !(past && is_at_null) => {
                    selects.push(self.part(equal, |_| is_last));
                }
                (_, true) | (false, false) => {}
                // The rows with NULL were the first ones.
                (true, false) if past && key.may_be_null => {
                    let term = format!("{} IS NOT NULL", key.uncollated);
                    let rest = Last::Searched(term, relation.condition(&[equal], '>'));
                    selects.push(self.part(equal, |_| rest));
                }
                (true, false) => selects.push(self.part(equal, |_| Last::All)),
            }
        }
        if selects.is_empty() {
            self.parts.push(Vec::new());
            selects.push(self.select(vec!["0".to_owned()]));
        }
        selects.join(" UNION ALL ")
    }

    /// Writes a part of the union: the rows that have the first `equal` columns of the near key and satisfy `last`.
    fn part(&mut self, equal: usize, last: impl FnOnce(&mut Self) -> Last) -> String {
        let relation = self.relation;
        let mut terms = Vec::new();
        let mut conditions = Vec::new();
        self.fix(&mut terms, &mut conditions);
        for (column, part) in relation.key[..equal].iter().enumerate() {
            let term = match self.shape.near_nulls.has(column) {
                true => format!("{} IS NULL", part.uncollated),
                false => {
                    let number = self.number(Param::Near(column));
                    format!("{} = +?{number}", part.expression)
                }
            };
            // Few rows satisfy it anyway.
            terms.push(match self.how.urge.likelihood {
                Some(CERTAIN) => self.urged(term, true),
                _ => term,
            });
            conditions.push(relation.condition(&[column], '='));
        }
        let mut compared = equal + 1;
        match last(self) {
            Last::Searched(term, condition) => {
                terms.push(match self.how.urge.likelihood {
                    Some(UNLIKELY) if equal > 0 => term,
                    _ => self.urged(term, true),
                });
                conditions.push(condition);
            }
            Last::Unproven(term) => {
                terms.push(term);
                conditions.clear();
                self.urge_all(&mut terms);
            }
            Last::All => compared = equal,
        }
        self.leave_nulls_out(&mut terms, compared);
        self.end_at_first_column(&mut terms);
        self.parts.push(conditions);
        self.select(terms)
    }

    /// Adds the filter's conditions that columns aren't NULL, for the columns from `first` on. Each column before
    /// it is compared alone, which implies the condition. If both were written, a plan would not show by which of the
    /// two it searches.
    fn leave_nulls_out(&self, terms: &mut Vec<String>, first: usize) {
        let columns = self.relation.key.iter().skip(first);
        let columns = columns.filter(|part| part.excludes_null);
        terms.extend(columns.map(|part| format!("{} IS NOT NULL", part.uncollated)));
    }

    /// Adds the far bound on the first column: rows past it aren't read.
    fn end_at_first_column(&mut self, terms: &mut Vec<String>) {
        if self.shape.far != BoundKind::Open && !self.meets_null() {
            let order = self.shape.order.reversed();
            terms.push(self.compare(&[0], order, false, Param::Far).0);
        }
    }

    /// Adds the conditions on the fixed columns.
    fn fix(&mut self, terms: &mut Vec<String>, conditions: &mut Vec<Condition>) {
        let relation = self.relation;
        for (at, fixed) in relation.fixed.iter().enumerate() {
            let number = self.number(Param::Fixed(at));
            terms.push(format!("{} = +?{number}", fixed.expression));
            conditions.push(Condition {
                columns: Some(vec![fixed.in_plan.clone()]),
                count: 1,
                operator: '=',
            });
        }
    }

    /// Marks a condition of the walk with its likelihood. Of the two bounds of a range, the lower one is written first,
    /// and only the upper one is marked unlikely. Otherwise SQLite would assume that one bound leaves as few rows as
    /// both bounds together.
    fn urged(&self, term: String, may_be_unlikely: bool) -> String {
        match self.how.urge.likelihood {
            None => term,
            Some(likelihood) if may_be_unlikely => format!("likelihood({term}, {likelihood})"),
            Some(_) => format!("likelihood({term}, {CERTAIN})"),
        }
    }

    /// Adds a condition for statements that have none to mark as unlikely. Every row satisfies it, including NULLs.
    /// (Not added if `one_row` is joined: that suffices for newer versions of SQLite, and the condition costs time per
    /// row.)
    fn urge_all(&self, terms: &mut Vec<String>) {
        let urge = self.how.urge;
        if urge.likelihood == Some(UNLIKELY) && urge.one_row.is_none() {
            let first = &self.relation.key[0].expression;
            terms.push(self.urged(format!("typeof({first}) <> ''"), true));
        }
    }

    /// Writes a comparison of key columns, all of one direction, with a key. It is true for rows that come after the
    /// key in `order`; unless `past`, also for rows equal to it.
    fn compare(
        &mut self,
        columns: &[usize],
        order: Order,
        past: bool,
        param: fn(usize) -> Param,
    ) -> (String, Condition) {
        let key = &self.relation.key;
        let operator = self.relation.operator(&key[columns[0]], order);
        // The plus signs make expressions, whose values SQLite ignores when it plans. So a statement isn't prepared
        // again when another value is bound, as it would be for a table with statistics.
        let values: Vec<String> = columns
            .iter()
            .map(|column| format!("+?{}", self.number(param(*column))))
            .collect();
        let expressions: Vec<&str> = columns
            .iter()
            .map(|column| key[*column].expression.as_str())
            .collect();
        let or_equal = if past { "" } else { "=" };
        let term = match (expressions.as_slice(), values.as_slice()) {
            ([expression], [value]) => format!("{expression} {operator}{or_equal} {value}"),
            _ => format!(
                "({}) {operator}{or_equal} ({})",
                expressions.join(", "),
                values.join(", ")
            ),
        };
        (term, self.relation.condition(columns, operator))
    }

    /// Returns the number of one of the walk's own parameters.
    fn number(&mut self, param: Param) -> usize {
        let at = self.own.iter().position(|known| *known == param);
        let at = at.unwrap_or_else(|| {
            self.own.push(param);
            self.own.len() - 1
        });
        self.relation.params.len() + at + 1
    }

    fn select(&mut self, mut terms: Vec<String>) -> String {
        let relation = self.relation;
        let key = || relation.key.iter().map(|part| part.expression.as_str());
        let mut columns: Vec<&str> = Vec::new();
        if self.shape.answer == Answer::FirstKey {
            columns.extend(key());
        } else {
            columns.extend((relation.width() > 0).then_some(relation.select.as_str()));
            let others = relation.key.iter().filter(|part| part.at.is_none());
            columns.extend(others.map(|part| part.expression.as_str()));
        }
        let (mut checked, mut served) = (Vec::new(), Vec::new());
        for (at, filter) in relation.filters.iter().enumerate() {
            // The parenthesis is on its own line, since a filter may end in a comment.
            let filter = format!("({filter}\n)");
            match self.how.served.contains(&at) {
                true => served.push(filter),
                false => checked.push(filter),
            }
        }
        // After the walk's own conditions: if two are usable, SQLite uses the first.
        terms.append(&mut served);
        // Not `IS TRUE`: a column may be called that.
        let verdict = format!("CASE WHEN {} THEN 1 ELSE 0 END", checked.join(" AND "));
        if !checked.is_empty() {
            columns.push(&verdict);
        }
        let within = match self.end() {
            FarBound::Reported => Some(self.within()),
            FarBound::Ended | FarBound::Compared => None,
        };
        columns.extend(within.as_deref());
        let mut sql = format!("SELECT {} FROM ", columns.join(", "));
        if let Some(schema) = self.how.urge.one_row {
            sql += &one_row(schema);
            sql += " CROSS JOIN ";
        }
        sql += self.how.from.unwrap_or(&relation.from);
        if let Some(index) = self.how.index {
            sql += &format!(" INDEXED BY {}", Quoted(index));
        } else if relation.is_by_rowid() && self.how.served.is_empty() {
            // The search is by the rowid. Without this, SQLite may read a small index and sort its content.
            sql += " NOT INDEXED";
        }
        if !terms.is_empty() {
            sql += " WHERE ";
            sql += &terms.join(" AND ");
        }
        sql
    }

    /// Writes an expression that tests the far bound for each row and doesn't end the search.
    fn within(&mut self) -> String {
        let order = self.shape.order.reversed();
        let last = self.relation.key.len() - 1;
        let mut within = String::new();
        for (at, part) in self.relation.key.iter().enumerate().rev() {
            let (expression, operator) = (&part.expression, self.relation.operator(part, order));
            let is_null = format!("{} IS NULL", part.uncollated);
            // NULL comes first, so before every value of a column that goes up.
            let is_included = at == last && self.shape.far == BoundKind::Included;
            let or_equal = if is_included { "=" } else { "" };
            let (mut before, equal) = match (self.shape.far_nulls.has(at), self.is_down(part)) {
                (true, true) => (format!("{} IS NOT NULL", part.uncollated), is_null),
                (true, false) => ("0".to_owned(), is_null),
                (false, is_down) => {
                    let number = self.number(Param::Far(at));
                    let mut before = format!("{expression} {operator}{or_equal} +?{number}");
                    if part.layout.nullable && !is_down {
                        before += &format!(" OR {is_null}");
                    }
                    (before, format!("{expression} = +?{number}"))
                }
            };
            if is_included && self.shape.far_nulls.has(at) {
                before += &format!(" OR {equal}");
            }
            within = match at < last {
                true => format!("({before} OR ({equal} AND {within}))"),
                false => before,
            };
        }
        format!("CASE WHEN {within} THEN 1 ELSE 0 END")
    }
}

/// Writes a subselect that SQLite knows to return one row: an arbitrary entry of the schema table. Its column has a
/// name that the caller's SQL won't contain.
fn one_row(schema: &str) -> String {
    let entries = format!("{}.sqlite_master", Quoted(schema));
    format!(
        "(SELECT `{ONE_ROW}`.rowid AS `{ONE_ROW}` FROM {entries} AS `{ONE_ROW}` \
         CROSS JOIN {entries} AS `{ONE_ROW} again` \
         WHERE `{ONE_ROW}`.rowid = (SELECT rowid FROM {entries} LIMIT 1) \
         AND `{ONE_ROW} again`.rowid = `{ONE_ROW}`.rowid)"
    )
}
