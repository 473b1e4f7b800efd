//! Parts of a walk: they cover its range, don't overlap, and are even.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{ChunkSource, Cursor, KeyRange, Order, SplitSource, Walk};
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::{Collated, DynKey, Error, SqlKey, Table};

use crate::db::{ORDERS, assert_free, by, by_id, keys, open, open_file, query};

/// The keys of each part, which are all keys in order.
fn parts<S, K, T>(source: &mut S, order: Order, parts: usize) -> Vec<Vec<K>>
where
    S: SplitSource + ChunkSource<Key = K, Item = (K, T), Error = Error>,
    K: SqlKey + Debug,
{
    let all = Cursor::bounded(KeyRange::all(order));
    let cut = Walk::new(&mut *source).resume(all.clone()).split(parts);
    let cut = cut.unwrap_or_else(|error| panic!("{error}"));
    assert!(cut.len() <= parts);
    let of_part = |part| keys(Walk::new(&mut *source).resume(Cursor::unbounded(part)));
    let cut: Vec<Vec<K>> = cut.into_iter().map(of_part).collect();
    let whole = keys(Walk::new(&mut *source).resume(all));
    assert_eq!(
        cut.concat(),
        whole,
        "the parts cover the range and don't overlap"
    );
    cut
}

/// The keys of the slowest of 8 workers, which take the parts from a queue, to an eighth of all.
fn slowest<K>(parts: &[Vec<K>]) -> f64 {
    let mut workers = [0; 8];
    for part in parts {
        *workers.iter_mut().min().expect("there are 8") += part.len();
    }
    let all: usize = workers.iter().sum();
    workers.into_iter().max().unwrap_or(0) as f64 * 8.0 / all as f64
}

#[test]
fn parts_of_each_key_type_cover_the_range_once_and_are_even() {
    let db = open(
        "CREATE TABLE rows (id, a, u, x, skewed, one, gaps, k, f);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 12000)
         INSERT INTO rows SELECT i, i * 2654435761 % 4294967296 * 100000 + i,
             unhex(printf('%08x%024x', i * 2654435761 % 4294967296, i)),
             printf('%c%x', 65 + i % 2 * 32 + i * 40503 % 26, i * 2654435761 % 4294967296),
             iif(i % 5 > 0, 500, i / 5 % 1000), 7, i + i / 3000 * 100000000, nullif(i % 4, 0), i * i / 7.0 FROM n;
         CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL UNIQUE, u BLOB NOT NULL UNIQUE,
             c TEXT NOT NULL UNIQUE, x TEXT COLLATE NOCASE NOT NULL UNIQUE, skewed INT NOT NULL, one INT NOT NULL,
             k INT, UNIQUE (skewed, id), UNIQUE (one, id), UNIQUE (skewed DESC, x));
         CREATE INDEX by_k ON t (k, id); CREATE INDEX by_k_down ON t (k DESC, id DESC);
         INSERT INTO t SELECT gaps, a, u, x, x, skewed, one, k FROM rows;
         CREATE TABLE ints (id INT PRIMARY KEY) WITHOUT ROWID; INSERT INTO ints SELECT a FROM rows;
         CREATE TABLE blobs (id BLOB PRIMARY KEY) WITHOUT ROWID; INSERT INTO blobs SELECT u FROM rows;
         CREATE TABLE texts (id TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO texts SELECT x FROM rows;
         CREATE TABLE cased (id TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID; INSERT INTO cased SELECT x FROM rows;
         CREATE TABLE reals (id REAL PRIMARY KEY) WITHOUT ROWID; INSERT INTO reals SELECT f FROM rows;
         CREATE TABLE twos (a INT, b INT, PRIMARY KEY (a, b DESC)) WITHOUT ROWID;
         INSERT INTO twos SELECT skewed, id FROM rows;
         CREATE TABLE drawn (place INTEGER PRIMARY KEY, near TEXT NOT NULL UNIQUE);
         INSERT INTO drawn SELECT -gaps, x FROM rows;
         CREATE TABLE mixed (id INTEGER PRIMARY KEY, x NOT NULL UNIQUE);
         INSERT INTO mixed SELECT id, iif(id % 7, x, CAST(x AS BLOB)) FROM rows;
         INSERT INTO mixed SELECT -id, u FROM rows WHERE id < 9",
    );
    macro_rules! even {
        ($($table:expr;)+) => {$(
            for order in ORDERS {
                let parts = parts(&mut $table, order, 64);
                let what = (stringify!($table), order, parts.len(), slowest(&parts));
                assert!(what.3 <= 1.15, "{what:?}");
            }
        )+};
    }
    let of = |table| Table::new(&db, table);
    even! {
        by_id(&db).keys();
        by::<i64>(&db, &["a"]).keys();
        by::<Uuid>(&db, &["u"]).keys();
        by::<String>(&db, &["c"]).keys();
        by::<Collated>(&db, &["x"]).keys();
        by::<(i64, i64)>(&db, &["skewed", "id"]).keys();
        by::<(i32, i64)>(&db, &["one", "id"]).keys();
        by::<DynKey>(&db, &["skewed", "x"]).keys();
        by::<(Option<i32>, i64)>(&db, &["k", "id"]).keys();
        by::<(Reverse<Option<i32>>, Reverse<i64>)>(&db, &["k", "id"]).keys();
        of("ints").key::<i64>(["id"]).unwrap();
        of("blobs").key::<Uuid>(["id"]).unwrap();
        of("texts").key::<String>(["id"]).unwrap();
        of("cased").key::<Collated>(["id"]).unwrap();
        of("reals");
        of("twos").key::<(i64, Reverse<i64>)>(["a", "b"]).unwrap();
        of("t").prefix_eq("skewed", 500).unwrap().key::<i64>(["id"]).unwrap();
        of("t").filter("id % 3 = ?1", [0]).unwrap().key::<Collated>(["x"]).unwrap();
        of("t").filter("id % 3 = ?1", [0]).unwrap().key::<i64>(["id"]).unwrap();
        of("drawn").filter("rowid % 3 = 0 AND place < 0 AND near > ''", []).unwrap().key::<String>(["near"]).unwrap();
        of("mixed").filter("typeof(x) = 'text'", []).unwrap().key::<String>(["x"]).unwrap();
        query::<i64>(&db, "SELECT id, x FROM t WHERE one = ?1", [7], &["id"]);
        query::<String>(&db, "SELECT c FROM t", [], &["c"]);
    }
}

#[test]
fn few_rows_are_split_into_single_ones_and_no_row_into_none() {
    for rows in [0_usize, 1, 5] {
        let db =
            open("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT COLLATE NOCASE NOT NULL UNIQUE)");
        for id in 0..rows {
            db.execute("INSERT INTO t VALUES (?1, 'x' || ?1)", [id as i64])
                .expect("it is new");
        }
        for order in ORDERS {
            let counts = |parts: Vec<usize>| assert_eq!(parts, vec![1; rows], "{order:?}");
            counts(
                parts(&mut by_id(&db), order, 8)
                    .iter()
                    .map(Vec::len)
                    .collect(),
            );
            counts(
                parts(&mut by::<Collated>(&db, &["x"]), order, 8)
                    .iter()
                    .map(Vec::len)
                    .collect(),
            );
        }
    }
}

#[test]
fn parts_cover_what_stays_while_others_insert_and_delete_and_a_split_holds_nothing() {
    let (_dir, db, other) = open_file(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL UNIQUE);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 6000)
         INSERT INTO t SELECT 10 * i, printf('%x', i * 2654435761 % 4294967296) FROM n",
    );
    let mut table = by_id(&db);
    let cut = Walk::new(&mut table)
        .split(16)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_free(&db, &other);
    let by_x = &mut by::<String>(&db, &["x"]);
    Walk::new(by_x)
        .split(16)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_free(&db, &other);
    let mut came = Vec::new();
    for (seed, part) in (1..).zip(cut) {
        came.extend(keys(Walk::new(&mut table).resume(Cursor::unbounded(part))));
        let sql = format!(
            "DELETE FROM t WHERE id % 20 = 0 AND id / 10 % 97 = {seed};
             INSERT OR IGNORE INTO t SELECT id + {}, x || id || {seed} FROM t WHERE id % 20 = 10",
            seed % 9 + 1
        );
        other.execute_batch(&sql).expect("nobody holds a lock");
    }
    assert!(came.is_sorted_by(|a, b| a < b), "none comes twice");
    let stayed = came.into_iter().filter(|id| id % 20 == 10);
    assert!(stayed.eq((10..60_000).step_by(20)));
}
