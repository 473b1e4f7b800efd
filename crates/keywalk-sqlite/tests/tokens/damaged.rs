//! A token with any one byte or character changed, one too many or one too few is refused.

use keywalk::{Token, TokenError, Walk};
use keywalk_sqlite::Table;
use rusqlite::Connection;

fn token() -> (Connection, Token) {
    let db = Connection::open_in_memory().expect("memory is there");
    db.execute_batch(
        "CREATE TABLE t (a TEXT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b));
         INSERT INTO t VALUES ('x', 1), ('x', 1000), ('y', -7)",
    )
    .expect("the schema is valid");
    let table = Table::new(&db, "t").key::<(String, i64)>(["a", "b"]);
    let mut items = Walk::new(table.expect("it is a key")).items();
    items.next().expect("there are three").expect("it is fine");
    let token = items.token().expect("it is a table");
    drop(items);
    (db, token)
}

/// Whether it's read as a token, or even gives a walk.
fn is_taken(db: &Connection, read: Result<Token, TokenError>) -> bool {
    read.is_ok_and(|token| {
        let table = Table::new(db, "t").key::<(String, i64)>(["a", "b"]);
        let walk = Walk::new(table.expect("it is a key")).resume_token(&token);
        walk.is_ok_and(|walk| walk.into_iter().next().is_some_and(|item| item.is_ok()))
    })
}

#[test]
fn every_other_value_of_every_byte_is_refused() {
    let (db, token) = token();
    assert!(is_taken(&db, Token::from_bytes(token.as_bytes())));
    for at in 0..token.as_bytes().len() {
        for change in 1..=u8::MAX {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] ^= change;
            assert!(Token::from_bytes(bytes).is_err(), "byte {at} by {change}");
        }
    }
}

#[test]
fn every_other_character_at_every_place_is_refused() {
    let (db, token) = token();
    let text = token.to_string();
    assert!(is_taken(&db, text.parse()));
    let characters = (0..=0x7f_u8).map(char::from).chain(['é', 'A', '\u{ff21}']);
    for character in characters {
        for (at, before) in text.char_indices() {
            if character != before {
                let mut changed = text.clone();
                changed.replace_range(at..=at, character.encode_utf8(&mut [0; 4]));
                let read: Result<Token, _> = changed.parse();
                assert!(read.is_err(), "{character:?} at {at}");
            }
        }
    }
}

#[test]
fn every_cut_and_every_piece_too_many_is_refused() {
    let (db, token) = token();
    let (bytes, text) = (token.as_bytes(), token.to_string());
    for end in 0..bytes.len() {
        assert!(!is_taken(&db, Token::from_bytes(&bytes[..end])), "{end}");
        assert!(
            !is_taken(&db, Token::from_bytes(&bytes[end + 1..])),
            "{end}"
        );
    }
    for end in 0..text.len() {
        assert!(!is_taken(&db, text[..end].parse()), "{end}");
    }
    for more in ["A", "=", "+", "\0", "AAAA"] {
        assert!(!is_taken(&db, format!("{text}{more}").parse()), "{more:?}");
        assert!(!is_taken(&db, format!("{more}{text}").parse()), "{more:?}");
    }
    for more in [&[0][..], &[0; 8], bytes] {
        assert!(!is_taken(&db, Token::from_bytes([bytes, more].concat())));
    }
}
