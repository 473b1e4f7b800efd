//! A token is for the source that it was taken from.

use keywalk::{Aspect, Error, Fingerprint, Token, TokenError, Walk};

use super::shelf::{Broken, Shelf, tens};

fn orders() -> Fingerprint {
    Fingerprint::new("shelf")
        .relation("table orders")
        .key("id: i64")
        .filter("of tenant")
        .with_value(b"5")
}

fn token() -> Token {
    let mut items = Walk::new(tens(3).saying(orders())).items();
    items.next();
    items.token().expect("it isn't broken")
}

/// The error over this source, which must not have been asked.
fn refused(shelf: &Shelf<i64>) -> Error<Broken> {
    let walk = Walk::new(shelf.clone()).resume_token(&token());
    let error = walk.map(|_| ()).expect_err("it is of another source");
    assert_eq!(token().cursor(shelf), Err(error.clone()));
    assert_eq!(shelf.asked.get(), 0, "the store was asked");
    error
}

#[test]
fn a_token_of_another_source_is_refused_by_what_differs_before_the_store_is_asked() {
    let filter = |text: &str| {
        Fingerprint::new("shelf")
            .relation("table orders")
            .key("id: i64")
            .filter(text)
    };
    for (says, aspect, here, name) in [
        (Fingerprint::new("sled"), Aspect::Store, "sled", "store"),
        (
            orders().relation("table items"),
            Aspect::Relation,
            "table items",
            "table or query",
        ),
        (
            orders().key("id: i64, descending"),
            Aspect::Key,
            "id: i64, descending",
            "key",
        ),
        (
            orders().filter("of nobody"),
            Aspect::Filter,
            "of nobody",
            "filter",
        ),
        // The text is the same, and the value isn't.
        (
            filter("of tenant").with_value(b"6"),
            Aspect::Filter,
            "of tenant",
            "filter",
        ),
        (filter("of tenant"), Aspect::Filter, "of tenant", "filter"),
    ] {
        let error = refused(&tens(3).saying(says.clone()));
        let here = here.to_owned();
        let expected = TokenError::Source {
            aspect,
            here: here.clone(),
            cure: String::new(),
        };
        assert_eq!(error, Error::Token(expected.clone()));
        assert_eq!(token().check(&says), Err(expected));
        let message = error_text(error);
        assert!(message.contains(&format!("another {name} ")), "{message}");
        assert!(message.contains(&format!("`{here}`")), "{message}");
    }
    assert_eq!(token().check(&orders()), Ok(()));
}

fn error_text(error: Error<Broken>) -> String {
    let Error::Token(error) = error else {
        panic!("{error:?}")
    };
    error.to_string()
}

#[test]
fn a_source_that_says_nothing_of_an_aspect_has_none() {
    let says = Fingerprint::new("shelf")
        .relation("table orders")
        .key("id: i64");
    let message = error_text(refused(&tens(3).saying(says)));
    assert!(
        message.contains("another filter than the source, which has none"),
        "{message}"
    );
}

#[test]
fn the_first_that_differs_is_named() {
    let says = orders().filter("of nobody").relation("table items");
    let error = refused(&tens(3).saying(says));
    let is_relation = matches!(
        error,
        Error::Token(TokenError::Source {
            aspect: Aspect::Relation,
            ..
        })
    );
    assert!(is_relation, "{error:?}");
}

#[test]
fn what_differs_is_shown_on_one_line_and_cut_where_it_is_long() {
    let hostile = "\u{1b}[2J\u{202e}\u{9b}\"'\\";
    let message = error_text(refused(&tens(3).saying(orders().relation(hostile))));
    assert!(
        message.contains(r#"`\u{1b}[2J\u{202e}\u{9b}"'\`"#),
        "{message}"
    );
    let says = orders().relation(format!("SELECT\n{}", "é".repeat(500)));
    let message = error_text(refused(&tens(3).saying(says)));
    assert!(message.contains(r"`SELECT\né"), "{message}");
    assert!(
        message.contains("é... (1007 bytes)`") && message.chars().count() < 300,
        "{message}"
    );
    let whole = "x".repeat(120);
    let message = error_text(refused(&tens(3).saying(orders().relation(&whole))));
    assert!(message.contains(&format!("`{whole}`")), "{message}");
}

#[test]
fn a_source_that_cant_say_what_it_walks_gives_its_own_error() {
    let shelf = tens(3).saying(orders());
    shelf.is_broken.set(true);
    assert_eq!(refused(&shelf), Error::Source(Broken));
    let cursor = Walk::new(shelf.clone()).items().cursor();
    assert_eq!(Token::new(&cursor, &shelf), Err(Broken));
}
