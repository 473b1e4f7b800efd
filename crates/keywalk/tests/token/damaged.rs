//! What isn't to the byte what was written is refused: all small damage, exhaustively.

use keywalk::{SignedToken, Token, TokenError};

use super::shelf::samples;

const SECRET: &[u8] = b"the server's secret";

/// A token, or a signed one: what it reads and how.
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

fn for_every_sample(check: impl Fn(&Form, &Token)) {
    for form in &FORMS {
        for token in samples() {
            assert_eq!((form.read)(&(form.written)(&token)).as_ref(), Ok(&token));
            assert_eq!((form.parse)(&(form.text)(&token)).as_ref(), Ok(&token));
            check(form, &token);
        }
    }
}

#[test]
fn every_other_byte_at_every_position_is_refused() {
    for_every_sample(|form, token| {
        let mut bytes = (form.written)(token);
        for at in 0..bytes.len() {
            let right = bytes[at];
            for wrong in (0..=255).filter(|byte| *byte != right) {
                bytes[at] = wrong;
                assert!((form.read)(&bytes).is_err(), "{wrong} for {right} at {at}");
            }
            bytes[at] = right;
        }
    });
}

#[test]
fn every_other_character_at_every_position_of_the_text_is_refused() {
    for_every_sample(|form, token| {
        let text = (form.text)(token);
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
fn what_is_cut_at_either_end_is_refused() {
    for_every_sample(|form, token| {
        let (bytes, text) = ((form.written)(token), (form.text)(token));
        for at in 0..bytes.len() {
            assert!((form.read)(&bytes[..at]).is_err(), "up to {at}");
            assert!((form.read)(&bytes[at + 1..]).is_err(), "from {}", at + 1);
        }
        for at in 0..text.len() {
            assert!((form.parse)(&text[..at]).is_err(), "up to {at}");
            assert!((form.parse)(&text[at + 1..]).is_err(), "from {}", at + 1);
        }
    });
}

#[test]
fn what_is_longer_by_anything_is_refused() {
    for_every_sample(|form, token| {
        let (bytes, text) = ((form.written)(token), (form.text)(token));
        for more in 0..=255 {
            assert!((form.read)(&[&bytes[..], &[more]].concat()).is_err());
            assert!((form.read)(&[&[more], &bytes[..]].concat()).is_err());
        }
        assert!((form.read)(&[&bytes[..], &bytes].concat()).is_err());
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
        let bytes = token.as_bytes();
        for at in 0..bytes.len() {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= 1;
            assert_eq!(Token::from_bytes(bytes), Err(TokenError::Damaged));
        }
    }
    for none in ["", "-", "no token", "AAAA"] {
        assert_eq!(none.parse::<Token>(), Err(TokenError::Damaged));
        assert_eq!(none.parse::<SignedToken>(), Err(TokenError::Damaged));
    }
}
