//! What differs in anything that was said has another fingerprint.

use keywalk::{Aspect, Fingerprint, Token, Walk};
use proptest::prelude::*;

use super::shelf::tens;

fn token(says: &Fingerprint) -> Token {
    let items = Walk::new(tens(0).saying(says.clone())).items();
    items.token().expect("it isn't broken")
}

/// A filter's text and the values after it.
fn said(text: &str, values: &[&[u8]]) -> Fingerprint {
    let says = Fingerprint::new("shelf").filter(text);
    values
        .iter()
        .fold(says, |says, value| says.with_value(value))
}

#[test]
fn what_is_said_in_another_way_is_told_apart() {
    let all = [
        Fingerprint::new("shelf"),
        Fingerprint::new("shelf").with_value(b""),
        Fingerprint::new("shelf").with_value(b"").with_value(b""),
        Fingerprint::new("shelf ").with_value(b""),
        Fingerprint::new("").with_value(b"shelf"),
        Fingerprint::new("shelf").relation(""),
        Fingerprint::new("shelf").relation("a"),
        Fingerprint::new("shelf").key("a"),
        Fingerprint::new("shelf").relation("a").key("a"),
        Fingerprint::new("shelf")
            .relation("a")
            .with_value(b"b")
            .key("c"),
        Fingerprint::new("shelf")
            .relation("a")
            .key("c")
            .with_value(b"b"),
        said("", &[]),
        said("", &[b""]),
        said("", &[b"", b""]),
        said("", &[b"a"]),
        said("a", &[]),
        said("a", &[b""]),
        said("a", &[b"bc"]),
        said("a", &[b"b", b"c"]),
        said("a", &[b"c", b"b"]),
        said("a", &[b"", b"bc"]),
        said("a", &[b"bc", b""]),
        said("ab", &[b"c"]),
        said("abc", &[]),
        // As lengths and texts are written.
        said("a", &[b"\0\0\0\0\0\0\0\x01b"]),
        said("a\0\0\0\0\0\0\0\x01b", &[]),
        said("a", &[&[0]]),
        said("a", &[&[0, 0]]),
        said("a", &[&[0; 8]]),
        said("a", &[&[], &[]]),
    ];
    for (at, says) in all.iter().enumerate() {
        for (other, others) in all.iter().enumerate() {
            let is_same = token(says).check(others).is_ok();
            assert_eq!(is_same, at == other, "{says:?} and {others:?}");
        }
    }
}

#[test]
fn what_is_said_anew_takes_the_place_of_what_was_said_before() {
    let once = said("a", &[b"b"]);
    let anew = said("z", &[b"x", b"y"]).filter("a").with_value(b"b");
    assert_eq!(once, anew);
    assert_eq!(token(&once), token(&anew));
}

#[test]
fn the_order_in_which_aspects_are_spoken_of_is_free() {
    let one = Fingerprint::new("s")
        .relation("r")
        .with_value(b"1")
        .key("k")
        .with_value(b"2");
    let other = Fingerprint::new("s")
        .key("k")
        .with_value(b"2")
        .relation("r")
        .with_value(b"1");
    assert_eq!(token(&one), token(&other));
}

#[test]
fn a_fingerprint_gives_its_texts_and_shows_no_value() {
    let says = said("of tenant", &[b"secret"]).relation("orders").key("id");
    let texts = [Aspect::Store, Aspect::Relation, Aspect::Key, Aspect::Filter];
    let texts = texts.map(|aspect| says.text(aspect));
    assert_eq!(texts, ["shelf", "orders", "id", "of tenant"]);
    assert!(!format!("{says:?}").contains("secret"));
}

/// A text and values of few and much alike letters.
fn anything() -> impl Strategy<Value = (String, Vec<Vec<u8>>)> {
    let value = prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(b'a')], 0..4);
    ("[\0\x01a]{0,3}", prop::collection::vec(value, 0..4))
}

proptest! {
    #[test]
    fn two_sayings_have_one_fingerprint_if_and_only_if_they_are_the_same(
        one in anything(),
        other in anything(),
    ) {
        let says = |(text, values): &(String, Vec<Vec<u8>>)| {
            said(text, &values.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let is_same = token(&says(&one)).check(&says(&other)).is_ok();
        prop_assert_eq!(is_same, one == other);
        prop_assert!(token(&says(&one)).check(&says(&one)).is_ok());
    }
}
