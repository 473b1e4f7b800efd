//! What can't be read is an error that says where it is, what it is and what to do; nothing is skipped.

use std::cmp::Reverse;
use std::error::Error as StdError;

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sled::{BareString, Error, ErrorKind, Key, Tree};
use uuid::Uuid;

use crate::trees::{failed, open, walk};

const CURE: &str = "; walk the tree by the type of key that it was written with \
                    (`Vec<u8>` takes any), or remove the key";

/// How many items came, one at a time, and the error after them.
fn items_and_error<K: Key, T, S>(walk: Walk<S>) -> (usize, Error)
where
    S: ChunkSource<Key = K, Item = (K, T), Error = Error>,
{
    let (keys, error, _) = failed(walk.chunk_size(1));
    (keys.len(), error)
}

/// What is said of the key, without the cure, which is the same for all.
fn message<K: Key>(name: &[u8], bytes: &[u8]) -> String {
    let db = open();
    let tree = db.open_tree(name).expect("it opens");
    tree.insert(bytes, "value").expect("it takes any key");
    let (_, error) = items_and_error(walk::<K>(&tree).unbounded());
    assert_eq!((error.kind(), error.key()), (ErrorKind::Key, Some(bytes)));
    assert!(error.source().is_none());
    let bounded = items_and_error(walk::<K>(&tree)).1;
    assert_eq!(bounded.to_string(), error.to_string());
    let message = error.to_string();
    let said = message.strip_suffix(CURE);
    said.unwrap_or_else(|| panic!("{message}")).to_owned()
}

/// The key's type, the tree's name, the key's bytes and what is said of them.
macro_rules! messages {
    ($($key:ty: $name:literal, $bytes:expr => $said:expr;)+) => {
        $(assert_eq!(message::<$key>($name, $bytes), concat!("the key ", $said));)+
    };
}

#[test]
fn a_key_of_another_type_is_named_with_tree_and_cure() {
    messages! {
        u64: b"items", b"name" => r#"0x6e616d65 ("name") of tree "items" is no u64: it has 4 bytes, not 8"#;
        Reverse<u32>: b"__sled__default", b"\x07"
            => "0x07 of the default tree is no Reverse<u32>: it has 1 byte, not 4";
        Uuid: b"\xff\x01", b"" => "of no bytes of tree 0xff01 is no Uuid: it has 0 bytes, not 16";
        BareString: b"t", b"ab\xffc" => r#"0x6162ff63 of tree "t" is no BareString: it isn't UTF-8 from byte 2 on"#;
        String: b"t", b"ada"
            => r#"0x616461 ("ada") of tree "t" is no String: it starts with 0x61, which begins no text"#;
        String: b"t", b"\x02a\xff\x00"
            => r#"0x0261ff00 of tree "t" is no String: it is a text that isn't UTF-8"#;
        (i64, Reverse<String>): b"t", b"\x15\x01\x15\x01"
            => r#"0x15011501 of tree "t" is no (i64, Reverse<String>): its column 2 starts with 0xea, which begins no text"#;
        (i64, Vec<u8>): b"t", b"\x15\x01\x01a"
            => r#"0x15010161 of tree "t" is no (i64, Vec<u8>): its column 2 is no whole byte string"#;
        (u8, i8): b"t", b"\x16\x01\x00\x14"
            => r#"0x16010014 of tree "t" is no (u8, i8): its column 1 is an integer that the type can't hold"#;
        (u8, i8): b"t", b"\x14\x14\x14"
            => r#"0x141414 of tree "t" is no (u8, i8): it goes on for 1 byte after its end"#;
    }
}

/// They would be a second key of one name: a leading zero, a negative zero, and the form of large integers.
#[test]
fn a_second_way_to_write_a_key_is_refused() {
    messages! {
        (i64,): b"t", b"\x16\x00\x01"
            => r#"0x160001 of tree "t" is no (i64,): it isn't written as such a key is"#;
        (i64,): b"t", b"\x13\xff" => r#"0x13ff of tree "t" is no (i64,): it isn't written as such a key is"#;
        (i64,): b"t", b"\x1d\x01\x01"
            => r#"0x1d0101 of tree "t" is no (i64,): it isn't written as such a key is"#;
    }
}

#[test]
fn a_long_key_is_shortened_as_text_up_to_a_character_that_is_cut() {
    let long = |bytes: &[u8]| message::<u64>(b"t", bytes);
    let said = "of tree \"t\" is no u64: it has 100 bytes, not 8";
    let (hex, text) = ("6b".repeat(32), "k".repeat(32));
    let shown = format!("the key 0x{hex}… of 100 bytes (\"{text}\"…) {said}");
    assert_eq!(long("k".repeat(100).as_bytes()), shown);
    let shown = long("€".repeat(40).as_bytes());
    let text = format!("… of 120 bytes (\"{}\"…) of tree", "€".repeat(10));
    assert!(shown.contains(&text), "{shown}");
    let shown = long(&[b'a', b'b', 0xff].repeat(40));
    assert!(shown.contains("… of 120 bytes of tree"), "{shown}");
    messages! {
        u64: b"t", b"ab\xe2\x82" => r#"0x6162e282 of tree "t" is no u64: it has 4 bytes, not 8"#;
    }
}

#[test]
fn what_comes_before_a_key_of_another_type_is_handed_out() {
    let db = open();
    for key in [1_u64, 2, 3, 4] {
        db.insert(key.to_be_bytes(), "value").unwrap();
    }
    db.insert(&3_u64.to_be_bytes()[..7], "odd").unwrap();
    for (order, good) in [(Order::Ascending, 0), (Order::Descending, 4)] {
        let (count, error) = items_and_error(walk::<u64>(&db).order(order).unbounded());
        assert_eq!((count, error.kind()), (good, ErrorKind::Key), "{order:?}");
    }
    let rest = walk::<u64>(&db).range(1..).items();
    assert!(rest.map(|item| item.unwrap().0).eq([1, 2, 3, 4]));
}

#[test]
fn a_value_that_does_not_decode_is_named_by_its_key() {
    let db = open();
    let tree = db.open_tree("ages").unwrap();
    for (name, age) in [("ada", "36"), ("bob", "old"), ("eve", "40")] {
        tree.insert(name, age).unwrap();
    }
    type Parsed<T> = Result<T, Box<dyn StdError + Send + Sync>>;
    let parse = |value: &[u8]| -> Parsed<u32> { Ok(std::str::from_utf8(value)?.parse()?) };
    let fill = move |value: &[u8], age: &mut u32| -> Parsed<()> {
        *age = parse(value)?;
        Ok(())
    };
    let mapped = Tree::<BareString>::new(tree.clone()).map(parse);
    let filled = Tree::<BareString>::new(tree).map_into(fill);
    for (count, error) in [
        items_and_error(Walk::new(mapped)),
        items_and_error(Walk::new(filled).descending()),
    ] {
        assert_eq!((count, error.kind()), (1, ErrorKind::Value));
        assert_eq!(error.key(), Some(&b"bob"[..]));
        let said = "the value of tree \"ages\" at the key 0x626f62 (\"bob\") doesn't decode; put it right \
                    or remove it, or let the closure take it";
        assert_eq!(error.to_string(), said);
        let source = error
            .source()
            .unwrap()
            .downcast_ref::<std::num::ParseIntError>();
        assert_eq!(source.unwrap().to_string(), "invalid digit found in string");
    }
}

#[test]
fn the_last_key_is_found_without_its_value() {
    let db = open();
    db.insert(1_u8.to_be_bytes(), "good").unwrap();
    db.insert(2_u8.to_be_bytes(), "bad").unwrap();
    let tree = Tree::<u8>::new((*db).clone()).map(|value| match value {
        b"good" => Ok(()),
        _ => Err("it is bad"),
    });
    let (count, error) = items_and_error(Walk::new(tree));
    assert_eq!((count, error.key()), (1, Some(&[2][..])));
    assert_eq!(error.source().unwrap().to_string(), "it is bad");
}

#[test]
fn a_key_is_refused_alike_in_the_memory_of_another() {
    fn check<K: Key>(good: &K, why: &str) {
        let db = open();
        let bytes = good.to_bytes();
        db.insert(&bytes, "").expect("it can be written");
        db.insert([&bytes[..], b"\x01"].concat(), "")
            .expect("it can be written");
        let (count, error) = items_and_error(walk::<K>(&db).unbounded());
        assert_eq!(count, 1);
        assert!(error.to_string().contains(why), "{error}");
    }
    let too_long = ": it goes on for 1 byte after its end; ";
    check(&"a".to_owned(), too_long);
    check(&Reverse("a".to_owned()), too_long);
    check(&Reverse(vec![7]), too_long);
    check(&(7_u8, Reverse(7_i64)), too_long);
    check(&(7_u8, "a".to_owned(), vec![7]), too_long);
    check(&7_u64, ": it has 9 bytes, not 8; ");
}

/// It is what a `main` that returns the error prints.
#[test]
fn debug_of_an_error_shows_its_kind_and_message() {
    let db = open();
    db.insert("name", "value").expect("it takes any key");
    let (_, error) = items_and_error(walk::<u64>(&db).unbounded());
    let shown = format!("{error:?}");
    let start = "Error { kind: Key, message: the key 0x6e616d65";
    assert!(shown.starts_with(start), "{shown}");
}
