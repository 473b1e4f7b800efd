//! A key's bytes are one tuple of FoundationDB's tuple layer, whatever its type, and come back exactly; of
//! other bytes none is a key.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{ChunkSource, ResumableSource};
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::uuid::fmt::Hyphenated;
use keywalk_sqlite::{Collated, SqlKey, SqlKeyColumn, Table, TextOrder};
use rusqlite::Connection;
use rusqlite::types::{FromSqlResult, ToSqlOutput, Value, ValueRef};

use crate::db::open;

/// A type of the caller's own.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
struct Real(f64);

impl SqlKeyColumn for Real {
    const TEXT_ORDER: TextOrder = TextOrder::NotText;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_f64().map(Real)
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Real(self.0))
    }
}

/// Tables of one to three columns.
fn tables() -> Connection {
    open(
        "CREATE TABLE one (a ANY NOT NULL PRIMARY KEY);
         CREATE TABLE two (a ANY NOT NULL, b ANY NOT NULL, PRIMARY KEY (a, b));
         CREATE TABLE three (a ANY NOT NULL, b ANY NOT NULL, c ANY NOT NULL, PRIMARY KEY (a, b, c))",
    )
}

const TABLES: [&str; 3] = ["one", "two", "three"];

fn by<K: SqlKey>(db: &Connection) -> Table<&Connection, K> {
    let tables = TABLES.iter().enumerate();
    let mut tables =
        tables.map(|(at, table)| Table::new(db, *table).key(["a", "b", "c"][..=at].to_vec()));
    tables
        .find_map(Result::ok)
        .expect("it has one to three columns")
}

/// The bytes of a key, which comes back from them.
fn bytes_in<S: ChunkSource<Key: Debug, Error: Debug> + ResumableSource>(
    source: &S,
    key: &S::Key,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.encode_key(key, &mut bytes);
    let back = source.decode_key(&bytes).expect("the table is there");
    assert_eq!(format!("{back:?}"), format!("{:?}", Some(key)));
    bytes
}

fn bytes<K: SqlKey + Debug>(key: K) -> Vec<u8> {
    bytes_in(&by::<K>(&tables()), &key)
}

/// The bytes of a dynamic key.
fn dynamic(values: Vec<Value>) -> Vec<u8> {
    let db = tables();
    let table = Table::new(&db, TABLES[values.len() - 1]);
    let key = table.dyn_key(values).expect("they fit");
    bytes_in(&table, &key)
}

fn is_taken<K: SqlKey>(bytes: &[u8]) -> bool {
    let key = by::<K>(&tables()).decode_key(bytes);
    key.expect("the table is there").is_some()
}

fn is_taken_by_any(table: &str, bytes: &[u8]) -> bool {
    let key = Table::new(&tables(), table).decode_key(bytes);
    key.expect("the table is there").is_some()
}

/// The examples of the published form.
#[test]
fn bytes_are_the_published_ones() {
    let text = bytes("FÔO\0bar".to_owned());
    assert_eq!(text, b"\x02F\xc3\x94O\x00\xffbar\x00");
    assert_eq!(bytes(b"foo\0bar".to_vec()), b"\x01foo\x00\xffbar\x00");
    assert_eq!(bytes(-5_551_212_i64), b"\x11\xab\x4b\x93");
    assert_eq!(bytes((0_i64, String::new())), b"\x14\x02\x00");
    assert_eq!(
        dynamic(vec![Value::Real(-42.0), Value::Real(0.0)]),
        b"\x21\x3f\xba\xff\xff\xff\xff\xff\xff\x21\x80\x00\x00\x00\x00\x00\x00\x00"
    );
}

#[test]
fn the_type_of_the_key_does_not_show() {
    let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0000_00ff_fe00_1122);
    let text = uuid.hyphenated().to_string();
    assert_eq!(bytes(7_u8), bytes(7_i64));
    assert_eq!(bytes(7_u8), bytes(Reverse(7_u32)));
    assert_eq!(bytes((7_u8,)), dynamic(vec![Value::Integer(7)]));
    assert_eq!(bytes(text.clone()), bytes(uuid.hyphenated()));
    assert_eq!(bytes(text.clone()), bytes(Collated(text.clone())));
    assert_eq!(bytes(uuid), bytes(uuid.as_bytes().to_vec()));
    let mixed = (Reverse(text.clone()), i64::MIN, uuid);
    let values = vec![
        text.into(),
        i64::MIN.into(),
        uuid.as_bytes().to_vec().into(),
    ];
    assert_eq!(bytes(mixed), dynamic(values));
}

#[test]
fn the_ends_of_each_type_come_back() {
    for integer in [i64::MIN, i64::MIN + 1, -1, 0, 1, 255, 256, i64::MAX] {
        bytes(integer);
    }
    // As they are written, and so -0.0 too.
    for real in [
        f64::MIN,
        f64::NEG_INFINITY,
        -0.0,
        f64::MIN_POSITIVE / 2.0,
        1e300,
    ] {
        dynamic(vec![Value::Real(real)]);
        dynamic(vec![Value::Real(-real)]);
    }
    for text in ["", "\0", "\0\0", "a\0", "\u{10ffff}", "\u{ff}\0\u{ff}"] {
        bytes((text.to_owned(), text.as_bytes().to_vec()));
        bytes((text.as_bytes().to_vec(), Collated(text.to_owned())));
        bytes((
            Reverse(text.as_bytes().to_vec()),
            Reverse(Collated(text.to_owned())),
            Reverse(-7_i16),
        ));
    }
}

#[test]
fn what_is_no_key_of_the_type_is_none() {
    let two = bytes((1_i64, 2_i64));
    assert!(is_taken::<(i64, i64)>(&two) && is_taken_by_any("two", &two));
    assert!(!is_taken::<i64>(&two) && !is_taken_by_any("one", &two));
    assert!(!is_taken::<(i64, i64, i64)>(&two) && !is_taken_by_any("three", &two));
    let three = bytes((1_i64, 2_i64, 3_i64));
    assert!(!is_taken::<(i64, i64)>(&three) && !is_taken_by_any("two", &three));
    assert!(!is_taken::<(i64, String)>(&two) && !is_taken::<i64>(&[]));
    assert!(!is_taken::<u8>(&bytes(256_i64)) && !is_taken::<u8>(&bytes(-1_i64)));
    assert!(!is_taken::<Uuid>(&bytes(vec![0; 15])));
    let upper = Uuid::max().hyphenated().to_string().to_uppercase();
    assert!(!is_taken::<Hyphenated>(&bytes(upper)));
    // Tuples in tuples are not followed.
    let (deep, long) = (vec![0x05; 1 << 20], vec![0x14; 1 << 20]);
    for none in [
        b"\x00".as_slice(),                              // NULL
        b"\x21\xff\xf8\x00\x00\x00\x00\x00\x00",         // NaN
        b"\x21\x00\x07\xff\xff\xff\xff\xff\xff",         // NaN
        b"\x1c\x80\x00\x00\x00\x00\x00\x00\x00",         // 2^63
        b"\x1d\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00", // 2^64
        b"\x0c\x00\x00\x00\x00\x00\x00\x00\x00",         // -2^64 + 1
        b"\x20\x80\x00\x00\x00",                         // a float
        b"\x26",                                         // false
        b"\x30\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",         // a UUID
        b"\x05\x15\x01\x00",                             // a tuple
        b"\x02\xff\x00",                                 // not UTF-8
        b"\x02a",
        b"\x15",
        b"\x15\x01\x00",
        b"\xff",
        &deep,
        &long,
    ] {
        let name = &none[..none.len().min(20)];
        assert!(!is_taken_by_any("one", none), "{name:?}");
        assert!(!is_taken::<Real>(none), "{name:?}");
        assert!(!is_taken::<i64>(none), "{name:?}");
        assert!(!is_taken::<String>(none), "{name:?}");
    }
}
