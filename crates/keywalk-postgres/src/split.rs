//! Splits a range of keys by the planner's estimates, or by a sample.

use std::cmp::Ordering;
use std::ops::Range;
use std::pin::pin;

use keywalk::{AsyncSplitSource, KeyRange, Order};
use keywalk_sql::{
    Answer, Cells, Dialect, FarBound, KeyColumn, MOST_PARTS, SAMPLED_KEYS, Scalar, Thinned,
    between, order_by, verdict,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::codec;
use crate::connect::{Connect, lend};
use crate::decode::Decode;
use crate::error::{Error, ErrorKind};
use crate::key::{KeyRow, SqlKey};
use crate::relation::{Relation, typed};
use crate::source::{SqlSource, estimated_rows, first_key, learn_types, next};
use crate::time::{Date, Timestamp, TimestampTz};
use crate::value::{Param, Value};

impl<C: Connect, K: SqlKey, D: Decode> AsyncSplitSource for SqlSource<C, K, D> {
    async fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Error> {
        self.check_keys(range)?;
        let client = lend(&self.client).await?;
        learn_types::<C>(&client, &self.relation, &mut self.knows_types).await?;
        let split = Split {
            client: &client,
            relation: &self.relation,
            range,
            parts: parts.min(MOST_PARTS),
        };
        let mut points = split.points().await?;
        points.dedup_by(|a, b| a == b);
        Ok(points)
    }
}

/// Up to this estimated number of rows, their keys are read.
const FEW_ROWS: f64 = 10_000.0;

/// Each takes up to three requests.
const MOST_HALVINGS: usize = 128;

/// The number of pages to sample for each part. Rows of one page are often neighbours, so each counts little.
const SAMPLED_PAGES: usize = 48;

/// Splits a range.
struct Split<'a, K> {
    client: &'a Client,
    relation: &'a Relation,
    range: &'a KeyRange<K>,
    parts: usize,
}

/// The rows from one key to another, both included.
struct Cell<K> {
    first: K,
    last: K,
}

impl<K> Cell<K> {
    fn ends(&self) -> (&K, &K) {
        (&self.first, &self.last)
    }
}

impl<K: SqlKey> Split<'_, K> {
    async fn points(&self) -> Result<Vec<K>, Error> {
        let relation = self.relation;
        let mut ends = Vec::new();
        for range in [self.range, &self.range.reversed()] {
            match first_key(self.client, relation, range).await {
                Ok(Some(key)) => ends.push(key),
                Ok(None) => return Ok(Vec::new()),
                // It can't be read. The filter may drop its row, and otherwise the walk reports it.
                Err(error) if error.kind() == ErrorKind::Value => {}
                Err(error) => return Err(error),
            }
        }
        if self.range.order() == Order::Descending {
            ends.reverse();
        }
        let all = match <[K; 2]>::try_from(ends) {
            Ok([first, last]) if first == last => return Ok(Vec::new()),
            Ok([first, last]) => Some(Cell { first, last }),
            Err(_) => None,
        };
        let (pages, has_statistics) = match relation.unique {
            true => self.size().await?,
            false => (None, true),
        };
        let rows = match &all {
            Some(all) => self.estimate(all).await?,
            None => {
                let (condition, params) = relation.range_conditions(self.range);
                let sql = format!("SELECT FROM {}{condition}", relation.from);
                estimated_rows(self.client, relation, &sql, &params).await? as f64
            }
        };
        match all {
            _ if !has_statistics => {}
            Some(all) if rows > FEW_ROWS => {
                if let Some(points) = self.halve_all(all, rows).await? {
                    return Ok(points);
                }
            }
            _ if rows <= FEW_ROWS => return self.read(rows).await,
            _ => {}
        }
        for pages_per_part in [SAMPLED_PAGES, 8 * SAMPLED_PAGES] {
            let Some(pages) = pages else { break };
            let percent = 100.0 * (self.parts * pages_per_part) as f64 / pages.max(1.0);
            if let Some(points) = self.sample(percent.min(100.0)).await? {
                return Ok(points);
            }
        }
        self.read(rows).await
    }

    fn failed(&self, source: tokio_postgres::Error) -> Error {
        Error::postgres(&self.relation.name, source)
    }

    /// Returns a table's size in pages, and whether all of it has statistics about the key.
    async fn size(&self) -> Result<(Option<f64>, bool), Error> {
        const SIZE: &str = "\
            SELECT coalesce(sum(size), 0)::float8 / current_setting('block_size')::float8, \
                coalesce(bool_and(size = 0 OR EXISTS (SELECT FROM pg_catalog.pg_stats s WHERE s.schemaname = nspname \
                    AND s.tablename = relname AND s.attname::text = $2)), true) \
            FROM (SELECT n.nspname, c.relname, coalesce(pg_catalog.pg_relation_size(c.oid), 0) AS size \
                FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                WHERE c.oid = $1::regclass OR c.oid IN (SELECT relid \
                    FROM pg_catalog.pg_partition_tree($1::regclass) WHERE isleaf)) AS tables";
        let table = self.relation.from.trim_start_matches("ONLY ");
        let params = [
            (
                &table as &(dyn tokio_postgres::types::ToSql + Sync),
                Type::TEXT,
            ),
            (&self.relation.key[0].name, Type::TEXT),
        ];
        let rows = self.client.query_typed(SIZE, &params).await;
        let rows = rows.map_err(|source| self.failed(source))?;
        let Some(row) = rows.first() else {
            return Ok((None, false));
        };
        let size = row
            .try_get(0)
            .and_then(|pages| Ok((pages, row.try_get(1)?)));
        size.map_err(|source| self.failed(source))
    }

    /// Halves the cell with the highest estimate until there are enough. `None` if one of more than a part's rows can't
    /// be halved.
    async fn halve_all(&self, all: Cell<K>, rows: f64) -> Result<Option<Vec<K>>, Error> {
        let wanted = self.parts.saturating_mul(4).max(32);
        let mut cells = Cells::new(all, rows);
        for _ in 0..MOST_HALVINGS {
            let Some((at, cell)) = cells.heaviest().filter(|_| cells.len() < wanted) else {
                break;
            };
            match self.halve(cell).await? {
                Some(halves) => cells.halve(at, halves),
                None if cells.share(at) * self.parts as f64 > 1.0 => return Ok(None),
                None => cells.close(at),
            }
        }
        let between = |cell: &Cell<K>, at| self.key_at(cell, at);
        let points = cells.points(self.parts, self.range.order(), Cell::ends, between);
        Ok(Some(points))
    }

    /// Halves a cell at the middle of its first and last key. `None` if there is none.
    async fn halve(&self, cell: &Cell<K>) -> Result<Option<[(Cell<K>, f64); 2]>, Error> {
        let (first, last) = (self.stored(&cell.first), self.stored(&cell.last));
        let Some(column) = self.first_difference(&first, &last) else {
            return Ok(None);
        };
        let mut sql = self.sql(false);
        let same = sql.equal(0..column, &first);
        let name = &self.relation.key[column].uncollated;
        let [before, after] = match (&first[column], &last[column]) {
            (None, _) => [format!("{name} IS NULL"), format!("{name} IS NOT NULL")],
            (_, None) => [format!("{name} IS NOT NULL"), format!("{name} IS NULL")],
            (Some(from), Some(to)) => {
                let Some(middle) = self.between(column, from, to, 0.5) else {
                    return Ok(None);
                };
                let middle = Some(middle);
                let [before, after] = [(Order::Descending, false), (Order::Ascending, true)]
                    .map(|(order, or_equal)| sql.past(column, &middle, order, or_equal));
                let (Some(before), Some(after)) = (before, after) else {
                    return Ok(None);
                };
                [before, after]
            }
        };
        // The last key before the middle, and the first one after it.
        let edge = |side: i32, half: &str, order| {
            let by = |at: usize| (at + 1).to_string();
            let by = order_by(Dialect::Postgres, &self.relation.key, order, by);
            let keys = &sql.keys;
            let (from, verdict) = (&sql.from, &sql.verdict);
            format!("(SELECT {keys}, {side}{verdict} {from}{same}{half} ORDER BY {by} LIMIT 1)")
        };
        let edges = [
            edge(0, &before, Order::Descending),
            edge(1, &after, Order::Ascending),
        ];
        let edges = edges.join(" UNION ALL ");
        let mut halves = [None, None];
        for (key, row) in self.rows(&edges, &sql.params).await? {
            let side: Result<i32, _> = row.try_get(self.relation.key.len());
            let side = side.map_err(|source| self.failed(source))?;
            halves[usize::from(side == 1)] = Some(key);
        }
        let [Some(before), Some(after)] = halves else {
            return Ok(None);
        };
        let lower = Cell {
            first: cell.first.clone(),
            last: before,
        };
        let upper = Cell {
            first: after,
            last: cell.last.clone(),
        };
        let rows = [self.estimate(&lower).await?, self.estimate(&upper).await?];
        Ok(Some([(lower, rows[0]), (upper, rows[1])]))
    }

    /// Estimates a cell's rows, at least one. Each condition is estimated by itself: of a row value, PostgreSQL
    /// estimates only the first column, and it takes the two ends of an OR for independent.
    async fn estimate(&self, cell: &Cell<K>) -> Result<f64, Error> {
        let (first, last) = (self.stored(&cell.first), self.stored(&cell.last));
        let Some(column) = self.first_difference(&first, &last) else {
            return Ok(1.0);
        };
        let mut sql = self.sql(true);
        let same = sql.equal(0..column, &first);
        let end = first.len() - 1;
        let (up, down) = (Order::Ascending, Order::Descending);
        let mut terms = Vec::new();
        let from = sql.past(column, &first[column], up, column == end);
        let to = sql.past(column, &last[column], down, column == end);
        if let (Some(from), Some(to)) = (from, to) {
            terms.push(format!("{same}{from} AND {to}"));
        }
        for (key, order) in [(&first, up), (&last, down)] {
            for at in column + 1..=end {
                let same = sql.equal(0..at, key);
                let term = sql.past(at, &key[at], order, at == end);
                terms.extend(term.map(|term| same + &term));
            }
        }
        let term = |term: &String| format!("SELECT 1 {}{term}", sql.from);
        let terms = Vec::from_iter(terms.iter().map(term)).join(" UNION ALL ");
        if terms.is_empty() {
            return Ok(1.0);
        }
        let rows = estimated_rows(self.client, self.relation, &terms, &sql.params).await?;
        Ok((rows as f64).max(1.0))
    }

    /// Takes the points from a sample of this many percent of the pages. `None` if there are too few keys in it.
    async fn sample(&self, percent: f64) -> Result<Option<Vec<K>>, Error> {
        let mut sql = self.sql(false);
        let bounds = self.bounds(&mut sql.params);
        let (keys, parts, wanted) = (&sql.aliased, self.parts, self.parts * SAMPLED_KEYS);
        let kept = sql.verdict.strip_prefix(", ").unwrap_or("1");
        let from = sql.from.replacen(
            &self.relation.from,
            &format!("{} TABLESAMPLE SYSTEM ({percent})", self.relation.from),
            1,
        );
        let by = |at| format!("c{at}");
        let by = order_by(
            Dialect::Postgres,
            &self.relation.key,
            self.range.order(),
            by,
        );
        let columns = self.columns();
        // The first keys of parts of the same number of keys: of those that the filter keeps, if they are enough.
        let statement = format!(
            "WITH sampled AS MATERIALIZED (SELECT {keys}, {kept} AS keep {from}true{bounds}), \
             numbered AS (SELECT *, row_number() OVER (ORDER BY {by}) - 1 AS n, count(*) OVER () AS keys \
                 FROM sampled WHERE keep = 1 OR (SELECT count(*) FROM sampled WHERE keep = 1) < {wanted}) \
             SELECT {columns}, keys FROM numbered \
             WHERE n > 0 AND n * {parts} / keys <> (n - 1) * {parts} / keys ORDER BY n"
        );
        let rows = self.rows(&statement, &sql.params).await?;
        let keys = match rows.first() {
            Some((_, row)) => row.try_get::<_, i64>(self.relation.key.len()),
            None => Ok(0),
        };
        let keys = keys.map_err(|source| self.failed(source))?;
        let is_enough = percent >= 100.0 || keys.unsigned_abs() >= wanted as u64;
        Ok(is_enough.then(|| rows.into_iter().map(|(key, _)| key).collect()))
    }

    /// Reads every nth key of the range. `rows`: their estimated number.
    async fn read(&self, rows: f64) -> Result<Vec<K>, Error> {
        let wanted = self.parts * SAMPLED_KEYS * 2;
        let every = (rows / wanted as f64).max(1.0) as u64;
        let statement = self
            .relation
            .statement(self.relation.shape(self.range, Answer::Keys));
        let seek = statement.seek();
        let keep = if self.relation.scans() { ", keep" } else { "" };
        let (within, is_within) = match seek.far {
            FarBound::Reported => (", within", " AND within = 1"),
            FarBound::Ended | FarBound::Compared => ("", ""),
        };
        let (columns, inner) = (self.columns(), seek.sql(&self.relation.from, None));
        let statement = format!(
            "SELECT {columns} FROM (SELECT *, row_number() OVER () AS n FROM ({inner}) \
             AS keys ({columns}{keep}{within})) AS numbered WHERE n % {every} = 0{is_within} ORDER BY n"
        );
        let params = self.relation.params(self.range, &seek.own);
        let rows = self
            .client
            .query_typed_raw(&statement, typed(&params))
            .await;
        let mut rows = pin!(rows.map_err(|source| self.failed(source))?);
        let mut keys = Thinned::new(2 * wanted);
        while let Some(row) = next(&mut rows).await {
            let row = row.map_err(|source| self.failed(source))?;
            // Not every statement ends at the range's end.
            if let Some(key) = self.key(&row)
                && self.range.may_contain(&key)
            {
                keys.count(|| Some(key));
            }
        }
        Ok(keys.points(self.parts))
    }

    /// Runs a statement and reads a key from the first columns of each row.
    async fn rows(&self, sql: &str, params: &[Param]) -> Result<Vec<(K, Row)>, Error> {
        let rows = self.client.query_typed_raw(sql, typed(params)).await;
        let mut rows = pin!(rows.map_err(|source| self.failed(source))?);
        let mut keys = Vec::new();
        while let Some(row) = next(&mut rows).await {
            let row = row.map_err(|source| self.failed(source))?;
            keys.extend(self.key(&row).map(|key| (key, row)));
        }
        Ok(keys)
    }

    /// Reads a key. `None` if it can't be read: the filter may drop its row, and otherwise the walk reports it.
    fn key(&self, row: &Row) -> Option<K> {
        let key_row = KeyRow {
            row,
            at: &Vec::from_iter(0..self.relation.key.len()),
            columns: &self.relation.key_columns,
        };
        K::read_row(&key_row).ok()
    }

    /// Returns the key at this fraction of a cell, if there is one between its ends.
    fn key_at(&self, cell: &Cell<K>, fraction: f64) -> Option<K> {
        let (mut key, last) = (self.stored(&cell.first), self.stored(&cell.last));
        let column = self.first_difference(&key, &last)?;
        let found = self.between(
            column,
            key[column].as_ref()?,
            last[column].as_ref()?,
            fraction,
        )?;
        key[column] = Some(found);
        let key: Vec<Option<&[u8]>> = key.iter().map(Option::as_deref).collect();
        let key = K::from_columns(&key, &self.relation.key_columns)?;
        (cell.first < key && key <= cell.last).then_some(key)
    }

    fn stored(&self, key: &K) -> Stored {
        let column = |at| {
            let mut bytes = Vec::new();
            key.bind_column(at, &mut bytes).then_some(bytes)
        };
        (0..self.relation.key.len()).map(column).collect()
    }

    fn first_difference(&self, first: &Stored, last: &Stored) -> Option<usize> {
        // Unequal bytes may be equal numbers.
        let is_equal = |at: usize| {
            let [first, last] = [first, last].map(|key| self.value(at, key[at].as_deref()));
            first?.compare(&last?).map(Ordering::is_eq)
        };
        (0..first.len()).find(|at| first[*at] != last[*at] && is_equal(*at) != Some(true))
    }

    fn value(&self, column: usize, stored: Option<&[u8]>) -> Option<Value> {
        Value::read(&self.relation.key_columns.types[column], stored).ok()
    }

    /// Returns a column's value at this fraction of the way from one to another.
    fn between(&self, column: usize, from: &[u8], to: &[u8], fraction: f64) -> Option<Vec<u8>> {
        let column_type = &self.relation.key_columns.types[column];
        // The planner doesn't estimate UUIDs finer than a hundredth of them, and texts badly.
        if self.relation.key[column].is_collated
            || [Type::UUID, Type::TEXT, Type::VARCHAR].contains(column_type)
        {
            return None;
        }
        let (from, to) = (
            self.value(column, Some(from))?,
            self.value(column, Some(to))?,
        );
        let found = between(codec::scalar(&from)?, codec::scalar(&to)?, fraction)?;
        let found = made(&from, found.as_scalar())?;
        let mut bytes = Vec::new();
        found.bind(&self.relation.key_columns.types[column], &mut bytes)?;
        let way = from.compare(&to)?;
        let is_between = from.compare(&found)? == way && to.compare(&found)? != way;
        is_between.then_some(bytes)
    }

    /// Begins a statement over the rows to walk, with all conditions or only those that an index serves.
    fn sql(&self, is_filtered: bool) -> Sql<'_> {
        let relation = self.relation;
        let is_served = |at: &usize| is_filtered || relation.served.contains(at);
        let (served, others): (Vec<_>, Vec<_>) = (0..relation.filters.len()).partition(is_served);
        let filters =
            |of: Vec<usize>| Vec::from_iter(of.into_iter().map(|at| &*relation.filters[at]));
        let (served, others) = (filters(served), filters(others));
        let served = served.into_iter().map(str::to_owned);
        let given = relation.params.len();
        let conditions = keywalk_sql::conditions(
            Dialect::Postgres,
            &relation.key,
            &relation.fixed,
            &Vec::from_iter(served),
            given,
        );
        let conditions = if conditions.is_empty() {
            " WHERE true"
        } else {
            &conditions
        };
        let fixed = relation.fixed.iter().map(|column| column.own.clone());
        let keys = relation.key.iter().map(|column| &*column.expression);
        let aliased = keys
            .clone()
            .enumerate()
            .map(|(at, key)| format!("{key} AS c{at}"));
        Sql {
            relation,
            params: relation.params.iter().cloned().chain(fixed).collect(),
            keys: Vec::from_iter(keys).join(", "),
            aliased: Vec::from_iter(aliased).join(", "),
            from: format!("FROM {}{conditions} AND ", relation.from),
            verdict: verdict(others).map_or_else(String::new, |verdict| format!(", {verdict}")),
        }
    }

    /// Writes conditions for both bounds, which no index serves.
    fn bounds(&self, params: &mut Vec<Param>) -> String {
        let mut statement = self
            .relation
            .statement(self.relation.shape(self.range, Answer::Rows));
        statement.given = params.len();
        let (sql, own) = statement.bounds();
        let own = self.relation.params(self.range, &own);
        params.extend(own.into_iter().skip(self.relation.params.len()));
        sql
    }

    /// Returns names for the key's columns.
    fn columns(&self) -> String {
        let columns = (0..self.relation.key.len()).map(|at| format!("c{at}"));
        Vec::from_iter(columns).join(", ")
    }
}

/// A key's columns in binary form; `None` is NULL.
type Stored = Vec<Option<Vec<u8>>>;

/// Parts of a statement.
struct Sql<'a> {
    relation: &'a Relation,
    params: Vec<Param>,
    keys: String,
    /// The keys with names.
    aliased: String,
    /// The table and the conditions, up to a last `AND`.
    from: String,
    /// A column after others: whether the remaining filters keep the row. Empty without such filters.
    verdict: String,
}

impl Sql<'_> {
    fn value(&mut self, column: usize, bytes: &[u8]) -> String {
        self.params.push(Param {
            column: self.relation.key_columns.types[column].clone(),
            bytes: Some(bytes.to_vec()),
        });
        Dialect::Postgres.parameter(self.params.len())
    }

    /// Writes that these columns equal those of a key, up to a last `AND`.
    fn equal(&mut self, columns: Range<usize>, key: &Stored) -> String {
        let mut equal = String::new();
        for at in columns {
            let column = &self.relation.key[at];
            equal += &match &key[at] {
                None => format!("{} IS NULL AND ", column.uncollated),
                Some(bytes) => format!("{} = {} AND ", column.expression, self.value(at, bytes)),
            };
        }
        equal
    }

    /// Writes that a column comes after a value, in a walk of this order. `None` if nothing does.
    fn past(
        &mut self,
        at: usize,
        value: &Option<Vec<u8>>,
        order: Order,
        or_equal: bool,
    ) -> Option<String> {
        let column: &KeyColumn<()> = &self.relation.key[at];
        let (name, is_null_last) = (&column.uncollated, column.is_null_last(order));
        Some(match value {
            None => match (is_null_last, or_equal) {
                (true, false) => return None,
                (true, true) => format!("{name} IS NULL"),
                (false, false) => format!("{name} IS NOT NULL"),
                (false, true) => "true".to_owned(),
            },
            Some(bytes) => {
                let or_equal = if or_equal { "=" } else { "" };
                let (operator, value) = (column.operator(order), self.value(at, bytes));
                let past = format!("{} {operator}{or_equal} {value}", column.expression);
                match column.nullable && is_null_last {
                    true => format!("({past} OR {name} IS NULL)"),
                    false => past,
                }
            }
        })
    }
}

/// Makes a value of the same type as `like` from its place on a scale. Dates and times are those that PostgreSQL has.
fn made(like: &Value, found: Scalar<'_>) -> Option<Value> {
    const DATES: [i32; 2] = [-2_451_545, 2_145_031_948];
    const TIMES: [i64; 2] = [-211_813_488_000_000_000, 9_223_371_331_199_999_999];
    let time = |micros: i64| micros.clamp(TIMES[0], TIMES[1]);
    Some(match (like, found) {
        (Value::Bool(_), Scalar::Integer(found)) => Value::Bool(found != 0),
        (Value::Int(_), Scalar::Integer(found)) => Value::Int(found),
        (Value::Numeric(_), Scalar::Real(found)) => Value::Numeric(found.to_string().parse().ok()?),
        (Value::Bytes(_), Scalar::Bytes(found)) => Value::Bytes(found.to_vec()),
        (Value::Date(_), Scalar::Integer(found)) => {
            let days = i32::try_from(found).ok()?;
            Value::Date(Date::from_days(days.clamp(DATES[0], DATES[1])))
        }
        (Value::Timestamp(_), Scalar::Integer(found)) => {
            Value::Timestamp(Timestamp::from_micros(time(found)))
        }
        (Value::TimestampTz(_), Scalar::Integer(found)) => {
            Value::TimestampTz(TimestampTz::from_micros(time(found)))
        }
        _ => return None,
    })
}
