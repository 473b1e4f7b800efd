//! How rows become items: dynamic rows, closures, types; refilled in place where chunks are lent.

use std::cmp::Reverse;

use keywalk::{ChunkSource, Walk};
use keywalk_sqlite::{Error, ErrorKind, FromRow, Row, Table};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::db::{assert_says, by, by_id, column, open, open_file, outcome, query};

fn nine() -> Connection {
    open(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, photo BLOB, size REAL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
             INSERT INTO t SELECT i, 'name ' || i, CAST('photo ' || i AS BLOB), i + 0.5 FROM n;",
    )
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

fn fill(row: &rusqlite::Row<'_>, name: &mut String) -> rusqlite::Result<()> {
    name.clear();
    name.push_str(row.get_ref("name")?.as_str()?);
    Ok(())
}

/// Knows how often it was refilled.
#[derive(Clone, Debug, Default)]
struct Refilled {
    photo: Vec<u8>,
    times: usize,
}

impl FromRow for Refilled {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let photo = row.get("photo")?;
        Ok(Refilled { photo, times: 0 })
    }

    fn refill(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        self.photo.clear();
        self.photo
            .extend_from_slice(row.get_ref("photo")?.as_blob()?);
        self.times += 1;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Plain(String);

impl FromRow for Plain {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        row.get("name").map(Plain)
    }
}

#[test]
fn closures_and_types_make_or_fill_items() {
    let db = nine();
    let all = || query::<i64>(&db, "SELECT id, name FROM t", [], &["id"]);
    let named = by_id(&db).map(|row| row.get::<_, String>("name"));
    assert_eq!(lent(named), names());
    assert_eq!(lent(by_id(&db).map(|row| row.get::<_, String>(1))), names());
    assert_eq!(lent(by_id(&db).map_into(fill)), names());
    assert_eq!(lent(all().map_into(fill)), names());
    let owned = Walk::new(by_id(&db).map_into(fill)).chunk_size(2).items();
    assert!(owned.map(|item| item.unwrap().1).eq(names()));
    let plain: Vec<Plain> = names().into_iter().map(Plain).collect();
    assert_eq!(lent(by_id(&db).decode::<Plain>()), plain);
    assert_eq!(lent(all().decode::<Plain>()), plain);
}

#[test]
fn types_are_refilled_where_chunks_are_lent() {
    let db = nine();
    let refilled = lent(Table::new(&db, "t").decode::<Refilled>()).into_iter();
    let (times, photos): (Vec<usize>, Vec<_>) =
        refilled.map(|item| (item.times, item.photo)).unzip();
    assert_eq!(times, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
    let expected = (1..=9).map(|i| format!("photo {i}").into_bytes());
    assert!(photos.into_iter().eq(expected));
}

#[test]
fn closures_may_keep_state_and_give_up() {
    let db = nine();
    let mut calls = 0;
    let table = by_id(&db).map(|_| {
        calls += 1;
        match calls {
            ..=4 => Ok(calls),
            _ => Err(rusqlite::Error::QueryReturnedNoRows),
        }
    });
    let mut chunks = Walk::new(table).chunk_size(2).chunks();
    assert_eq!(chunks.next().unwrap().unwrap(), [(1, 1), (2, 2)]);
    assert_eq!(chunks.next().unwrap().unwrap(), [(3, 3), (4, 4)]);
    let Err(keywalk::Error::Source(error)) = chunks.next() else {
        panic!("it gave up")
    };
    assert_eq!(error.kind(), ErrorKind::Value);
    let given = &rusqlite::Error::QueryReturnedNoRows;
    assert_eq!(error.sqlite_error(), Some(given));
}

#[test]
fn lent_rows_and_keys_keep_their_memory_from_chunk_to_chunk() {
    let db = nine();
    let mut chunks = Walk::new(by_id(&db)).chunk_size(3).chunks();
    let mut places = Vec::new();
    while let Some(items) = chunks.next().unwrap() {
        let place = |(_, row): &(i64, Row)| match (row.get("name"), row.get("photo")) {
            (Some(Value::Text(name)), Some(Value::Blob(photo))) => {
                (name.as_ptr(), photo.as_ptr(), row.values().as_ptr())
            }
            other => panic!("{other:?} are no text and blob"),
        };
        places.push(items.iter().map(place).collect::<Vec<_>>());
    }
    assert_eq!(places.len(), 3);
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

#[test]
fn refilled_rows_keep_nothing_of_the_row_before() {
    let db = nine();
    let value = "CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN 'text' WHEN 2 THEN x'00' ELSE 7 END";
    db.execute(&format!("UPDATE t SET name = {value}"), [])
        .unwrap();
    let found = lent(Table::new(&db, "t")).into_iter();
    let found: Vec<Value> = found.map(|row| row.into_values().swap_remove(1)).collect();
    assert_eq!(found, column(&db, "SELECT name FROM t ORDER BY id"));
}

#[test]
fn a_row_is_read_by_name_by_position_and_in_order() {
    let db = nine();
    let rows: Vec<Row> = lent(Table::new(&db, "t"));
    let row = &rows[1];
    assert_eq!(row.columns(), ["id", "name", "photo", "size"]);
    assert_eq!(row.get("NAME"), Some(&Value::Text("name 2".into())));
    assert_eq!(row.get("nosuch"), None);
    assert_eq!(row.values()[3], Value::Real(2.5));
    assert_eq!(row.iter().len(), 4);
    assert_eq!(row.iter().next(), Some(("id", &Value::Integer(2))));
    assert_eq!(row.clone().into_values(), row.values());
}

#[test]
fn only_the_named_columns_are_read_in_their_order() {
    let db = nine();
    let rows = lent(Table::new(&db, "t").columns(["size", "NAME"]));
    assert_eq!(rows[0].columns(), ["size", "name"]);
    let name = Value::Text("name 9".into());
    assert_eq!(rows[8].values(), [9.5.into(), name]);
    let twice = lent(Table::new(&db, "t").columns(["id", "size", "id", "rowid"]));
    let three = || Value::Integer(3);
    assert_eq!(twice[2].values(), [three(), 3.5.into(), three(), three()]);
    let none = Table::new(&db, "t").columns([""; 0]);
    let none: Vec<_> = Walk::new(none)
        .chunk_size(2)
        .items()
        .map(Result::unwrap)
        .collect();
    assert!(none.iter().all(|(_, row)| row.values().is_empty()));
    assert_eq!(none.len(), 9);
    assert_eq!(none[8].0.values(), [Value::Integer(9)]);
}

#[test]
fn a_key_that_is_not_among_the_columns_is_read_all_the_same() {
    let db = open(
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c TEXT, PRIMARY KEY (a, b DESC));
         INSERT INTO t VALUES (0, 2, 'x'), (0, 1, 'x'), (1, 5, 'y'), (1, 4, 'x'), (1, 3, 'x')",
    );
    type Mixed = (i64, Reverse<i64>);
    for columns in [&["c"][..], &["c", "b"], &["a", "c"], &["b", "a"], &[]] {
        for (condition, expected) in [
            ("1", &[(0, 2), (0, 1), (1, 5), (1, 4), (1, 3)][..]),
            ("c <> 'y'", &[(0, 2), (0, 1), (1, 4), (1, 3)]),
        ] {
            let table = by::<Mixed>(&db, &["a", "b"]).columns(columns.to_vec());
            let walk = Walk::new(table.filter(condition, []).unwrap()).chunk_size(2);
            let mut found = Vec::new();
            for item in walk {
                let ((a, Reverse(b)), row) = item.unwrap();
                assert_eq!(row.columns(), columns);
                assert!(row.get("b").is_none_or(|value| *value == b.into()));
                found.push((a, b));
            }
            assert_eq!(found, expected, "{columns:?}, {condition}");
        }
    }
}

#[test]
fn options_set_after_a_walk_hold_for_the_next() {
    let db = nine();
    let mut table = by_id(&db);
    assert_eq!(Walk::new(&mut table).into_iter().count(), 9);
    let mut table = table.filter("id % 2 = 0", []).unwrap();
    assert_eq!(Walk::new(&mut table).into_iter().count(), 4);
    let first = Walk::new(table.columns(["name"])).items().next();
    let (id, row) = first.unwrap().unwrap();
    assert_eq!((id, row.columns().len()), (2, 1));
}

#[test]
fn a_row_that_does_not_decode_is_named_by_its_key() {
    let db = open(
        "CREATE TABLE t (a TEXT NOT NULL, b INT NOT NULL, v INT, PRIMARY KEY (a, b));
         INSERT INTO t VALUES ('x', 1, 1), ('y', 2, NULL), ('z', 3, 3)",
    );
    let table = by::<(String, i64)>(&db, &["a", "b"]).map(|row| row.get::<_, i64>("v"));
    let error = outcome(Walk::new(table)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(
        error.to_string(),
        "the row of table \"t\" with the key the text 'y', 2 doesn't decode; change it, or what it is \
         decoded into (an `Option` where a column may be NULL)"
    );
    let source = error.sqlite_error().unwrap().to_string();
    assert!(source.contains('v'), "rusqlite names the column: {source}");
}

#[test]
fn a_column_that_is_not_read_is_named_beside_those_that_are() {
    let db = nine();
    for (table, column, read) in [
        (by_id(&db), "nosuch", r#""id", "name", "photo", "size""#),
        (by_id(&db).columns(["photo"]), "name", "\"photo\""),
    ] {
        let table = table.map(|row| row.get::<_, i64>(column));
        let said = format!(
            "the decoding of a row of table \"t\" asks for a column that isn't read; those that are: {read}"
        );
        let refused = outcome(Walk::new(table));
        assert_says(column, refused, ErrorKind::Value, &[&said, column]);
    }
}

/// A key that can't be read is within the range or past it, which another statement tells.
#[test]
fn the_decoding_sees_no_row_twice() {
    // Text comes after every number.
    let past = "(1, 1), (2, 2), (3, 3), ('x', 4), ('y', 5)";
    let within = "(1, 1), (2, 2), (2.5, 3), (3, 4)";
    for (rows, bound, expected) in [(past, 3, Ok(3)), (past, 9, Ok(3)), (within, 9, Err("2.5"))] {
        let db = open(&format!(
            "CREATE TABLE t (id INT NOT NULL UNIQUE, v INT); INSERT INTO t VALUES {rows}"
        ));
        for size in [1, 2, 3, 512] {
            let mut seen = Vec::new();
            let table = by_id(&db).map(|row| {
                seen.push(row.get::<_, i64>("v")?);
                Ok(())
            });
            let name = format!("{rows}, up to {bound}, chunks of {size}");
            let found = outcome(Walk::new(table).range(..=bound).chunk_size(size));
            match expected {
                Ok(count) => assert_eq!(found.unwrap().len(), count, "{name}"),
                Err(value) => assert_says(&name, found, ErrorKind::Value, &["\"id\"", value]),
            }
            let before = 1..=expected.unwrap_or(2) as i64;
            assert!(seen.into_iter().eq(before), "{name}");
        }
    }
}

/// It is mended by another connection while the chunk is fetched, which doesn't see that.
#[test]
fn a_row_whose_key_was_bad_when_its_chunk_was_fetched_comes_in_the_next_one() {
    let (_dir, writer, db) = open_file(
        "CREATE TABLE t (id INT NOT NULL UNIQUE, v INT);
         INSERT INTO t VALUES (1, 1), (2, 2), ('x', 3)",
    );
    let mut seen = Vec::new();
    let table = by_id(&db).map(|row| {
        let v: i64 = row.get("v")?;
        seen.push(v);
        if v == 2 {
            writer.execute("UPDATE t SET id = 7 WHERE id = 'x'", [])?;
        }
        Ok(v)
    });
    let mut chunks = Walk::new(table).range(..=9).unbounded().chunks();
    assert_eq!(chunks.next().unwrap().unwrap(), [(1, 1), (2, 2)]);
    assert_eq!(chunks.next().unwrap().unwrap(), [(7, 3)]);
    assert!(chunks.next().unwrap().is_none());
    drop(chunks);
    assert_eq!(seen, [1, 2, 3]);
}
