//! Writes the conditions of a walk's statements, so that an index is searched by the key.

use std::ops::{Bound, Range};

use keywalk::{KeyRange, Order};

use crate::dialect::Dialect;

/// A column of a key. `X` is what only the backend knows about it.
#[derive(Clone, Debug)]
pub struct KeyColumn<X> {
    /// For messages and fingerprints.
    pub name: String,
    /// The column as SQL.
    pub expression: String,
    /// The same without COLLATE, to test for NULL.
    pub uncollated: String,
    /// The column's direction in an ascending walk.
    pub order: Order,
    /// True if NULL comes last in an ascending walk.
    pub nulls_last: bool,
    /// True if only the store can compare its values: text under a collation.
    pub is_collated: bool,
    /// The column's text order, as written in a fingerprint; `None` if text is ordered by UTF-8 bytes.
    pub text_order: Option<String>,
    /// True if NULL is a value of the key's type.
    pub nullable: bool,
    /// True if rows of the walk may hold NULL in it. If the key's type has no NULL, such a row is an error when the
    /// walk reaches it. No comparison with NULL is true, so statements have a form that reaches such rows anyway.
    pub may_be_null: bool,
    /// True if it may hold NULL, but the filter leaves such rows out.
    pub excludes_null: bool,
    /// The column's position among the selected columns, if it is there.
    pub at: Option<usize>,
    /// What only the backend knows.
    pub own: X,
}

impl<X> KeyColumn<X> {
    /// Returns the column's direction in a walk of this order.
    pub fn direction(&self, order: Order) -> Order {
        match self.order {
            Order::Ascending => order,
            Order::Descending => order.reversed(),
        }
    }

    /// Returns `>` or `<`: how a later value, in a walk of this order, compares with an earlier one.
    pub fn operator(&self, order: Order) -> char {
        match self.direction(order) {
            Order::Ascending => '>',
            Order::Descending => '<',
        }
    }

    /// Checks whether NULL comes last in a walk of this order.
    pub fn is_null_last(&self, order: Order) -> bool {
        self.nulls_last == (order == Order::Ascending)
    }
}

/// A leading column that is fixed to one value. `X` is what only the backend knows about it, such as the value.
#[derive(Clone, Debug)]
pub struct FixedColumn<X> {
    /// For messages and fingerprints.
    pub name: String,
    /// The column as SQL.
    pub expression: String,
    /// What only the backend knows.
    pub own: X,
}

/// Checks whether the key's columns have different directions.
pub fn is_mixed<X>(key: &[KeyColumn<X>]) -> bool {
    key.iter().any(|column| column.order != key[0].order)
}

/// Returns the positions of the key's columns in a row of `width` selected columns, from 0. Those that aren't selected
/// come last.
pub fn key_positions<X>(key: &[KeyColumn<X>], width: usize) -> Vec<usize> {
    let mut next = width;
    let mut follow = || {
        next += 1;
        next - 1
    };
    let positions = key.iter().map(|column| column.at);
    positions.map(|at| at.unwrap_or_else(&mut follow)).collect()
}

/// Returns the number of columns of a row: `width` selected columns, and those of the key that aren't among them.
pub fn row_width<X>(key: &[KeyColumn<X>], width: usize) -> usize {
    width + key.iter().filter(|column| column.at.is_none()).count()
}

/// Writes the conditions of the rows to walk, whatever the walk's range. The caller's own `given` parameters come
/// first, then one for each fixed column.
pub fn conditions<X, F>(
    dialect: Dialect,
    key: &[KeyColumn<X>],
    fixed: &[FixedColumn<F>],
    filters: &[String],
    given: usize,
) -> String {
    let fixed = fixed.iter().zip(given + 1..);
    let fixed = fixed
        .map(|(column, number)| format!("{} = {}", column.expression, dialect.parameter(number)));
    let terms = fixed.chain(filters.iter().map(|filter| bracketed(filter)));
    where_all(terms.chain(not_null(key)))
}

/// Writes WHERE with these conditions, if there are any.
fn where_all(terms: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut sql = String::new();
    for term in terms {
        sql += if sql.is_empty() { " WHERE " } else { " AND " };
        sql += term.as_ref();
    }
    sql
}

/// Writes the parenthesis on its own line, since a filter may end in a comment.
fn bracketed(filter: &str) -> String {
    format!("({filter}\n)")
}

/// Writes an expression that is 1 for rows that meet these filters, and 0 for others. `None` without filters.
pub fn verdict(filters: impl IntoIterator<Item = impl AsRef<str>>) -> Option<String> {
    let filters = filters.into_iter();
    let filters = Vec::from_iter(filters.map(|filter| bracketed(filter.as_ref())));
    // Not `IS TRUE`: a column may be called that.
    (!filters.is_empty()).then(|| format!("CASE WHEN {} THEN 1 ELSE 0 END", filters.join(" AND ")))
}

/// Writes the terms of ORDER BY for a walk in this order. `name` writes the column at a position of the key.
pub fn order_by<X>(
    dialect: Dialect,
    key: &[KeyColumn<X>],
    order: Order,
    name: impl Fn(usize) -> String,
) -> String {
    let terms = key.iter().enumerate().map(|(at, column)| {
        let nulls_last = column.is_null_last(order);
        name(at) + dialect.direction(column.direction(order), nulls_last)
    });
    Vec::from_iter(terms).join(", ")
}

/// Writes the filter's conditions that columns aren't NULL.
fn not_null<X>(key: &[KeyColumn<X>]) -> impl Iterator<Item = String> {
    let columns = key.iter().filter(|column| column.excludes_null);
    columns.map(|column| format!("{} IS NOT NULL", column.uncollated))
}

/// The kind of range and result of a statement; the values come with each fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeShape {
    /// The walk's order.
    pub order: Order,
    /// The bound where the walk begins.
    pub near: BoundKind,
    /// The bound where the walk ends.
    pub far: BoundKind,
    /// The columns in which the near bound is NULL.
    pub near_nulls: Nulls,
    /// The columns in which the far bound is NULL.
    pub far_nulls: Nulls,
    /// What the statement returns.
    pub answer: Answer,
}

/// The columns of a key that are NULL, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nulls(u64);

impl Nulls {
    /// No column.
    pub const NONE: Self = Nulls(0);

    /// The number of columns, from the first, that may be NULL.
    pub const MOST_COLUMNS: usize = 64;

    /// Makes it of these columns. Each must be less than [`MOST_COLUMNS`](Self::MOST_COLUMNS).
    pub fn at(columns: impl IntoIterator<Item = usize>) -> Self {
        Nulls(columns.into_iter().fold(0, |bits, at| bits | 1 << at))
    }

    /// Checks whether the column is one of them.
    #[must_use]
    pub fn has(self, column: usize) -> bool {
        column < Self::MOST_COLUMNS && self.0 & 1 << column != 0
    }
}

/// A bound without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as those of `Bound`")]
pub enum BoundKind {
    Open,
    Included,
    Excluded,
}

/// What a statement returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All rows of the range, until the fetch has enough.
    Rows,
    /// The key of the first row.
    FirstKey,
    /// The keys of all rows.
    Keys,
}

impl RangeShape {
    /// Returns the shape of a range whose bounds contain no NULL.
    pub fn of<K>(range: &KeyRange<K>, answer: Answer) -> Self {
        RangeShape {
            order: range.order(),
            near: BoundKind::of(range.start()),
            far: BoundKind::of(range.end()),
            near_nulls: Nulls::NONE,
            far_nulls: Nulls::NONE,
            answer,
        }
    }

    /// Returns the shape of the range in the opposite order.
    #[must_use]
    pub fn reversed(self) -> Self {
        RangeShape {
            order: self.order.reversed(),
            near: self.far,
            far: self.near,
            near_nulls: self.far_nulls,
            far_nulls: self.near_nulls,
            answer: self.answer,
        }
    }
}

impl BoundKind {
    fn of<K>(bound: Bound<&K>) -> Self {
        match bound {
            Bound::Unbounded => BoundKind::Open,
            Bound::Included(_) => BoundKind::Included,
            Bound::Excluded(_) => BoundKind::Excluded,
        }
    }
}

/// The form of a statement's search conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekForm {
    /// `(a, b) > (?, ?)`, bounded at both ends: one search of an index in one direction.
    RowValue,
    /// A UNION ALL of a SELECT with `a = ? AND b < ?` and one with `a > ?`. For columns of different directions, and
    /// where NULL comes last. It is bounded at the near end, and at the far end by the first column; the fetch checks
    /// the rest. The OR of these conditions would search by the first column alone, and read all rows of one `a` at
    /// every chunk.
    Union,
}

/// How the range's far bound is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FarBound {
    /// The statement ends at the bound.
    Ended,
    /// The fetch compares each row's key.
    Compared,
    /// A last column tells for each row whether it is within the bound (1 or 0), since only the store knows the order.
    Reported,
}

/// The meaning of a parameter of a walk's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// The caller's parameter at this position.
    Given(usize),
    /// The value of a fixed column.
    Fixed(usize),
    /// A column of the key at the near bound.
    Near(usize),
    /// A column of the key at the far bound.
    Far(usize),
}

/// What a statement is written for.
#[derive(Debug)]
pub struct Statement<'a, X, F> {
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// The key's columns; at least one.
    pub key: &'a [KeyColumn<X>],
    /// The columns that are fixed to one value.
    pub fixed: &'a [FixedColumn<F>],
    /// The selected columns as SQL. Key columns that aren't among them follow.
    pub select: &'a str,
    /// The number of selected columns.
    pub width: usize,
    /// The conditions that rows must meet.
    pub filters: &'a [String],
    /// The positions of the filters in WHERE, which an index serves. The result of the others is a column after the
    /// row's own (1 or 0), and the fetch counts the rows that they drop.
    pub served: &'a [usize],
    /// The number of the caller's own parameters, which come first.
    pub given: usize,
    /// The form, unless NULL requires [`SeekForm::Union`].
    pub form: SeekForm,
    /// The kind of range.
    pub shape: RangeShape,
}

/// The conditions and properties of a statement.
#[derive(Debug)]
pub struct Seek {
    dialect: Dialect,
    /// The selected columns as SQL: the row, the result of the filters, whether the row is within the far bound.
    columns: String,
    /// The conditions of each part of the statement: several SELECTs of a UNION ALL, or one. The rows of each part come
    /// before those of the next.
    pub parts: Vec<Vec<Term>>,
    order_by: String,
    /// How the far bound is enforced.
    pub far: FarBound,
    /// The walk's own parameters, numbered after the caller's.
    pub own: Vec<Param>,
}

/// A condition in WHERE.
#[derive(Clone, Debug)]
pub struct Term {
    /// The condition as SQL.
    pub sql: String,
    /// What it is for.
    pub role: Role,
    /// The columns that it compares; fixed columns for [`Role::Fixed`], else columns of the key.
    pub columns: Range<usize>,
    /// How it compares them.
    pub operator: char,
}

/// What a condition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A fixed column has its value. A plan has to search by it.
    Fixed,
    /// A column has the near bound's value. A plan has to search by it.
    Equal,
    /// The rows begin after the near bound. A plan has to search by it.
    Near,
    /// The rows end before the far bound. A plan has to search by it.
    Far,
    /// A column is NULL, although the key's type has no NULL. The store may know that this is never true.
    Unproven,
    /// Anything else. A plan need not search by it.
    Check,
}

impl Term {
    /// Makes a condition that a plan need not search by.
    #[must_use]
    pub fn check(sql: String) -> Self {
        Term::new(sql, Role::Check, 0..0, '=')
    }

    fn new(sql: String, role: Role, columns: Range<usize>, operator: char) -> Self {
        Term {
            sql,
            role,
            columns,
            operator,
        }
    }
}

impl Seek {
    /// Writes the statement over what comes `from` somewhere. A literal `limit` is written into each part and after
    /// all of them; without one, a part's rows aren't sorted by themselves either.
    #[must_use]
    pub fn sql(&self, from: &str, limit: Option<usize>) -> String {
        let mut end = format!(" ORDER BY {}", self.order_by);
        if let Some(limit) = limit {
            end += &format!(" LIMIT {limit}");
        }
        let is_limited_by_part = self.dialect == Dialect::Postgres && self.parts.len() > 1;
        let parts = self.parts.iter().map(|terms| {
            let terms = where_all(terms.iter().map(|term| &term.sql));
            let sql = format!("SELECT {} FROM {from}{terms}", self.columns);
            match is_limited_by_part {
                true => format!("({sql}{end})"),
                false => sql,
            }
        });
        Vec::from_iter(parts).join(" UNION ALL ") + &end
    }
}

impl<X, F> Statement<'_, X, F> {
    /// Writes the statement's conditions.
    #[must_use]
    pub fn seek(&self) -> Seek {
        let mut writer = Writer {
            of: self,
            own: Vec::new(),
            within: None,
            parts: Vec::new(),
        };
        match self.written_form() {
            SeekForm::RowValue => writer.row_value(),
            SeekForm::Union => writer.union(),
        }
        let Writer {
            own, within, parts, ..
        } = writer;
        Seek {
            dialect: self.dialect,
            columns: self.columns(within),
            parts,
            order_by: self.order_by(),
            far: self.end(),
            own,
        }
    }

    /// Writes conditions for both bounds that no index serves, each with an AND before it. Also returns their
    /// parameters, numbered after the caller's.
    #[must_use]
    pub fn bounds(&self) -> (String, Vec<Param>) {
        let (mut sql, mut all) = (String::new(), Vec::new());
        for (shape, is_near) in [(self.shape.reversed(), true), (self.shape, false)] {
            if shape.far == BoundKind::Open {
                continue;
            }
            let mut writer = Writer {
                of: &Statement {
                    shape,
                    given: self.given + all.len(),
                    ..*self
                },
                own: Vec::new(),
                within: None,
                parts: Vec::new(),
            };
            sql += &format!(" AND {} = 1", writer.within());
            all.extend(writer.own.into_iter().map(|param| match param {
                Param::Far(column) if is_near => Param::Near(column),
                param => param,
            }));
        }
        (sql, all)
    }

    /// Chooses the form. A row value with NULL in it compares as NULL, so a search up to NULL from `(x, 5)` would miss
    /// `(x, NULL)`, and one from `(x, NULL)` finds nothing. The union has parts for those.
    fn written_form(&self) -> SeekForm {
        let mut key = self.key.iter();
        let is_missed =
            |column: &KeyColumn<X>| column.may_be_null && column.is_null_last(self.shape.order);
        if self.shape.near_nulls != Nulls::NONE || key.any(is_missed) {
            SeekForm::Union
        } else {
            self.form
        }
    }

    /// Chooses how the far bound is enforced. A row value up to `(x, 5)` would miss `(x, NULL)`. So if the key may
    /// hold NULL, the fetch checks the far bound.
    fn end(&self) -> FarBound {
        if self.shape.far == BoundKind::Open
            || self.written_form() == SeekForm::RowValue && !self.meets_null()
        {
            FarBound::Ended
        } else if self.key.iter().any(|column| column.is_collated) {
            FarBound::Reported
        } else {
            FarBound::Compared
        }
    }

    /// Checks whether a comparison with the far bound may be one with NULL.
    fn meets_null(&self) -> bool {
        self.shape.far_nulls != Nulls::NONE || self.key.iter().any(|column| column.may_be_null)
    }

    /// Returns the terms of ORDER BY, as the positions of the key's columns.
    fn order_by(&self) -> String {
        let positions = match self.shape.answer {
            Answer::Rows => key_positions(self.key, self.width),
            Answer::FirstKey | Answer::Keys => (0..self.key.len()).collect(),
        };
        order_by(self.dialect, self.key, self.shape.order, |at| {
            (positions[at] + 1).to_string()
        })
    }

    fn columns(&self, within: Option<String>) -> String {
        let key = self.key.iter();
        let mut columns: Vec<&str> = Vec::new();
        if self.shape.answer != Answer::Rows {
            columns.extend(key.map(|column| column.expression.as_str()));
        } else {
            columns.extend((self.width > 0).then_some(self.select));
            let others = key.filter(|column| column.at.is_none());
            columns.extend(others.map(|column| column.expression.as_str()));
        }
        let verdict = verdict(self.filters(false));
        columns.extend(verdict.as_deref());
        columns.extend(within.as_deref());
        columns.join(", ")
    }

    /// Returns the filters that are in WHERE, or those that aren't.
    fn filters(&self, served: bool) -> impl Iterator<Item = &String> {
        let filters = self.filters.iter().enumerate();
        let filters = filters.filter(move |(at, _)| self.served.contains(at) == served);
        filters.map(|(_, filter)| filter)
    }
}

struct Writer<'a, X, F> {
    of: &'a Statement<'a, X, F>,
    own: Vec<Param>,
    /// The test of the far bound for each row, if there is one.
    within: Option<String>,
    parts: Vec<Vec<Term>>,
}

impl<X, F> Writer<'_, X, F> {
    fn row_value(&mut self) {
        let of = self.of;
        let mut terms = self.fixed();
        let all = 0..of.key.len();
        let ends = of.shape.far != BoundKind::Open && of.end() == FarBound::Ended;
        if of.shape.near != BoundKind::Open {
            let past = of.shape.near == BoundKind::Excluded;
            terms.push(self.compare(all.clone(), past, Role::Near));
        }
        if ends {
            let before = of.shape.far == BoundKind::Excluded;
            terms.push(self.compare(all.clone(), before, Role::Far));
        }
        let is_compared = all.len() == 1 && (ends || of.shape.near != BoundKind::Open);
        self.leave_nulls_out(&mut terms, usize::from(is_compared));
        self.push(terms);
    }

    fn union(&mut self) {
        let of = self.of;
        if of.shape.near == BoundKind::Open {
            let mut terms = self.fixed();
            self.leave_nulls_out(&mut terms, 0);
            self.end_at_first_column(&mut terms);
            return self.push(terms);
        }
        let columns = of.key.len();
        let nulls = of.shape.near_nulls;
        // The part with the most columns is written first, because its rows come first. It also uses every parameter.
        for equal in (0..columns).rev() {
            let column = &of.key[equal];
            // No row equals a NULL in a column that has none.
            if (0..equal).any(|column| nulls.has(column) && !of.key[column].may_be_null) {
                continue;
            }
            let past = of.shape.near == BoundKind::Excluded || equal + 1 < columns;
            let this = equal..equal + 1;
            if !nulls.has(equal) {
                let compare = |writer: &mut Self| writer.compare(this.clone(), past, Role::Near);
                self.part(equal, |writer| Some(compare(writer)));
            }
            let null_test = |test: &str, role, operator| {
                let sql = format!("{} {test}", column.uncollated);
                Some(Term::new(sql, role, this.clone(), operator))
            };
            match (nulls.has(equal), column.is_null_last(of.shape.order)) {
                // The rows with NULL are the last ones.
                (is_at_null, true) if column.may_be_null && !(past && is_at_null) => {
                    let role = match column.nullable {
                        true => Role::Near,
                        false => Role::Unproven,
                    };
                    self.part(equal, |_| null_test("IS NULL", role, '='));
                }
                (_, true) | (false, false) => {}
                // The rows with NULL were the first ones.
                (true, false) if past && column.may_be_null => {
                    self.part(equal, |_| null_test("IS NOT NULL", Role::Near, '>'));
                }
                (true, false) => self.part(equal, |_| None),
            }
        }
        if self.parts.is_empty() {
            self.push(vec![Term::check(of.dialect.never().to_owned())]);
        }
    }

    /// Writes a part of the union: the rows that have the first `equal` columns of the near key and satisfy `last`.
    fn part(&mut self, equal: usize, last: impl FnOnce(&mut Self) -> Option<Term>) {
        let of = self.of;
        let mut terms = self.fixed();
        for (at, column) in of.key[..equal].iter().enumerate() {
            let sql = match of.shape.near_nulls.has(at) {
                true => format!("{} IS NULL", column.uncollated),
                false => format!("{} = {}", column.expression, self.number(Param::Near(at))),
            };
            terms.push(Term::new(sql, Role::Equal, at..at + 1, '='));
        }
        let last = last(self);
        let compared = equal + usize::from(last.is_some());
        terms.extend(last);
        self.leave_nulls_out(&mut terms, compared);
        self.end_at_first_column(&mut terms);
        self.push(terms);
    }

    /// Adds a part with these conditions.
    fn push(&mut self, mut terms: Vec<Term>) {
        if self.of.end() == FarBound::Reported {
            self.within = Some(self.within());
        }
        // After the walk's own conditions: if two are usable, SQLite uses the first.
        terms.extend(
            self.of
                .filters(true)
                .map(|filter| Term::check(bracketed(filter))),
        );
        self.parts.push(terms);
    }

    /// Adds the filter's conditions that columns aren't NULL, for the columns from `first` on. Each column before
    /// it is compared alone, which implies the condition. If both were written, a plan would not show by which of the
    /// two it searches.
    fn leave_nulls_out(&self, terms: &mut Vec<Term>, first: usize) {
        terms.extend(not_null(&self.of.key[first..]).map(Term::check));
    }

    /// Adds the far bound on the first column: rows past it aren't read.
    fn end_at_first_column(&mut self, terms: &mut Vec<Term>) {
        if self.of.shape.far != BoundKind::Open && !self.of.meets_null() {
            let end = self.compare(0..1, false, Role::Far);
            terms.push(Term::check(end.sql));
        }
    }

    /// Returns the conditions on the fixed columns.
    fn fixed(&mut self) -> Vec<Term> {
        let fixed = self.of.fixed.iter().enumerate();
        let condition = |(at, column): (usize, &FixedColumn<F>)| {
            let sql = format!("{} = {}", column.expression, self.number(Param::Fixed(at)));
            Term::new(sql, Role::Fixed, at..at + 1, '=')
        };
        fixed.map(condition).collect()
    }

    /// Writes a comparison of key columns, all of one direction, with the near or the far key. It is true for rows that
    /// come after the near key or before the far key; unless `exclusive`, also for rows equal to it.
    fn compare(&mut self, columns: Range<usize>, exclusive: bool, role: Role) -> Term {
        let key = &self.of.key[columns.clone()];
        let order = self.of.shape.order;
        let (order, param): (_, fn(usize) -> Param) = match role {
            Role::Far => (order.reversed(), Param::Far),
            _ => (order, Param::Near),
        };
        let operator = key[0].operator(order);
        let or_equal = if exclusive { "" } else { "=" };
        let values: Vec<String> = columns.clone().map(|at| self.number(param(at))).collect();
        let expressions: Vec<&str> = key
            .iter()
            .map(|column| column.expression.as_str())
            .collect();
        let sql = match (expressions.as_slice(), values.as_slice()) {
            ([expression], [value]) => format!("{expression} {operator}{or_equal} {value}"),
            _ => format!(
                "({}) {operator}{or_equal} ({})",
                expressions.join(", "),
                values.join(", ")
            ),
        };
        Term::new(sql, role, columns, operator)
    }

    /// Writes one of the walk's own parameters.
    fn number(&mut self, param: Param) -> String {
        let at = self.own.iter().position(|known| *known == param);
        let at = at.unwrap_or_else(|| {
            self.own.push(param);
            self.own.len() - 1
        });
        self.of.dialect.parameter(self.of.given + at + 1)
    }

    /// Writes an expression that tests the far bound for each row and doesn't end the search.
    fn within(&mut self) -> String {
        let of = self.of;
        let order = of.shape.order;
        let last = of.key.len() - 1;
        let mut within = String::new();
        for (at, column) in of.key.iter().enumerate().rev() {
            let expression = &column.expression;
            let operator = column.operator(order.reversed());
            let is_null = format!("{} IS NULL", column.uncollated);
            let is_null_last = column.is_null_last(order);
            let is_included = at == last && of.shape.far == BoundKind::Included;
            let or_equal = if is_included { "=" } else { "" };
            let (mut before, equal) = match (of.shape.far_nulls.has(at), is_null_last) {
                (true, true) => (vec![format!("{} IS NOT NULL", column.uncollated)], is_null),
                (true, false) => (vec![of.dialect.never().to_owned()], is_null),
                (false, _) => {
                    let value = self.number(Param::Far(at));
                    let mut before = vec![format!("{expression} {operator}{or_equal} {value}")];
                    before.extend((column.nullable && !is_null_last).then_some(is_null));
                    (before, format!("{expression} = {value}"))
                }
            };
            if at < last {
                before.push(format!("({equal} AND {within})"));
            } else if is_included && of.shape.far_nulls.has(at) {
                before.push(equal);
            }
            within = match before.len() > 1 && last > 0 {
                true => format!("({})", before.join(" OR ")),
                false => before.join(" OR "),
            };
        }
        format!("CASE WHEN {within} THEN 1 ELSE 0 END")
    }
}
