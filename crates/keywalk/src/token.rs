use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::cursor::Cursor;
use crate::error::Error;
use crate::fingerprint::{Fingerprint, FingerprintField};
use crate::fnv::Fnv;
use crate::resumable_source::ResumableSource;

mod error;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "hmac")]
mod signed;
mod text;
mod wire;

pub use error::TokenError;
#[cfg(feature = "hmac")]
pub use signed::SignedToken;
use wire::Body;

/// In every form (version of the byte format; see `wire`) the first byte is the form's number, and the last eight
/// bytes are a checksum.
const CHECKSUM: usize = 8;
/// A signed token has a signature in place of the checksum.
const SIGNATURE: usize = 32;

/// A [`Cursor`] written down, to resume in another process (G10): as bytes, or as text that is safe in a URL.
///
/// [`Items::token`](crate::Items::token) and [`Chunks::token`](crate::Chunks::token) return one, and
/// [`Walk::resume_token`](crate::Walk::resume_token) resumes from it. It holds the range that is left,
/// its order, and whether the walk is bounded, unbounded or done. It also holds the [range](crate::Walk::range) that
/// the walk was given, and a [fingerprint](crate::Fingerprint) of the source. It doesn't hold the chunk size, which
/// may differ.
///
/// A token is refused with a [`TokenError`] if it is damaged, belongs to another source, or has the newer format
/// of a later release. The error shows what differs. A token never resumes a different walk.
///
/// ```
/// use keywalk::{Token, Walk};
/// # use keywalk::{Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, ResumableSource, Source};
/// # use std::convert::Infallible;
/// # struct Squares;
/// # impl Source for Squares {
/// #     type Key = u32;
/// #     type Item = (u32, u32);
/// #     type Error = Infallible;
/// # }
/// # impl ChunkSource for Squares {
/// #     fn fetch(&mut self, range: &KeyRange<u32>, chunk: &mut Chunk<(u32, u32)>)
/// #         -> Result<Fetched<u32>, Infallible> {
/// #         let squares = (0..100).filter(|n| range.may_contain(n)).map(|n| (n, n * n));
/// #         Ok(if chunk.fill_from(squares) { Fetched::More } else { Fetched::End })
/// #     }
/// #     fn last_key(&mut self, _: &KeyRange<u32>) -> Result<LastKey<u32>, Infallible> {
/// #         Ok(LastKey::Known(99))
/// #     }
/// # }
/// # impl ResumableSource for Squares {
/// #     fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
/// #         Ok(Fingerprint::new("squares").key("u32"))
/// #     }
/// #     fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
/// #         bytes.extend_from_slice(&key.to_be_bytes());
/// #     }
/// #     fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
/// #         Ok(bytes.try_into().ok().map(u32::from_be_bytes))
/// #     }
/// # }
///
/// let mut items = Walk::new(Squares).items();
/// let first: Vec<_> = items.by_ref().take(3).collect::<Result<_, _>>()?;
/// let stored: String = items.token()?.to_string();
///
/// // In another process.
/// let token: Token = stored.parse()?;
/// let mut rest = Walk::new(Squares).resume_token(&token)?.items();
/// assert_eq!((first.last(), rest.next()), (Some(&(2, 4)), Some(Ok((3, 9)))));
/// # Ok::<(), keywalk::Error<Infallible>>(())
/// ```
///
/// # Format
///
/// A token takes 28 bytes plus the bytes of two keys. If the walk was given a range, add 3 bytes and the bytes
/// of its bounds. If the source has [members](crate::Fingerprint::member), add about 5 bytes and the name of each.
/// The text is a third longer. A token longer than [`MAX_BYTES`](Self::MAX_BYTES) is refused.
///
/// Anyone can read the keys in a token, and the names of a source's [members](crate::Fingerprint::member): encrypt
/// it if they must stay secret. The checksum detects accidents, not forgery. Sign a token that passes through
/// untrusted hands (`Token::sign`, feature `hmac`).
///
/// Every later release reads the tokens of this one, and resumes the same walk. Two tokens have the same bytes
/// if and only if their cursors are equal and belong to the same source.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token {
    bytes: Vec<u8>,
}

impl Token {
    /// The maximum size of a token that is read: 16 MiB, so keys of up to 4 MB each always fit. A longer token
    /// is refused with [`TokenError::TooLong`](crate::TokenError::TooLong) before it is parsed. If tokens come
    /// from strangers, also limit the size of requests, as servers do for URLs.
    pub const MAX_BYTES: usize = 16 << 20;

    /// Creates the token of a cursor of a walk over `source`.
    ///
    /// # Errors
    ///
    /// The source's error if it can't compute its fingerprint. [`TokenError::TooLong`] if the keys are so long
    /// that the token would be refused.
    pub fn new<S: ResumableSource + ?Sized>(
        cursor: &Cursor<S::Key>,
        source: &S,
    ) -> Result<Self, Error<S::Error>> {
        let mut bytes = wire::write(cursor, source).map_err(Error::Source)?;
        // Leaves room for a signature, which is longer than the checksum.
        check_length(bytes.len() + SIGNATURE)?;
        let checksum = Fnv::of(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        Ok(Token { bytes })
    }

    /// Decodes a token from bytes returned by [`as_bytes`](Self::as_bytes). Does not check which source it
    /// belongs to; that happens on resume.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged, exceed [`MAX_BYTES`](Self::MAX_BYTES), or have the newer format of a later release.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, TokenError> {
        let bytes = bytes.into();
        check_length(bytes.len())?;
        match checked(&bytes) {
            Some(body) if Body::read(body)?.is_signed => Err(TokenError::Damaged),
            Some(_) => Ok(Token { bytes }),
            None if signed(&bytes).is_ok() => Err(TokenError::Signed),
            None => Err(TokenError::Damaged),
        }
    }

    /// Returns the bytes, for storage.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Converts the token into its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Decodes the cursor for a walk over `source`.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if the token belongs to another source or holds a key that isn't one of the source's.
    /// [`Error::Source`] if the source can't compute its fingerprint.
    pub fn cursor<S: ResumableSource + ?Sized>(
        &self,
        source: &S,
    ) -> Result<Cursor<S::Key>, Error<S::Error>> {
        let body = self.body().map_err(Error::Token)?;
        body.cursor(source, &FingerprintField::ALL)
    }

    /// Decodes the cursor for a walk over `source`, like [`cursor`](Self::cursor), but accepts a token of
    /// another table, query or filter. Store and key must be the same, including the key's columns, types and
    /// directions.
    ///
    /// Use it if the text of a query had to change during a walk. Nothing checks that both queries return the
    /// same rows. Rows before the cursor that only the new query returns are never visited.
    ///
    /// # Errors
    ///
    /// See [`cursor`](Self::cursor).
    pub fn adopt<S: ResumableSource + ?Sized>(
        &self,
        source: &S,
    ) -> Result<Cursor<S::Key>, Error<S::Error>> {
        let body = self.body().map_err(Error::Token)?;
        body.cursor(source, &[FingerprintField::Store, FingerprintField::Key])
    }

    /// Checks that the token belongs to a source with this fingerprint.
    ///
    /// # Errors
    ///
    /// [`TokenError::Source`] if it doesn't.
    pub fn check(&self, fingerprint: &Fingerprint) -> Result<(), TokenError> {
        self.body()?.check(fingerprint, &FingerprintField::ALL)
    }

    /// Whether the walk has ended, so that resuming yields nothing. Never true for an unbounded walk.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.body().is_ok_and(|body| body.is_done())
    }

    fn body(&self) -> Result<Body<'_>, TokenError> {
        Body::read(&self.bytes[..self.bytes.len() - CHECKSUM])
    }
}

fn check_length(bytes: usize) -> Result<(), TokenError> {
    match bytes > Token::MAX_BYTES {
        true => Err(TokenError::TooLong(bytes)),
        false => Ok(()),
    }
}

/// Decodes the text of a token.
fn from_text(text: &str) -> Result<Vec<u8>, TokenError> {
    let text = text.trim_ascii();
    check_length(text.len() / 4 * 3)?;
    text::decode(text).ok_or(TokenError::Damaged)
}

/// Returns the bytes before the checksum, if the checksum is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    (Fnv::of(body).to_be_bytes() == *checksum).then_some(body)
}

/// Splits the bytes into the part before the signature and the signature. Doesn't verify it.
fn signed(bytes: &[u8]) -> Result<(&[u8], &[u8; SIGNATURE]), TokenError> {
    let parts = bytes
        .split_last_chunk::<SIGNATURE>()
        .ok_or(TokenError::Damaged)?;
    match Body::read(parts.0)?.is_signed {
        true => Ok(parts),
        false => Err(TokenError::Damaged),
    }
}

/// Prints text that is safe in a URL, a header or a file name: letters, digits, `-` and `_`.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(&self.bytes))
    }
}

/// Parses exactly the text that [`Display`](fmt::Display) prints. White space around it is ignored, such as the
/// newline at the end of a file.
impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Token::from_bytes(from_text(text)?)
    }
}

/// Prints the length and no keys.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
