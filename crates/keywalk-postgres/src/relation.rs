//! Relations: tables and queries, resolved and proven once.

use std::ops::Bound;
use std::sync::Arc;

use keywalk::{Fingerprint, KeyRange, Order};
use keywalk_sql::{
    Answer, Dialect, FarBound, FixedColumn, KeyColumn, Nulls, Param as Meaning, Quoted, RangeShape,
    SeekForm, Statement, conditions, is_mixed, key_positions, order_by, row_width,
};
use tokio_postgres::types::Type;

use crate::codec;
use crate::key::{KeyColumns, SqlKey};
use crate::value::Param;

/// A table, or a query as a subselect.
#[doc(hidden)]
#[expect(unnameable_types, reason = "a part of a sealed trait")]
#[derive(Debug)]
pub struct Relation {
    /// For messages: `table "public"."items"` or `the query`.
    pub(crate) name: String,
    /// The text after FROM.
    pub(crate) from: String,
    /// The selected columns as SQL. Key columns that aren't among them follow.
    pub(crate) select: String,
    /// The names of those columns.
    pub(crate) columns: Arc<[String]>,
    pub(crate) key: Vec<KeyColumn<()>>,
    pub(crate) key_columns: Arc<KeyColumns>,
    pub(crate) fixed: Vec<FixedColumn<Param>>,
    /// The conditions that rows must meet.
    pub(crate) filters: Vec<String>,
    /// The positions of the filters that an index implies. They are in WHERE, so that it is used.
    pub(crate) served: Vec<usize>,
    /// The parameters of the filter or the query.
    pub(crate) params: Vec<Param>,
    /// True for a table, whose constraints prove that no key repeats.
    pub(crate) unique: bool,
    /// True if the rows whose transactions may not be over are left out. They come last, by a condition of `served`.
    pub(crate) settled: bool,
    /// A statement that returns no rows, and has the columns whose type isn't built in, if there are any.
    ///
    /// tokio-postgres looks up such a type when the first rows that have it arrive, over the same connection. It hangs
    /// if more rows follow than it buffers. So a connection must know the types before it fetches.
    pub(crate) lookup: Option<(String, Vec<Param>)>,
    pub(crate) fingerprint: Fingerprint,
}

/// A statement with its parameters.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) text: Arc<Text>,
    pub(crate) params: Vec<Param>,
}

/// A statement, and where its results are.
#[derive(Debug)]
pub(crate) struct Text {
    /// The kind of range that it is for.
    shape: RangeShape,
    /// The number of rows that it returns at most.
    limit: usize,
    pub(crate) sql: String,
    /// The meaning of its parameters after the caller's own.
    own: Vec<Meaning>,
    /// Whether the fetch compares each row with the far bound.
    pub(crate) compares: bool,
    /// The position of the column that tells whether the row is within the far bound, if there is one.
    pub(crate) within_at: Option<usize>,
    /// The number of rows that it scans at most, and the position of its columns about that. `None` without a filter.
    pub(crate) scan: Option<Scan>,
}

/// A statement that scans a stretch of rows, and returns those that its filter keeps, and the last one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    pub(crate) rows: usize,
    /// The first of three columns: whether the filter keeps the row, its number from 1, whether it is the last one.
    pub(crate) at: usize,
}

/// The minimum number of rows that a fetch scans before it reports its position, if its filter drops them.
const STRETCH: usize = 512;

/// The maximum LIMIT of a statement: that of PostgreSQL's `int8`.
const MOST_ROWS: usize = i64::MAX as usize;

impl Relation {
    /// Returns the positions of the key's columns in a row.
    pub(crate) fn key_positions(&self) -> Vec<usize> {
        key_positions(&self.key, self.columns.len())
    }

    /// Checks whether a filter drops rows that a statement reads.
    pub(crate) fn scans(&self) -> bool {
        self.served.len() < self.filters.len()
    }

    /// Writes the statement that reads at most `limit` rows of the range. Takes the text from `last` if it is the same.
    pub(crate) fn rows<K: SqlKey>(
        &self,
        range: &KeyRange<K>,
        limit: usize,
        last: Option<&Arc<Text>>,
    ) -> Prepared {
        let limit = limit.min(MOST_ROWS);
        let shape = self.shape(range, Answer::Rows);
        let last = last.filter(|last| last.shape == shape && last.limit == limit);
        let text = match last {
            Some(last) => Arc::clone(last),
            None => Arc::new(self.rows_text(shape, limit)),
        };
        Prepared {
            params: self.params(range, &text.own),
            text,
        }
    }

    fn rows_text(&self, shape: RangeShape, limit: usize) -> Text {
        let seek = self.statement(shape).seek();
        let width = row_width(&self.key, self.columns.len());
        let scan = self.scans().then(|| Scan {
            rows: limit.max(STRETCH),
            at: width,
        });
        let sql = match scan {
            None => seek.sql(&self.from, Some(limit)),
            Some(scan) => {
                let inner = seek.sql(&self.from, Some(scan.rows));
                self.scan(&inner, shape.order, limit, seek.far == FarBound::Reported)
            }
        };
        Text {
            shape,
            limit,
            sql,
            compares: seek.far == FarBound::Compared,
            within_at: (seek.far == FarBound::Reported)
                .then(|| width + if scan.is_some() { 3 } else { 0 }),
            scan,
            own: seek.own,
        }
    }

    /// Writes the statement that reads the key of the range's first row.
    pub(crate) fn first_key<K: SqlKey>(&self, range: &KeyRange<K>) -> Prepared {
        let shape = self.shape(range, Answer::FirstKey);
        let seek = self.statement(shape).seek();
        Prepared {
            params: self.params(range, &seek.own),
            text: Arc::new(Text {
                shape,
                limit: 1,
                sql: seek.sql(&self.from, Some(1)),
                compares: seek.far == FarBound::Compared,
                within_at: (seek.far == FarBound::Reported).then_some(self.key.len()),
                scan: None,
                own: seek.own,
            }),
        }
    }

    /// Makes a [`lookup`](Self::lookup) of these columns.
    pub(crate) fn lookup(
        columns: &[String],
        from: &str,
        params: &[Param],
    ) -> Option<(String, Vec<Param>)> {
        let sql = format!("SELECT {} FROM {from} LIMIT 0", columns.join(", "));
        (!columns.is_empty()).then(|| (sql, params.to_vec()))
    }

    pub(crate) fn shape<K: SqlKey>(&self, range: &KeyRange<K>, answer: Answer) -> RangeShape {
        let shape = RangeShape::of(range, answer);
        match self.key.iter().any(|column| column.nullable) {
            false => shape,
            true => RangeShape {
                near_nulls: self.nulls(range.start()),
                far_nulls: self.nulls(range.end()),
                ..shape
            },
        }
    }

    pub(crate) fn statement(&self, shape: RangeShape) -> Statement<'_, (), Param> {
        Statement {
            dialect: Dialect::Postgres,
            key: &self.key,
            fixed: &self.fixed,
            select: &self.select,
            width: self.columns.len(),
            filters: &self.filters,
            served: &self.served,
            given: self.params.len(),
            form: match is_mixed(&self.key) {
                true => SeekForm::Union,
                false => SeekForm::RowValue,
            },
            shape,
        }
    }

    /// Returns the columns in which a bound is NULL.
    fn nulls<K: SqlKey>(&self, bound: Bound<&K>) -> Nulls {
        let (Bound::Included(key) | Bound::Excluded(key)) = bound else {
            return Nulls::NONE;
        };
        let is_null = |column: &usize| !key.bind_column(*column, &mut Vec::new());
        Nulls::at((0..self.key.len()).filter(is_null))
    }

    /// Writes the statement around `inner`, which reads a stretch of rows with the filter's verdict on each: only
    /// those that it keeps, and the last row of the stretch, come to the client.
    fn scan(&self, inner: &str, walk: Order, limit: usize, reports: bool) -> String {
        let width = row_width(&self.key, self.columns.len());
        let column = |at: usize| format!("c{at}");
        // The selected columns keep their names.
        let named = (0..width).map(|at| match self.columns.get(at) {
            Some(name) => format!("c{at} AS {}", Quoted(name)),
            None => column(at),
        });
        let named = Vec::from_iter(named.chain(["keep".into(), "number".into(), "last".into()]));
        // Positions aren't enough: a window takes them for constants. Names alone could be those of selected columns.
        let positions = self.key_positions();
        let order = |table: &str| {
            let name = |at: usize| format!("{table}.c{}", positions[at]);
            order_by(Dialect::Postgres, &self.key, walk, name)
        };
        let (inside, outside) = (order("scanned"), order("numbered"));
        let within = if reports { ", within" } else { "" };
        let columns = Vec::from_iter((0..width).map(column).chain(["keep".into()])).join(", ");
        // The window function reads one row ahead and keeps no more; its order is that of the rows, so nothing is
        // sorted.
        format!(
            "SELECT {}{within} FROM (SELECT *, row_number() OVER w AS number, \
             lead(false, 1, true) OVER w AS last FROM ({inner}) AS scanned ({columns}{within}) \
             WINDOW w AS (ORDER BY {inside})) AS numbered WHERE keep = 1 OR last ORDER BY {outside} LIMIT {limit}",
            named.join(", "),
        )
    }

    /// Returns the values of a statement's parameters.
    pub(crate) fn params<K: SqlKey>(&self, range: &KeyRange<K>, own: &[Meaning]) -> Vec<Param> {
        let bound = |bound: Bound<&K>, column: usize| {
            let mut bytes = Vec::new();
            let is_some = match bound {
                Bound::Included(key) | Bound::Excluded(key) => key.bind_column(column, &mut bytes),
                // Never used: the statement has no parameter for an open end.
                Bound::Unbounded => false,
            };
            Param {
                column: self.key_columns.types[column].clone(),
                bytes: is_some.then_some(bytes),
            }
        };
        let own = own.iter().map(|param| match *param {
            Meaning::Given(at) => self.params[at].clone(),
            Meaning::Fixed(at) => self.fixed[at].own.clone(),
            Meaning::Near(column) => bound(range.start(), column),
            Meaning::Far(column) => bound(range.end(), column),
        });
        self.params.iter().cloned().chain(own).collect()
    }

    /// Writes the conditions of the rows to walk, whatever the walk's range, with their parameters.
    pub(crate) fn conditions(&self) -> (String, Vec<Param>) {
        let given = self.params.len();
        let dialect = Dialect::Postgres;
        let condition = conditions(dialect, &self.key, &self.fixed, &self.filters, given);
        let params = self.params.iter().cloned();
        (
            condition,
            params
                .chain(self.fixed.iter().map(|column| column.own.clone()))
                .collect(),
        )
    }

    /// Writes the conditions of the rows of a range, in the form that PostgreSQL estimates well:
    /// `a > $1 OR a = $1 AND b > $2`. Of a row value it estimates only the first column.
    pub(crate) fn range_conditions<K: SqlKey>(&self, range: &KeyRange<K>) -> (String, Vec<Param>) {
        let (mut condition, mut params) = self.conditions();
        for (bound, order) in [
            (range.lower(), Order::Ascending),
            (range.upper(), Order::Descending),
        ] {
            let (key, or_equal) = match bound {
                Bound::Unbounded => continue,
                Bound::Included(key) => (key, "="),
                Bound::Excluded(key) => (key, ""),
            };
            let mut parts = Vec::new();
            let mut equal = String::new();
            for (at, column) in self.key.iter().enumerate() {
                let mut bytes = Vec::new();
                let is_some = key.bind_column(at, &mut bytes);
                params.push(Param {
                    column: self.key_columns.types[at].clone(),
                    bytes: is_some.then_some(bytes),
                });
                let (name, number) = (&column.expression, params.len());
                let or_equal = if at + 1 == self.key.len() {
                    or_equal
                } else {
                    ""
                };
                parts.push(format!(
                    "{equal}{name} {}{or_equal} ${number}",
                    column.operator(order)
                ));
                equal += &format!("{name} = ${number} AND ");
            }
            condition += if condition.is_empty() {
                " WHERE "
            } else {
                " AND "
            };
            condition += &format!("({})", parts.join(" OR "));
        }
        (condition, params)
    }

    /// Returns a key for people.
    pub(crate) fn key_text<K: SqlKey>(&self, key: &K) -> String {
        let values = codec::values(key, &self.key_columns.types);
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        match values.as_slice() {
            [value] => value.clone(),
            values => format!("({})", values.join(", ")),
        }
    }
}

/// Pairs parameters with their types, as tokio-postgres takes them.
pub(crate) fn typed(params: &[Param]) -> impl Iterator<Item = (&Param, Type)> {
    params.iter().map(|param| (param, param.column.clone()))
}
