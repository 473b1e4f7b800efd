//! How rows become items: dynamic rows, closures, types; refilled in place where chunks are lent.

use keywalk::{ChunkSource, Walk};
use keywalk_sqlite::{Error, ErrorKind, FromRow, Query, Row, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, photo BLOB, size REAL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
             INSERT INTO t SELECT i, 'name ' || i, CAST('photo ' || i AS BLOB), i + 0.5 FROM n;",
    )
    .expect("the schema is valid");
    db
}

/// The items of a walk in which chunks are lent, so that all but the first are refilled.
fn lent<S, K, T: Clone>(source: S) -> Vec<T>
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    let mut chunks = Walk::new(source).chunk_size(2).chunks();
    let mut found = Vec::new();
    while let Some(items) = chunks.next().expect("the walk goes on") {
        found.extend(items.iter().map(|(_, item)| item.clone()));
    }
    found
}

fn names() -> Vec<String> {
    (1..=9).map(|i| format!("name {i}")).collect()
}

#[test]
fn closures_make_or_fill_items() {
    let db = open();
    let table = || Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    assert_eq!(
        lent(table().map(|row| row.get::<_, String>("name"))),
        names()
    );
    assert_eq!(lent(table().map(|row| row.get::<_, String>(1))), names());
    let fill = |row: &rusqlite::Row<'_>, name: &mut String| {
        name.clear();
        name.push_str(row.get_ref("name")?.as_str()?);
        Ok(())
    };
    assert_eq!(lent(table().fill(fill)), names());
    let items = Walk::new(table().fill(fill)).chunk_size(2).into_iter();
    let owned: Vec<String> = items.map(|item| item.unwrap().1).collect();
    assert_eq!(owned, names());
    let query = Query::new(&db, "SELECT id, name FROM t", [])
        .unwrap()
        .key::<i64>(["id"])
        .unwrap();
    assert_eq!(lent(query.fill(fill)), names());
}

#[test]
fn closures_may_keep_state_and_give_up() {
    let db = open();
    let mut calls = 0;
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap().map(|_| {
        calls += 1;
        if calls > 4 {
            Err(rusqlite::Error::QueryReturnedNoRows)
        } else {
            Ok(calls)
        }
    });
    let mut chunks = Walk::new(table).chunk_size(2).chunks();
    assert_eq!(chunks.next().unwrap().unwrap(), [(1, 1), (2, 2)]);
    assert_eq!(chunks.next().unwrap().unwrap(), [(3, 3), (4, 4)]);
    let Err(keywalk::Error::Source(error)) = chunks.next() else {
        panic!("it gave up")
    };
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(
        error.sqlite_error(),
        Some(&rusqlite::Error::QueryReturnedNoRows)
    );
}

#[derive(Clone, Debug, PartialEq)]
struct Plain {
    id: i64,
    name: String,
}

impl FromRow for Plain {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Plain {
            id: row.get("id")?,
            name: row.get("name")?,
        })
    }
}

/// Knows how often it was refilled.
#[derive(Clone, Debug, Default)]
struct Refilled {
    photo: Vec<u8>,
    times: usize,
}

impl FromRow for Refilled {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Refilled {
            photo: row.get("photo")?,
            times: 0,
        })
    }

    fn refill(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        self.photo.clear();
        self.photo
            .extend_from_slice(row.get_ref("photo")?.as_blob()?);
        self.times += 1;
        Ok(())
    }
}

#[test]
fn types_decode_themselves() {
    let db = open();
    let table = Table::new(&db, "t")
        .key::<i64>(["id"])
        .unwrap()
        .decode::<Plain>();
    let expected: Vec<Plain> = (1..)
        .zip(names())
        .map(|(id, name)| Plain { id, name })
        .collect();
    assert_eq!(lent(table), expected);
    let query = Query::new(&db, "SELECT * FROM t", [])
        .unwrap()
        .key::<i64>(["id"])
        .unwrap();
    assert_eq!(lent(query.decode::<Plain>()), expected);
}

#[test]
fn types_are_refilled_where_chunks_are_lent() {
    let db = open();
    let refilled = lent(Table::new(&db, "t").decode::<Refilled>());
    let times: Vec<usize> = refilled.iter().map(|item| item.times).collect();
    assert_eq!(times, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
    let photos: Vec<Vec<u8>> = (1..=9).map(|i| format!("photo {i}").into_bytes()).collect();
    assert_eq!(
        refilled
            .into_iter()
            .map(|item| item.photo)
            .collect::<Vec<_>>(),
        photos
    );
}

#[test]
fn lent_rows_and_keys_keep_their_memory_from_chunk_to_chunk() {
    let db = open();
    let table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    let mut chunks = Walk::new(table).chunk_size(3).chunks();
    let mut places = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        places.push(
            items
                .iter()
                .map(|(_, row)| {
                    let (Some(Value::Text(name)), Some(Value::Blob(photo))) =
                        (row.get("name"), row.get("photo"))
                    else {
                        panic!("they are a text and a blob");
                    };
                    (name.as_ptr(), photo.as_ptr(), row.values().as_ptr())
                })
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(places.len(), 3);
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

#[test]
fn refilled_rows_keep_nothing_of_the_row_before() {
    let db = open();
    db.execute_batch("UPDATE t SET name = CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN 'text' WHEN 2 THEN x'00' ELSE 7 END").unwrap();
    let expected: Vec<Value> = db
        .prepare("SELECT name FROM t ORDER BY id")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    let rows = lent(Table::new(&db, "t"));
    let found: Vec<Value> = rows
        .iter()
        .filter_map(|row| row.get("name").cloned())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_row_is_read_by_name_by_position_and_in_order() {
    let db = open();
    let rows: Vec<Row> = lent(Table::new(&db, "t"));
    let row = &rows[1];
    assert_eq!(row.columns(), ["id", "name", "photo", "size"]);
    assert_eq!(row.get("NAME"), Some(&Value::Text("name 2".into())));
    assert_eq!(row.get("nosuch"), None);
    assert_eq!(row.values()[3], Value::Real(2.5));
    assert_eq!(row.iter().len(), 4);
    let pairs: Vec<(&str, &Value)> = row.iter().collect();
    assert_eq!(pairs[0], ("id", &Value::Integer(2)));
    assert_eq!(row.clone().into_values(), row.values());
}

#[test]
fn only_the_named_columns_are_read_in_their_order() {
    let db = open();
    let rows = lent(Table::new(&db, "t").columns(["size", "NAME"]));
    assert_eq!(rows[0].columns(), ["size", "name"]);
    assert_eq!(
        rows[8].values(),
        [Value::Real(9.5), Value::Text("name 9".into())]
    );
    let twice = lent(Table::new(&db, "t").columns(["id", "size", "id", "rowid"]));
    assert_eq!(
        twice[2].values(),
        [3.into(), 3.5.into(), 3.into(), 3.into()]
    );
    let none = Table::new(&db, "t").columns([""; 0]);
    let keys: Vec<_> = Walk::new(none)
        .chunk_size(2)
        .into_iter()
        .map(|item| item.unwrap())
        .collect();
    assert_eq!(keys.len(), 9);
    assert!(keys.iter().all(|(_, row)| row.values().is_empty()));
    assert_eq!(keys[8].0.values(), [Value::Integer(9)]);
}

#[test]
fn a_key_that_is_not_among_the_columns_is_read_all_the_same() {
    let db = open();
    db.execute_batch(
        "CREATE UNIQUE INDEX i ON t (name, size DESC); CREATE TABLE u AS SELECT * FROM t",
    )
    .unwrap();
    db.execute_batch("CREATE TABLE v (a INT NOT NULL, b INT NOT NULL, c TEXT, PRIMARY KEY (a, b DESC)); INSERT INTO v SELECT id / 3, id, name FROM t").unwrap();
    type Mixed = (i64, std::cmp::Reverse<i64>);
    for columns in [
        vec!["c"],
        vec!["c", "b"],
        vec!["a", "c"],
        vec!["b", "a"],
        vec![],
    ] {
        for condition in ["1", "c <> 'name 5'"] {
            let table = Table::new(&db, "v")
                .columns(columns.clone())
                .filter(condition, [])
                .unwrap();
            let table = table.key::<Mixed>(["a", "b"]).unwrap();
            let mut found = Vec::new();
            for item in Walk::new(table).chunk_size(2) {
                let ((a, b), row) = item.unwrap();
                assert_eq!(row.values().len(), columns.len());
                assert!(
                    row.get("b")
                        .is_none_or(|value| *value == Value::Integer(b.0))
                );
                found.push((a, b.0));
            }
            let skipped = usize::from(condition != "1");
            assert_eq!(found.len(), 9 - skipped, "{columns:?}");
            assert_eq!(
                &found[..3],
                [(0, 2), (0, 1), if skipped == 0 { (1, 5) } else { (1, 4) }]
            );
        }
    }
}

#[test]
fn options_set_after_a_walk_hold_for_the_next() {
    let db = open();
    let mut table = Table::new(&db, "t").key::<i64>(["id"]).unwrap();
    assert_eq!(Walk::new(&mut table).into_iter().count(), 9);
    let mut table = table.filter("id % 2 = 0", []).unwrap();
    assert_eq!(Walk::new(&mut table).into_iter().count(), 4);
    let mut table = table.columns(["name"]);
    let first = Walk::new(&mut table).into_iter().next().unwrap().unwrap();
    assert_eq!((first.0, first.1.columns().len()), (2, 1));
}
