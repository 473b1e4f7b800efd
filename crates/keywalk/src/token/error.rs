use alloc::string::String;
use core::error::Error;
use core::fmt;

use super::Token;
use crate::excerpt::Excerpt;
use crate::fingerprint::FingerprintField;

/// The maximum number of characters shown of a source's own description.
const MOST_CHARS: usize = 120;

/// Why a [`Token`](crate::Token) was refused. A token never resumes a different walk (G10).
///
/// ```
/// use keywalk::{Token, TokenError};
///
/// assert_eq!("page 7".parse::<Token>(), Err(TokenError::Damaged));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The token isn't as it was written: cut, changed, of another type, or no token at all.
    Damaged,
    /// The token has this many bytes, more than [`Token::MAX_BYTES`](crate::Token::MAX_BYTES). For text the
    /// number is approximate.
    TooLong(usize),
    /// The token's byte format has this version. Only a later release knows it.
    Version(u8),
    /// The token is signed, but was read as unsigned.
    Signed,
    /// The token isn't signed, or its signature doesn't match the secret: it was changed or forged, or the
    /// secret is a different one.
    Signature,
    /// The token belongs to another source.
    Source {
        /// The first field that differs.
        field: FingerprintField,
        /// How the source that you resume on describes this field.
        here: String,
        /// What that source [recommends](crate::Fingerprint::cure) to do about it; empty if nothing.
        cure: String,
    },
    /// A key in the token isn't one of the source's.
    Key,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::Damaged => f.write_str(
                "the cursor's token is damaged: it was cut or changed, or is of another type, or no token; read it as \
                 the type that wrote it (`Token`, `PartsToken`), or walk from the start, or from an earlier token",
            ),
            TokenError::TooLong(bytes) => write!(
                f,
                "the cursor's token has {bytes} bytes, and none is read that has more than {}; if no \
                 stranger made it, walk by a shorter key",
                Token::MAX_BYTES
            ),
            TokenError::Version(version) => write!(
                f,
                "the cursor's token has the form {version}, which isn't known here; read it as the type that wrote \
                 it, and with the release that wrote it or a later one"
            ),
            TokenError::Signed => f.write_str(
                "the cursor's token is signed; read it as a `SignedToken` (feature `hmac`) and verify it",
            ),
            TokenError::Signature => f.write_str(
                "the cursor's token has no signature by this secret: it was changed or forged, or \
                 signed by another secret, or not at all",
            ),
            TokenError::Source { field, here, cure } => {
                write!(f, "the cursor's token is of another {field} than the source")?;
                match here.is_empty() {
                    true => f.write_str(", which has none; ")?,
                    false => write!(f, "'s, `{}`; ", Excerpt::new(here, MOST_CHARS))?,
                }
                match cure.is_empty() {
                    true => f.write_str("resume it over the source that it was taken from"),
                    false => f.write_str(cure),
                }
            }
            TokenError::Key => f.write_str(
                "a key of the cursor's token isn't one of the source's; resume it by the type of key \
                 that it was taken from",
            ),
        }
    }
}

/// Prints the message too: if `main` returns the error, Rust prints it with `Debug`.
impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenError({self})")
    }
}

impl Error for TokenError {}
