//! A token of something else is refused, and says of what.

use std::collections::BTreeMap;

use keywalk::{Aspect, DurableSource, Error, Fingerprint, Token, TokenError, Walk};
use keywalk_memory::keywalk_key::Key;
use keywalk_memory::{Map, SharedMap};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::refusal::{differs, refusal, token};
use crate::relabelled::Relabelled;
use crate::stores::{Stores, each};

#[test]
fn a_token_of_another_name_is_refused() {
    let names = ["", "orders", "Orders", "orders ", "0"];
    for theirs in names {
        let token = token(Stores::new(theirs, &[1_u64, 2]).map());
        for ours in names {
            let stores = Stores::new(ours, &[1_u64, 2]);
            if ours == theirs {
                each!(stores, |source| assert!(
                    Walk::new(source()).resume_token(&token).is_ok()
                ));
            } else {
                let relation = differs(Aspect::Relation, ours);
                each!(stores, |source| assert_eq!(
                    refusal(source(), &token),
                    relation
                ));
            }
        }
    }
}

#[test]
fn a_store_has_no_name_unless_it_is_given_one() {
    let map = BTreeMap::from([(1_u64, "one")]);
    let unnamed = Map::new(&map);
    assert_eq!(unnamed.fingerprint(), unnamed.named("").fingerprint());
    assert_ne!(unnamed.fingerprint(), unnamed.named("a").fingerprint());
    let (of_orders, of_none) = (token(unnamed.named("orders")), token(unnamed));
    let message = |source: Map<'_, u64, _>, token: &Token| {
        let refused = token.cursor(&source).map(drop);
        refused.expect_err("it is of another").to_string()
    };
    let told = message(unnamed, &of_orders);
    assert!(
        told.contains("which has none; give it by `named` the name that"),
        "{told}"
    );
    assert!(of_orders.cursor(&unnamed.named("orders")).is_ok());
    let told = message(unnamed.named("orders"), &of_none);
    assert!(told.contains("or none where it had none"), "{told}");
    assert!(of_none.cursor(&unnamed).is_ok());
}

#[test]
fn a_clone_has_the_name() {
    let stores = Stores::new("orders", &[1_u64]);
    each!(stores, |source| {
        let source = source();
        #[allow(clippy::clone_on_copy, reason = "some are, some aren't")]
        let clone = source.clone();
        assert_eq!(clone.fingerprint(), source.fingerprint());
    });
    let again = stores.shared_map().named("again");
    assert_eq!(again.clone().fingerprint(), again.fingerprint());
}

#[test]
fn a_token_by_another_type_of_key_is_refused() {
    let signed = Stores::new("orders", &[7_i64]);
    let unsigned = Stores::new("orders", &[7_u64]);
    let texts = Stores::new("orders", &["7".to_owned()]);
    let pairs = Stores::new("orders", &[("7".to_owned(), 7_i64)]);
    let turned = Stores::new("orders", &[(7_i64, "7".to_owned())]);
    let uuids = Stores::new("orders", &[Uuid::from_u128(7)]);
    macro_rules! each_other {
        ($($ours:ident as $kind:literal),+) => {$(
            each!($ours, |source| {
                let tokens = [
                    ("i64", token(signed.slice())),
                    ("u64", token(unsigned.slice())),
                    ("String", token(texts.slice())),
                    ("(String, integer)", token(pairs.slice())),
                    ("(integer, String)", token(turned.slice())),
                    ("Uuid", token(uuids.slice())),
                ];
                for (kind, token) in tokens {
                    if kind == $kind {
                        assert!(Walk::new(source()).resume_token(&token).is_ok());
                    } else {
                        assert_eq!(refusal(source(), &token), differs(Aspect::Key, $kind));
                    }
                }
            });
        )+};
    }
    each_other!(
        signed as "i64",
        unsigned as "u64",
        texts as "String",
        pairs as "(String, integer)",
        turned as "(integer, String)",
        uuids as "Uuid"
    );
}

#[test]
fn a_token_of_another_store_or_with_a_filter_is_refused() {
    let stores = Stores::new("orders", &[1_u64]);
    let relabelled = |fingerprint| {
        token(Relabelled {
            source: stores.map(),
            fingerprint,
        })
    };
    let own = stores.map().fingerprint().unwrap();
    let foreign = relabelled(Fingerprint::new("sled").relation("orders").key("u64"));
    let filtered = relabelled(own.filter("of tenant"));
    each!(stores, |source| {
        assert_eq!(
            refusal(source(), &foreign),
            differs(Aspect::Store, "memory")
        );
        assert_eq!(refusal(source(), &filtered), differs(Aspect::Filter, ""));
    });
}

#[test]
fn a_damaged_token_is_refused_wherever_the_damage_is() {
    let text = token(Stores::new("orders", &[("ada".to_owned(), 7_i64)]).map()).to_string();
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

proptest! {
    /// The checksum is right, and the bytes are whatever somebody wrote.
    #[test]
    fn bytes_that_are_no_key_or_one_that_is_written_otherwise_are_refused(
        bytes in vec(prop_oneof![Just(0), Just(2), Just(0x15), Just(0x16), any::<u8>()], 0..6),
    ) {
        type Pair = (String, i64);
        let stores = Stores::<Pair>::new("orders", &[]);
        let forger = Relabelled {
            source: Stores::<Vec<u8>>::new("", &[]).shared_map(),
            fingerprint: stores.map().fingerprint().unwrap(),
        };
        let token = Walk::new(forger).live().range(bytes.clone()..).items().token().unwrap();
        let is_key = Pair::decode(&bytes).is_ok_and(|key| key.to_bytes() == bytes);
        each!(stores, |source| {
            let resumed = Walk::new(source()).resume_token(&token);
            if is_key {
                prop_assert!(resumed.is_ok());
            } else {
                prop_assert!(matches!(resumed, Err(Error::Token(TokenError::Key))));
            }
        });
    }
}

/// A token is made and read without the lock.
#[test]
fn a_poisoned_map_still_tells_where_its_walk_stands() {
    let map = std::sync::Arc::new(std::sync::RwLock::new(BTreeMap::from([(1_u64, ())])));
    let before = token(SharedMap::new(map.clone()));
    let poisoner = map.clone();
    let poisoned = std::thread::spawn(move || {
        let _guard = poisoner.write();
        panic!("while it changes the map");
    });
    assert!(poisoned.join().is_err());
    let mut walk = Walk::new(SharedMap::new(map))
        .resume_token(&before)
        .unwrap()
        .items();
    assert!(walk.next().unwrap().is_err());
    assert_eq!(walk.token(), Ok(before));
}
