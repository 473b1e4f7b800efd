//! Walks over one connection, in turns.

use keywalk::{Items, Order, Walk};
use keywalk_sqlite::{AnyKey, Table};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::walked::{integers, open};

fn numbered() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b DESC));
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 22)
             INSERT INTO t SELECT i, i % 4, i * 7 % 23 FROM n",
    )
}

#[derive(Clone, Debug)]
struct Options {
    by_pairs: bool,
    size: usize,
    descending: bool,
    live: bool,
}

fn options() -> impl Strategy<Value = Options> {
    (any::<bool>(), 1..9_usize, any::<bool>(), any::<bool>()).prop_map(|options| {
        let (by_pairs, size, descending, live) = options;
        Options {
            by_pairs,
            size,
            descending,
            live,
        }
    })
}

impl Options {
    fn walk<'db>(&self, db: &'db Connection) -> Walk<Table<&'db Connection, AnyKey>> {
        let columns: &[&str] = if self.by_pairs { &["a", "b"] } else { &["id"] };
        let table = Table::new(db, "t").key(columns.iter().copied());
        let walk = Walk::new(table.expect("it is a key")).chunk_size(self.size);
        let walk = walk.order(match self.descending {
            true => Order::Descending,
            false => Order::Ascending,
        });
        if self.live { walk.live() } else { walk }
    }

    fn expected(&self, db: &Connection) -> Vec<i64> {
        let order = if self.by_pairs { "a, b DESC" } else { "id" };
        let mut ids = integers(db, &format!("SELECT id FROM t ORDER BY {order}"));
        if self.descending {
            ids.reverse();
        }
        ids
    }
}

/// The id of the next row.
fn next(items: &mut Items<Table<&Connection, AnyKey>>) -> Option<i64> {
    let (_, row) = items.next()?.expect("the walk goes on");
    match row.get("id") {
        Some(rusqlite::types::Value::Integer(id)) => Some(*id),
        other => panic!("{other:?} is no id"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The number of a turn says whose it is, and whether that one is cut, and resumed from its cursor.
    #[test]
    fn walks_in_turns_over_one_connection_each_give_all_rows(
        all in prop::collection::vec(options(), 2..4),
        turns in prop::collection::vec((0..3_usize, 0..8_u8), 0..120),
    ) {
        let db = numbered();
        let mut walks: Vec<_> = all.iter().map(|one| one.walk(&db).items()).collect();
        let mut found = vec![Vec::new(); walks.len()];
        for (whose, cut) in turns {
            let whose = whose % walks.len();
            found[whose].extend(next(&mut walks[whose]));
            prop_assert!(!db.is_busy());
            if cut == 0 {
                let mut other = all[whose].clone();
                other.size = 10 - other.size;
                let resumed = other.walk(&db).resume(walks[whose].cursor());
                walks[whose] = resumed.items();
            }
        }
        for ((one, mut walk), mut found) in all.iter().zip(walks).zip(found) {
            while let Some(id) = next(&mut walk) {
                found.push(id);
            }
            prop_assert_eq!(found, one.expected(&db), "{:?}", one);
        }
    }
}
