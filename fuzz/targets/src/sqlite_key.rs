//! Values of any type in the key columns of a SQLite table.

use std::cmp::Reverse;
use std::error::Error as _;
use std::fmt::Debug;
use std::marker::PhantomData;

use arbitrary::{Arbitrary, Unstructured};
use keywalk::{Cursor, Error, Order, Walk};
use keywalk_sqlite::{Collated, DynKey, ErrorKind, SqlKey, SqlKeyColumn, Table};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Returns whether the value in column `at` of the row is of type `T`.
fn is_of<T: SqlKeyColumn>(row: &Row<'_>, at: usize) -> bool {
    row.get_ref(at).is_ok_and(|value| T::read(value).is_ok())
}

/// Returns whether a [`DynKey`] can contain all values of the row.
fn is_any(row: &Row<'_>) -> bool {
    (0..row.as_ref().column_count()).all(|at| match row.get_ref(at) {
        Ok(ValueRef::Text(text)) => std::str::from_utf8(text).is_ok(),
        Ok(value) => value != ValueRef::Null,
        Err(_) => false,
    })
}

/// Makes a table with `columns` key columns, fills it with the values in `input`, and walks it by `K`.
fn try_key<K: SqlKey + Debug>(
    input: &mut Unstructured<'_>,
    columns: usize,
    directions: Option<&[&'static str]>,
    is_key: fn(&Row<'_>) -> bool,
) -> arbitrary::Result<()> {
    let Some(kept) = Kept::new(input, columns)? else {
        return Ok(());
    };
    let directions = directions.map_or_else(|| kept.directions(), <[_]>::to_vec);
    let trial = Trial::<K>::new(
        &kept,
        is_key,
        Arbitrary::arbitrary(input).unwrap_or((3, 1, 2)),
    );
    trial.check(&directions);
    Ok(())
}

type Try = fn(&mut Unstructured<'_>) -> arbitrary::Result<()>;

/// Lists key types, each with the types and directions of its columns.
macro_rules! keys {
    ($($key:ty = [$($column:ty, $direction:literal);+]),+ $(,)?) => {
        &[$(|input| {
            let directions = [$($direction),+];
            try_key::<$key>(input, directions.len(), Some(&directions), |row| {
                let mut at = 0..;
                $(at.next().is_some_and(|at| is_of::<$column>(row, at)))&&+
            })
        }),+]
    };
}

const TYPED: &[Try] = keys! {
    i64 = [i64, "ASC"],
    String = [String, "ASC"],
    Vec<u8> = [Vec<u8>, "ASC"],
    Uuid = [Uuid, "ASC"],
    Hyphenated = [Hyphenated, "ASC"],
    Collated = [Collated, "ASC"],
    i8 = [i8, "ASC"],
    u32 = [u32, "ASC"],
    Reverse<i64> = [i64, "DESC"],
    Reverse<String> = [String, "DESC"],
    Reverse<Collated> = [Collated, "DESC"],
    Reverse<Hyphenated> = [Hyphenated, "DESC"],
    (i64, String) = [i64, "ASC"; String, "ASC"],
    (String, Reverse<i64>) = [String, "ASC"; i64, "DESC"],
    (Reverse<Vec<u8>>, Uuid) = [Vec<u8>, "DESC"; Uuid, "ASC"],
    (Collated, i32) = [Collated, "ASC"; i32, "ASC"],
    (Reverse<Collated>, Collated) = [Collated, "DESC"; Collated, "ASC"],
    (i64, Reverse<String>, u8) = [i64, "ASC"; String, "DESC"; u8, "ASC"],
};

/// Checks that the walk yields every row once, in the order of `ORDER BY`, also after resuming and within a range.
/// Otherwise, one short error must name the table. An error about a value must also name the column, and occurs only if
/// some row's key isn't of the key's type.
///
/// # Panics
///
/// If keywalk breaks this promise.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let choice = usize::from(u8::arbitrary(&mut input).unwrap_or_default());
    // Input that is too short tests nothing.
    let _ = match TYPED.get(choice % (TYPED.len() + 8)) {
        Some(typed) => typed(&mut input),
        None => try_key::<DynKey>(&mut input, choice % 3 + 1, None, is_any),
    };
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// How a key column is declared.
#[derive(Arbitrary, Clone, Copy)]
struct Column {
    declared: u8,
    collation: u8,
    nullable: bool,
    descending: bool,
}

impl Column {
    fn declared(self) -> String {
        let types: Vec<&str> = "INTEGER,TEXT,BLOB,REAL,NUMERIC,,INT,VARCHAR(9)"
            .split(',')
            .collect();
        let collations = ["", "", "COLLATE NOCASE", "COLLATE RTRIM"];
        format!(
            "{} {} {}",
            types[usize::from(self.declared) % types.len()],
            collations[usize::from(self.collation) % collations.len()],
            if self.nullable { "" } else { "NOT NULL" }
        )
    }
}

/// A table `t` with a number `n` for each row, and a key of columns `a`, `b`, `c`.
struct Kept {
    db: Connection,
    names: &'static [&'static str],
    declared: Vec<&'static str>,
}

impl Kept {
    /// Returns `None` if SQLite refuses the table.
    fn new(input: &mut Unstructured<'_>, columns: usize) -> arbitrary::Result<Option<Self>> {
        let names = &NAMES[..columns];
        let mut lines = vec!["n INT".to_owned()];
        let mut declared = Vec::new();
        let mut key = Vec::new();
        for name in names {
            let column = Column::arbitrary(input)?;
            let direction = if column.descending { "DESC" } else { "ASC" };
            lines.push(format!("{name} {}", column.declared()));
            key.push(format!("{name} {direction}"));
            declared.push(direction);
        }
        let (kept, end) = match u8::arbitrary(input)? % 3 {
            0 => ("PRIMARY KEY", ""),
            1 => ("UNIQUE", ""),
            _ => ("PRIMARY KEY", "WITHOUT ROWID"),
        };
        lines.push(format!("{kept} ({})", key.join(", ")));
        let db = Connection::open_in_memory().expect("a database in memory opens");
        let sql = format!("CREATE TABLE t ({}) {end}", lines.join(", "));
        if db.execute_batch(&sql).is_err() {
            return Ok(None);
        }
        let kept = Kept {
            db,
            names,
            declared,
        };
        kept.fill(input)?;
        Ok(Some(kept))
    }

    fn fill(&self, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        let marks = ", ?".repeat(self.names.len());
        let insert = format!("INSERT OR IGNORE INTO t VALUES (?{marks})");
        let mut statement = self.db.prepare(&insert).expect("the table is there");
        for n in 0..u8::arbitrary(input)? % 24 {
            statement.raw_bind_parameter(1, n).expect("it has one");
            for at in 0..self.names.len() {
                let bound = statement.raw_bind_parameter(at + 2, stored(input)?);
                bound.expect("it has one");
            }
            // SQLite may refuse the value for the column, such as text for a rowid.
            let _ = statement.raw_execute();
        }
        Ok(())
    }

    /// Returns the directions of the key's columns as they are stored. A `DynKey` follows them.
    fn directions(&self) -> Vec<&'static str> {
        let sql = "SELECT count(*) FROM pragma_index_list('t')";
        let indexes: i64 = self
            .db
            .query_row(sql, [], |row| row.get(0))
            .expect("the table is there");
        match indexes {
            // The rowid.
            0 => vec!["ASC"],
            _ => self.declared.clone(),
        }
    }

    /// Returns the rows in the order of the key: each row's number, and whether its key is of the right type.
    fn rows(&self, directions: &[&str], is_key: fn(&Row<'_>) -> bool) -> Vec<(i64, bool)> {
        let terms = self.names.iter().zip(directions);
        let order: Vec<String> = terms
            .map(|(name, direction)| format!("{name} {direction}"))
            .collect();
        let names = self.names.join(", ");
        let sql = format!("SELECT {names}, n FROM t ORDER BY {}", order.join(", "));
        let mut statement = self.db.prepare(&sql).expect("a plain query");
        let rows = statement.query_map([], |row| Ok((row.get("n")?, is_key(row))));
        rows.expect("it runs")
            .collect::<Result<_, _>>()
            .expect("numbers")
    }
}

/// Returns a value of any type. Text may be invalid UTF-8, which no Rust key type accepts.
fn stored<'a>(input: &mut Unstructured<'a>) -> arbitrary::Result<ToSqlOutput<'a>> {
    let bytes = |input: &mut Unstructured<'a>| {
        let length = u8::arbitrary(input)? % 24;
        input.bytes(usize::from(length).min(input.len()))
    };
    Ok(match u8::arbitrary(input)? % 12 {
        0 => ToSqlOutput::Borrowed(ValueRef::Null),
        1 => i64::arbitrary(input)?.into(),
        2 | 3 => i8::arbitrary(input)?.into(),
        4 => f64::arbitrary(input)?.into(),
        5 => (f64::from(i8::arbitrary(input)?) / 2.0).into(),
        6..=8 => ToSqlOutput::Borrowed(ValueRef::Text(bytes(input)?)),
        9 => ToSqlOutput::Borrowed(ValueRef::Blob(bytes(input)?)),
        10 => <[u8; 16]>::arbitrary(input)?.to_vec().into(),
        _ => {
            let uuid = Uuid::from_bytes(Arbitrary::arbitrary(input)?);
            match bool::arbitrary(input)? {
                false => uuid.hyphenated().to_string().into(),
                true => format!("{:X}", uuid.hyphenated()).into(),
            }
        }
    })
}

/// Tests walks by `K` over a table.
struct Trial<'a, K> {
    kept: &'a Kept,
    is_key: fn(&Row<'_>) -> bool,
    chunk_size: usize,
    /// The bounds of a range, as positions in the list of walked keys.
    bounds: (u8, u8),
    key: PhantomData<K>,
}

type Numbered<'a, K> =
    Result<Table<&'a Connection, K, keywalk_sqlite::decode::Mapped<Number>>, keywalk_sqlite::Error>;
type Number = fn(&Row<'_>) -> rusqlite::Result<i64>;

impl<'a, K: SqlKey + Debug> Trial<'a, K> {
    fn new(
        kept: &'a Kept,
        is_key: fn(&Row<'_>) -> bool,
        (chunk_size, from, to): (u8, u8, u8),
    ) -> Self {
        Trial {
            kept,
            is_key,
            chunk_size: usize::from(chunk_size % 5) + 1,
            bounds: (from, to),
            key: PhantomData,
        }
    }

    fn check(&self, directions: &[&str]) {
        let other_way = |direction: &&str| match *direction {
            "ASC" => "DESC",
            _ => "ASC",
        };
        let backward: Vec<&str> = directions.iter().map(other_way).collect();
        for (order, directions) in [
            (Order::Ascending, directions),
            (Order::Descending, &backward),
        ] {
            let rows = self.kept.rows(directions, self.is_key);
            let expected: Vec<i64> = rows.iter().map(|(n, _)| *n).collect();
            let are_keys = rows.iter().all(|(_, is_key)| *is_key);
            if let Some(keys) = self.walk(order, &expected, are_keys) {
                assert!(are_keys, "a value isn't a key, in {keys:?}");
                self.check_range(order, &keys, &expected);
            }
        }
    }

    fn table(&self) -> Numbered<'_, K> {
        let table = Table::new(&self.kept.db, "t").key::<K>(self.kept.names.iter().copied())?;
        let number: Number = |row| row.get("n");
        Ok(table.map(number))
    }

    /// Walks the table, and checks that the rows come in order, until the end or one error. Returns the keys if there
    /// was no error.
    fn walk(&self, order: Order, expected: &[i64], are_keys: bool) -> Option<Vec<K>> {
        let table = match self.table() {
            Ok(table) => table,
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Value, "{error}");
                self.is_clear(&error, "\"t\"");
                return None;
            }
        };
        let walk = Walk::new(table).order(order).chunk_size(self.chunk_size);
        let mut items = walk.items();
        let mut keys = Vec::new();
        while let Some(item) = items.next() {
            match item {
                Ok((key, n)) => {
                    assert_eq!(Some(&n), expected.get(keys.len()), "{keys:?}, then {key:?}");
                    keys.push(key);
                    if keys.len() == usize::from(self.bounds.0 % 16) {
                        self.check_rest(items.cursor(), &expected[keys.len()..], are_keys);
                    }
                }
                Err(Error::Source(error)) => {
                    self.is_of_a_row(&error, are_keys);
                    assert!(items.next().is_none(), "G12");
                    return None;
                }
                Err(error) => panic!("{error} after {keys:?}"),
            }
        }
        assert_eq!(keys.len(), expected.len(), "rows are missing at the end");
        Some(keys)
    }

    fn check_rest(&self, cursor: Cursor<K>, expected: &[i64], are_keys: bool) {
        let rest = self.table().expect("it was proven");
        let walk = Walk::new(rest).resume(cursor).chunk_size(2);
        let rest = walk.into_iter().map(|item| item.map(|(_, n)| n));
        match rest.collect::<Result<Vec<i64>, _>>() {
            Ok(rest) => assert_eq!(rest, expected, "G10"),
            Err(error) => assert!(!are_keys, "G10: {error}"),
        }
    }

    /// Walks a range between two of the walked keys.
    fn check_range(&self, order: Order, keys: &[K], expected: &[i64]) {
        let at = |place: u8| usize::from(place) % keys.len().max(1);
        let (from, to) = (at(self.bounds.0), at(self.bounds.1));
        if keys.is_empty() || from > to {
            return;
        }
        let (near, far) = (keys[from].clone(), keys[to].clone());
        let walk = Walk::new(self.table().expect("it was proven"));
        let walk = walk.order(order).chunk_size(self.chunk_size);
        let walk = match order {
            Order::Ascending => walk.range(near..=far),
            Order::Descending => walk.range(far..=near),
        };
        let numbers = walk.into_iter().map(|item| item.map(|(_, n)| n));
        match numbers.collect::<Result<Vec<i64>, _>>() {
            Ok(found) => assert_eq!(found, expected[from..=to], "{order:?} of {keys:?}"),
            Err(error) => panic!("{error} in {order:?} of {keys:?}"),
        }
    }

    /// Checks an error of a fetch. If it is about a value, it must name the column. Otherwise it must be that no index
    /// serves the key.
    fn is_of_a_row(&self, error: &keywalk_sqlite::Error, are_keys: bool) {
        match error.kind() {
            ErrorKind::Value => {
                let names = self.kept.names.iter().map(|name| format!("\"{name}\""));
                let message = error.to_string();
                assert!(
                    names.into_iter().any(|name| message.contains(&name)),
                    "{message}"
                );
                assert!(!are_keys, "{message}");
            }
            ErrorKind::NotSeekable => {}
            kind => panic!("{kind:?}: {error:?}"),
        }
        self.is_clear(error, "\"t\"");
    }

    fn is_clear(&self, error: &keywalk_sqlite::Error, named: &str) {
        let message = error.to_string();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(message.contains(named), "{message}");
        assert!(message.len() + cause.len() < 1_000, "{message}: {cause}");
        assert_ne!(error.kind(), ErrorKind::Sqlite, "{error:?}");
    }
}
