//! What the test suites of peers check, each case in our own words: pages with links both ways, limits, NULL in keys,
//! bookmarks of each key type.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{Token, Walk};
use keywalk_sqlite::{DynKey, Row, SqlKey, Table};
use rusqlite::Connection;
use rusqlite::types::Value;
use uuid::Uuid;

type Walked<'db, K> = Walk<Table<&'db Connection, K>>;

/// Six rows, with a value of each type in the order of `id`, and NULL in the first two rows of `n`.
const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, bytes BLOB UNIQUE NOT NULL,
        uuid BLOB UNIQUE NOT NULL, real REAL UNIQUE NOT NULL, tenant INTEGER NOT NULL, n INTEGER);
    CREATE INDEX t_tenant ON t (tenant, id);
    CREATE INDEX t_tenant_down ON t (tenant DESC, id);
    CREATE INDEX t_n ON t (n, id);
    INSERT INTO t SELECT value, char(96 + value), CAST(char(value) AS BLOB),
        CAST(format('%16s', value) AS BLOB), value / 10.0, (value + 1) / 3, nullif(max(value - 2, 0), 0)
        FROM json_each('[1, 2, 3, 4, 5, 6]');";

fn db() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

fn id(row: &Row) -> String {
    match row.get("id") {
        Some(Value::Integer(id)) => id.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The ids of all rows of a walk by `key`.
fn walk<K: SqlKey + Debug>(
    sql: &str,
    key: &[&str],
    options: impl for<'db> FnOnce(Walked<'db, K>) -> Walked<'db, K>,
) -> String {
    let db = db();
    db.execute_batch(sql).unwrap();
    let table = Table::new(&db, "t").key::<K>(key.iter().copied()).unwrap();
    let walk = options(Walk::new(table));
    let ids = walk.items().map(|item| id(&item.unwrap().1));
    ids.collect::<Vec<_>>().join(" ")
}

/// The last page, by steps: `>` and `<` follow a link (as text), any other step is SQL that another program executes.
/// Shows the page's ids, with `<` and `>` for its links.
fn pages<K: SqlKey + Debug>(
    key: &[&str],
    size: usize,
    steps: &[&str],
    options: impl for<'db> Fn(Walked<'db, K>) -> Walked<'db, K>,
) -> String {
    let db = db();
    let page = |at: Option<&Token>| {
        let table = Table::new(&db, "t").key::<K>(key.iter().copied()).unwrap();
        options(Walk::new(table)).page(size, at).unwrap()
    };
    let mut shown = page(None);
    for step in steps {
        let link = match *step {
            ">" => &shown.next,
            "<" => &shown.previous,
            sql => {
                db.execute_batch(sql).unwrap();
                continue;
            }
        };
        let text = link
            .as_ref()
            .unwrap_or_else(|| panic!("no {step} in {steps:?}"))
            .to_string();
        shown = page(Some(&text.parse().unwrap()));
    }
    let ids = shown.items.iter().map(|(_, row)| id(row));
    let ids: Vec<String> = ids.collect();
    let (back, on) = (shown.has_previous(), shown.has_next());
    format!(
        "{}{}{}",
        if back { "< " } else { "" },
        ids.join(" "),
        if on { " >" } else { "" }
    )
}

/// `keyset` is sqlakeyset, `batches` are Rails' find_each and Laravel's chunkById, `iterator` is Django's, `cursor` is
/// that of SeaORM, `seek` that of jOOQ and Spring Data.
#[test]
#[rustfmt::skip]
fn the_cases_of_peers_hold() {
    let tenants = &["tenant", "id"];
    let nulls = &["n", "id"];
    let cases = [
        ("keyset: the first page has only a next link", pages::<i64>(&["id"], 2, &[], |w| w), "1 2 >"),
        ("keyset: a page in the middle has both links", pages::<i64>(&["id"], 2, &[">"], |w| w), "< 3 4 >"),
        ("keyset: a last page that is full has no next link", pages::<i64>(&["id"], 2, &[">", ">"], |w| w), "< 5 6"),
        ("keyset: the last page may be short", pages::<i64>(&["id"], 4, &[">"], |w| w), "< 5 6"),
        ("keyset: a page before the last one", pages::<i64>(&["id"], 2, &[">", ">", "<"], |w| w), "< 3 4 >"),
        ("keyset: back to the first page", pages::<i64>(&["id"], 2, &[">", "<"], |w| w), "1 2 >"),
        ("keyset: back and on again", pages::<i64>(&["id"], 2, &[">", "<", ">"], |w| w), "< 3 4 >"),
        ("keyset: a page of the whole table has no links", pages::<i64>(&["id"], 6, &[], |w| w), "1 2 3 4 5 6"),
        ("keyset: a page larger than the table", pages::<i64>(&["id"], 9, &[], |w| w), "1 2 3 4 5 6"),
        ("keyset: an empty list has no links", pages::<i64>(&["id"], 2, &[], |w| w.range(7..)), ""),
        ("keyset: descending", pages::<i64>(&["id"], 2, &[">"], |w| w.descending()), "< 4 3 >"),
        ("keyset: descending, and back", pages::<i64>(&["id"], 2, &[">", "<"], |w| w.descending()), "6 5 >"),
        ("keyset: two columns", pages::<(i64, i64)>(tenants, 3, &[">"], |w| w), "< 4 5 6"),
        ("keyset: two directions", pages::<(Reverse<i64>, i64)>(tenants, 4, &[">"], |w| w), "< 4 1"),
        ("keyset: two directions, and back", pages::<(Reverse<i64>, i64)>(tenants, 4, &[">", "<"], |w| w), "5 6 2 3 >"),
        ("keyset: a bookmark of text", pages::<String>(&["name"], 2, &[">", ">", "<"], |w| w), "< 3 4 >"),
        ("keyset: a bookmark of bytes", pages::<Vec<u8>>(&["bytes"], 2, &[">", ">", "<"], |w| w), "< 3 4 >"),
        ("keyset: a bookmark of a UUID", pages::<Uuid>(&["uuid"], 2, &[">", ">", "<"], |w| w), "< 3 4 >"),
        ("keyset: a bookmark of a key known only to the schema", pages::<DynKey>(&["real"], 2, &[">", ">", "<"], |w| w), "< 3 4 >"),
        ("keyset: a bookmark with NULL", pages::<(Option<i64>, i64)>(nulls, 1, &[">"], |w| w), "< 2 >"),
        ("keyset: back over the border of NULL", pages::<(Option<i64>, i64)>(nulls, 2, &[">", "<"], |w| w), "1 2 >"),
        ("keyset: on over the border of NULL, descending", pages::<(Option<i64>, i64)>(nulls, 3, &[">"], |w| w.descending()), "< 3 2 1"),
        ("keyset: the page's rows were deleted", pages::<i64>(&["id"], 2, &[">", "DELETE FROM t WHERE id IN (3, 4)", "<"], |w| w), "1 2 >"),
        ("keyset: all rows before the page were deleted", pages::<i64>(&["id"], 2, &[">", "DELETE FROM t WHERE id < 3", "<"], |w| w), " >"),
        ("keyset: a row was appended after the last page's link", pages::<i64>(&["id"], 2, &[">", "UPDATE t SET id = 9 WHERE id = 1", ">"], |w| w), "< 5 6 >"),
        ("keyset: a row was inserted before the page", pages::<i64>(&["id"], 2, &["UPDATE t SET id = -1 WHERE id = 6", ">", "<"], |w| w), "< 1 2 >"),
        ("keyset: pages keep within the list's bounds", pages::<i64>(&["id"], 2, &[">"], |w| w.range(2..=4)), "< 4"),
        ("batches: start and finish are included", walk::<i64>("", &["id"], |w| w.range(2..=4)), "2 3 4"),
        ("batches: a limit above the size of a batch", walk::<i64>("", &["id"], |w| w.limit(5).chunk_size(2)), "1 2 3 4 5"),
        ("batches: a limit below the size of a batch", walk::<i64>("", &["id"], |w| w.limit(2).chunk_size(4)), "1 2"),
        ("batches: a limit of one batch", walk::<i64>("", &["id"], |w| w.limit(2).chunk_size(2)), "1 2"),
        ("batches: a limit of none", walk::<i64>("", &["id"], |w| w.limit(0)), ""),
        ("batches: a limit above the number of rows", walk::<i64>("", &["id"], |w| w.limit(7).chunk_size(3)), "1 2 3 4 5 6"),
        ("batches: descending, with a limit", walk::<i64>("", &["id"], |w| w.descending().limit(2)), "6 5"),
        ("batches: of one row each", walk::<i64>("", &["id"], |w| w.chunk_size(1)), "1 2 3 4 5 6"),
        ("iterator: keys below 0", walk::<i64>("UPDATE t SET id = -id", &["id"], |w| w.chunk_size(4)), "-6 -5 -4 -3 -2 -1"),
        ("iterator: an empty table", walk::<i64>("DELETE FROM t", &["id"], |w| w), ""),
        ("cursor: before a key, which is excluded", walk::<i64>("", &["id"], |w| w.range(..3)), "1 2"),
        ("cursor: after two columns", walk::<(i64, i64)>("", tenants, |w| w.range((1, 4)..)), "4 5 6"),
        ("cursor: the last rows", walk::<i64>("", &["id"], |w| w.descending().limit(1)), "6"),
        ("seek: NULL first when ascending", walk::<(Option<i64>, i64)>("", nulls, |w| w.chunk_size(1)), "1 2 3 4 5 6"),
        ("seek: NULL last when descending", walk::<(Option<i64>, i64)>("", nulls, |w| w.descending().chunk_size(1)), "6 5 4 3 2 1"),
        ("seek: all of NULL", walk::<(Option<i64>, i64)>("", nulls, |w| w.range(..(Some(i64::MIN), 0))), "1 2"),
        ("seek: the rows of one tenant", walk::<(i64, i64)>("", tenants, |w| w.prefix((1,))), "2 3 4"),
    ];
    for (case, found, expected) in cases {
        assert_eq!(found, expected, "{case}");
    }
}
