//! A signature is the secret's, and nothing passes without it.

use keywalk::{SignedToken, Token, TokenError};

use super::forge::sealed;
use super::shelf::samples;

/// A walk over nothing, not begun: of a golden file.
const TOKEN: &str = include_str!("../golden/v1/start.txt");

/// Made by Python's `hmac`:
/// `hmac.new(secret, bytes([1, body[1] | 128]) + body[2:], "sha256")`, where `body` is the token without
/// its last eight bytes.
const SIGNATURES: [(&[u8], &str); 3] = [
    (
        b"",
        "85dc80d71b6e30d0e42b22c909f2484594d5f59a1cb5addb2f1c189ca24eea3b",
    ),
    (
        b"the server's secret",
        "3ec4c4330452b4fdbea9b11ba4cdceacb1f0ac48c418efbf63222d6481bd04f7",
    ),
    (
        &[0xaa; 131],
        "65fa5ea55e64ef5a384d59ed46598b4aac6ea589320f05f90d29d3dd37f8f243",
    ),
];

#[test]
fn the_signature_is_hmac_sha_256() {
    let token: Token = TOKEN.trim_end().parse().unwrap();
    for (secret, expected) in SIGNATURES {
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
    let long = [7; 64];
    let secrets: [&[u8]; 7] = [b"", b"s", b"secret", b"secret ", b"Secret", &long, &[7; 65]];
    for token in samples() {
        for (at, secret) in secrets.iter().enumerate() {
            let signed: SignedToken = token.sign(secret).to_string().parse().unwrap();
            assert_eq!(signed, token.sign(secret));
            for (other, others) in secrets.iter().enumerate() {
                let expected = match at == other {
                    true => Ok(token.clone()),
                    false => Err(TokenError::Signature),
                };
                assert_eq!(signed.verify(others), expected);
            }
        }
    }
}

#[test]
fn what_isnt_signed_isnt_taken_for_signed() {
    for token in samples() {
        let error = Err(TokenError::Signature);
        assert_eq!(SignedToken::from_bytes(token.as_bytes()), error);
        assert_eq!(token.to_string().parse::<SignedToken>(), error);
    }
}

#[test]
fn what_is_signed_isnt_taken_for_unsigned() {
    for token in samples() {
        let signed = token.sign(b"secret");
        let error = Err(TokenError::Signed);
        assert_eq!(Token::from_bytes(signed.as_bytes()), error);
        assert_eq!(signed.to_string().parse::<Token>(), error);
    }
}

/// The same fields, unsigned and with its checksum, or with the signature behind.
#[test]
fn a_signature_cant_be_taken_off_or_put_on() {
    for token in samples() {
        let signed = token.sign(b"secret");
        let (body, signature) = signed.as_bytes().split_last_chunk::<32>().unwrap();
        let off = Token::from_bytes(sealed(body));
        assert_eq!(off, Err(TokenError::Damaged), "it says that it is signed");
        let unsigned = token.as_bytes().split_last_chunk::<8>().unwrap().0;
        let on = SignedToken::from_bytes([unsigned, signature].concat());
        assert_eq!(on, Err(TokenError::Damaged), "it says that it isn't signed");
    }
}

#[test]
fn the_signature_of_another_token_doesnt_verify() {
    let signed: Vec<SignedToken> = samples().iter().map(|token| token.sign(b"s")).collect();
    for one in &signed {
        for other in &signed {
            let body = one.as_bytes().split_last_chunk::<32>().unwrap().0;
            let signature = other.as_bytes().split_last_chunk::<32>().unwrap().1;
            let mixed = SignedToken::from_bytes([body, signature].concat()).unwrap();
            assert_eq!(mixed.verify(b"s").is_ok(), one == other);
        }
    }
}

#[test]
fn a_later_form_says_its_number_signed_or_not() {
    let mut bytes = samples()[0].sign(b"secret").as_bytes().to_vec();
    bytes[0] = 3;
    assert_eq!(SignedToken::from_bytes(bytes), Err(TokenError::Version(3)));
    let unsigned = sealed(&[3, 0, 0]);
    assert_eq!(
        SignedToken::from_bytes(unsigned),
        Err(TokenError::Version(3))
    );
}
