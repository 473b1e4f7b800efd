//! A token of something else is refused, and says of what.

use std::cmp::Reverse;
use std::fmt::Debug;

use keywalk::{Aspect, DurableSource, Error, Fingerprint, Token, TokenError, Walk};
use keywalk_sled::{Key, Tree, Utf8};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::refusal::{differs, refusal, token};
use crate::relabelled::Relabelled;
use crate::trees::{fill, open, orders};

#[test]
fn a_token_of_another_tree_is_refused() {
    let db = open();
    let tree = |name: &[u8]| Tree::<u64>::new(db.open_tree(name).unwrap());
    fill(tree(b"orders").tree(), &[1_u64, 2]);
    let token = token(tree(b"orders"));
    for (name, here) in [
        (&b"Orders"[..], "Orders"),
        (b"", ""),
        (b"__sled__default", "__sled__default"),
        (b"order\xff", "0x6f72646572ff"),
    ] {
        let relation = differs(Aspect::Relation, here);
        assert_eq!(refusal(tree(name), &token), relation);
    }
}

#[test]
fn a_name_that_is_no_text_is_not_taken_for_the_text_that_shows_it() {
    let db = open();
    let tree = |name: &[u8]| Tree::<u64>::new(db.open_tree(name).unwrap());
    let (bytes, text) = (token(tree(b"\xff")), token(tree(b"0xff")));
    let relation = differs(Aspect::Relation, "0xff");
    assert_eq!(refusal(tree(b"0xff"), &bytes), relation);
    assert_eq!(refusal(tree(b"\xff"), &text), relation);
    assert!(Walk::new(tree(b"\xff")).resume_token(&bytes).is_ok());
}

#[test]
fn a_token_by_another_type_of_key_is_refused() {
    let tree = open().open_tree("orders").unwrap();
    macro_rules! each_other {
        ($($key:ty),+ $(,)?) => {
            let tokens = [$(token(Tree::<$key>::new(tree.clone()))),+];
            let mut here = 0;
            $(
                for (at, token) in tokens.iter().enumerate() {
                    let source = Tree::<$key>::new(tree.clone());
                    if at == here {
                        assert!(Walk::new(source).resume_token(token).is_ok());
                    } else {
                        let key = differs(Aspect::Key, &<$key as Key>::kind());
                        assert_eq!(refusal(source, token), key);
                    }
                }
                here += 1;
            )+
            assert_eq!(here, tokens.len());
        };
    }
    each_other!(
        i64,
        u64,
        u32,
        String,
        Utf8,
        Vec<u8>,
        Uuid,
        Reverse<i64>,
        Reverse<String>,
        (i64,),
        (String, i64),
        (i64, String),
        (i64, Reverse<String>),
    );
}

#[test]
fn a_token_of_another_store_is_refused() {
    let tree = open().open_tree("orders").unwrap();
    let memory = Relabelled {
        source: Tree::<u64>::new(tree.clone()),
        fingerprint: Fingerprint::new("memory").relation("orders").key("u64"),
    };
    let store = differs(Aspect::Store, "sled");
    assert_eq!(refusal(Tree::<u64>::new(tree), &token(memory)), store);
}

#[test]
fn a_damaged_token_is_refused_wherever_the_damage_is() {
    let tree = open().open_tree("orders").unwrap();
    fill(&tree, &[("ada".to_owned(), 7_i64)]);
    let text = token(Tree::<(String, i64)>::new(tree)).to_string();
    for at in 0..text.len() {
        assert!(text[..at].parse::<Token>().is_err(), "cut at {at}");
        for digit in ["A", "B", "-", "z"] {
            let mut damaged = text.clone();
            damaged.replace_range(at..=at, digit);
            if damaged != text {
                let refused = damaged.parse::<Token>();
                assert!(
                    matches!(refused, Err(TokenError::Damaged | TokenError::Version(_))),
                    "{refused:?}"
                );
            }
        }
    }
}

/// The checksum is right, and the bytes are whatever somebody wrote.
fn check_bytes<K: Key + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    let tree = orders();
    let source = Tree::<K>::new(tree.clone());
    let forger = Relabelled {
        source: Tree::<Vec<u8>>::new(tree),
        fingerprint: source.fingerprint().expect("it asks nobody"),
    };
    let walk = Walk::new(forger).live().range(bytes.to_vec()..);
    let token = walk.items().token().expect("it asks nobody");
    let resumed = Walk::new(source).resume_token(&token);
    match K::decode(bytes) {
        Ok(key) if key.to_bytes() == bytes => prop_assert!(resumed.is_ok()),
        _ => prop_assert!(matches!(resumed, Err(Error::Token(TokenError::Key)))),
    }
    Ok(())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let letter = prop_oneof![
        Just(0),
        Just(1),
        Just(2),
        Just(0x14),
        Just(0x15),
        Just(0xff),
        any::<u8>()
    ];
    vec(letter, 0..10)
}

proptest! {
    #[test]
    fn bytes_that_are_no_key_or_one_that_is_written_otherwise_are_refused(bytes in bytes()) {
        check_bytes::<u64>(&bytes)?;
        check_bytes::<i64>(&bytes)?;
        check_bytes::<Uuid>(&bytes)?;
        check_bytes::<Utf8>(&bytes)?;
        check_bytes::<String>(&bytes)?;
        check_bytes::<Vec<u8>>(&bytes)?;
        check_bytes::<(String, i64)>(&bytes)?;
        check_bytes::<(i64, Reverse<String>)>(&bytes)?;
    }
}

#[test]
fn a_key_that_is_written_in_a_second_way_is_refused() {
    // 7 in one byte, and in two.
    check_bytes::<(i64,)>(b"\x15\x07").unwrap();
    check_bytes::<(i64,)>(b"\x16\x00\x07").unwrap();
    assert_eq!(<(i64,)>::decode(b"\x16\x00\x07"), Ok((7,)));
}
