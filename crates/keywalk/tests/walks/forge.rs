//! Tokens as anyone can make them: of any content, with the checksum that belongs to it. Refused if they
//! contradict themselves, otherwise a walk like any other.

use std::convert::Infallible;

use keywalk::{Chunk, ChunkSource, Error, Fetched, Fingerprint, KeyRange, ResumableSource, Source};
use keywalk::{SignedToken, Token, TokenError, Walk};

use crate::shelf::{Shelf, Stored, tens};
use crate::tokens::samples;

/// FNV-1a of 64 bits, by its authors' description, behind the bytes.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    [body, &hash.to_be_bytes()].concat()
}

const DESCENDING: u8 = 1;
const START: u8 = 0;
const BOUNDED: u8 = 1 << 1;
const LIVE: u8 = 2 << 1;
const DONE: u8 = 3 << 1;
const NEAR_INCLUDED: u8 = 1 << 3;
const NEAR_EXCLUDED: u8 = 2 << 3;
const FAR_INCLUDED: u8 = 1 << 5;
const FAR_EXCLUDED: u8 = 2 << 5;
const SIGNED: u8 = 1 << 7;

/// A token of this source as far as its fingerprint goes, and of these flags and keys.
fn forged<K: Stored>(shelf: &Shelf<K>, flags: u8, keys: &[u8]) -> Vec<u8> {
    let token = Walk::new(shelf.clone())
        .items()
        .token()
        .expect("it isn't broken");
    sealed(&[&[1, flags], &token.as_bytes()[2..18], keys].concat())
}

/// A key as a token holds it; short ones.
fn held(key: &[u8]) -> Vec<u8> {
    let length = u8::try_from(key.len()).expect("it is short");
    [&[length], key].concat()
}

fn number(key: i64) -> Vec<u8> {
    held(&key.to_be_bytes())
}

#[test]
fn a_form_that_isnt_known_says_its_number_whatever_is_in_it_and_there_is_none_before_the_first() {
    let sample = &samples()[0];
    let body = &sample.as_bytes()[..sample.as_bytes().len() - 8];
    assert_eq!(Token::from_bytes(sealed(body)).as_ref(), Ok(sample));
    for version in (5..=255).chain([0]) {
        let error = match version {
            0 => TokenError::Damaged,
            _ => TokenError::Version(version),
        };
        for rest in [&[][..], &[0], &[0, 0], &[0xff; 40], &body[1..]] {
            let bytes = sealed(&[&[version], rest].concat());
            assert_eq!(Token::from_bytes(&*bytes), Err(error.clone()));
            assert_eq!(SignedToken::from_bytes(bytes), Err(error.clone()));
        }
        let mut signed = sample.sign(b"secret").as_bytes().to_vec();
        signed[0] = version;
        assert_eq!(SignedToken::from_bytes(signed), Err(error));
    }
    assert_eq!(Token::from_bytes(sealed(&[])), Err(TokenError::Damaged));
}

/// What is taken is written back as it was, and its walk is over what its range says.
fn refused_or_a_walk(shelf: &Shelf, bytes: Vec<u8>) -> usize {
    let Ok(token) = Token::from_bytes(bytes.clone()) else {
        return 0;
    };
    let Ok(cursor) = token.cursor(shelf) else {
        return 0;
    };
    assert_eq!(shelf.token(&cursor).as_bytes(), bytes);
    assert_eq!(token.to_string().parse().as_ref(), Ok(&token));
    let expected = match token.is_done() {
        true => Vec::new(),
        false => shelf.within(cursor.range()),
    };
    for chunk_size in [1, 2, 9] {
        let asked = shelf.watch.asked();
        assert_eq!(shelf.rest(&token, chunk_size), expected, "{cursor:?}");
        let asked = shelf.watch.asked() - asked;
        assert!(asked <= expected.len().div_ceil(chunk_size) + 2, "G9");
    }
    1
}

#[test]
fn whatever_the_flags_and_keys_a_token_is_refused_or_its_walk_is_exact() {
    let shelf = tens(5);
    let keys = [i64::MIN, 0, 10, 25, 30, 50, 51, i64::MAX];
    let mut taken = 0;
    for flags in 0..=255 {
        taken += refused_or_a_walk(&shelf, forged(&shelf, flags, &[]));
        for near in keys {
            taken += refused_or_a_walk(&shelf, forged(&shelf, flags, &number(near)));
            for far in keys {
                let two = [number(near), number(far)].concat();
                taken += refused_or_a_walk(&shelf, forged(&shelf, flags, &two));
            }
        }
    }
    // Two orders. Three stages may have any two bounds; the bound of the fourth is included.
    let bounds = |bounds: usize| (keys.len() * 2).pow(bounds as u32);
    let any = 1 + 2 * bounds(1) + bounds(2);
    let included = keys.len() * (1 + bounds(1));
    assert_eq!(taken, 2 * (3 * any + included));
}

/// The second form, where the bounds of the given range follow those of the walk.
#[test]
fn whatever_the_given_range_a_token_is_refused_or_its_walk_is_exact() {
    let shelf = tens(5);
    let keys = [10, 40, 50, 0].map(number).concat();
    let mut taken = 0;
    for flags in 0..=255 {
        let first = forged(&shelf, flags, &[]);
        // With a bit that means nothing, too.
        for given in (0..=16).chain([0x25, 0x45, 0x85]) {
            for count in 0..=4 {
                let head = [&[2, flags], &first[2..18], &[given]].concat();
                let body = [&head, &keys[..count * 9]].concat();
                taken += refused_or_a_walk(&shelf, sealed(&body));
            }
        }
    }
    // Two orders; 8 kinds of given range; 9 of an unbounded walk's and a done one's, 3 of a bounded one's.
    assert_eq!(taken, 2 * 8 * (9 + 9 + 3));
}

#[test]
fn what_contradicts_itself_is_damaged() {
    let (none, one, two) = (vec![], number(10), [number(10), number(50)].concat());
    for (why, flags, keys) in rows! {
        ("a bounded walk without its bound", BOUNDED, &none),
        ("a bounded walk without its bound", BOUNDED | NEAR_EXCLUDED, &one),
        ("a bounded walk whose bound isn't walked", BOUNDED | FAR_EXCLUDED, &one),
        ("a bounded walk whose bound isn't walked", BOUNDED | NEAR_INCLUDED | FAR_EXCLUDED, &two),
        ("no kind of bound", LIVE | 3 << 3, &none),
        ("no kind of bound", LIVE | 3 << 3, &one),
        ("no kind of bound", LIVE | 3 << 3, &two),
        ("no kind of bound", LIVE | 3 << 5, &none),
        ("no kind of bound", LIVE | 3 << 5, &one),
        ("no kind of bound", LIVE | 3 << 5, &two),
        ("no kind of bound", LIVE | 3 << 3 | 3 << 5, &two),
        ("signed, with a checksum", LIVE | SIGNED, &none),
    } {
        for order in [0, DESCENDING] {
            let bytes = forged(&tens(5), order | flags, keys);
            assert_eq!(Token::from_bytes(bytes), Err(TokenError::Damaged), "{why}");
        }
    }
}

#[test]
fn bounds_that_are_inverted_end_the_walk_before_it_asks() {
    let shelf = tens(5);
    for (order, near, far) in [(0, 40, 20), (DESCENDING, 20, 40)] {
        for stage in [START, BOUNDED, LIVE, DONE] {
            let flags = order | stage | NEAR_EXCLUDED | FAR_INCLUDED;
            let bytes = forged(&shelf, flags, &[number(near), number(far)].concat());
            let token = Token::from_bytes(bytes).unwrap();
            assert_eq!(shelf.rest(&token, 2), [0; 0]);
        }
    }
    assert_eq!(shelf.watch.asked(), 0);
}

/// Nor does a walk read a token's keys before it knows whose they are.
#[test]
fn every_hash_of_the_fingerprint_counts() {
    let shelf = tens(5);
    let bytes = forged(&shelf, LIVE | NEAR_EXCLUDED, &held(b"no number"));
    let error = |bytes: &[u8]| {
        let token = Token::from_bytes(sealed(&bytes[..bytes.len() - 8])).unwrap();
        let walk = Walk::new(shelf.clone()).resume_token(&token);
        walk.map(|_| ()).unwrap_err()
    };
    assert_eq!(error(&bytes), Error::Token(TokenError::Key));
    for at in 2..18 {
        let mut other = bytes.clone();
        other[at] ^= 0x10;
        assert!(
            matches!(error(&other), Error::Token(TokenError::Source { .. })),
            "{at}"
        );
    }
}

/// A name in lower case. Reads it in any.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
struct Name(String);

impl Stored for Name {
    const NAME: &'static str = "name";

    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        String::read(bytes).map(|name| Name(name.trim().to_lowercase()))
    }
}

#[test]
fn bytes_that_are_no_key_or_only_like_a_keys_are_refused_at_either_bound() {
    fn refused<K: Stored>(shelf: &Shelf<K>, flags: u8, keys: &[u8]) {
        let token = Token::from_bytes(forged(shelf, flags, keys)).unwrap();
        assert_eq!(token.cursor(shelf), Err(Error::Token(TokenError::Key)));
        assert_eq!(shelf.watch.asked(), 0);
    }
    for bytes in [&[][..], &[1; 7], &[1; 9]] {
        refused(&tens(3), LIVE | NEAR_EXCLUDED, &held(bytes));
        let keys = [number(10), held(bytes)].concat();
        refused(&tens(3), LIVE | NEAR_EXCLUDED | FAR_INCLUDED, &keys);
    }
    refused(
        &Shelf::of([String::new()]),
        LIVE | NEAR_EXCLUDED,
        &held(b"\xff"),
    );
    let names = Shelf::of(["ada", "bob"].map(|name| Name(name.into())));
    for like in ["Ada", " ada", "ada "] {
        refused(&names, LIVE | NEAR_EXCLUDED, &held(like.as_bytes()));
    }
    let right = Token::from_bytes(forged(&names, LIVE | NEAR_EXCLUDED, &held(b"ada"))).unwrap();
    assert_eq!(names.rest(&right, 1), [Name("bob".into())]);
}

/// Takes any eight bytes for a key: also those of a NaN.
struct Floats;

impl Source for Floats {
    type Key = f64;
    type Item = f64;
    type Error = Infallible;
}

impl ChunkSource for Floats {
    fn fetch(&mut self, _: &KeyRange<f64>, _: &mut Chunk<f64>) -> Result<Fetched<f64>, Infallible> {
        Ok(Fetched::End)
    }
}

impl ResumableSource for Floats {
    fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
        Ok(Fingerprint::new("floats"))
    }

    fn encode_key(&self, key: &f64, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<f64>, Infallible> {
        Ok(bytes.try_into().ok().map(f64::from_be_bytes))
    }
}

#[test]
fn what_doesnt_equal_itself_is_no_key() {
    let past = |key: f64| {
        let cursor = Walk::new(Floats).unbounded().chunks().cursor_after(key);
        let token = Token::new(&cursor, &Floats).unwrap();
        token.cursor(&Floats).map(|_| ())
    };
    assert_eq!((past(0.5), past(f64::INFINITY)), (Ok(()), Ok(())));
    assert_eq!(past(f64::NAN), Err(Error::Token(TokenError::Key)));
}

/// With this before the bytes of the only key.
fn read(length: &[u8], key: &[u8]) -> Result<Token, TokenError> {
    let shelf = Shelf::of([String::new()]);
    let held = [length, key].concat();
    Token::from_bytes(forged(&shelf, LIVE | NEAR_EXCLUDED, &held))
}

#[test]
fn a_length_is_read_in_its_shortest_form_only() {
    let key = [b'k'; 300];
    for (length, shortest, longer) in [
        (0, &[0][..], [&[0x80, 0][..], &[0x80, 0x80, 0]]),
        (5, &[5], [&[0x85, 0], &[0x85, 0x80, 0x80, 0]]),
        (127, &[127], [&[0xff, 0], &[0xff, 0x80, 0]]),
        (128, &[0x80, 1], [&[0x80, 0x81, 0], &[0x80, 0x81, 0x80, 0]]),
        (300, &[0xac, 2], [&[0xac, 0x82, 0], &[0xac, 0x82, 0x80, 0]]),
    ] {
        assert!(read(shortest, &key[..length]).is_ok(), "{length}");
        for longer in longer {
            assert_eq!(read(longer, &key[..length]), Err(TokenError::Damaged));
        }
    }
}

#[test]
fn a_length_that_isnt_that_of_what_follows_is_refused() {
    for (length, key) in [
        (&[0][..], "seven"),
        (&[4], "seven"),
        (&[6], "seven"),
        (&[127], "seven"),
        (&[], ""),
        (&[0x80], ""),
    ] {
        assert_eq!(read(length, key.as_bytes()), Err(TokenError::Damaged));
    }
    for (bits, lowest) in [28, 31, 32, 35, 56, 62, 63, 64, 70, 77]
        .into_iter()
        .flat_map(|bits| [(bits, 0), (bits, 0x7f)])
    {
        // Beyond all memory: one bit of the number, and perhaps the seven lowest; then as many ones as there
        // are below.
        let mut digits = vec![lowest | 0x80];
        digits.resize(bits / 7, 0x80);
        digits.push(1 << (bits % 7));
        assert_eq!(read(&digits, b"key"), Err(TokenError::Damaged), "{bits}");
        digits.fill(0xff);
        digits.push(1);
        assert_eq!(read(&digits, b"key"), Err(TokenError::Damaged), "{bits}");
    }
    // `usize::MAX`, and what would be it and 4 bytes more, or just 3 if bits were lost.
    for last in [0x01, 0x03, 0x7f] {
        let digits = [&[0xff; 9][..], &[last]].concat();
        assert_eq!(read(&digits, b"key"), Err(TokenError::Damaged));
    }
    let lost = [&[0x83][..], &[0x80; 8], &[0x02]].concat();
    assert_eq!(read(&lost, b"key"), Err(TokenError::Damaged));
}

#[test]
fn a_token_that_is_too_long_is_refused_before_it_is_read() {
    let most = vec![0xff; Token::MAX_BYTES];
    assert_eq!(Token::from_bytes(most), Err(TokenError::Damaged));
    let more = Token::MAX_BYTES + 1;
    let long = TokenError::TooLong(more);
    assert_eq!(Token::from_bytes(vec![0xff; more]), Err(long.clone()));
    assert_eq!(SignedToken::from_bytes(vec![0xff; more]), Err(long));
    let text = "_".repeat(more / 3 * 4 + 4);
    let long = TokenError::TooLong(more + 1);
    assert_eq!(text.parse::<Token>(), Err(long.clone()));
    assert_eq!(text.parse::<SignedToken>(), Err(long));
}

#[test]
fn a_token_that_would_be_too_long_is_not_written() {
    let shelf = Shelf::of([String::new()]);
    let key = |bytes| "k".repeat(bytes);
    let written = |bytes| {
        let cursor = Walk::new(shelf.clone()).range(key(bytes)..).cursor();
        Token::new(&cursor, &shelf).map(drop)
    };
    assert_eq!(written(Token::MAX_BYTES - 100), Ok(()));
    let refused = written(Token::MAX_BYTES);
    assert!(matches!(refused, Err(Error::Token(TokenError::TooLong(_)))));
}

#[test]
fn keys_of_every_length_about_a_digit_come_back() {
    for length in [0, 1, 126, 127, 128, 129, 16_383, 16_384, 16_385, 2_097_152] {
        let shelf = Shelf::of([0, 1, 2].map(|n: usize| "k".repeat(length + n)));
        let mut items = Walk::new(shelf.clone()).items();
        items.next().unwrap().unwrap();
        let token: Token = items.token().unwrap().to_string().parse().unwrap();
        assert_eq!(token.cursor(&shelf), Ok(items.cursor()));
        assert_eq!(shelf.rest(&token, 1).len(), 2);
    }
}
