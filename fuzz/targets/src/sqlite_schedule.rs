//! Runs schedules of the conformance kit over a SQLite table while its indexes and statistics change.

use std::cmp::Reverse;
use std::ops::Bound;

use arbitrary::{Arbitrary, Unstructured};
use keywalk::{KeyRange, Order, Walk};
use keywalk_conformance::history::{Change, VisitLog};
use keywalk_conformance::{BoxError, Edit, KeySpace, KnownKey, Schedule};
use keywalk_sqlite::{SqlKey, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// A key type, and a table with such a key.
trait Shape: SqlKey + KnownKey {
    const TABLE: &str;
    const COLUMNS: &[&str];

    fn values(self) -> Vec<Value>;
}

impl Shape for i64 {
    const TABLE: &str = "t (v INTEGER, a INTEGER PRIMARY KEY)";
    const COLUMNS: &[&str] = &["a"];

    fn values(self) -> Vec<Value> {
        vec![self.into()]
    }
}

impl Shape for Vec<u8> {
    const TABLE: &str = "t (a BLOB NOT NULL UNIQUE, v INTEGER)";
    const COLUMNS: &[&str] = &["a"];

    fn values(self) -> Vec<Value> {
        vec![self.into()]
    }
}

impl Shape for (i64, String) {
    const TABLE: &str = "t (a INTEGER, b TEXT, v INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID";
    const COLUMNS: &[&str] = &["a", "b"];

    fn values(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into()]
    }
}

impl Shape for (i64, Reverse<String>, i64) {
    const TABLE: &str =
        "t (a INTEGER, b TEXT, c INTEGER, v INTEGER, PRIMARY KEY (a, b DESC, c)) WITHOUT ROWID";
    const COLUMNS: &[&str] = &["a", "b", "c"];

    fn values(self) -> Vec<Value> {
        vec![self.0.into(), self.1.0.into(), self.2.into()]
    }
}

/// A test case. A key is a position in the key space's ladder (its list of boundary keys).
#[derive(Arbitrary)]
struct Case {
    lower: Option<(u8, bool)>,
    upper: Option<(u8, bool)>,
    descending: bool,
    live: bool,
    /// Whether the walk has a filter, and the table has rows that it drops.
    filtered: bool,
    chunk_size: u8,
    /// The keys of the schedule, and whether each exists at the start. The filter drops rows with other keys.
    keys: [(u8, bool); 12],
    turns: [[(u8, u8); 3]; 6],
    kills: [u8; 2],
    /// The maintenance before each write: see `kept_up`.
    upkeep: [u8; 24],
}

impl Case {
    fn try_shape<K: Shape>(&self) {
        let space = KeySpace::<K>::known();
        let key = |at: u8| space.ladder()[usize::from(at) % space.ladder().len()].clone();
        let bound = |bound: Option<(u8, bool)>| match bound {
            None => Bound::Unbounded,
            Some((at, true)) => Bound::Included(key(at)),
            Some((at, false)) => Bound::Excluded(key(at)),
        };
        let order = match self.descending {
            false => Order::Ascending,
            true => Order::Descending,
        };
        let range = KeyRange::new((bound(self.lower), bound(self.upper)), order);

        let initial = self.keys.iter().filter(|(_, is_there)| *is_there);
        let mut schedule = Schedule::new(self.keys.iter().map(|(at, _)| key(*at)))
            .initially(initial.map(|(at, _)| key(*at)));
        for turn in &self.turns {
            let edits = turn.iter().filter_map(|(what, at)| edit(*what, key(*at)));
            schedule = schedule.turn(edits);
        }
        for kill in self.kills.into_iter().filter(|kill| *kill > 0) {
            schedule = schedule.kill(usize::from(kill));
        }
        let pool: Vec<K> = self.keys.iter().map(|(at, _)| key(*at)).collect();
        let mut noise = space.ladder().to_vec();
        noise.retain(|key| self.filtered && !pool.contains(key));
        self.follow(&schedule, range, noise);
    }

    fn follow<K: Shape>(&self, schedule: &Schedule<K>, range: KeyRange<K>, noise: Vec<K>) {
        let db = Connection::open_in_memory().expect("a database in memory opens");
        let run = |sql: &str| db.execute_batch(sql).expect(sql);
        run(&format!("CREATE TABLE {}", K::TABLE));
        let (names, marks) = (K::COLUMNS.join(", "), "?, ".repeat(K::COLUMNS.len()));
        let put = |key: K, value: i64| {
            let sql = format!("INSERT OR REPLACE INTO t ({names}, v) VALUES ({marks}?)");
            let values = key.values().into_iter().chain([value.into()]);
            db.prepare_cached(&sql)?.execute(params_from_iter(values))
        };
        for key in noise {
            put(key, -1).expect("the table is empty");
        }
        let size = usize::from(self.chunk_size % 12) + 1;
        let visits = VisitLog::over(range.clone()).reads_ahead(size);
        let mut upkeep = self.upkeep.iter();
        let mut kept = None;
        let followed = schedule.run(
            if self.live {
                visits.unbounded()
            } else {
                visits.bounded()
            },
            |key, change| -> Result<(), BoxError> {
                if let Some(how) = upkeep.next() {
                    run(&kept_up::<K>(*how));
                }
                match change {
                    Change::Put(value) => put(key.clone(), value.try_into()?)?,
                    Change::Delete => {
                        let terms: Vec<String> = K::COLUMNS
                            .iter()
                            .map(|name| format!("{name} = ?"))
                            .collect();
                        let sql = format!("DELETE FROM t WHERE {}", terms.join(" AND "));
                        db.prepare_cached(&sql)?
                            .execute(params_from_iter(key.clone().values()))?
                    }
                };
                Ok(())
            },
            |concurrent| -> Result<(), BoxError> {
                let table = Table::new(&db, "t");
                let table = match self.filtered {
                    true => table.filter("v >= 0", [])?,
                    false => table,
                };
                let table = table.key::<K>(K::COLUMNS.iter().copied())?.columns(["v"]);
                let table = table.map(|row| row.get::<_, i64>("v"));
                let walk = Walk::new(concurrent.interleave(table)).chunk_size(size);
                let walk = match (kept.clone(), self.live) {
                    (Some(cursor), _) => walk.resume(cursor),
                    (None, true) => walk.order(range.order()).range(range.clone()).unbounded(),
                    (None, false) => walk.order(range.order()).range(range.clone()),
                };
                let mut items = walk.items();
                while let Some(item) = items.next() {
                    let (key, value) = item?;
                    concurrent.visit(&key, value.try_into()?);
                    kept = Some(items.cursor());
                }
                kept = Some(items.cursor());
                Ok(())
            },
        );
        if let Err(counterexample) = followed {
            panic!("{counterexample}");
        }
    }
}

fn edit<K>(what: u8, key: K) -> Option<Edit<K>> {
    Some(match what % 11 {
        1 => Edit::Put(key),
        2 => Edit::Delete(key),
        3 => Edit::DeleteCursor,
        4 => Edit::PutCursor,
        5 => Edit::DeleteLast,
        6 => Edit::Clear,
        7 => Edit::Append,
        8 => Edit::InsertAhead,
        9 => Edit::DeleteAhead,
        10 => Edit::InsertBehind,
        _ => return None,
    })
}

/// Returns SQL that changes no row, such as making an index or compacting the file.
fn kept_up<K: Shape>(how: u8) -> String {
    let all = K::COLUMNS.join(", ");
    match how % 12 {
        1 => "CREATE INDEX IF NOT EXISTS by_v ON t (v)".to_owned(),
        2 => format!("CREATE INDEX IF NOT EXISTS by_sign ON t (v >= 0, {all})"),
        3 => format!("CREATE INDEX IF NOT EXISTS counted ON t ({all}) WHERE v >= 0"),
        4 => "DROP INDEX IF EXISTS by_v".to_owned(),
        5 => "DROP INDEX IF EXISTS by_sign; DROP INDEX IF EXISTS counted".to_owned(),
        6 => "ANALYZE".to_owned(),
        7 => "VACUUM".to_owned(),
        8 => "REINDEX; PRAGMA optimize".to_owned(),
        _ => String::new(),
    }
}

/// Checks that the kit's oracle accepts what the walk visits (G1 to G10). Concurrently, rows, indexes and statistics
/// change, and the walk is killed and resumed.
///
/// # Panics
///
/// If keywalk breaks this promise, or if anything fails.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let shape = u8::arbitrary(&mut input).unwrap_or_default() % 4;
    // Input that is too short tests nothing.
    let Ok(case) = Case::arbitrary(&mut input) else {
        return;
    };
    match shape {
        0 => case.try_shape::<i64>(),
        1 => case.try_shape::<Vec<u8>>(),
        2 => case.try_shape::<(i64, String)>(),
        _ => case.try_shape::<(i64, Reverse<String>, i64)>(),
    }
}
