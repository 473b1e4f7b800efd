//! Cursors written down (G10): they come back as they were, or are refused. That a walk goes on from them is
//! said where every walk is exact.

use std::collections::BTreeSet;
use std::ops::Bound;

use keywalk::{
    Error, Fingerprint, FingerprintField, ResumableSource, SignedToken, Token, TokenError, Walk,
};
use proptest::prelude::*;
use serde_core::Deserialize;

use crate::exact::{Spec, each_kind, expected};
use crate::forge::sealed;
use crate::shelf::{Broken, Shelf, Trouble, tens};

/// One of each shape, of walks over three tens and of one over texts.
pub(crate) fn samples() -> Vec<Token> {
    let mut tokens = Vec::new();
    for spec in small(3) {
        for cut in [0, 1, 4] {
            let mut items = spec.walk(spec.shelf()).chunk_size(2).items();
            assert!(items.by_ref().take(cut).all(|item| item.is_ok()));
            tokens.push(items.token().expect("it isn't broken"));
        }
    }
    let texts = Shelf::of(["a", "é", "key"].map(String::from));
    let mut items = Walk::new(texts).chunk_size(1).items();
    items.next();
    tokens.push(items.token().expect("it isn't broken"));
    tokens.push(token(&shards(&[("eu", "orders"), ("us", "orders")])));
    let mut shapes = BTreeSet::new();
    // The form, the flags and the keys' lengths.
    tokens.retain(|token| shapes.insert((token.as_bytes()[..2].to_vec(), token.as_bytes().len())));
    tokens
}

/// Walks over so many tens, over all of them and over some.
fn small(len: i64) -> Vec<Spec> {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let some = (Bound::Excluded(10), Bound::Included(40));
    let open = (Bound::Included(20), Bound::Excluded(40));
    let mut specs = Vec::new();
    for bounds in [all, some, open] {
        let spec = Spec::of((1..=len).map(|n| n * 10), 2);
        each_kind(&Spec { bounds, ..spec }, |spec| specs.push(spec));
    }
    specs
}

#[test]
fn two_cursors_have_the_same_bytes_if_and_only_if_they_are_equal() {
    let mut all = Vec::new();
    for (spec, size) in (0..=5)
        .flat_map(small)
        .flat_map(|spec| [1, 2, 7].map(|n| (spec.clone(), n)))
    {
        let spec = Spec {
            size,
            cut: Some(99),
            ..spec
        };
        for (place, pasts) in spec.trace(crate::ways::Way::Steps, &expected(&spec)) {
            let cursors = pasts.into_iter().chain([place.cursor]);
            all.extend(cursors.map(|cursor| (spec.shelf().token(&cursor), cursor)));
        }
    }
    let distinct: BTreeSet<&[u8]> = all.iter().map(|(token, _)| token.as_bytes()).collect();
    assert!(distinct.len() > 50, "{} cursors", distinct.len());
    for (token, cursor) in &all {
        for (others, other) in &all {
            assert_eq!(cursor == other, token == others, "{cursor:?} and {other:?}");
        }
    }
}

const SECRET: &[u8] = b"the server's secret";

/// A token, or a signed one: how it is written and read.
struct Form {
    written: fn(&Token) -> Vec<u8>,
    text: fn(&Token) -> String,
    read: fn(&[u8]) -> Result<Token, TokenError>,
    parse: fn(&str) -> Result<Token, TokenError>,
}

const FORMS: [Form; 2] = [
    Form {
        written: |token| token.as_bytes().to_vec(),
        text: |token| token.to_string(),
        read: |bytes| Token::from_bytes(bytes),
        parse: |text| text.parse(),
    },
    Form {
        written: |token| token.sign(SECRET).as_bytes().to_vec(),
        text: |token| token.sign(SECRET).to_string(),
        read: |bytes| SignedToken::from_bytes(bytes)?.verify(SECRET),
        parse: |text| text.parse::<SignedToken>()?.verify(SECRET),
    },
];

/// Each with its bytes and its text.
fn for_every_sample(check: impl Fn(&Form, Vec<u8>, &str)) {
    for (form, token) in FORMS
        .iter()
        .flat_map(|form| samples().into_iter().map(move |token| (form, token)))
    {
        let (bytes, text) = ((form.written)(&token), (form.text)(&token));
        assert_eq!((form.read)(&bytes).as_ref(), Ok(&token));
        assert_eq!((form.parse)(&text).as_ref(), Ok(&token));
        check(form, bytes, &text);
    }
    assert!(samples().len() > 20, "{} shapes", samples().len());
}

#[test]
fn every_other_byte_and_every_other_character_at_every_position_is_refused() {
    for_every_sample(|form, mut bytes, text| {
        for at in 0..bytes.len() {
            let right = bytes[at];
            for wrong in (0..=255).filter(|byte| *byte != right) {
                bytes[at] = wrong;
                assert!((form.read)(&bytes).is_err(), "{wrong} for {right} at {at}");
            }
            bytes[at] = right;
        }
        for (at, right) in text.char_indices() {
            let others = (0..=127_u8)
                .map(char::from)
                .chain(['é', '\u{0430}', '\u{ff21}']);
            for wrong in others.filter(|c| *c != right) {
                let text = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
                assert!(
                    (form.parse)(&text).is_err(),
                    "{wrong:?} for {right} at {at}"
                );
            }
        }
    });
}

#[test]
fn what_is_cut_at_either_end_or_longer_by_anything_is_refused() {
    for_every_sample(|form, bytes, text| {
        for at in 0..bytes.len() {
            assert!((form.read)(&bytes[..at]).is_err(), "up to {at}");
            assert!((form.read)(&bytes[at + 1..]).is_err(), "from {}", at + 1);
        }
        for at in 0..text.len() {
            assert!((form.parse)(&text[..at]).is_err(), "up to {at}");
            assert!((form.parse)(&text[at + 1..]).is_err(), "from {}", at + 1);
        }
        for more in (0..=255).map(|byte| vec![byte]).chain([bytes.clone()]) {
            assert!((form.read)(&[&bytes[..], &more].concat()).is_err());
            assert!((form.read)(&[&more[..], &bytes].concat()).is_err());
        }
        let more = (0..=127_u8).map(|byte| char::from(byte).to_string());
        for more in more.chain(["=", "==", "\r\n", "\u{feff}", "%3D"].map(String::from)) {
            // But for the end of a line.
            let is_space = more.trim_ascii().is_empty();
            for around in [format!("{text}{more}"), format!("{more}{text}")] {
                assert_eq!((form.parse)(&around).is_ok(), is_space, "{more:?}");
            }
            let (head, tail) = text.split_at(8);
            assert!(
                (form.parse)(&format!("{head}{more}{tail}")).is_err(),
                "{more:?}"
            );
        }
    });
}

/// Nothing but the checksum tells that from a token of a later release.
#[test]
fn damage_says_so_whatever_it_hits() {
    for token in samples() {
        for at in 0..token.as_bytes().len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(Token::from_bytes(bytes), Err(TokenError::Damaged));
        }
    }
    for none in ["", "-", "no token", "AAAA"] {
        assert_eq!(none.parse::<Token>(), Err(TokenError::Damaged));
        assert_eq!(none.parse::<SignedToken>(), Err(TokenError::Damaged));
    }
}

/// Made by Python's `hmac`, of the golden file `start`:
/// `hmac.new(secret, bytes([1, body[1] | 128]) + body[2:], "sha256")`, where `body` is the token without
/// its last eight bytes.
#[test]
fn the_signature_is_hmac_sha_256() {
    let token: Token = include_str!("../golden/v1/start.txt")
        .trim_end()
        .parse()
        .unwrap();
    let signatures: [(&[u8], &str); 3] = rows! {
        (b"", "85dc80d71b6e30d0e42b22c909f2484594d5f59a1cb5addb2f1c189ca24eea3b"),
        (SECRET, "3ec4c4330452b4fdbea9b11ba4cdceacb1f0ac48c418efbf63222d6481bd04f7"),
        (&[0xaa; 131], "65fa5ea55e64ef5a384d59ed46598b4aac6ea589320f05f90d29d3dd37f8f243"),
    };
    for (secret, expected) in signatures {
        let signed = token.sign(secret);
        let (body, signature) = signed.as_bytes().split_last_chunk::<32>().unwrap();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
        let unsigned = token.as_bytes().split_last_chunk::<8>().unwrap().0;
        assert_eq!((body[0], body[1]), (unsigned[0], unsigned[1] | 0x80));
        assert_eq!(body[2..], unsigned[2..]);
        assert_eq!(signed.verify(secret), Ok(token.clone()));
    }
}

#[test]
fn only_the_secret_that_signed_it_verifies_it() {
    let secrets: [&[u8]; 7] = [
        b"", b"s", b"secret", b"secret ", b"Secret", &[7; 64], &[7; 65],
    ];
    for token in samples() {
        for secret in secrets {
            let signed: SignedToken = token.sign(secret).to_string().parse().unwrap();
            assert_eq!(signed, token.sign(secret));
            for other in secrets {
                let is_same = secret == other;
                let expected = if is_same {
                    Ok(token.clone())
                } else {
                    Err(TokenError::Signature)
                };
                assert_eq!(signed.verify(other), expected);
            }
        }
    }
}

/// A signature is its token's, and neither form is taken for the other: not as it is, and not with the same
/// fields and the other's checksum or signature behind.
#[test]
fn a_signature_cant_be_taken_off_put_on_or_exchanged() {
    let samples = samples();
    for token in &samples {
        let signed = token.sign(SECRET);
        let error = Err(TokenError::Signed);
        assert_eq!(Token::from_bytes(signed.as_bytes()), error);
        assert_eq!(signed.to_string().parse::<Token>(), error);
        let error = Err(TokenError::Signature);
        assert_eq!(SignedToken::from_bytes(token.as_bytes()), error);
        assert_eq!(token.to_string().parse::<SignedToken>(), error);

        let (body, signature) = signed.as_bytes().split_last_chunk::<32>().unwrap();
        let off = Token::from_bytes(sealed(body));
        assert_eq!(off, Err(TokenError::Damaged), "it says that it is signed");
        let unsigned = token.as_bytes().split_last_chunk::<8>().unwrap().0;
        let on = SignedToken::from_bytes([unsigned, signature].concat());
        assert_eq!(on, Err(TokenError::Damaged), "it says that it isn't signed");
        for other in &samples {
            let other = other.sign(SECRET);
            let others = other.as_bytes().split_last_chunk::<32>().unwrap().1;
            let mixed = SignedToken::from_bytes([body, others].concat()).unwrap();
            assert_eq!(mixed.verify(SECRET).is_ok(), signed == other);
        }
    }
}

/// As formats give bytes that have no type for them.
struct Numbers<'a>(&'a [u8]);

impl<'de> serde_core::Deserializer<'de> for Numbers<'_> {
    type Error = serde_core::de::value::Error;

    fn deserialize_any<V: serde_core::de::Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let numbers = self.0.iter().copied();
        visitor.visit_seq(serde_core::de::value::SeqDeserializer::new(numbers))
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde_core::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[test]
fn in_formats_of_serdes_a_token_is_its_text_or_its_bytes() {
    for token in samples() {
        let json = serde_json::to_string(&token).unwrap();
        assert_eq!(json, format!("\"{token}\""));
        assert_eq!(serde_json::from_str::<Token>(&json).unwrap(), token);
        let value = serde_json::to_value(&token).unwrap();
        assert_eq!(serde_json::from_value::<Token>(value).unwrap(), token);
        assert_eq!(
            serde_json::from_reader::<_, Token>(json.as_bytes()).unwrap(),
            token
        );
        let bytes = postcard::to_allocvec(&(7_u8, &token)).unwrap();
        assert_eq!(
            bytes,
            postcard::to_allocvec(&(7_u8, token.as_bytes())).unwrap()
        );
        assert_eq!(
            postcard::from_bytes::<(u8, Token)>(&bytes).unwrap(),
            (7, token.clone())
        );
        assert_eq!(
            Token::deserialize(Numbers(token.as_bytes())),
            Ok(token.clone())
        );

        // It is the one for strangers' hands, so it's the one that a page's state holds.
        let signed = token.sign(SECRET);
        let signed_json = serde_json::to_string(&signed).unwrap();
        assert_eq!(signed_json, format!("\"{signed}\""));
        let read: SignedToken = serde_json::from_str(&signed_json).unwrap();
        assert_eq!(read.verify(SECRET), Ok(token.clone()));
        let bytes = postcard::to_allocvec(&signed).unwrap();
        assert_eq!(postcard::from_bytes::<SignedToken>(&bytes).unwrap(), signed);
        // Neither is taken for the other.
        assert!(serde_json::from_str::<Token>(&signed_json).is_err());
        assert!(serde_json::from_str::<SignedToken>(&json).is_err());
    }
}

#[test]
fn in_formats_of_serdes_damage_is_refused_with_the_tokens_own_message() {
    let error = |json: &str| serde_json::from_str::<Token>(json).unwrap_err().to_string();
    for token in samples() {
        let mut text = token.to_string();
        text.pop();
        assert!(error(&format!("\"{text}\"")).contains("token is damaged"));
        assert!(Token::deserialize(Numbers(&token.as_bytes()[1..])).is_err());
        let mut bytes = postcard::to_allocvec(&token).unwrap();
        for at in 1..bytes.len() {
            bytes[at] ^= 1;
            assert!(postcard::from_bytes::<Token>(&bytes).is_err());
            bytes[at] ^= 1;
        }
    }
    for wrong in ["1", "null", "{}", "[1, 2]", "[300]", "true", "\"\""] {
        error(wrong);
    }
    assert!(error("1").contains("a cursor's token"));
}

fn orders() -> Fingerprint {
    let says = Fingerprint::new("shelf")
        .relation("table orders")
        .key("id: i64");
    says.filter("of tenant").with_value(b"5")
}

fn token(says: &Fingerprint) -> Token {
    let mut items = Walk::new(tens(3).saying(says.clone())).items();
    items.next();
    items.token().expect("it isn't broken")
}

/// What a token of the orders is told over this source, which must not have been asked.
fn refusal(shelf: &Shelf) -> Error<Broken> {
    let token = token(&orders());
    let walk = Walk::new(shelf.clone()).resume_token(&token);
    let error = walk.map(|_| ()).expect_err("it is of another source");
    assert_eq!(token.cursor(shelf), Err(error.clone()));
    assert_eq!(shelf.watch.asked(), 0, "the store was asked");
    error
}

#[test]
fn a_token_of_another_source_is_refused_by_what_differs_first_before_the_store_is_asked() {
    let unfiltered = || {
        Fingerprint::new("shelf")
            .relation("table orders")
            .key("id: i64")
    };
    // On one line, and cut where it is long.
    let hostile = "\u{1b}[2J\u{202e}\u{9b}\"'\\";
    let long = format!("SELECT\n{}", "é".repeat(500));
    let whole = "x".repeat(120);
    for (says, field, here, message) in rows! {
        (Fingerprint::new("sled"), FingerprintField::Store, "sled", "another store than the source's, `sled`"),
        (
            orders().relation("items"),
            FingerprintField::Relation,
            "items",
            "another table or query than the source's, `items`",
        ),
        (
            orders().key("i64, down"),
            FingerprintField::Key,
            "i64, down",
            "another key than the source's, `i64, down`",
        ),
        (
            orders().filter("of none"),
            FingerprintField::Filter,
            "of none",
            "another filter than the source's, `of none`",
        ),
        // The text is the same, and the value isn't.
        (orders().filter("of tenant").with_value(b"6"), FingerprintField::Filter, "of tenant", "`of tenant`"),
        (orders().filter("of tenant"), FingerprintField::Filter, "of tenant", "`of tenant`"),
        (unfiltered(), FingerprintField::Filter, "", "another filter than the source, which has none"),
        (orders().filter("of none").relation("items"), FingerprintField::Relation, "items", "`items`"),
        (orders().relation(hostile), FingerprintField::Relation, hostile, r#"`\u{1b}[2J\u{202e}\u{9b}"'\`"#),
        (orders().relation(&long), FingerprintField::Relation, &long, r"`SELECT\né"),
        (orders().relation(&long), FingerprintField::Relation, &long, "é... (1007 bytes)`"),
        (orders().relation(&whole), FingerprintField::Relation, &whole, &format!("`{whole}`")),
    } {
        let error = TokenError::Source {
            field,
            here: here.into(),
            cure: String::new(),
        };
        assert_eq!(
            refusal(&tens(3).saying(says.clone())),
            Error::Token(error.clone())
        );
        assert_eq!(token(&orders()).check(&says), Err(error.clone()));
        let said = error.to_string();
        assert!(
            said.contains(message) && said.chars().count() < 300,
            "{said}"
        );
    }
    assert_eq!(token(&orders()).check(&orders()), Ok(()));
    let broken = tens(3).saying(orders()).in_trouble(Trouble::Lasting);
    assert_eq!(
        refusal(&broken),
        Error::Source(Broken(0)),
        "it can't say what it walks"
    );
}

/// A source made of members: their names and relations.
fn shards(members: &[(&str, &str)]) -> Fingerprint {
    let whole = Fingerprint::new("shelf").relation("orders").key("i64");
    members.iter().fold(whole, |whole, (name, relation)| {
        whole.member(*name, &Fingerprint::new("member").relation(*relation))
    })
}

#[test]
fn a_member_that_is_missing_or_new_or_another_one_is_named_with_its_cure_and_their_order_doesnt_matter()
 {
    let taken = token(&shards(&[("eu", "orders"), ("us", "orders")]));
    let same = shards(&[("us", "old"), ("eu", "orders"), ("us", "orders")]);
    assert_eq!(token(&same), taken);
    assert_eq!(taken.check(&same), Ok(()));
    for (members, cure) in rows! {
        (&[("us", "orders")][..], "its member `eu` is missing here; add it"),
        (&[("eu", "orders")][..], "its member `us` is missing here; add it"),
        (&[][..], "its member `eu` is missing here; add it"),
        (&[("as", "orders"), ("eu", "orders"), ("us", "orders")][..], "the member `as` is new here; leave it out"),
        (&[("as", "orders"), ("us", "orders")][..], "its member `eu` is missing here, and `as` is new; pass `eu` instead"),
        (&[("eu", "orders"), ("zs", "orders")][..], "or, if `zs` is `us` renamed, give it that name"),
        (&[("eu", "orders"), ("us", "items")][..], "its member `us` is another one here; pass the `us` that it was taken from; number them"),
    } {
        let here = shards(members).cure(FingerprintField::Relation, "number them");
        let error = taken.check(&here).expect_err("its members differ");
        assert!(error.to_string().contains(cure), "{error}");
        let new = token(&shards(members)).check(&shards(&[("eu", "orders"), ("us", "orders")]));
        assert!(new.is_err(), "{members:?}");
    }
    // Refused, although the hash of all members is the one of none.
    let none = token(&shards(&[]));
    let body = &none.as_bytes()[..none.as_bytes().len() - 8];
    let forged = [
        &[body[0] + 2],
        &body[1..18],
        &[1, 1, b'a', 0, 0, 0, 0],
        &body[18..],
    ]
    .concat();
    let forged = Token::from_bytes(sealed(&forged)).expect("it is well formed");
    assert!(forged.check(&shards(&[])).is_err());
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
    let shelf = || Fingerprint::new("shelf");
    let all = [
        shelf(),
        shelf().with_value(b""),
        shelf().with_value(b"").with_value(b""),
        Fingerprint::new("shelf ").with_value(b""),
        Fingerprint::new("").with_value(b"shelf"),
        shelf().relation(""),
        shelf().relation("a"),
        shelf().key("a"),
        shelf().relation("a").key("a"),
        shelf().relation("a").with_value(b"b").key("c"),
        shelf().relation("a").key("c").with_value(b"b"),
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
            assert_eq!(
                token(says).check(others).is_ok(),
                at == other,
                "{says:?} and {others:?}"
            );
        }
    }
    // What is set again takes the place of what was said before, and fields have no order.
    let again = said("z", &[b"x", b"y"]).filter("a").with_value(b"b");
    assert_eq!(said("a", &[b"b"]), again);
    let one = shelf()
        .relation("r")
        .with_value(b"1")
        .key("k")
        .with_value(b"2");
    let other = shelf()
        .key("k")
        .with_value(b"2")
        .relation("r")
        .with_value(b"1");
    assert_eq!(token(&one), token(&other));
}

#[test]
fn a_fingerprint_gives_its_texts_and_shows_no_value() {
    let says = said("of tenant", &[b"secret"]).relation("orders").key("id");
    let texts = [
        FingerprintField::Store,
        FingerprintField::Relation,
        FingerprintField::Key,
        FingerprintField::Filter,
    ];
    let texts = texts.map(|field| says.text(field));
    assert_eq!(texts, ["shelf", "orders", "id", "of tenant"]);
    assert!(!format!("{says:?}").contains("secret"));
}

#[test]
fn a_key_in_words_is_its_bytes_cut_where_they_are_many() {
    let words = |key: &str| Shelf::of([]).key_text(&key.to_owned());
    assert_eq!([words(""), words("a\u{ff}")], ["empty", "61c3bf"]);
    assert_eq!(words(&"a".repeat(60)), "61".repeat(60));
    let cut = "61".repeat(60) + "... (61 bytes)";
    assert_eq!(words(&"a".repeat(61)), cut);
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
