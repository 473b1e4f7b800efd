//! What one connection does between two chunks of a walk over it.

use keywalk::{Order, Walk};
use keywalk_sqlite::Table;
use proptest::prelude::*;
use rusqlite::Connection;

use crate::walked::{ORDERS, assert_free, column, integers, keys, open_file};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, w TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
        INSERT INTO t SELECT i * 10, i, 'w' FROM n;";

fn by_id(db: &Connection) -> Table<&Connection, i64> {
    Table::new(db, "t").key(["id"]).expect("it is the key")
}

#[derive(Clone, Debug)]
enum Act {
    Insert(i64),
    Delete(i64),
    /// A delete and an insert.
    Move(i64, i64),
    Value(i64),
    Commit(i64),
    RollBack(i64),
    /// What changes no row.
    Other(&'static str),
}

/// They run in this order or another, and again and again.
const OTHERS: [&str; 13] = [
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "VACUUM",
    "REINDEX",
    "ANALYZE",
    "DROP TABLE IF EXISTS sqlite_stat1; CREATE TABLE IF NOT EXISTS x (y); DROP TABLE x",
    "CREATE INDEX IF NOT EXISTS i ON t (v, id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS j ON t (id DESC)",
    "DROP INDEX IF EXISTS i",
    "DROP INDEX IF EXISTS j",
    "SAVEPOINT s; CREATE INDEX k ON t (w); ROLLBACK TO s; RELEASE s",
    "CREATE VIEW IF NOT EXISTS z AS SELECT * FROM t; DROP VIEW z",
    "PRAGMA optimize; PRAGMA incremental_vacuum; PRAGMA shrink_memory",
    "ALTER TABLE t ADD COLUMN added INT DEFAULT 1; ALTER TABLE t RENAME COLUMN added TO renamed;
     ALTER TABLE t DROP COLUMN renamed",
];

fn act() -> impl Strategy<Value = Act> {
    let id = 1..230_i64;
    prop_oneof![
        id.clone().prop_map(Act::Insert),
        id.clone().prop_map(Act::Delete),
        (id.clone(), id.clone()).prop_map(|(from, to)| Act::Move(from, to)),
        id.clone().prop_map(Act::Value),
        id.clone().prop_map(Act::Commit),
        id.prop_map(Act::RollBack),
        prop::sample::select(&OTHERS[..]).prop_map(Act::Other),
    ]
}

impl Act {
    fn run(&self, db: &Connection) {
        let done = match self {
            Act::Insert(id) => db.execute("INSERT OR IGNORE INTO t VALUES (?1, 0, 'new')", [id]),
            Act::Delete(id) => db.execute("DELETE FROM t WHERE id / 10 = ?1 / 10", [id]),
            Act::Move(from, to) => {
                let sql = "UPDATE OR IGNORE t SET id = ?2 WHERE id / 10 = ?1 / 10";
                db.execute(sql, [from, to])
            }
            Act::Value(id) => db.execute("UPDATE t SET v = -v WHERE id > ?1", [id]),
            Act::Commit(id) => db
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; DELETE FROM t WHERE id = {id}; INSERT INTO t (id) VALUES ({id}); COMMIT"
                ))
                .map(|()| 1),
            Act::RollBack(id) => db
                .execute_batch(&format!(
                    "BEGIN; UPDATE t SET v = 1; SAVEPOINT s; DELETE FROM t WHERE id > {id};
                     ROLLBACK TO s; RELEASE s; DELETE FROM t; ROLLBACK"
                ))
                .map(|()| 1),
            Act::Other(sql) => db.execute_batch(sql).map(|()| 1),
        };
        done.unwrap_or_else(|error| panic!("{self:?}: {error}"));
    }
}

fn ids(db: &Connection) -> Vec<i64> {
    integers(db, "SELECT id FROM t ORDER BY id")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Changes happen only between fetches, so what each one answers is exact: the table's own rows past
    /// the position, up to the bound, as many as fit.
    #[test]
    fn each_chunk_is_what_the_table_holds_then_whatever_was_done_between(
        acts in prop::collection::vec(prop::collection::vec(act(), 0..3), 1..30),
        size in 1..8_usize,
        descending: bool,
    ) {
        let (_dir, db, other) = open_file(SCHEMA);
        let order = if descending { Order::Descending } else { Order::Ascending };
        let walk = Walk::new(by_id(&db).columns(["v"])).chunk_size(size).order(order);
        let mut chunks = walk.chunks();
        let bound = *ids(&db).iter().max_by_key(|id| if descending { -**id } else { **id }).expect("rows");
        let mut position = if descending { i64::MAX } else { i64::MIN };
        let mut acts = acts.into_iter();
        let mut is_over = false;
        loop {
            let mut expected = ids(&db);
            if descending {
                expected.reverse();
            }
            let is_left = |id: &i64| match order {
                Order::Ascending => position < *id && *id <= bound,
                Order::Descending => bound <= *id && *id < position,
            };
            expected.retain(|id| !is_over && is_left(id));
            expected.truncate(size);
            // A table that gives fewer said that there was nothing up to the bound: what comes to lie
            // there later isn't looked for.
            is_over = expected.len() < size;
            let found = chunks.next().expect("the walk goes on");
            let found: Vec<i64> = found.into_iter().flatten().map(|item| item.0).collect();
            prop_assert_eq!(&found, &expected);
            let Some(last) = found.last() else {
                break;
            };
            position = *last;
            for act in acts.next().into_iter().flatten() {
                assert_free(&db, &other);
                act.run(&db);
            }
        }
    }
}

/// One after the other, between each two items: rows that nothing touches all come, once.
#[test]
fn maintenance_between_any_two_items_costs_no_row() {
    for (size, order) in [1, 3]
        .into_iter()
        .flat_map(|size| ORDERS.map(|order| (size, order)))
    {
        let (_dir, db, other) = open_file(SCHEMA);
        let mut others = OTHERS.into_iter().cycle();
        let mut expected = ids(&db);
        if order == Order::Descending {
            expected.reverse();
        }
        let walk = Walk::new(by_id(&db).columns(["v"]))
            .chunk_size(size)
            .order(order);
        let mut found = Vec::new();
        for item in walk {
            found.push(item.expect("the walk goes on").0);
            assert_free(&db, &other);
            Act::Other(others.next().expect("it goes round")).run(&db);
        }
        assert_eq!(found, expected, "chunks of {size}, {order:?}");
    }
}

/// Of the rowids without an INTEGER PRIMARY KEY `schema_changes.rs` tells.
#[test]
fn a_cursor_over_an_integer_primary_key_outlives_vacuum() {
    let (_dir, db, other) = open_file(SCHEMA);
    db.execute_batch("DELETE FROM t WHERE v % 3 = 0").unwrap();
    let expected = ids(&db);
    for name in ["id", "rowid", "oid", "_rowid_"] {
        let table = || Table::new(&db, "t").key::<i64>([name]).unwrap();
        for taken in 0..expected.len() {
            let mut items = Walk::new(table()).chunk_size(4).items();
            let mut found: Vec<i64> = items
                .by_ref()
                .take(taken)
                .map(|item| item.unwrap().0)
                .collect();
            let cursor = items.cursor();
            drop(items);
            other.execute_batch("VACUUM").unwrap();
            found.extend(keys(Walk::new(table()).resume(cursor)));
            assert_eq!(found, expected, "{name}");
        }
    }
    // In the same walk, too.
    let mut found = Vec::new();
    for item in Walk::new(by_id(&db)).chunk_size(2) {
        found.push(item.unwrap().0);
        db.execute_batch("VACUUM").unwrap();
    }
    assert_eq!(found, expected);
}

/// Other columns come and go, under a walk that names those that it reads.
#[test]
fn columns_that_the_walk_does_not_read_are_added_renamed_and_dropped_under_it() {
    let (_dir, db, _) = open_file(SCHEMA);
    let all = column(&db, "SELECT id FROM t ORDER BY id");
    let mut items = Walk::new(by_id(&db).columns(["v"])).chunk_size(1).items();
    let mut step = 0;
    for (id, expected) in (10..=200).step_by(10).zip(1..=20_i64) {
        let (key, row) = items.next().unwrap().unwrap();
        assert_eq!((key, row.get("v")), (id, Some(&expected.into())));
        step += 1;
        db.execute_batch(&match step % 3 {
            1 => format!("ALTER TABLE t ADD COLUMN c{step} INT NOT NULL DEFAULT 7"),
            2 => format!("ALTER TABLE t RENAME COLUMN c{} TO d", step - 1),
            _ => "ALTER TABLE t DROP COLUMN d; ALTER TABLE t RENAME COLUMN w TO x;
                  ALTER TABLE t RENAME COLUMN x TO w"
                .to_owned(),
        })
        .unwrap();
    }
    assert!(items.next().is_none());
    assert_eq!(column(&db, "SELECT id FROM t ORDER BY id"), all);
}

#[test]
fn a_database_that_is_detached_under_the_walk_is_missed_until_it_is_back() {
    let (dir, db, _) = open_file(SCHEMA);
    let path = dir.path().join("t.db");
    let main = Connection::open_in_memory().unwrap();
    let attach = || {
        let path = path.to_str().expect("it is UTF-8");
        main.execute("ATTACH ?1 AS far", [path]).unwrap();
    };
    attach();
    let far = || {
        Table::new(&main, "t")
            .schema("far")
            .key::<i64>(["id"])
            .unwrap()
    };
    for size in [1, 3] {
        let mut items = Walk::new(far()).chunk_size(size).items();
        let mut found: Vec<i64> = items.by_ref().take(6).map(|item| item.unwrap().0).collect();
        main.execute_batch("DETACH far").unwrap();
        let Some(Err(keywalk::Error::Source(error))) = items.next() else {
            panic!("it isn't missed");
        };
        assert!(error.to_string().contains("\"t\""), "{error}");
        assert!(items.next().is_none());
        attach();
        found.extend(keys(Walk::new(far()).resume(items.cursor())));
        assert_eq!(found, ids(&db), "chunks of {size}");
    }
}

#[test]
fn a_temporary_table_that_comes_to_hide_the_walked_one_does_not_take_its_place() {
    let (_dir, db, _) = open_file(SCHEMA);
    let expected = ids(&db);
    let mut items = Walk::new(by_id(&db)).chunk_size(1).items();
    let mut found = vec![items.next().unwrap().unwrap().0];
    db.execute_batch(
        "CREATE TEMP TABLE t (id INTEGER PRIMARY KEY); INSERT INTO temp.t VALUES (15)",
    )
    .unwrap();
    found.push(items.next().unwrap().unwrap().0);
    // This makes the walk look at the schema of its table again.
    db.execute_batch("CREATE TABLE main.x (y)").unwrap();
    found.extend(items.map(|item| item.unwrap().0));
    assert_eq!(found, expected);
}
