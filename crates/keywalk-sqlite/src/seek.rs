//! The SQL of a walk, written so that SQLite searches.

use keywalk::Order;
use rusqlite::Connection;

use crate::error::{Error, is_of_store};
use crate::fetch::{Answer, Edge, RangeShape};
use crate::join_order;
use crate::key::TextOrder;
use crate::plan::{Condition, ONE_ROW, Plan};
use crate::relation::{KeyPart, Relation};
use crate::sql::Quoted;

/// Writes a statement in the first way for which SQLite's plan is a search by all conditions: as it
/// chooses by itself, or else by what leaves it no other choice, so that no statistics keep it from that.
pub(crate) fn write(
    db: &Connection,
    relation: &Relation,
    served: &[usize],
    shape: RangeShape,
) -> Result<(Seek, Plan), Error> {
    let failed = |source| relation.failed(source);
    let mut attempts = Attempts {
        db,
        relation,
        served,
        shape,
        second: None,
        refused: None,
    };
    let found = attempts.one(None, None, Urge::default(), true)?;
    // An index that serves a filter too is SQLite's own choice.
    if found.is_some() || !served.is_empty() {
        return attempts.or_error(found);
    }
    for index in &relation.indexes {
        if let Some(found) = attempts.one(None, Some(index), Urge::default(), true)? {
            return Ok(found);
        }
    }
    if !relation.is_by_rowid() && relation.query.is_none() {
        return attempts.or_error(None);
    }
    let schema = relation.stamp.first_with_entries(db).map_err(failed)?;
    let mut others = None;
    for (likelihoods, one_row) in [
        ([None, Some(UNLIKELY)], None),
        ([Some(UNLIKELY), Some(CERTAIN)], schema),
    ] {
        let urges = likelihoods.map(|likelihood| Urge {
            likelihood,
            one_row,
        });
        if let Some(found) = attempts.urged(None, urges, true)? {
            return Ok(found);
        }
        let others = match (&mut others, &relation.query) {
            (Some(others), _) => others,
            (None, Some(select)) => {
                others.insert(join_order::others(db, select, &relation.columns).map_err(failed)?)
            }
            (None, None) => continue,
        };
        for other in others {
            let from = Relation::subselect(&other.select);
            if let Some(found) = attempts.urged(Some(&from), urges, !other.is_index_of_joined)? {
                return Ok(found);
            }
        }
    }
    attempts.or_error(None)
}

/// The ways that a statement was tried to be written in.
struct Attempts<'a> {
    db: &'a Connection,
    relation: &'a Relation,
    served: &'a [usize],
    shape: RangeShape,
    /// What would do if there is nothing better: a joined table is read whole.
    second: Option<(Seek, Plan)>,
    /// SQLite's own choice.
    refused: Option<Plan>,
}

impl Attempts<'_> {
    /// Tries all forms of one way. What scans a joined table will do only if it `may_scan`.
    fn one(
        &mut self,
        from: Option<&str>,
        index: Option<&str>,
        urge: Urge<'_>,
        may_scan: bool,
    ) -> Result<Option<(Seek, Plan)>, Error> {
        let (db, relation, shape) = (self.db, self.relation, self.shape);
        let forms: &[SeekForm] = if relation.key.len() == 1 {
            &[SeekForm::RowValue]
        } else if relation.is_mixed() {
            &[SeekForm::Union]
        } else {
            &[SeekForm::RowValue, SeekForm::Union]
        };
        let is_own_choice = from.is_none() && index.is_none() && urge == Urge::default();
        for form in forms {
            let how = How {
                form: *form,
                from,
                index,
                urge,
                served: self.served,
            };
            let seek = Seek::new(relation, how, shape);
            let plan = match Plan::of(db, &seek.sql) {
                Ok(plan) => plan,
                // Of an index or order that SQLite can't use for this ("no query solution").
                Err(source) if !is_own_choice && !is_of_store(&source) => continue,
                Err(source) => return Err(relation.failed(source)),
            };
            check_known(relation, &plan)?;
            if !plan.streams() || !plan.searches(&seek.parts) {
                // The cure is clearest where SQLite itself makes an index.
                let is_clearer = |before: &Plan| !before.makes_index() && plan.makes_index();
                if self.refused.as_ref().is_none_or(is_clearer) {
                    self.refused = Some(plan);
                }
                continue;
            }
            check_no_range(db, relation, how, shape, &plan)?;
            if !plan.scans_within() {
                return Ok(Some((seek, plan)));
            }
            // Behind one row the scan may be by the key, of all rows for each one before.
            if may_scan && !plan.begins_with_one() {
                self.second.get_or_insert((seek, plan));
            }
        }
        Ok(None)
    }

    /// Tries one way with each urge. To read few rows, or by an index that it is told, SQLite scans a joined
    /// table that it would make an index of to read many.
    fn urged(
        &mut self,
        from: Option<&str>,
        urges: [Urge<'_>; 2],
        may_scan: bool,
    ) -> Result<Option<(Seek, Plan)>, Error> {
        for urge in urges {
            let may_scan = may_scan && urge.likelihood != Some(UNLIKELY);
            let found = self.one(from, None, urge, may_scan)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn or_error(self, found: Option<(Seek, Plan)>) -> Result<(Seek, Plan), Error> {
        if let Some(found) = found.or(self.second) {
            return Ok(found);
        }
        let relation = self.relation;
        let name = &relation.name;
        let plan = self.refused.as_ref();
        let shown = plan.map(Plan::describe).unwrap_or_default();
        Err(match plan {
            Some(plan) if relation.is_by_rowid() && self.served.is_empty() && plan.streams() => {
                Error::stale_statistics(name)
            }
            _ if relation.unique => {
                let has_one = !relation.indexes.is_empty();
                Error::no_index(name, &relation.wanted_index(), has_one, &shown)
            }
            _ => Error::query_not_seekable(name, &shown),
        })
    }
}

/// That every step of a plan can be understood.
fn check_known(relation: &Relation, plan: &Plan) -> Result<(), Error> {
    match plan.unknown() {
        None => Ok(()),
        Some(step) => Err(Error::unknown_plan(&relation.name, step)),
    }
}

/// The caller's SQL has no range over the key: SQLite searches by one of two such conditions and
/// checks the other row by row, from the same place at every chunk if it chooses the wrong one. It
/// shows in the plan where the walk itself asks for no range.
fn check_no_range(
    db: &Connection,
    relation: &Relation,
    how: How<'_>,
    shape: RangeShape,
    plan: &Plan,
) -> Result<(), Error> {
    let has_callers_sql = !relation.unique || !how.served.is_empty();
    if !has_callers_sql || shape.near == Edge::Open {
        return Ok(());
    }
    let open = RangeShape {
        near: Edge::Open,
        far: Edge::Open,
        ..shape
    };
    // Behind a row of the caller's SQL the search stands further in, and elsewhere without its value.
    let is_before_start = plan.begins_with_one();
    let seek = Seek::new(relation, how, open);
    let plan = Plan::of(db, &seek.sql).map_err(|source| relation.failed(source))?;
    check_known(relation, &plan)?;
    let is_ranged = relation
        .key
        .iter()
        .any(|part| plan.ranges(relation.operator(part, shape.order), is_before_start));
    if plan.streams() && is_ranged {
        return Err(Error::own_range(&relation.name, &relation.key_names()));
    }
    Ok(())
}

/// How a statement finds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeekForm {
    /// `(a, b) > (?, ?)`, bounded at both ends: one search of an index in one direction.
    RowValue,
    /// `a = ? AND b < ?`, then `a > ?`, merged: for columns that go in different directions, for an
    /// index whose last column is the rowid, and on the way down to NULL. Bounded at the near end,
    /// and at the far one by the first column: the fetch looks for the rest. The OR of these
    /// conditions would search by the first column alone, and read all rows of one `a` at every
    /// chunk.
    Union,
}

/// How a statement is written.
#[derive(Clone, Copy, Debug)]
struct How<'a> {
    form: SeekForm,
    /// What stands after FROM, where it isn't as the caller wrote it.
    from: Option<&'a str>,
    /// The index that SQLite is told to use.
    index: Option<&'a str>,
    urge: Urge<'a>,
    /// The filters that stand in WHERE, since an index serves them; by their positions. The others
    /// stand beside the row's columns, after them: the fetch counts the rows that they drop.
    served: &'a [usize],
}

/// What moves SQLite to search, whatever its statistics say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Urge<'a> {
    /// How likely the walk's conditions are called.
    likelihood: Option<&'static str>,
    /// Two lookups of one row, in this schema's own table, are joined before.
    one_row: Option<&'a str>,
}

/// As a fetch reads only a chunk: so a join begins with the key's table, and nothing is sorted for it.
const UNLIKELY: &str = "0.000001";

/// Where statistics say that a table has one row or two, SQLite finds a scan by the rowid cheaper than a
/// search, by a difference that is lost beside the cost of looking up one row before: then it takes what
/// reads fewer rows. (And after a table without statistics, it makes no Bloom filter of another.)
const CERTAIN: &str = "1.0";

/// Who looks for the range's far bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FarBound {
    /// The statement ends there.
    Ended,
    /// The fetch: it compares each row's key.
    Compared,
    /// The statement says it of each row, in its last column: only SQLite knows the order.
    Told,
}

/// What a parameter of a walk's statement stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Param {
    /// The caller's, by its position.
    Given(usize),
    /// A column that is fixed to one value.
    Fixed(usize),
    /// A column of the key at the near bound.
    Near(usize),
    /// A column of the key at the far bound.
    Far(usize),
}

/// A statement's text, and what is known of it.
#[derive(Debug)]
pub(crate) struct Seek {
    pub(crate) sql: String,
    /// The walk's own parameters, numbered after the caller's.
    pub(crate) own: Vec<Param>,
    /// What each part of the statement has to search by.
    pub(crate) parts: Vec<Vec<Condition>>,
    pub(crate) far: FarBound,
}

impl Seek {
    fn new(relation: &Relation, how: How<'_>, shape: RangeShape) -> Self {
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
        // A literal: a statement with `LIMIT ?` would be prepared again for each value.
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

struct Writer<'a> {
    relation: &'a Relation,
    how: How<'a>,
    shape: RangeShape,
    own: Vec<Param>,
    parts: Vec<Vec<Condition>>,
}

impl Writer<'_> {
    /// A row value with NULL in it compares as NULL: the search down from `(x, 5)` would miss
    /// `(x, NULL)`. The union has parts for those.
    fn form(&self) -> SeekForm {
        let down = |part| self.relation.direction(part, self.shape.order) == Order::Descending;
        if self.relation.nullable && self.relation.key.iter().any(down) {
            SeekForm::Union
        } else {
            self.how.form
        }
    }

    /// Up to `(x, 5)`, a row value would miss `(x, NULL)`: then the fetch looks for the far bound.
    fn end(&self) -> FarBound {
        let is_unordered = |part: &KeyPart| part.layout.comparison == TextOrder::Collation;
        if self.shape.far == Edge::Open
            || self.form() == SeekForm::RowValue && !self.relation.nullable
        {
            FarBound::Ended
        } else if self.relation.key.iter().any(is_unordered) {
            FarBound::Told
        } else {
            FarBound::Compared
        }
    }

    /// The order of the statement, by the positions of the key's columns.
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
        let ends = self.shape.far != Edge::Open && self.end() == FarBound::Ended;
        if self.shape.near != Edge::Open {
            let past = self.shape.near == Edge::Excluded;
            let (term, condition) = self.compare(&all, self.shape.order, past, Param::Near);
            terms.push(self.urged(term, !ends || condition.operator == '<'));
            conditions.push(condition);
        } else {
            self.urge_all(&mut terms);
        }
        if ends {
            let before = self.shape.far == Edge::Excluded;
            let order = self.shape.order.reversed();
            let (term, condition) = self.compare(&all, order, before, Param::Far);
            let is_upper = condition.operator == '<';
            terms.push(self.urged(term, is_upper || self.shape.near == Edge::Open));
            conditions.push(condition);
            let last = terms.len() - 1;
            if self.how.urge.likelihood.is_some() && last > 0 && !is_upper {
                terms.swap(last - 1, last);
            }
        }
        self.parts.push(conditions);
        self.select(terms)
    }

    fn union(&mut self) -> String {
        if self.shape.near == Edge::Open {
            let mut terms = Vec::new();
            let mut conditions = Vec::new();
            self.fix(&mut terms, &mut conditions);
            self.urge_all(&mut terms);
            self.end_at_first_column(&mut terms);
            self.parts.push(conditions);
            return self.select(terms);
        }
        let columns = self.relation.key.len();
        let mut selects = Vec::new();
        // The part with the most columns comes first: its rows do, and it uses every parameter.
        for equal in (0..columns).rev() {
            let past = self.shape.near == Edge::Excluded || equal + 1 < columns;
            selects.push(self.part(equal, |writer| {
                let (term, condition) =
                    writer.compare(&[equal], writer.shape.order, past, Param::Near);
                let term = match writer.how.urge.likelihood {
                    Some(UNLIKELY) if equal > 0 => term,
                    _ => writer.urged(term, true),
                };
                (term, Some(condition))
            }));
            let key = &self.relation.key[equal];
            let down = self.relation.direction(key, self.shape.order) == Order::Descending;
            if self.relation.nullable && down {
                selects.push(self.part(equal, |writer| {
                    let term = format!("{} IS NULL", writer.relation.key[equal].expression);
                    // SQLite may know that it can't be; then it says nothing of a search, and
                    // doesn't begin with this part.
                    (term, None)
                }));
            }
        }
        selects.join(" UNION ALL ")
    }

    /// A part of the union: the rows that have the first `equal` columns of the near key, and for
    /// which `last` holds.
    fn part(
        &mut self,
        equal: usize,
        last: impl FnOnce(&mut Self) -> (String, Option<Condition>),
    ) -> String {
        let mut terms = Vec::new();
        let mut conditions = Vec::new();
        self.fix(&mut terms, &mut conditions);
        for column in 0..equal {
            let number = self.number(Param::Near(column));
            let expression = &self.relation.key[column].expression;
            let term = format!("{expression} = +?{number}");
            // Few rows meet it as it is.
            terms.push(match self.how.urge.likelihood {
                Some(CERTAIN) => self.urged(term, true),
                _ => term,
            });
            conditions.push(self.relation.condition(&[column], '='));
        }
        let (term, condition) = last(self);
        terms.push(term);
        match condition {
            Some(condition) => conditions.push(condition),
            None => {
                conditions.clear();
                self.urge_all(&mut terms);
            }
        }
        self.end_at_first_column(&mut terms);
        self.parts.push(conditions);
        self.select(terms)
    }

    /// The far bound, as far as the first column tells: rows past it aren't read.
    fn end_at_first_column(&mut self, terms: &mut Vec<String>) {
        if self.shape.far != Edge::Open && !self.relation.nullable {
            let order = self.shape.order.reversed();
            terms.push(self.compare(&[0], order, false, Param::Far).0);
        }
    }

    /// The columns that are fixed to one value.
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

    /// A condition of the walk's own, as likely as it is called. Of two the lower one stands first, and only
    /// the upper one is unlikely: else SQLite would find that one of them leaves as few rows as both.
    fn urged(&self, term: String, may_be_unlikely: bool) -> String {
        match self.how.urge.likelihood {
            None => term,
            Some(likelihood) if may_be_unlikely => format!("likelihood({term}, {likelihood})"),
            Some(_) => format!("likelihood({term}, {CERTAIN})"),
        }
    }

    /// Where there is no condition to be called unlikely: one that every row meets, NULLs too. (Before one
    /// row that does it for newer versions of SQLite, at no cost for each row.)
    fn urge_all(&self, terms: &mut Vec<String>) {
        let urge = self.how.urge;
        if urge.likelihood == Some(UNLIKELY) && urge.one_row.is_none() {
            let first = &self.relation.key[0].expression;
            terms.push(self.urged(format!("typeof({first}) <> ''"), true));
        }
    }

    /// A comparison of key columns, all of one direction, with a key: the rows that come after it
    /// in `order`, and those at it unless `past`.
    fn compare(
        &mut self,
        columns: &[usize],
        order: Order,
        past: bool,
        param: fn(usize) -> Param,
    ) -> (String, Condition) {
        let key = &self.relation.key;
        let operator = self.relation.operator(&key[columns[0]], order);
        // Plus signs: SQLite doesn't look at the value of an expression when it plans, so a
        // statement isn't prepared again when another value is bound (as it would be for a table
        // with statistics).
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

    /// The number of one of the walk's own parameters.
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
            // The bracket on a line of its own: a filter may end in a comment.
            let filter = format!("({filter}\n)");
            match self.how.served.contains(&at) {
                true => served.push(filter),
                false => checked.push(filter),
            }
        }
        // After the walk's own conditions: of two that would do, SQLite uses the first.
        terms.append(&mut served);
        let verdict = format!("({}) IS TRUE", checked.join(" AND "));
        if !checked.is_empty() {
            columns.push(&verdict);
        }
        let within = match self.end() {
            FarBound::Told => Some(self.within()),
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
            // By the rowid still: where an index is small, SQLite may sort what that holds instead.
            sql += " NOT INDEXED";
        }
        if !terms.is_empty() {
            sql += " WHERE ";
            sql += &terms.join(" AND ");
        }
        sql
    }

    /// Whether a row lies within the far bound, as an expression that doesn't end a search.
    fn within(&mut self) -> String {
        let order = self.shape.order.reversed();
        let last = self.relation.key.len() - 1;
        let mut within = String::new();
        for (at, part) in self.relation.key.iter().enumerate().rev() {
            let number = self.number(Param::Far(at));
            let expression = &part.expression;
            let operator = self.relation.operator(part, order);
            within = if at < last {
                format!(
                    "({expression} {operator} +?{number} OR ({expression} = +?{number} AND {within}))"
                )
            } else if self.shape.far == Edge::Included {
                format!("{expression} {operator}= +?{number}")
            } else {
                format!("{expression} {operator} +?{number}")
            };
        }
        format!("({within}) IS TRUE")
    }
}

/// A row of which SQLite knows that there is one: a table's own entry in its schema is there, or
/// another. Its column has a name that no caller's expression means.
fn one_row(schema: &str) -> String {
    let entries = format!("{}.sqlite_master", Quoted(schema));
    format!(
        "(SELECT `{ONE_ROW}`.rowid AS `{ONE_ROW}` FROM {entries} AS `{ONE_ROW}` \
         CROSS JOIN {entries} AS `{ONE_ROW} again` \
         WHERE `{ONE_ROW}`.rowid = (SELECT rowid FROM {entries} LIMIT 1) \
         AND `{ONE_ROW} again`.rowid = `{ONE_ROW}`.rowid)"
    )
}
