//! Any bytes and any text, taken for a token: refused, or a cursor whose walk is exact.

mod forged;
mod shelf;

use keywalk::{Error, SignedToken, Token, TokenError, Walk};

use shelf::{Coded, Shelf};

const SECRET: &[u8] = b"a secret";

/// What was taken is written as it was read, in every form, and gives a walk that is all of its range.
fn try_token<K: Coded>(token: &Token, shelf: &Shelf<K>) {
    let again = Token::from_bytes(token.as_bytes());
    assert_eq!(again.as_ref(), Ok(token));
    assert_eq!(token.to_string().parse().as_ref(), Ok(token));

    let cursor = match token.cursor(&shelf) {
        Ok(cursor) => cursor,
        Err(Error::Token(TokenError::Source { .. } | TokenError::Key)) => return,
        Err(error) => panic!("{error:?}"),
    };
    let written = Token::new(&cursor, &shelf).expect("it can say what it walks");
    assert_eq!(&written, token, "it has two forms");
    assert_eq!(token.is_done(), cursor.is_done());

    let expected = match token.is_done() {
        true => Vec::new(),
        false => shelf.within(cursor.range()),
    };
    for chunk_size in [1, 3] {
        let walk = Walk::new(shelf).resume_token(token);
        let mut items = walk
            .expect("its cursor was read")
            .chunk_size(chunk_size)
            .items();
        let keys: Vec<K> = items.by_ref().map_while(Result::ok).collect();
        assert_eq!(keys, expected, "{cursor:?}");
        let most = expected.len() / chunk_size + 3;
        assert!(items.stats().queries() <= most as u64, "G9");
        let after = items.token().expect("it can say what it walks");
        assert_eq!(Token::from_bytes(after.as_bytes()).as_ref(), Ok(&after));
    }
}

fn try_signed<K: Coded>(signed: &SignedToken, shelf: &Shelf<K>) {
    assert_eq!(
        SignedToken::from_bytes(signed.as_bytes()).as_ref(),
        Ok(signed)
    );
    assert_eq!(signed.to_string().parse().as_ref(), Ok(signed));
    assert_eq!(
        Token::from_bytes(signed.as_bytes()),
        Err(TokenError::Signed)
    );
    assert_eq!(signed.verify(b"another secret"), Err(TokenError::Signature));
    if let Ok(token) = signed.verify(SECRET) {
        assert_eq!(&token.sign(SECRET), signed);
        try_token(&token, shelf);
    }
}

fn try_bytes<K: Coded>(bytes: &[u8], shelf: &Shelf<K>) {
    if let Ok(token) = Token::from_bytes(bytes) {
        assert_eq!(token.as_bytes(), bytes);
        assert_eq!(SignedToken::from_bytes(bytes), Err(TokenError::Signature));
        try_token(&token, shelf);
        try_signed(&token.sign(SECRET), shelf);
    }
    if let Ok(signed) = SignedToken::from_bytes(bytes) {
        assert_eq!(signed.as_bytes(), bytes);
        try_signed(&signed, shelf);
    }
}

fn try_text<K: Coded>(text: &str, shelf: &Shelf<K>) {
    if let Ok(token) = text.parse::<Token>() {
        assert_eq!(token.to_string(), text);
        try_token(&token, shelf);
    }
    if let Ok(signed) = text.parse::<SignedToken>() {
        assert_eq!(signed.to_string(), text);
        try_signed(&signed, shelf);
    }
}

fn try_all<K: Coded>(data: &[u8], shelf: &Shelf<K>) {
    try_bytes(data, shelf);
    if let Ok(text) = std::str::from_utf8(data) {
        try_text(text, shelf);
    }
    // Few inputs would get past a checksum or a fingerprint by themselves.
    try_bytes(&forged::sealed(data), shelf);
    for form in [1, 2] {
        if let Some(bytes) = forged::of(form, data, shelf) {
            try_bytes(&bytes, shelf);
        }
    }
}

/// Tokens are read without a panic, have one form, and give walks that end (G9, G10).
///
/// # Panics
///
/// If that isn't so.
pub fn run(data: &[u8]) {
    try_all(data, &Shelf::of([i16::MIN, -300, -1, 0, 7, 256, i16::MAX]));
    let texts = ["", "a", "aa", "b", "é", "\u{10ffff}"];
    try_all(data, &Shelf::of(texts.map(String::from)));
}
