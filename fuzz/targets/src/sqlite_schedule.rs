//! Changes and fetches over a SQLite table.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::marker::PhantomData;

use arbitrary::{Arbitrary, Unstructured};
use keywalk_sqlite::{Key, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::schedule::{Source, Store, follow};

/// A key, and the table that it is the key of.
trait Shape: 'static {
    type Key: Key + Ord + Debug;

    const TABLE: &str;
    const COLUMNS: &[&str];

    fn key(at: u8) -> Self::Key;
    fn values(key: &Self::Key) -> Vec<Value>;
}

fn integer(at: u8) -> i64 {
    match at {
        0 => i64::MIN,
        255 => i64::MAX,
        at => i64::from(at) - 128,
    }
}

/// Texts that are each other's beginning, and more.
fn text(at: u8) -> String {
    let letters = [b'A' + at % 4, b'a' + at / 4 % 4, b'0' + at / 16];
    let length = usize::from(at / 4 % 4);
    String::from_utf8_lossy(&letters[3 - length..]).into_owned()
}

struct Rowid;

impl Shape for Rowid {
    type Key = i64;

    const TABLE: &str = "t (v INTEGER, a INTEGER PRIMARY KEY)";
    const COLUMNS: &[&str] = &["a"];

    fn key(at: u8) -> i64 {
        integer(at)
    }

    fn values(key: &i64) -> Vec<Value> {
        vec![(*key).into()]
    }
}

struct Indexed;

impl Shape for Indexed {
    type Key = Vec<u8>;

    const TABLE: &str = "t (a BLOB NOT NULL UNIQUE, v INTEGER)";
    const COLUMNS: &[&str] = &["a"];

    fn key(at: u8) -> Vec<u8> {
        vec![at; usize::from(at % 3) + 1]
    }

    fn values(key: &Vec<u8>) -> Vec<Value> {
        vec![key.clone().into()]
    }
}

struct Pair;

impl Shape for Pair {
    type Key = (i64, String);

    const TABLE: &str = "t (a INTEGER, b TEXT, v INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID";
    const COLUMNS: &[&str] = &["a", "b"];

    fn key(at: u8) -> (i64, String) {
        (i64::from(at / 32), text(at))
    }

    fn values((a, b): &(i64, String)) -> Vec<Value> {
        vec![(*a).into(), b.clone().into()]
    }
}

struct Mixed;

impl Shape for Mixed {
    type Key = (i64, Reverse<String>, i64);

    const TABLE: &str =
        "t (a INTEGER, b TEXT, c INTEGER, v INTEGER, PRIMARY KEY (a, b DESC, c)) WITHOUT ROWID";
    const COLUMNS: &[&str] = &["a", "b", "c"];

    fn key(at: u8) -> (i64, Reverse<String>, i64) {
        (i64::from(at % 3), Reverse(text(at)), integer(at))
    }

    fn values((a, Reverse(b), c): &(i64, Reverse<String>, i64)) -> Vec<Value> {
        vec![(*a).into(), b.clone().into(), (*c).into()]
    }
}

struct Sqlite<H> {
    db: Connection,
    shape: PhantomData<H>,
}

impl<H: Shape> Sqlite<H> {
    fn new() -> Self {
        let db = Connection::open_in_memory().expect("a database in memory opens");
        let sqlite = Sqlite {
            db,
            shape: PhantomData,
        };
        sqlite.run(&format!("CREATE TABLE {}", H::TABLE));
        sqlite
    }

    fn run(&self, sql: &str) {
        self.db.execute_batch(sql).expect(sql);
    }

    fn change(&self, sql: &str, values: Vec<Value>) {
        let mut statement = self.db.prepare_cached(sql).expect(sql);
        let changed = statement.execute(params_from_iter(values));
        changed.expect("nothing holds the table");
    }
}

impl<H: Shape> Store for Sqlite<H> {
    type Key = H::Key;
    type Error = keywalk_sqlite::Error;

    const CAN_FILTER: bool = true;

    fn key(at: u8) -> H::Key {
        H::key(at)
    }

    fn source(&self, only_even: bool) -> Source<'_, Self> {
        let table = Table::new(&self.db, "t");
        let table = match only_even {
            true => table.filter("v % 2 = 0", []),
            false => Ok(table),
        };
        let table = table.and_then(|table| table.key::<H::Key>(H::COLUMNS.iter().copied()));
        let fill = |row: &rusqlite::Row<'_>, value: &mut i64| {
            *value = row.get("v")?;
            Ok(())
        };
        Box::new(table.expect("the key is one").columns(["v"]).fill(fill))
    }

    fn put(&self, key: &H::Key, value: i64) {
        let names = H::COLUMNS.join(", ");
        let marks = "?, ".repeat(H::COLUMNS.len());
        let mut values = H::values(key);
        values.push(value.into());
        self.change(
            &format!("INSERT OR REPLACE INTO t ({names}, v) VALUES ({marks}?)"),
            values,
        );
    }

    fn delete(&self, key: &H::Key) {
        let terms: Vec<String> = H::COLUMNS
            .iter()
            .map(|name| format!("{name} = ?"))
            .collect();
        let sql = format!("DELETE FROM t WHERE {}", terms.join(" AND "));
        self.change(&sql, H::values(key));
    }

    fn clear(&self) {
        self.run("DELETE FROM t");
    }

    fn keep_up(&self, how: u8) {
        let all = H::COLUMNS.join(", ");
        let made;
        self.run(match how % 8 {
            0 => "CREATE INDEX IF NOT EXISTS by_v ON t (v)",
            1 => {
                made = format!("CREATE INDEX IF NOT EXISTS by_parity ON t (v % 2, {all})");
                &made
            }
            2 => {
                made = format!("CREATE INDEX IF NOT EXISTS evens ON t ({all}) WHERE v % 2 = 0");
                &made
            }
            3 => "DROP INDEX IF EXISTS by_v",
            4 => "DROP INDEX IF EXISTS by_parity; DROP INDEX IF EXISTS evens",
            5 => "ANALYZE",
            6 => "VACUUM",
            _ => "REINDEX; PRAGMA optimize",
        });
    }
}

/// With changes between the fetches only, each chunk is just what the table holds of its stretch, up to
/// the last key at the start, in both orders, across cursors (G1 to G10), whatever indexes come and go.
///
/// # Panics
///
/// If that isn't so, or if anything fails.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // What is too short says nothing.
    let _ = match u8::arbitrary(&mut input).unwrap_or_default() % 4 {
        0 => follow(&Sqlite::<Rowid>::new(), &mut input),
        1 => follow(&Sqlite::<Indexed>::new(), &mut input),
        2 => follow(&Sqlite::<Pair>::new(), &mut input),
        _ => follow(&Sqlite::<Mixed>::new(), &mut input),
    };
}
