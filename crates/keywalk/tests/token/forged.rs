//! What was never written, with the checksum that belongs to it: refused if it contradicts itself,
//! otherwise a walk like any other.

use keywalk::{Token, TokenError, Walk};

use super::forge::{
    BOUNDED, DESCENDING, DONE, FAR_EXCLUDED, FAR_INCLUDED, LIVE, NEAR_EXCLUDED, NEAR_INCLUDED,
    SIGNED, START, forged, held, sealed,
};
use super::shelf::{Shelf, samples, tens};

fn number(key: i64) -> Vec<u8> {
    held(&key.to_be_bytes())
}

#[test]
fn a_later_form_says_its_number_whatever_is_in_it() {
    for version in 3..=255 {
        for rest in [&[][..], &[0], &[0xff; 40], &samples()[0].as_bytes()[1..]] {
            let bytes = sealed(&[&[version], rest].concat());
            let error = Err(TokenError::Version(version));
            assert_eq!(Token::from_bytes(bytes), error);
        }
    }
}

#[test]
fn a_form_before_the_first_is_none() {
    let mut body = samples()[0].as_bytes().to_vec();
    body.truncate(body.len() - 8);
    assert_eq!(Token::from_bytes(sealed(&body)).as_ref(), Ok(&samples()[0]));
    body[0] = 0;
    assert_eq!(Token::from_bytes(sealed(&body)), Err(TokenError::Damaged));
    assert_eq!(Token::from_bytes(sealed(&[])), Err(TokenError::Damaged));
}

/// What is taken is written back as it was, and its walk is over what its range says.
fn refused_or_a_walk(shelf: &Shelf<i64>, bytes: Vec<u8>) -> bool {
    let Ok(token) = Token::from_bytes(bytes.clone()) else {
        return false;
    };
    let Ok(cursor) = token.cursor(shelf) else {
        return false;
    };
    assert_eq!(shelf.token(&cursor).as_bytes(), bytes);
    assert_eq!(token.to_string().parse().as_ref(), Ok(&token));
    let expected = match token.is_done() {
        true => Vec::new(),
        false => shelf.within(cursor.range()),
    };
    for chunk_size in [1, 2, 9] {
        let asked = shelf.asked.get();
        assert_eq!(shelf.rest(&token, chunk_size), expected, "{cursor:?}");
        let asked = shelf.asked.get() - asked;
        assert!(asked <= expected.len().div_ceil(chunk_size) + 2, "G9");
    }
    true
}

#[test]
fn whatever_the_flags_and_keys_a_token_is_refused_or_its_walk_is_exact() {
    let shelf = tens(5);
    let keys = [i64::MIN, 0, 10, 25, 30, 50, 51, i64::MAX];
    let mut taken = 0;
    for flags in 0..=255 {
        taken += usize::from(refused_or_a_walk(&shelf, forged(&shelf, flags, &[])));
        for near in keys {
            let one = forged(&shelf, flags, &number(near));
            taken += usize::from(refused_or_a_walk(&shelf, one));
            for far in keys {
                let two = [number(near), number(far)].concat();
                taken += usize::from(refused_or_a_walk(&shelf, forged(&shelf, flags, &two)));
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
                taken += usize::from(refused_or_a_walk(&shelf, sealed(&body)));
            }
        }
    }
    // Two orders; 8 kinds of given range; 9 of a live walk's and a done one's, 3 of a bounded one's.
    assert_eq!(taken, 2 * 8 * (9 + 9 + 3));
}

#[test]
fn a_bounded_walk_without_its_bound_is_refused() {
    let shelf = tens(5);
    for order in [0, DESCENDING] {
        for (flags, keys) in [
            (BOUNDED, vec![]),
            (BOUNDED | NEAR_EXCLUDED, number(10)),
            (BOUNDED | FAR_EXCLUDED, number(50)),
            (
                BOUNDED | NEAR_INCLUDED | FAR_EXCLUDED,
                [number(10), number(50)].concat(),
            ),
        ] {
            let bytes = forged(&shelf, order | flags, &keys);
            assert_eq!(Token::from_bytes(bytes), Err(TokenError::Damaged));
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
    assert_eq!(shelf.asked.get(), 0);
}

#[test]
fn a_kind_of_bound_that_there_isnt_is_refused() {
    let shelf = tens(5);
    for kinds in [3 << 3, 3 << 5, 3 << 3 | 3 << 5] {
        for keys in [vec![], number(10), [number(10), number(20)].concat()] {
            let bytes = forged(&shelf, LIVE | kinds, &keys);
            assert_eq!(Token::from_bytes(bytes), Err(TokenError::Damaged));
        }
    }
}

#[test]
fn what_says_that_it_is_signed_needs_a_signature_instead_of_a_checksum() {
    let bytes = forged(&tens(5), LIVE | SIGNED, &[]);
    assert_eq!(Token::from_bytes(bytes), Err(TokenError::Damaged));
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
    assert_eq!(error(&bytes), keywalk::Error::Token(TokenError::Key));
    for at in 2..18 {
        let mut other = bytes.clone();
        other[at] ^= 0x10;
        let error = error(&other);
        let is_source = matches!(error, keywalk::Error::Token(TokenError::Source { .. }));
        assert!(is_source, "{error:?}");
    }
}
