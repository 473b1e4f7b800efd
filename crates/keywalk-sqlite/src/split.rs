//! Splits a range of keys by a sample of rows, or by how dense keys are.

use std::ops::Bound;

use keywalk::{KeyRange, Order, SplitSource};
use keywalk_sql::{
    Cells, Dialect, MOST_PARTS, Param, Quoted, SAMPLED_KEYS, Scalar, ScalarBuf, Thinned, between,
    conditions, order_by, points, verdict,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::codec;
use crate::connect::Connect;
use crate::decode::Decode;
use crate::error::Error;
use crate::fetch::{Fetcher, bind_params};
use crate::key::{KeyRow, SqlKey};
use crate::relation::{Relation, Rowid};
use crate::source::{Spec, SqlSource};
use crate::value::scalar;

impl<C: Connect, S: Spec, K: SqlKey, D: Decode> SplitSource for SqlSource<C, S, K, D> {
    fn split_points(&mut self, range: &KeyRange<K>, parts: usize) -> Result<Vec<K>, Error> {
        let parts = parts.min(MOST_PARTS);
        let mut points = self.ask(|db, fetcher, _| split(db, fetcher, range, parts))?;
        points.dedup_by(|a, b| a == b);
        Ok(points)
    }
}

/// The smallest and the largest number of draws. A statement with more would be too long for SQLite.
const DRAWS: [usize; 2] = [1_024, 32_768];

fn split<K: SqlKey>(
    db: &Connection,
    fetcher: &mut Fetcher,
    range: &KeyRange<K>,
    parts: usize,
) -> Result<Vec<K>, Error> {
    let wanted = parts * SAMPLED_KEYS;
    let mut keys = ByKey { db, fetcher };
    let few = keys.stretch(range, wanted + 1)?;
    if few.read <= wanted {
        return Ok(points(&few.keys, parts));
    }
    let relation = keys.fetcher.relation();
    if let Some(rowid) = &relation.rowid
        && !relation.is_by_rowid()
    {
        let [least, most] = DRAWS;
        for draws in [4 * wanted, 16 * wanted] {
            // Of many parts, each is content with fewer keys.
            let enough = wanted.min(most / 4);
            let found = sample(
                db,
                keys.fetcher,
                rowid,
                range,
                draws.clamp(least, most),
                enough,
            )?;
            if let Some(found) = found {
                return Ok(points(&found, parts));
            }
            if draws >= most {
                break;
            }
        }
    }
    let wanted_cells = (4 * parts).clamp(64, 512);
    if let Some(mut cells) = cells(&mut keys, range, wanted_cells, STRETCH)?
        && cells.len() > 1
    {
        let kept: usize = cells.iter().map(|cell| cell.first.kept).sum();
        if kept >= wanted {
            cells.weigh(|cell| cell.rows * cell.kept());
        }
        return Ok(cells.points(parts, range.order(), Cell::ends, |cell, at| {
            keys.between(&cell.first.key, &cell.last.key, at)
        }));
    }
    let mut all = Thinned::new(4 * wanted);
    fetcher.each_key(db, range, |key, _| {
        all.count(key);
        true
    })?;
    Ok(all.points(parts))
}

/// The number of neighbouring keys that show how dense keys are.
const STRETCH: usize = 32;

/// Keys that are read from one end of a range.
struct Stretch<K> {
    /// Those that can be read.
    keys: Vec<K>,
    /// The number of rows.
    read: usize,
    /// The number of them that the filter keeps.
    kept: usize,
}

/// Keys that have a scale.
trait Scaled<K> {
    /// Reads the first keys of a range.
    fn stretch(&mut self, range: &KeyRange<K>, most: usize) -> Result<Stretch<K>, Error>;

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64>;

    /// Returns a key after the first one, and not after the last one.
    fn between(&self, first: &K, last: &K, at: f64) -> Option<K>;
}

/// An end of a cell: its outermost key, and what was read from there.
#[derive(Clone)]
struct Edge<K> {
    key: K,
    to: K,
    read: usize,
    kept: usize,
}

impl<K: Clone> Edge<K> {
    fn of(stretch: Stretch<K>) -> Option<Self> {
        Some(Edge {
            key: stretch.keys.first()?.clone(),
            to: stretch.keys.last()?.clone(),
            read: stretch.read,
            kept: stretch.kept,
        })
    }
}

/// The rows from one key to another, both included.
struct Cell<K> {
    first: Edge<K>,
    last: Edge<K>,
    /// Their estimated number.
    rows: f64,
}

impl<K> Cell<K> {
    /// Estimates its rows by the keys at both ends. `None` if they have no scale.
    fn new(keys: &impl Scaled<K>, first: Edge<K>, last: Edge<K>, stretch: usize) -> Option<Self> {
        const LEAST: f64 = 1e-18;
        let read = first.read.min(last.read);
        let rows = if read < stretch {
            read as f64
        } else {
            let [to, from] =
                [&first.to, &last.to].map(|at| keys.fraction(&first.key, &last.key, at));
            let steps = (stretch - 1) as f64;
            (steps / to?.max(LEAST) + steps / (1.0 - from?).max(LEAST)) / 2.0
        };
        Some(Cell { first, last, rows })
    }

    fn ends(&self) -> (&K, &K) {
        (&self.first.key, &self.last.key)
    }

    fn kept(&self) -> f64 {
        (self.first.kept + self.last.kept) as f64 / (self.first.read + self.last.read) as f64
    }
}

/// Halves the cell that holds the most rows, by its estimate, until there are enough. `None` if the keys have no scale.
fn cells<K: Clone + PartialOrd>(
    keys: &mut impl Scaled<K>,
    range: &KeyRange<K>,
    wanted: usize,
    stretch: usize,
) -> Result<Option<Cells<Cell<K>>>, Error> {
    let ascending = match range.order() {
        Order::Ascending => range.clone(),
        Order::Descending => range.reversed(),
    };
    let first = Edge::of(keys.stretch(&ascending, stretch)?);
    let last = Edge::of(keys.stretch(&ascending.reversed(), stretch)?);
    let all = first.zip(last);
    let Some(all) = all.and_then(|(first, last)| Cell::new(keys, first, last, stretch)) else {
        return Ok(None);
    };
    let rows = all.rows;
    let mut cells = Cells::new(all, rows);
    while cells.len() < wanted {
        let Some((at, cell)) = cells.heaviest() else {
            break;
        };
        match halve(keys, cell, stretch)? {
            Some(halves) => cells.halve(
                at,
                halves.map(|cell| {
                    let rows = cell.rows;
                    (cell, rows)
                }),
            ),
            None => cells.close(at),
        }
    }
    Ok(Some(cells))
}

fn halve<K: Clone + PartialOrd>(
    keys: &mut impl Scaled<K>,
    cell: &Cell<K>,
    stretch: usize,
) -> Result<Option<[Cell<K>; 2]>, Error> {
    let (first, last) = (&cell.first, &cell.last);
    if first.read.min(last.read) < stretch {
        return Ok(None);
    }
    let Some(middle) = keys.between(&first.key, &last.key, 0.5) else {
        return Ok(None);
    };
    let lower = (
        Bound::Included(first.key.clone()),
        Bound::Excluded(middle.clone()),
    );
    let upper = (Bound::Included(middle), Bound::Included(last.key.clone()));
    let before = keys.stretch(&KeyRange::new(lower, Order::Descending), stretch)?;
    let after = keys.stretch(&KeyRange::new(upper, Order::Ascending), stretch)?;
    let (Some(before), Some(after)) = (Edge::of(before), Edge::of(after)) else {
        return Ok(None);
    };
    let lower = Cell::new(keys, first.clone(), before, stretch);
    let upper = Cell::new(keys, after, last.clone(), stretch);
    Ok(lower.zip(upper).map(<[_; 2]>::from))
}

/// The keys of a walk.
struct ByKey<'a> {
    db: &'a Connection,
    fetcher: &'a mut Fetcher,
}

impl<K: SqlKey> Scaled<K> for ByKey<'_> {
    fn stretch(&mut self, range: &KeyRange<K>, most: usize) -> Result<Stretch<K>, Error> {
        let (mut keys, mut read, mut kept) = (Vec::new(), 0, 0);
        self.fetcher.each_key(self.db, range, |key, is_kept| {
            keys.extend(key());
            read += 1;
            kept += usize::from(is_kept);
            read < most
        })?;
        Ok(Stretch { keys, read, kept })
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        codec::fraction(first, last, at, &self.fetcher.columns().layouts)
    }

    /// For a key of a single column.
    fn between(&self, first: &K, last: &K, at: f64) -> Option<K> {
        let columns = self.fetcher.columns();
        let is_scaled = columns.layouts.len() == 1 && !self.fetcher.relation().key[0].is_collated;
        let value = |key: &K| Value::try_from(codec::lent(&key.bind_column(0))).ok();
        let (from, to) = (value(first)?, value(last)?);
        let found = between(scalar(&from), scalar(&to), at).filter(|_| is_scaled)?;
        let key = K::from_values(vec![to_value(found)], columns)?;
        (*first < key && key <= *last).then_some(key)
    }
}

fn to_value(found: ScalarBuf) -> Value {
    match found {
        ScalarBuf::Integer(value) => Value::Integer(value),
        ScalarBuf::Real(value) => Value::Real(value),
        ScalarBuf::Text(value) => Value::Text(value),
        ScalarBuf::Bytes(value) => Value::Blob(value),
    }
}

/// The rowids of a table.
struct ByRowid<'a> {
    db: &'a Connection,
    relation: &'a Relation,
    rowid: &'a Rowid,
}

impl Scaled<i64> for ByRowid<'_> {
    fn stretch(&mut self, range: &KeyRange<i64>, most: usize) -> Result<Stretch<i64>, Error> {
        let bound = |bound: Bound<&i64>, step, open| match bound {
            Bound::Included(rowid) => *rowid,
            Bound::Excluded(rowid) => rowid.saturating_add(step),
            Bound::Unbounded => open,
        };
        let order = match range.order() {
            Order::Ascending => "",
            Order::Descending => " DESC",
        };
        let (rowid, from) = (&self.rowid.expression, &self.relation.from);
        let sql = format!(
            "SELECT {rowid} FROM {from} NOT INDEXED WHERE {rowid} BETWEEN ?1 AND ?2 ORDER BY {rowid}{order} LIMIT ?3"
        );
        let bounds = (
            bound(range.lower(), 1, i64::MIN),
            bound(range.upper(), -1, i64::MAX),
            most as i64,
        );
        let read = || {
            let mut statement = self.db.prepare_cached(&sql)?;
            let rowids = statement.query_map(bounds, |row| row.get(0))?;
            rowids.collect::<rusqlite::Result<Vec<i64>>>()
        };
        let keys = read().map_err(|source| self.relation.failed(source))?;
        let (read, kept) = (keys.len(), keys.len());
        Ok(Stretch { keys, read, kept })
    }

    fn fraction(&self, first: &i64, last: &i64, at: &i64) -> Option<f64> {
        let span = i128::from(*last) - i128::from(*first);
        let step = i128::from(*at) - i128::from(*first);
        Some(step as f64 / span.max(1) as f64)
    }

    fn between(&self, first: &i64, last: &i64, at: f64) -> Option<i64> {
        match between(Scalar::Integer(*first), Scalar::Integer(*last), at)? {
            ScalarBuf::Integer(rowid) => Some(rowid),
            _ => None,
        }
    }
}

/// The rowids' cells, and the keys around each end that is read. Rowids usually have no large gaps.
const ROWID_CELLS: [usize; 2] = [64, 16];

/// Draws rowids that are spread evenly over the table's rows, and returns the keys of those in the range, in order: of
/// the rows that the filter keeps, if they are enough. `None` if there are fewer than `wanted`.
fn sample<K: SqlKey>(
    db: &Connection,
    fetcher: &Fetcher,
    rowid: &Rowid,
    range: &KeyRange<K>,
    draws: usize,
    wanted: usize,
) -> Result<Option<Vec<K>>, Error> {
    let relation = fetcher.relation();
    let failed = |source| relation.failed(source);
    let mut rowids = ByRowid {
        db,
        relation,
        rowid,
    };
    let [most, stretch] = ROWID_CELLS;
    let all = KeyRange::all(Order::Ascending);
    let Some(cells) = cells(&mut rowids, &all, most, stretch)? else {
        return Ok(None);
    };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let places = cells.cuts(draws).into_iter().map(|(cell, at)| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Within the step to the next place, so that no pattern in the rows falls in with the steps.
        let step = cell.first.key.abs_diff(cell.last.key) as f64 / cell.rows.max(1.0);
        let steps = cells.total() / draws as f64 * (random >> 11) as f64 / (1_u64 << 53) as f64;
        let place = rowids.between(&cell.first.key, &cell.last.key, at);
        let place = place
            .unwrap_or(cell.first.key)
            .saturating_add((step * steps) as i64);
        // The least one can't be written as a literal.
        place.max(i64::MIN + 1)
    });
    let places = Vec::from_iter(places.map(|place| format!("({place})"))).join(", ");
    let given = relation.params.len();
    let served = conditions(Dialect::Sqlite, &relation.key, &relation.fixed, &[], given);
    let served = if served.is_empty() {
        " WHERE 1"
    } else {
        &served
    };
    let (bounds, own) = fetcher.bounds(range, given + relation.fixed.len());
    let key = relation.key.iter().map(|part| &*part.expression);
    let keys = Vec::from_iter(key).join(", ");
    let order = order_by(Dialect::Sqlite, &relation.key, range.order(), |at| {
        (at + 1).to_string()
    });
    let verdict = verdict(&relation.filters).unwrap_or_else(|| "1".to_owned());
    let (from, Rowid { name, expression }) = (&relation.from, rowid);
    let near = format!("\"near\".{}", Quoted(name));
    // The filter may name any column, so no other table is in its scope.
    let sql = format!(
        "SELECT {keys}, {verdict} FROM {from} NOT INDEXED{served}{bounds} AND {expression} IN \
             (SELECT (SELECT {near} FROM {from} AS near NOT INDEXED WHERE {near} >= drawn.column1 ORDER BY {near} LIMIT 1) \
             FROM (VALUES {places}) AS drawn) ORDER BY {order}"
    );
    let mut statement = db.prepare(&sql).map_err(failed)?;
    let params = (0..given).map(Param::Given);
    let params = params.chain((0..relation.fixed.len()).map(Param::Fixed));
    let params = Vec::from_iter(params.chain(own));
    bind_params(&mut statement, &params, relation, range).map_err(failed)?;
    let at = Vec::from_iter(0..relation.key.len());
    let (mut keys, mut kept) = (Vec::new(), Vec::new());
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        let key_row = KeyRow {
            row,
            at: &at,
            columns: fetcher.columns(),
        };
        // The walk reports a key that can't be read.
        let Ok(key) = K::read_row(&key_row) else {
            continue;
        };
        if row.get(at.len()).map_err(failed)? {
            kept.push(key.clone());
        }
        keys.push(key);
    }
    let is_enough = |keys: &Vec<K>| keys.len() >= wanted;
    Ok([kept, keys].into_iter().find(is_enough))
}
