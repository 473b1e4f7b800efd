//! Decodes any bytes or text as a token. It is refused, or it is a cursor whose walk yields exactly its range. Decodes
//! them as the list of tokens of a parallel walk, too.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Debug;

use keywalk::{
    Chunk, ChunkSource, Error, Fetched, Fingerprint, KeyRange, Order, ResumableSource, SignedToken,
    Source, Token, TokenError, Walk,
};
use keywalk_shards::PartsToken;

const SECRET: &[u8] = b"a secret";

/// Tests a decoded token: encoding it again gives the same bytes and text, and its walk yields all of its range.
fn try_token<K: Coded>(token: &Token, shelf: &Shelf<K>) {
    let again = Token::from_bytes(token.as_bytes());
    assert_eq!(again.as_ref(), Ok(token));
    assert_eq!(token.to_string().parse().as_ref(), Ok(token));

    let cursor = match token.cursor(&shelf) {
        Ok(cursor) => cursor,
        Err(Error::Token(TokenError::Source { .. } | TokenError::Key)) => return,
        Err(error) => panic!("{error:?}"),
    };
    let written = Token::new(&cursor, &shelf).expect("the shelf has a fingerprint");
    assert_eq!(&written, token, "the token has two encodings");
    assert_eq!(token.is_done(), cursor.is_done());

    let expected = match token.is_done() {
        true => Vec::new(),
        false => shelf.within(cursor.range()),
    };
    for chunk_size in [1, 3] {
        let walk = Walk::new(shelf).resume_token(token);
        let mut items = walk
            .expect("the cursor was decoded above")
            .chunk_size(chunk_size)
            .items();
        let keys: Vec<K> = items.by_ref().map_while(Result::ok).collect();
        assert_eq!(keys, expected, "{cursor:?}");
        let most = expected.len() / chunk_size + 3;
        assert!(items.stats().queries() <= most as u64, "G9");
        let after = items.token().expect("the shelf has a fingerprint");
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

/// Tests a decoded list of tokens: encoding it again gives the same bytes and text, and its ranges are those of the shelf
/// or it is refused.
fn try_parts<K: Coded>(parts: &PartsToken, shelf: &Shelf<K>) {
    let again = PartsToken::from_bytes(&parts.to_bytes());
    assert_eq!(again.as_ref(), Ok(parts));
    assert_eq!(parts.to_string().parse().as_ref(), Ok(parts));
    match parts.parts(&shelf) {
        Ok(left) => assert!(left.is_done() || !parts.is_done()),
        Err(Error::Token(TokenError::Source { .. } | TokenError::Key)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn try_bytes<K: Coded>(bytes: &[u8], shelf: &Shelf<K>) {
    let list = listed(bytes);
    let lists = [bytes, &list].map(|list| (list, PartsToken::from_bytes(list)));
    assert_eq!(lists[1].1.is_ok(), Token::from_bytes(bytes).is_ok());
    for (list, parts) in lists {
        if let Ok(parts) = parts {
            assert_eq!(parts.to_bytes(), list);
            try_parts(&parts, shelf);
        }
    }
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
    if let Ok(parts) = text.parse::<PartsToken>() {
        assert_eq!(parts.to_string(), text.trim_ascii());
        try_parts(&parts, shelf);
    }
    if let Ok(token) = text.parse::<Token>() {
        assert_eq!(token.to_string(), text.trim_ascii());
        try_token(&token, shelf);
    }
    if let Ok(signed) = text.parse::<SignedToken>() {
        assert_eq!(signed.to_string(), text.trim_ascii());
        try_signed(&signed, shelf);
    }
}

fn try_all<K: Coded>(data: &[u8], shelf: &Shelf<K>) {
    try_bytes(data, shelf);
    if let Ok(text) = std::str::from_utf8(data) {
        try_text(text, shelf);
    }
    // Few random inputs have a right checksum or fingerprint, so these two add them.
    try_bytes(&sealed(data), shelf);
    for form in [1, 2] {
        if let Some(bytes) = forged(form, data, shelf) {
            try_bytes(&bytes, shelf);
        }
    }
}

/// Checks that decoding a token never panics, that a token has one encoding, and that its walk ends (G9, G10).
///
/// # Panics
///
/// If keywalk breaks this promise.
pub fn run(data: &[u8]) {
    try_all(data, &Shelf::of([i16::MIN, -300, -1, 0, 7, 256, i16::MAX]));
    let texts = ["", "a", "aa", "b", "é", "\u{10ffff}"];
    try_all(data, &Shelf::of(texts.map(String::from)));
}

/// Appends the right checksum (64-bit FNV-1a) to the bytes of a token, as somebody who knows the format can.
fn sealed(body: &[u8]) -> Vec<u8> {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    [body, &hash.to_be_bytes()].concat()
}

/// Makes a list of this token, twice.
fn listed(token: &[u8]) -> Vec<u8> {
    let one = [&(token.len() as u32).to_be_bytes(), token].concat();
    [&[1, 0, 0, 0, 2], &*one, &*one].concat()
}

/// Makes a token of this form, with the fingerprint of `shelf`. The first byte of `data` becomes the flags; the others
/// stand where the keys do. In form 2, the first of these is a second byte of flags.
fn forged<K: Coded>(form: u8, data: &[u8], shelf: &Shelf<K>) -> Option<Vec<u8>> {
    let (flags, keys) = data.split_first()?;
    let token = Walk::new(shelf).items().token();
    let token = token.expect("the shelf has a fingerprint");
    let fingerprint = token.as_bytes().get(2..18)?;
    Some(sealed(&[&[form, *flags], fingerprint, keys].concat()))
}

/// A key with an encoding as bytes.
trait Coded: Ord + Clone + Debug {
    const NAME: &'static str;

    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Coded for i16 {
    const NAME: &'static str = "i16";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(i16::from_be_bytes)
    }
}

/// A lenient decoder: it replaces invalid UTF-8, so it accepts bytes that `write` never produces.
impl Coded for String {
    const NAME: &'static str = "text";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// A source whose items are its keys.
struct Shelf<K> {
    keys: BTreeSet<K>,
}

impl<K: Coded> Shelf<K> {
    fn of(keys: impl IntoIterator<Item = K>) -> Self {
        Shelf {
            keys: keys.into_iter().collect(),
        }
    }

    /// Returns the keys within a range, in the range's order.
    fn within(&self, range: &KeyRange<K>) -> Vec<K> {
        let keys = self
            .keys
            .iter()
            .filter(|key| range.may_contain(key))
            .cloned();
        match range.order() {
            Order::Ascending => keys.collect(),
            Order::Descending => keys.rev().collect(),
        }
    }
}

impl<K: Coded> Source for &Shelf<K> {
    type Key = K;
    type Item = K;
    type Error = Infallible;
}

impl<K: Coded> ChunkSource for &Shelf<K> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<K>,
    ) -> Result<Fetched<K>, Infallible> {
        for key in self.within(range) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(key);
        }
        Ok(Fetched::End)
    }
}

impl<K: Coded> ResumableSource for &Shelf<K> {
    fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
        Ok(Fingerprint::new("shelf").key(K::NAME))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.write(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Infallible> {
        Ok(K::read(bytes))
    }
}
