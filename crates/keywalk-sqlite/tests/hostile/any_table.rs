//! Tables of any declared types, collations and directions, of any values: a walk gives what
//! `SELECT … ORDER BY` gives.

use std::ops::Bound;

use keywalk::{Order, Walk};
use keywalk_sqlite::{AnyKey, Table};
use proptest::prelude::*;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};

use crate::walked::{integers, open};

const TYPES: [&str; 14] = [
    "",
    "INT",
    "INTEGER",
    "REAL",
    "NUMERIC",
    "STRING",
    "TEXT",
    "TEXT COLLATE NOCASE",
    "TEXT COLLATE RTRIM",
    "COLLATE NOCASE",
    "VARCHAR(3)",
    "BLOB",
    "FLOATING POINT",
    "ANY",
];

#[derive(Clone, Debug)]
struct AnyTable {
    /// Type and direction of each column of the key.
    columns: Vec<(&'static str, &'static str)>,
    options: &'static str,
    /// Not the primary key, and a filter that lets all pass.
    unique: bool,
    filtered: bool,
    /// What the database says of each index, true or not.
    statistics: &'static str,
}

const STATISTICS: [&str; 8] = [
    "",
    "1 1 1 1",
    "0 0 0 0",
    "12 12 12 12",
    "1000000 1 1 1",
    "9223372036854775807 9223372036854775807 1 1",
    "1000000 1000000 1000000 1000000",
    "no numbers -1 noskipscan sz=0",
];

fn any_table() -> impl Strategy<Value = AnyTable> {
    let column = (
        prop::sample::select(&TYPES[..]),
        prop::sample::select(&["", "DESC"][..]),
    );
    let options = prop::sample::select(&["", "WITHOUT ROWID"][..]);
    let columns = prop::collection::vec(column, 1..4);
    let statistics = prop::sample::select(&STATISTICS[..]);
    let flags = any::<(bool, bool)>();
    (columns, options, flags, statistics).prop_map(|any| {
        let (mut columns, mut options, (unique, filtered), statistics) = any;
        if unique {
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
            filtered,
            statistics,
        }
    })
}

/// Few enough that many come twice, and compare with one another in every way there is.
fn value() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "a",
        "A",
        "a ",
        "b",
        "B\0",
        "5",
        "5.0",
        " 5",
        "5x",
        "1e3",
        "-0",
        "0x5",
        "é",
        "É",
        "9223372036854775808",
    ];
    let integers = [
        0,
        1,
        5,
        -1,
        1000,
        1 << 53,
        (1 << 53) + 1,
        i64::MAX,
        i64::MIN,
        i64::MAX - 1,
    ];
    let reals = [
        0.0,
        -0.0,
        5.0,
        5.5,
        9_007_199_254_740_992.0,
        9_223_372_036_854_775_808.0,
        -9_223_372_036_854_775_808.0,
        1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
    ];
    let blobs = [&b""[..], b"a", b"A", b"\xff", b"5", b"\0"];
    prop_oneof![
        prop::sample::select(texts.to_vec()).prop_map(|text| Value::Text(text.to_owned())),
        prop::sample::select(integers.to_vec()).prop_map(Value::Integer),
        prop::sample::select(reals.to_vec()).prop_map(Value::Real),
        prop::sample::select(blobs.to_vec()).prop_map(|blob| Value::Blob(blob.to_owned())),
    ]
}

impl AnyTable {
    /// The table with those of the rows that are unique in it; `n` numbers them.
    fn create(&self, rows: &[Vec<Value>]) -> Connection {
        let numbered = || self.columns.iter().enumerate();
        let columns = numbered().map(|(at, (declared, _))| format!("k{at} {declared} NOT NULL"));
        let columns: Vec<String> = columns.collect();
        let key = match self.unique {
            true => format!("UNIQUE ({})", self.order()),
            false => format!("PRIMARY KEY ({})", self.order()),
        };
        let db = open(&format!(
            "CREATE TABLE t (n INT, {}, {key}) {}",
            columns.join(", "),
            self.options
        ));
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

    fn order(&self) -> String {
        let numbered = self.columns.iter().enumerate();
        let columns: Vec<String> = numbered
            .map(|(at, (_, direction))| format!("k{at} {direction}"))
            .collect();
        columns.join(", ")
    }

    fn table<'db>(&self, db: &'db Connection) -> Table<&'db Connection, AnyKey> {
        let names = (0..self.columns.len()).map(|at| format!("k{at}"));
        let table = Table::new(db, "t").key(names).expect("it is a key");
        match self.filtered {
            true => table.filter("n >= ?", [0]).expect("it is a condition"),
            false => table,
        }
    }
}

/// The numbers of the rows of a walk that is cut after every so many items, and resumed with another
/// chunk size; and their keys.
fn walk_cut(
    table: impl Fn() -> Table<&'static Connection, AnyKey>,
    walk: impl Fn(Table<&'static Connection, AnyKey>) -> Walk<Table<&'static Connection, AnyKey>>,
    sizes: &[usize],
    cut: usize,
) -> (Vec<i64>, Vec<AnyKey>) {
    let mut sizes = sizes.iter().copied().cycle();
    let mut size = || sizes.next().unwrap_or(1);
    let (mut numbers, mut keys) = (Vec::new(), Vec::new());
    let mut items = walk(table()).chunk_size(size()).items();
    loop {
        let before = numbers.len();
        for item in items.by_ref().take(cut) {
            let (key, row) = item.unwrap_or_else(|error| panic!("{error}"));
            match row.get("n") {
                Some(Value::Integer(number)) => numbers.push(*number),
                other => panic!("{other:?} is no number"),
            }
            keys.push(key);
        }
        if numbers.len() - before < cut {
            return (numbers, keys);
        }
        let cursor = items.cursor();
        items = Walk::new(table()).chunk_size(size()).resume(cursor).items();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_of_any_table_is_a_select_in_the_order_of_its_key(
        table in any_table(),
        rows in prop::collection::vec(prop::collection::vec(value(), 3), 0..24),
        sizes in prop::collection::vec(1..8_usize, 1..4),
        cut in 1..30_usize,
        (lower, upper) in (0..30_usize, 0..30_usize),
        (lower_in, upper_in) in any::<(bool, bool)>(),
        (descending, live) in any::<(bool, bool)>(),
    ) {
        let db: &'static Connection = Box::leak(Box::new(table.create(&rows)));
        let all = integers(db, &format!("SELECT n FROM t ORDER BY {}", table.order()));
        let source = || table.table(db);
        let order = if descending { Order::Descending } else { Order::Ascending };

        let (numbers, keys) = walk_cut(source, Walk::new, &sizes, cut);
        prop_assert_eq!(&numbers, &all);

        // Between two of its rows, or any one and an open end.
        let bound = |at: usize, is_in: bool| match keys.get(at) {
            Some(key) if is_in => Bound::Included(key.clone()),
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Unbounded,
        };
        let range = (bound(lower, lower_in), bound(upper, upper_in));
        let start = if lower < all.len() { lower + usize::from(!lower_in) } else { 0 };
        let end = if upper < all.len() { upper + usize::from(upper_in) } else { all.len() };
        let mut expected = all[start.min(end)..end].to_vec();
        if descending {
            expected.reverse();
        }
        let walk = |table| {
            let walk = Walk::new(table).range(range.clone()).order(order);
            if live { walk.live() } else { walk }
        };
        let (numbers, _) = walk_cut(source, walk, &sizes, cut);
        prop_assert_eq!(numbers, expected);

        // The rows of one value of the first column, by the rest of the key.
        if let (Some(key), [_, rest @ ..]) = (keys.get(lower), table.columns.as_slice())
            && !rest.is_empty()
        {
            let names: Vec<String> = (1..=rest.len()).map(|at| format!("k{at}")).collect();
            let value = &key.values()[0];
            let sql = format!("SELECT n FROM t WHERE k0 = ?1 ORDER BY {}", table.order());
            let expected: Vec<i64> = db
                .prepare(&sql)
                .and_then(|mut statement| statement.query_map([value], |row| row.get(0))?.collect())
                .expect("SQLite answers");
            let source = || {
                let within = Table::new(db, "t").within("k0", value.clone());
                within.and_then(|table| table.key(names.clone())).expect("it is a key")
            };
            let walk = |table| Walk::new(table).order(order);
            let (mut numbers, _) = walk_cut(source, walk, &sizes, cut);
            if descending {
                numbers.reverse();
            }
            prop_assert_eq!(numbers, expected);
        }

        // The same bounds made by hand.
        for key in keys {
            let by_hand = source().any_key(key.values().to_vec());
            prop_assert_eq!(by_hand.map_err(|error| error.to_string()), Ok(key));
        }
    }
}
