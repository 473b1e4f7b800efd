//! Whether a walk gives what SQL says.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::uuid::fmt::{Hyphenated, Simple};
use keywalk_sqlite::{Collated, DynKey, Error, Real, Row, SqlKey, SqlKeyColumn};
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Params};

use crate::db::ORDERS;

/// A key whose values can be told.
pub(crate) trait Values: SqlKey + Debug {
    fn values(&self) -> Vec<Value>;
}

impl Values for DynKey {
    fn values(&self) -> Vec<Value> {
        DynKey::values(self).to_vec()
    }
}

fn value(column: &impl SqlKeyColumn) -> Value {
    match column.bind() {
        ToSqlOutput::Borrowed(value) => value.try_into().expect("it is valid"),
        ToSqlOutput::Owned(value) => value,
        other => panic!("{other:?} is no value of a key"),
    }
}

macro_rules! columns {
    ($($column:ty),+) => {$(
        impl Values for $column {
            fn values(&self) -> Vec<Value> {
                vec![value(self)]
            }
        }
    )+};
}

columns!(i8, i16, i32, i64, u8, u16, u32);
columns!(
    String,
    Vec<u8>,
    Uuid,
    Hyphenated,
    Simple,
    Collated,
    Real,
    bool
);
#[cfg(feature = "chrono")]
columns!(
    chrono::NaiveDate,
    chrono::NaiveTime,
    chrono::NaiveDateTime,
    chrono::DateTime<chrono::Utc>
);
#[cfg(feature = "jiff")]
columns!(jiff::civil::Date, jiff::civil::Time, jiff::civil::DateTime);

impl<T: SqlKeyColumn + Debug> Values for Reverse<T> {
    fn values(&self) -> Vec<Value> {
        vec![value(&self.0)]
    }
}

impl<T: SqlKeyColumn + Debug> Values for Option<T> {
    fn values(&self) -> Vec<Value> {
        vec![value(self)]
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:tt),+);)+) => {$(
        impl<$($column: SqlKeyColumn + Debug),+> Values for ($($column,)+) {
            fn values(&self) -> Vec<Value> {
                vec![$(value(&self.$at)),+]
            }
        }
    )+};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
}

/// A table or a query.
pub(crate) trait RowSource<K>:
    ChunkSource<Key = K, Item = (K, Row), Error = Error> + ResumableSource
{
}

impl<K, S> RowSource<K> for S where
    S: ChunkSource<Key = K, Item = (K, Row), Error = Error> + ResumableSource
{
}

/// One type for both: what is done with it is compiled once for each type of key.
pub(crate) type Boxed<'db, K> = Box<dyn RowSource<K> + 'db>;

/// What SQL says.
struct Expected {
    sql: String,
    names: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// Where the key's columns stand.
    key: Vec<usize>,
}

impl Expected {
    fn at(&self, name: &str) -> usize {
        let at = self.names.iter().position(|n| n.eq_ignore_ascii_case(name));
        at.unwrap_or_else(|| panic!("no {name} in {}", self.sql))
    }

    /// The keys and rows that came are those that stand from `start` on up to `end`.
    fn assert<K: Values>(&self, came: &[(K, Row)], start: usize, end: usize, how: &dyn Debug) {
        let expected = &self.rows[start.min(end)..end];
        let name = || format!("{}: {how:?}", self.sql);
        assert_eq!(came.len(), expected.len(), "{}: {came:?}", name());
        for ((key, row), expected) in came.iter().zip(expected) {
            let values: Vec<Value> = self.key.iter().map(|at| expected[*at].clone()).collect();
            assert_eq!(key.values(), values, "{}", name());
            for (column, value) in row.iter() {
                assert_eq!(*value, expected[self.at(column)], "{}: {column}", name());
            }
        }
    }
}

fn items<K: SqlKey, S: RowSource<K>>(walk: Walk<S>) -> Vec<(K, Row)> {
    let items: Result<_, _> = walk.into_iter().collect();
    items.unwrap_or_else(|error| panic!("{error}"))
}

/// By lent chunks: what is in their memory is allocated again.
fn lent<K: SqlKey, S: RowSource<K>>(walk: Walk<S>) -> Vec<(K, Row)> {
    let mut chunks = walk.chunks();
    let mut came = Vec::new();
    while let Some(items) = chunks.next().unwrap_or_else(|error| panic!("{error}")) {
        came.extend_from_slice(items);
    }
    came
}

/// How many rows are few enough to try every two of their keys as bounds.
const FEW: usize = 6;

/// Walks in every chunk size, both ways, bounded and live; resumed at every position; within every two of
/// its keys as bounds of every kind, inverted ones too. `key` and `sql`, in the walk's order, say what comes.
/// Tells how many rows that are.
pub(crate) fn check<'s, K: Values + 's>(
    source: impl RowSource<K> + 's,
    db: &Connection,
    sql: &str,
    params: impl Params,
    key: &[&str],
) -> usize {
    let mut statement = db.prepare(sql).expect("the test's own SQL is valid");
    let width = statement.column_count();
    let name = |at| statement.column_name(at).map(str::to_owned);
    let names = (0..width)
        .map(name)
        .collect::<Result<_, _>>()
        .expect("they are there");
    let rows = statement
        .query_map(params, |row| (0..width).map(|at| row.get(at)).collect())
        .and_then(Iterator::collect)
        .expect("SQLite answers");
    let mut expected = Expected {
        sql: sql.to_owned(),
        names,
        rows,
        key: Vec::new(),
    };
    expected.key = key.iter().map(|name| expected.at(name)).collect();
    let count = expected.rows.len();
    check_source(Box::new(source), expected);
    count
}

fn check_source<K: Values>(mut source: Boxed<'_, K>, mut expected: Expected) {
    let count = expected.rows.len();
    for order in ORDERS {
        for size in [1, 2, 3, 7, 512, usize::MAX] {
            for live in [false, true] {
                let walk = Walk::new(&mut source).chunk_size(size).order(order);
                let came = lent(if live { walk.unbounded() } else { walk });
                expected.assert(&came, 0, count, &(size, order, live));
            }
        }
        for position in 0..=count {
            let mut before = Walk::new(&mut source).chunk_size(3).order(order).items();
            assert_eq!(before.by_ref().take(position).count(), position);
            let cursor = before.cursor();
            let after = items(Walk::new(&mut source).chunk_size(2).resume(cursor));
            expected.assert(&after, position, count, &("resumed", position, order));
        }
        expected.rows.reverse();
    }
    if count <= FEW {
        let keys = items(Walk::new(&mut source)).into_iter();
        check_bounds(
            &mut source,
            &mut expected,
            &keys.map(|item| item.0).collect::<Vec<_>>(),
        );
    }
}

fn bounds<K: Clone>(keys: &[K]) -> Vec<(usize, Bound<K>)> {
    let at = keys.iter().enumerate();
    at.flat_map(|(at, key)| {
        [
            (at, Bound::Included(key.clone())),
            (at, Bound::Excluded(key.clone())),
        ]
    })
    .chain([(0, Bound::Unbounded)])
    .collect()
}

fn check_bounds<K: Values>(source: &mut dyn RowSource<K>, expected: &mut Expected, keys: &[K]) {
    let count = keys.len();
    for (low, lower) in bounds(keys) {
        for (high, upper) in bounds(keys) {
            let start = low + usize::from(matches!(lower, Bound::Excluded(_)));
            let end = match upper {
                Bound::Unbounded => count,
                Bound::Included(_) => high + 1,
                Bound::Excluded(_) => high,
            };
            let ways = [(start, end), (count - end, count - start.min(count))];
            for (order, (start, end)) in ORDERS.into_iter().zip(ways) {
                for live in [false, true] {
                    let walk = Walk::new(&mut *source).order(order).chunk_size(2);
                    let walk = walk.range((lower.clone(), upper.clone()));
                    let came = lent(if live { walk.unbounded() } else { walk });
                    expected.assert(&came, start, end, &(&lower, &upper, order, live));
                }
                expected.rows.reverse();
            }
        }
    }
}
