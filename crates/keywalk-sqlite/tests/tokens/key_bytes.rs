//! A key's bytes are one tuple of FoundationDB's tuple layer, whatever its type, and come back exactly; of
//! other bytes none is a key.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::DurableSource;
use keywalk_sqlite::uuid::Uuid;
use keywalk_sqlite::uuid::fmt::Hyphenated;
use keywalk_sqlite::{AnyKey, Collated, Comparison, Key, KeyColumn, Table};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::{FromSqlResult, ToSqlOutput, Value, ValueRef};

/// A type of the caller's own.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
struct Real(f64);

impl KeyColumn for Real {
    const COMPARISON: Comparison = Comparison::Value;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_f64().map(Real)
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Real(self.0))
    }
}

fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE one (a ANY NOT NULL PRIMARY KEY);
         CREATE TABLE two (a ANY NOT NULL, b ANY NOT NULL, PRIMARY KEY (a, b));
         CREATE TABLE three (a ANY NOT NULL, b ANY NOT NULL, c ANY NOT NULL, PRIMARY KEY (a, b, c))",
    )
    .expect("the schema is valid");
    db
}

fn by<K: Key>(db: &Connection) -> Table<&Connection, K> {
    let columns = ["a", "b", "c"];
    for (at, table) in ["one", "two", "three"].into_iter().enumerate() {
        if let Ok(table) = Table::new(db, table).key(columns[..=at].iter().copied()) {
            return table;
        }
    }
    panic!("it has one to three columns");
}

fn encode<S: DurableSource>(source: &S, key: &S::Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.encode_key(key, &mut bytes);
    bytes
}

/// The bytes of a key, which comes back from them.
fn bytes<K: Key + Debug>(key: K) -> Vec<u8> {
    let db = open();
    let table = by::<K>(&db);
    let bytes = encode(&table, &key);
    let back = table.decode_key(&bytes).expect("the table is there");
    assert_eq!(format!("{back:?}"), format!("{:?}", Some(&key)));
    bytes
}

/// The bytes of a dynamic key.
fn dynamic(values: Vec<Value>) -> Vec<u8> {
    let db = open();
    let table = Table::new(&db, ["one", "two", "three"][values.len() - 1]);
    let key = table.any_key(values).expect("they fit");
    let bytes = encode(&table, &key);
    let back = table.decode_key(&bytes).expect("the table is there");
    assert_eq!(back.map(AnyKey::into_values), Some(key.into_values()));
    bytes
}

fn is_taken<K: Key>(bytes: &[u8]) -> bool {
    let db = open();
    let key = by::<K>(&db).decode_key(bytes).expect("the table is there");
    key.is_some()
}

fn is_taken_by_any(table: &str, bytes: &[u8]) -> bool {
    let db = open();
    let key = Table::new(&db, table).decode_key(bytes);
    key.expect("the table is there").is_some()
}

/// The examples of the published form.
#[test]
fn bytes_are_the_published_ones() {
    assert_eq!(
        bytes("FÔO\0bar".to_owned()),
        b"\x02F\xc3\x94O\x00\xffbar\x00"
    );
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
    for real in [
        f64::MIN,
        f64::NEG_INFINITY,
        -0.0,
        f64::MIN_POSITIVE / 2.0,
        1e300,
    ] {
        for real in [real, -real] {
            let bytes = dynamic(vec![Value::Real(real)]);
            let db = open();
            let back = Table::new(&db, "one").decode_key(&bytes).expect("there");
            match back.expect("it is a key").values() {
                [Value::Real(back)] => assert_eq!(back.to_bits(), real.to_bits()),
                other => panic!("{other:?}"),
            }
        }
    }
    for text in ["", "\0", "\0\0", "a\0", "\u{10ffff}", "\u{ff}\0\u{ff}"] {
        bytes((text.to_owned(), text.as_bytes().to_vec()));
        bytes((text.as_bytes().to_vec(), Collated(text.to_owned())));
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
    ] {
        assert!(!is_taken_by_any("one", none), "{none:?}");
        assert!(!is_taken::<Real>(none), "{none:?}");
        assert!(
            !is_taken::<i64>(none) && !is_taken::<String>(none),
            "{none:?}"
        );
    }
}

#[test]
fn tuples_in_tuples_are_not_followed() {
    assert!(!is_taken_by_any("one", &vec![0x05; 1 << 20]));
    assert!(!is_taken_by_any("one", &vec![0x14; 1 << 20]));
}

/// Arbitrary bytes, and such as are nearly a tuple.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![
        Just(1),
        Just(2),
        Just(5),
        0x0b..0x1e_u8,
        Just(0x21),
        any::<u8>()
    ];
    let piece = (
        code,
        prop::collection::vec(any::<u8>(), 0..10),
        any::<bool>(),
    );
    let pieces = prop::collection::vec(piece, 0..5).prop_map(|pieces| {
        let mut bytes = Vec::new();
        for (code, piece, ends) in pieces {
            bytes.push(code);
            bytes.extend(piece);
            bytes.extend(ends.then_some(0));
        }
        bytes
    });
    prop_oneof![pieces, prop::collection::vec(any::<u8>(), 0..40)]
}

/// What is taken has one canonical form, which is taken for the same key.
fn canonical<K: Key + Debug>(table: &Table<&Connection, K>, hostile: &[u8]) {
    if let Some(key) = table.decode_key(hostile).expect("the table is there") {
        let bytes = encode(table, &key);
        let again = table.decode_key(&bytes).expect("the table is there");
        assert_eq!(format!("{again:?}"), format!("{:?}", Some(key)));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in hostile()) {
        let db = open();
        canonical(&by::<i64>(&db), &bytes);
        canonical(&by::<u8>(&db), &bytes);
        canonical(&by::<String>(&db), &bytes);
        canonical(&by::<Uuid>(&db), &bytes);
        canonical(&by::<Hyphenated>(&db), &bytes);
        canonical(&by::<(String, Reverse<i64>)>(&db), &bytes);
        canonical(&by::<(Vec<u8>, Collated, i16)>(&db), &bytes);
        for table in ["one", "two", "three"] {
            canonical(&Table::new(&db, table), &bytes);
        }
    }

    #[test]
    fn keys_come_back(key in any::<(String, i64, Vec<u8>)>()) {
        bytes(key.clone());
        bytes((Reverse(key.2), Reverse(Collated(key.0)), Reverse(key.1)));
    }
}
