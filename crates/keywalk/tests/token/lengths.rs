//! A key's length has one form, and is right.

use keywalk::{SignedToken, Token, TokenError, Walk};

use super::forge::{LIVE, NEAR_EXCLUDED, forged};
use super::shelf::Shelf;

/// With this before the bytes of the only key.
fn read(length: &[u8], key: &[u8]) -> Result<Token, TokenError> {
    let shelf = Shelf::of([String::new()]);
    Token::from_bytes(forged(
        &shelf,
        LIVE | NEAR_EXCLUDED,
        &[length, key].concat(),
    ))
}

#[test]
fn a_length_is_read_in_its_shortest_form_only() {
    let key = [b'k'; 300];
    for (length, longer) in [
        (0, &[&[0x80, 0][..], &[0x80, 0x80, 0]]),
        (5, &[&[0x85, 0], &[0x85, 0x80, 0x80, 0]]),
        (127, &[&[0xff, 0], &[0xff, 0x80, 0]]),
        (128, &[&[0x80, 0x81, 0], &[0x80, 0x81, 0x80, 0]]),
        (300, &[&[0xac, 0x82, 0], &[0xac, 0x82, 0x80, 0]]),
    ] {
        let shortest = match length {
            0..128 => vec![length as u8],
            _ => vec![length as u8 | 0x80, (length >> 7) as u8],
        };
        assert!(read(&shortest, &key[..length]).is_ok(), "{length}");
        for longer in longer {
            assert_eq!(read(longer, &key[..length]), Err(TokenError::Damaged));
        }
    }
}

#[test]
fn a_length_that_isnt_that_of_what_follows_is_refused() {
    for length in [0, 4, 6, 127] {
        assert_eq!(read(&[length], b"seven"), Err(TokenError::Damaged));
    }
    assert_eq!(read(&[], &[]), Err(TokenError::Damaged));
    assert_eq!(read(&[0x80], &[]), Err(TokenError::Damaged));
}

#[test]
fn a_length_beyond_all_memory_is_refused() {
    for bits in [28, 31, 32, 35, 56, 62, 63, 64, 70, 77] {
        for lowest in [0, 0x7f] {
            // One bit of the number, and perhaps the seven lowest; then as many ones as there are below.
            let mut digits = vec![lowest | 0x80];
            digits.resize(bits / 7, 0x80);
            digits.push(1 << (bits % 7));
            assert_eq!(read(&digits, b"key"), Err(TokenError::Damaged), "{bits}");
            digits.fill(0xff);
            digits.push(1);
            assert_eq!(read(&digits, b"key"), Err(TokenError::Damaged), "{bits}");
        }
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
