//! The text of one statement, for one way to search.

use keywalk_sql::{
    Answer, BoundKind, Dialect, FarBound, Param, Quoted, RangeShape, Role, SeekForm, Statement,
    Term,
};

use crate::plan::{Condition, ONE_ROW};
use crate::relation::Relation;

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
        let statement = Statement {
            dialect: Dialect::Sqlite,
            key: &relation.key,
            fixed: &relation.fixed,
            select: &relation.select,
            width: relation.width(),
            filters: &relation.filters,
            served: how.served,
            given: relation.params.len(),
            form: how.form,
            shape,
        };
        let mut seek = statement.seek();
        let is_open = shape.near == BoundKind::Open;
        let parts = seek.parts.iter_mut();
        let parts = parts.map(|terms| how.urge.apply(relation, terms, is_open));
        let parts = parts.collect();
        // A literal, since a statement with `LIMIT ?` would be prepared again for each value.
        let limit = (shape.answer == Answer::FirstKey).then_some(1);
        Seek {
            sql: seek.sql(&how.from(relation), limit),
            own: seek.own,
            parts,
            far: seek.far,
        }
    }
}

impl SeekPlan<'_> {
    /// Returns the text after FROM.
    fn from(&self, relation: &Relation) -> String {
        let mut from = String::new();
        if let Some(schema) = self.urge.one_row {
            from += &one_row(schema);
            from += " CROSS JOIN ";
        }
        from += self.from.unwrap_or(&relation.from);
        if let Some(index) = self.index {
            from += &format!(" INDEXED BY {}", Quoted(index));
        } else if relation.is_by_rowid() && self.served.is_empty() {
            // The search is by the rowid. Without this, SQLite may read a small index and sort its content.
            from += " NOT INDEXED";
        }
        from
    }
}

impl Urge<'_> {
    /// Writes the hint into the conditions of a part of a statement, and returns those that it has to search by.
    /// `is_open`: the range has no near bound.
    fn apply(self, relation: &Relation, terms: &mut Vec<Term>, is_open: bool) -> Vec<Condition> {
        let ends = terms.iter().any(|term| term.role == Role::Far);
        let mut conditions = Vec::new();
        let mut is_marked = !is_open;
        for mut term in std::mem::take(terms) {
            if !is_marked && term.role != Role::Fixed {
                is_marked = true;
                terms.extend(self.mark(relation));
            }
            let Term {
                role,
                ref columns,
                operator,
                ..
            } = term;
            let is_upper = operator == '<';
            match role {
                Role::Unproven => conditions.clear(),
                Role::Fixed | Role::Equal | Role::Near | Role::Far => {
                    conditions.push(relation.condition(role, columns.clone(), operator));
                }
                Role::Check => {}
            }
            // Of the two bounds of a range, the lower one is written first, and only the upper one is marked unlikely.
            // Otherwise SQLite would assume that one bound leaves as few rows as both bounds together.
            let likelihood = self.likelihood.and_then(|likelihood| match role {
                // Few rows satisfy it anyway.
                Role::Equal => (likelihood == CERTAIN).then_some(CERTAIN),
                Role::Near if columns.start > 0 && likelihood == UNLIKELY => None,
                Role::Near if ends && !is_upper => Some(CERTAIN),
                Role::Far if !is_open && !is_upper => Some(CERTAIN),
                Role::Near | Role::Far => Some(likelihood),
                Role::Fixed | Role::Unproven | Role::Check => None,
            });
            if let Some(likelihood) = likelihood {
                term.sql = format!("likelihood({}, {likelihood})", term.sql);
            }
            let is_lower_bound = role == Role::Far && likelihood.is_some() && !is_upper;
            let at = terms.len() - usize::from(is_lower_bound && !terms.is_empty());
            terms.insert(at, term);
            if role == Role::Unproven {
                terms.extend(self.mark(relation));
            }
        }
        if !is_marked {
            terms.extend(self.mark(relation));
        }
        conditions
    }

    /// Returns a condition for statements that have none to mark as unlikely. Every row satisfies it, including NULLs.
    /// (There is none if `one_row` is joined: that suffices for newer versions of SQLite, and the condition costs time
    /// per row.)
    fn mark(self, relation: &Relation) -> Option<Term> {
        let is_marked = self.likelihood == Some(UNLIKELY) && self.one_row.is_none();
        let first = &relation.key[0].expression;
        let sql = format!("likelihood(typeof({first}) <> '', {UNLIKELY})");
        is_marked.then(|| Term::check(sql))
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
