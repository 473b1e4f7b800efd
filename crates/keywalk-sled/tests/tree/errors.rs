//! What can't be read is an error that says where it is, what it is and what to do; nothing is skipped.

use std::cmp::Reverse;
use std::error::Error as StdError;

use keywalk::{ChunkSource, Order, Walk};
use keywalk_sled::{Error, ErrorKind, Key, Tree, Utf8};

use crate::trees::open;

const CURE: &str = "; walk the tree by the type of key that it was written with \
                    (`Vec<u8>` takes any), or remove the key";

/// How many items came, one at a time, and the error after them.
fn items_and_error<S: ChunkSource<Error = Error>>(walk: Walk<S>) -> (usize, Error) {
    let mut chunks = walk.chunk_size(1).chunks();
    let mut count = 0;
    loop {
        match chunks.next() {
            Ok(Some(items)) => count += items.len(),
            Ok(None) => panic!("{count} items came, and the end"),
            Err(keywalk::Error::Source(error)) => return (count, error),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn message<K: Key>(name: &[u8], bytes: &[u8]) -> String {
    let db = open();
    let tree = db.open_tree(name).expect("it opens");
    tree.insert(bytes, "value").expect("it takes any key");
    let mut source = Tree::<K>::new(tree);
    let (_, error) = items_and_error(Walk::new(&mut source).live());
    assert_eq!((error.kind(), error.key()), (ErrorKind::Key, Some(bytes)));
    assert!(error.source().is_none());
    let bounded = items_and_error(Walk::new(&mut source)).1;
    assert_eq!(bounded.to_string(), error.to_string());
    let message = error.to_string();
    assert!(message.ends_with(CURE), "{message}");
    message[..message.len() - CURE.len()].to_owned()
}

#[test]
fn a_key_of_another_type_is_named_with_tree_and_cure() {
    assert_eq!(
        message::<u64>(b"items", b"name"),
        "the key 0x6e616d65 (\"name\") of tree \"items\" is no u64: it has 4 bytes, not 8"
    );
    assert_eq!(
        message::<Reverse<u32>>(b"__sled__default", b"\x07"),
        "the key 0x07 of the default tree is no Reverse<u32>: it has 1 byte, not 4"
    );
    assert_eq!(
        message::<uuid::Uuid>(b"\xff\x01", b""),
        "the key of no bytes of tree 0xff01 is no Uuid: it has 0 bytes, not 16"
    );
    assert_eq!(
        message::<Utf8>(b"t", b"ab\xffc"),
        "the key 0x6162ff63 of tree \"t\" is no Utf8: it isn't UTF-8 from byte 2 on"
    );
    assert_eq!(
        message::<String>(b"t", b"ada"),
        "the key 0x616461 (\"ada\") of tree \"t\" is no String: it starts with 0x61, which begins no text"
    );
    assert_eq!(
        message::<String>(b"t", b"\x02a\xff\x00"),
        "the key 0x0261ff00 of tree \"t\" is no String: it is a text that isn't UTF-8"
    );
    assert_eq!(
        message::<(i64, Reverse<String>)>(b"t", b"\x15\x01\x15\x01"),
        "the key 0x15011501 of tree \"t\" is no (i64, Reverse<String>): its column 2 starts with 0xea, which begins no text"
    );
    assert_eq!(
        message::<(i64, Vec<u8>)>(b"t", b"\x15\x01\x01a"),
        "the key 0x15010161 of tree \"t\" is no (i64, Vec<u8>): its column 2 is no whole byte string"
    );
    assert_eq!(
        message::<(u8, i8)>(b"t", b"\x16\x01\x00\x14"),
        "the key 0x16010014 of tree \"t\" is no (u8, i8): its column 1 is an integer that the type can't hold"
    );
    assert_eq!(
        message::<(u8, i8)>(b"t", b"\x14\x14\x14"),
        "the key 0x141414 of tree \"t\" is no (u8, i8): it goes on for 1 byte after its end"
    );
    assert_eq!(
        message::<(u64,)>(b"t", b"\x16\x00\x01"),
        "the key 0x160001 of tree \"t\" is no (u64,): it isn't written as such a key is"
    );
}

#[test]
fn a_long_key_is_shortened() {
    let key = "k".repeat(100);
    assert_eq!(
        message::<u64>(b"t", key.as_bytes()),
        format!(
            "the key 0x{}… of 100 bytes (\"{}\"…) of tree \"t\" is no u64: it has 100 bytes, not 8",
            "6b".repeat(32),
            "k".repeat(32)
        )
    );
}

#[test]
fn a_long_key_is_shown_as_text_up_to_a_character_that_is_cut_and_other_bytes_are_not() {
    let euros = "€".repeat(40);
    let shown = message::<u64>(b"t", euros.as_bytes());
    let text = format!("… of 120 bytes (\"{}\"…) of tree", "€".repeat(10));
    assert!(shown.contains(&text), "{shown}");
    let shown = message::<u64>(b"t", &[b'a', b'b', 0xff].repeat(40));
    assert!(shown.contains("… of 120 bytes of tree"), "{shown}");
    assert_eq!(
        message::<u64>(b"t", b"ab\xe2\x82"),
        "the key 0x6162e282 of tree \"t\" is no u64: it has 4 bytes, not 8"
    );
}

#[test]
fn what_comes_before_a_key_of_another_type_is_handed_out() {
    let db = open();
    for key in [1_u64, 2, 3, 4] {
        db.insert(key.to_be_bytes(), "value").unwrap();
    }
    db.insert(&3_u64.to_be_bytes()[..7], "odd").unwrap();
    for (order, good) in [(Order::Ascending, 0), (Order::Descending, 4)] {
        let walk = Walk::new(Tree::<u64>::new((*db).clone()))
            .order(order)
            .live();
        let (count, error) = items_and_error(walk);
        assert_eq!((count, error.kind()), (good, ErrorKind::Key), "{order:?}");
    }
    let mut rest = Walk::new(Tree::<u64>::new((*db).clone()))
        .range(1..)
        .items();
    assert_eq!(
        rest.by_ref()
            .map(|item| item.unwrap().0)
            .collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
}

#[test]
fn a_value_that_does_not_decode_is_named_by_its_key() {
    let db = open();
    let tree = db.open_tree("ages").unwrap();
    for (name, age) in [("ada", "36"), ("bob", "old"), ("eve", "40")] {
        tree.insert(name, age).unwrap();
    }
    let parse = |value: &[u8]| -> Result<u32, Box<dyn StdError + Send + Sync>> {
        Ok(std::str::from_utf8(value)?.parse()?)
    };
    let mapped = Tree::<Utf8>::new(tree.clone()).map(parse);
    let filled = Tree::<Utf8>::new(tree).fill(move |value, age: &mut u32| {
        *age = parse(value)?;
        Ok::<_, Box<dyn StdError + Send + Sync>>(())
    });
    let errors = [
        items_and_error(Walk::new(mapped)),
        items_and_error(Walk::new(filled).descending()),
    ];
    for (count, error) in errors {
        assert_eq!((count, error.kind()), (1, ErrorKind::Value));
        assert_eq!(error.key(), Some(&b"bob"[..]));
        assert_eq!(
            error.to_string(),
            "the value of tree \"ages\" at the key 0x626f62 (\"bob\") doesn't decode; put it right or remove it, or let the closure take it"
        );
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
        let (count, error) = items_and_error(Walk::new(Tree::<K>::new((*db).clone())).live());
        let message = error.to_string();
        assert_eq!(count, 1);
        assert!(message.contains(why), "{message}");
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
    let (_, error) = items_and_error(Walk::new(Tree::<u64>::new((*db).clone())).live());
    let shown = format!("{error:?}");
    assert!(
        shown.starts_with("Error { kind: Key, message: the key 0x6e616d65"),
        "{shown}"
    );
}
