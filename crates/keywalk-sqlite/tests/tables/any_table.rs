//! Tables of any declared types, collations and directions, of any values: a walk gives what
//! `SELECT … ORDER BY` gives, cut and resumed anywhere, whatever is done to its indexes and statistics.

use std::ops::Bound;

use keywalk::{Order, Walk};
use keywalk_sqlite::{DynKey, Query, Table};
use proptest::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use crate::check::Boxed;
use crate::db::{integers, open, select};

const TYPES: &str = "|INT|INTEGER|REAL|NUMERIC|STRING|TEXT|TEXT COLLATE NOCASE|TEXT COLLATE RTRIM|\
    COLLATE NOCASE|VARCHAR(3)|BLOB|FLOATING POINT|ANY";

/// What is done between two parts of a walk: it changes no row and no rowid, again and again.
const BETWEEN: [&str; 10] = [
    "",
    "VACUUM",
    "REINDEX",
    "ANALYZE",
    "CREATE INDEX IF NOT EXISTS i ON t (n, k0)",
    "CREATE INDEX IF NOT EXISTS j ON t (k0 DESC, n)",
    "DROP INDEX IF EXISTS i; DROP INDEX IF EXISTS j; DROP TABLE IF EXISTS sqlite_stat1",
    "SAVEPOINT s; CREATE UNIQUE INDEX k ON t (n); ROLLBACK TO s; RELEASE s",
    "CREATE TABLE x (y); DROP TABLE x; CREATE VIEW z AS SELECT * FROM t; DROP VIEW z",
    "PRAGMA optimize; PRAGMA incremental_vacuum; PRAGMA shrink_memory; PRAGMA wal_checkpoint",
];

/// `?1` is 0. A row that goes makes none pass.
const FILTERS: [&str; 8] = [
    "n >= ?1",
    "n % 3 = ?1 OR n > 9 -- or",
    "n > ?1 AND k0 > 0",
    "typeof(k0) = 'text' AND ?1 IS NOT NULL",
    "k0 IN (SELECT k0 FROM t WHERE n % 2 = ?1)",
    "EXISTS (SELECT 1 FROM t AS u WHERE u.n < t.n AND u.n > ?1)",
    "?1",
    "k0 || ?1",
];

#[derive(Clone, Debug)]
struct AnyTable {
    /// Type and direction of each column of the key.
    columns: Vec<(&'static str, &'static str)>,
    options: &'static str,
    /// Not the primary key.
    unique: bool,
    /// The columns may hold NULL, and the key ends with the rowid.
    nullable: bool,
    filter: Option<&'static str>,
    /// What the database says of each index, true or not.
    statistics: &'static str,
}

const STATISTICS: &str = "|1 1 1 1|0 0 0 0|12 12 12 12|1000000 1 1 1|\
    9223372036854775807 9223372036854775807 1 1|1000000 1000000 1000000 1000000|\
    no numbers -1 noskipscan sz=0";

fn one_of(all: &'static str) -> impl Strategy<Value = &'static str> {
    prop::sample::select(all.split('|').collect::<Vec<_>>())
}

fn any_table() -> impl Strategy<Value = AnyTable> {
    let columns = prop::collection::vec((one_of(TYPES), one_of("|DESC")), 1..4);
    let (options, statistics) = (one_of("|WITHOUT ROWID"), one_of(STATISTICS));
    let filter = prop::option::of(prop::sample::select(&FILTERS[..]));
    (columns, options, any::<(bool, bool)>(), filter, statistics).prop_map(|any| {
        let (mut columns, mut options, (unique, nullable), filter, statistics) = any;
        if unique || nullable {
            options = "";
        }
        // An INTEGER PRIMARY KEY is the rowid, which goes up whatever is declared.
        if let [("INTEGER", direction)] = columns.as_mut_slice() {
            *direction = "";
        }
        AnyTable {
            columns,
            options,
            unique,
            nullable,
            filter,
            statistics,
        }
    })
}

/// Few enough that many come twice, and compare with one another in every way there is.
fn value() -> impl Strategy<Value = Value> {
    let texts = "|a|A|a |b|B\0|5|5.0| 5|5x|1e3|-0|0x5|é|É|9223372036854775808";
    let (max, min, exact) = (i64::MAX, i64::MIN, 1 << 53);
    let integers = [0, 1, 5, -1, 1000, exact, exact + 1, max, min, max - 1];
    let mut reals = vec![0.0, -0.0, 5.0, 5.5, 1e300, f64::MIN_POSITIVE];
    reals.extend([exact, max, min].map(|integer: i64| integer as f64));
    reals.extend([f64::INFINITY, f64::NEG_INFINITY]);
    let blobs = [&b""[..], b"a", b"A", b"\xff", b"5", b"\0"];
    prop_oneof![
        one_of(texts).prop_map(|text| Value::Text(text.to_owned())),
        prop::sample::select(integers.to_vec()).prop_map(Value::Integer),
        prop::sample::select(reals).prop_map(Value::Real),
        prop::sample::select(blobs.to_vec()).prop_map(|blob| Value::Blob(blob.to_owned())),
        Just(Value::Null),
    ]
}

/// What is walked, by the whole key or by the rest of it.
type Source<'db> = Boxed<'db, DynKey>;

impl AnyTable {
    /// The table with those of the rows that are unique in it; `n` numbers them.
    fn create(&self, rows: &[Vec<Value>]) -> Connection {
        let numbered = || self.columns.iter().enumerate();
        let not_null = if self.nullable { "" } else { "NOT NULL" };
        let columns = numbered().map(|(at, (declared, _))| format!("k{at} {declared} {not_null}"));
        let columns: Vec<String> = columns.collect();
        let sorted = self.sorted();
        let (number, key) = match (self.unique, self.nullable) {
            (true, false) => ("INT", format!(", UNIQUE ({sorted})")),
            (false, false) => ("INT", format!(", PRIMARY KEY ({sorted})")),
            (_, true) => ("INTEGER PRIMARY KEY", String::new()),
        };
        let db = open(&format!(
            "CREATE TABLE t (n {number}, {}{key}) {}",
            columns.join(", "),
            self.options
        ));
        if self.nullable {
            let unique = if self.unique { "UNIQUE" } else { "" };
            let index = format!("CREATE {unique} INDEX keys ON t ({sorted})");
            db.execute_batch(&index).expect("it is an index");
        }
        for (number, row) in (0_i64..).zip(rows) {
            let values = row.iter().cloned().cycle().take(self.columns.len());
            let values = std::iter::once(Value::Integer(number)).chain(values);
            let marks = vec!["?"; self.columns.len() + 1].join(", ");
            let sql = format!("INSERT OR IGNORE INTO t VALUES ({marks})");
            if let Err(error) = db.execute(&sql, params_from_iter(values)) {
                // An INTEGER PRIMARY KEY takes nothing else.
                assert_eq!(error.sqlite_error_code(), Some(ErrorCode::TypeMismatch));
            }
        }
        if !self.statistics.is_empty() {
            db.execute_batch(&format!(
                "CREATE INDEX i ON t (n); CREATE INDEX j ON t (k0, n); ANALYZE;
                 UPDATE sqlite_stat1 SET stat = '{}'; ANALYZE sqlite_schema",
                self.statistics
            ))
            .expect("SQLite takes any");
        }
        db
    }

    fn sorted(&self) -> String {
        let numbered = self.columns.iter().enumerate();
        let columns: Vec<String> = numbered
            .map(|(at, (_, direction))| format!("k{at} {direction}"))
            .collect();
        columns.join(", ")
    }

    fn order(&self) -> String {
        let end = if self.nullable { ", n" } else { "" };
        self.sorted() + end
    }

    /// Another way to the same rows: a query's key goes upwards, and its text by its bytes.
    fn is_for_a_query(&self) -> bool {
        let is_plain = |(declared, direction): &(&str, &str)| {
            !declared.contains("COLLATE") && direction.is_empty()
        };
        self.filter.is_none() && !self.nullable && self.columns.iter().all(is_plain)
    }

    fn names(&self) -> Vec<String> {
        let columns = (0..self.columns.len()).map(|at| format!("k{at}"));
        columns
            .chain(self.nullable.then(|| "n".to_owned()))
            .collect()
    }

    fn table<'db>(&self, db: &'db Connection) -> Table<&'db Connection, DynKey> {
        let table = Table::new(db, "t").key(self.names()).expect("it is a key");
        match self.filter {
            Some(filter) => table.filter(filter, [0]).expect("it is a condition"),
            None => table,
        }
    }

    fn numbers(&self, db: &Connection, more: &str) -> Vec<i64> {
        let filter = self
            .filter
            .map_or("TRUE".to_owned(), |filter| filter.replace("?1", "0"));
        let order = self.order();
        integers(
            db,
            &format!("SELECT n FROM t WHERE ({filter}\n) AND {more} ORDER BY {order}"),
        )
    }
}

/// How walks are cut: into parts of so many items, each with another chunk size, and something is done
/// between them.
#[derive(Clone, Debug)]
struct Cuts {
    sizes: Vec<usize>,
    each: usize,
    between: Vec<&'static str>,
}

fn cuts() -> impl Strategy<Value = Cuts> {
    let between = prop::collection::vec(prop::sample::select(&BETWEEN[..]), 1..5);
    let sizes = prop::collection::vec(1..8_usize, 1..4);
    (sizes, 1..30_usize, between).prop_map(|(sizes, each, between)| Cuts {
        sizes,
        each,
        between,
    })
}

impl Cuts {
    /// The numbers of a walk's rows, and their keys. Half of the parts are by sources that are new.
    fn walk<'db>(
        &self,
        db: &Connection,
        source: impl Fn() -> Source<'db>,
        way: &Way,
    ) -> (Vec<i64>, Vec<DynKey>) {
        let mut sizes = self.sizes.iter().copied().cycle();
        let mut size = || sizes.next().unwrap_or(1);
        let mut between = self.between.iter().cycle();
        let (mut numbers, mut keys) = (Vec::new(), Vec::new());
        let walk = Walk::new(source())
            .range(way.range.clone())
            .order(way.order);
        let walk = if way.live { walk.unbounded() } else { walk };
        let mut items = walk.chunk_size(size()).items();
        loop {
            let before = numbers.len();
            for item in items.by_ref().take(self.each) {
                let (key, row) = item.unwrap_or_else(|error| panic!("{error}"));
                match row.get("n") {
                    Some(Value::Integer(number)) => numbers.push(*number),
                    other => panic!("{other:?} is no number"),
                }
                keys.push(key);
            }
            if numbers.len() - before < self.each {
                return (numbers, keys);
            }
            assert!(!db.is_busy());
            db.execute_batch(between.next().expect("it goes round"))
                .expect("it is fine between");
            if numbers.len() % 2 == 0 {
                let cursor = items.cursor();
                items = Walk::new(source())
                    .chunk_size(size())
                    .resume(cursor)
                    .items();
            }
        }
    }
}

#[derive(Clone)]
struct Way {
    range: (Bound<DynKey>, Bound<DynKey>),
    order: Order,
    live: bool,
}

fn in_order(mut numbers: Vec<i64>, order: Order) -> Vec<i64> {
    if order == Order::Descending {
        numbers.reverse();
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_of_any_table_is_a_select_in_the_order_of_its_key(
        table in any_table(),
        rows in prop::collection::vec(prop::collection::vec(value(), 3), 0..24),
        cuts in cuts(),
        (lower, upper) in (0..30_usize, 0..30_usize),
        (lower_in, upper_in) in any::<(bool, bool)>(),
        (descending, live) in any::<(bool, bool)>(),
        gone in 2..9_i64,
    ) {
        let db = &table.create(&rows);
        let all = table.numbers(db, "TRUE");
        let source = || -> Source<'_> { Box::new(table.table(db)) };
        let order = if descending { Order::Descending } else { Order::Ascending };
        let all_of_it = (Bound::Unbounded, Bound::Unbounded);
        let mut way = Way { range: all_of_it, order: Order::Ascending, live: false };

        let (numbers, keys) = cuts.walk(db, source, &way);
        way.order = order;
        way.live = live;
        prop_assert_eq!(&numbers, &all);

        if table.is_for_a_query() {
            let sql = "SELECT * FROM t";
            let source = || -> Source<'_> {
                let query = Query::new(db, sql, []).and_then(|query| query.key(table.names()));
                Box::new(query.expect("it has the columns"))
            };
            let (numbers, _) = cuts.walk(db, source, &way);
            prop_assert_eq!(numbers, in_order(all.clone(), order));
        }

        // The same keys made by hand.
        for key in &keys {
            let by_hand = table.table(db).dyn_key(key.values().to_vec());
            prop_assert_eq!(by_hand.map_err(|error| error.to_string()), Ok(key.clone()));
        }

        // Some rows go: what bounds a walk need not be a key of the table.
        db.execute("DELETE FROM t WHERE n % ?1 = 1", [gone]).expect("it is SQL");

        // Between two of its rows, or any one and an open end.
        let bound = |at: usize, is_in: bool| match keys.get(at) {
            Some(key) if is_in => Bound::Included(key.clone()),
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Unbounded,
        };
        let range = (bound(lower, lower_in), bound(upper, upper_in));
        let start = if lower < all.len() { lower + usize::from(!lower_in) } else { 0 };
        let end = if upper < all.len() { upper + usize::from(upper_in) } else { all.len() };
        let left = table.numbers(db, "TRUE");
        let mut expected = all[start.min(end)..end].to_vec();
        expected.retain(|number| left.contains(number));
        let (numbers, _) = cuts.walk(db, source, &Way { range, ..way });
        prop_assert_eq!(numbers, in_order(expected, order));

        // The rows of one value of the first column, by the rest of the key.
        if let (Some(key), [_, _, ..], None) = (keys.get(lower), table.columns.as_slice(), table.filter) {
            let value = match &key.values()[0] {
                // No row's equals it.
                Value::Null => &Value::Integer(0),
                value => value,
            };
            let sql = format!("SELECT n FROM t WHERE k0 = ?1 ORDER BY {}", table.order());
            let expected = select(db, &sql, [value]).into_iter().flatten();
            let source = || -> Source<'_> {
                let within = Table::new(db, "t").prefix_eq("k0", value.clone());
                let within = within.and_then(|within| within.key(table.names().split_off(1)));
                Box::new(within.expect("it is a key"))
            };
            let (numbers, _) = cuts.walk(db, source, &way);
            let numbers = in_order(numbers, order).into_iter().map(Value::Integer);
            prop_assert!(numbers.eq(expected), "within {:?}", value);
        }
    }
}
