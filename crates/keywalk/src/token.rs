use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::cursor::Cursor;
use crate::error::Error;
use crate::fingerprint::{Fingerprint, FingerprintField};
use crate::fnv::Fnv;
use crate::resumable_source::ResumableSource;

mod body;
mod error;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "hmac")]
mod signed;
mod text;

use body::Body;
pub use error::TokenError;
#[cfg(feature = "hmac")]
pub use signed::SignedToken;

/// In every form the last eight bytes are a checksum, and the first one is the form.
const CHECKSUM: usize = 8;
/// In the checksum's place in what is signed.
const SIGNATURE: usize = 32;

/// A [`Cursor`] written down, to go on from in another process (G10): as bytes, or as text that can
/// stand in a URL.
///
/// [`Items::token`](crate::Items::token) and [`Chunks::token`](crate::Chunks::token) make one,
/// [`Walk::resume_token`](crate::Walk::resume_token) goes on from it. It holds the range that is still to
/// be walked, the walk's bound and order, the [range](crate::Walk::range) that it was given, and a
/// [fingerprint](crate::Fingerprint) of its source; not the chunk size, which is free. One that is damaged, of
/// another source or of a later release's form is refused with a [`TokenError`] that says what differs, never
/// reinterpreted.
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
/// # Its form
///
/// 28 bytes and the bytes of two keys; of a walk that was given a range, 3 bytes more and those of its bounds. The
/// text is a third longer. None is read that is longer than [`MAX_BYTES`](Self::MAX_BYTES). A key can be read
/// from it: what mustn't be seen has to be encrypted. The checksum finds accidents, not forgers: a token that passes
/// through a stranger's hands is signed first (`Token::sign`, feature `hmac`).
///
/// What is written by this release is read by every later one, and gives the same walk. Two cursors
/// have the same bytes if and only if they are equal and of the same source.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token {
    bytes: Vec<u8>,
}

impl Token {
    /// The most bytes of a token that is read: 16 MiB, so that keys of up to 4 MB each always fit. A longer
    /// one is refused before anything in it is looked at, with
    /// [`TokenError::TooLong`](crate::TokenError::TooLong). Where tokens come from strangers, a limit on the
    /// request (as servers set for a URL) keeps them far below it.
    pub const MAX_BYTES: usize = 16 << 20;

    /// Writes down a cursor of a walk over `source`.
    ///
    /// # Errors
    ///
    /// The source's, if it can't say what it walks, and [`TokenError::TooLong`] if the keys are so long that no
    /// token of them would be read.
    pub fn new<S: ResumableSource + ?Sized>(
        cursor: &Cursor<S::Key>,
        source: &S,
    ) -> Result<Self, Error<S::Error>> {
        let mut bytes = body::write(cursor, source).map_err(Error::Source)?;
        // Of a signed token too, which is longer.
        check_length(bytes.len() + SIGNATURE)?;
        let checksum = Fnv::of(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        Ok(Token { bytes })
    }

    /// The token that these bytes are, which [`as_bytes`](Self::as_bytes) gave. Of which source it is
    /// can be told only with the source.
    ///
    /// # Errors
    ///
    /// If they are damaged, of a later release's form, or more than [`MAX_BYTES`](Self::MAX_BYTES).
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

    /// The bytes, to be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the bytes out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The cursor, for a walk over `source`.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] if it is of another source or holds a key that isn't one of the source's, and
    /// [`Error::Source`] if the source can't say what it walks.
    pub fn cursor<S: ResumableSource + ?Sized>(
        &self,
        source: &S,
    ) -> Result<Cursor<S::Key>, Error<S::Error>> {
        let body = self.body().map_err(Error::Token)?;
        body.cursor(source, &FingerprintField::ALL)
    }

    /// Decodes the cursor for a walk over `source`, as [`cursor`](Self::cursor) does, although the token may be
    /// of another table, query or filter. Store and key must be the same: columns, types and directions.
    ///
    /// For a query whose text had to change while a walk over it was under way. Nothing checks that both return
    /// the same rows: what only `source` has, before the cursor, is never visited.
    ///
    /// # Errors
    ///
    /// As [`cursor`](Self::cursor).
    pub fn adopt<S: ResumableSource + ?Sized>(
        &self,
        source: &S,
    ) -> Result<Cursor<S::Key>, Error<S::Error>> {
        let body = self.body().map_err(Error::Token)?;
        body.cursor(source, &[FingerprintField::Store, FingerprintField::Key])
    }

    /// That it is of a source with this fingerprint.
    ///
    /// # Errors
    ///
    /// [`TokenError::Source`] if it isn't.
    pub fn check(&self, fingerprint: &Fingerprint) -> Result<(), TokenError> {
        self.body()?.check(fingerprint, &FingerprintField::ALL)
    }

    /// Whether the walk had ended: going on yields nothing. Never true of an unbounded walk.
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

/// The bytes that the text of a token stands for.
fn from_text(text: &str) -> Result<Vec<u8>, TokenError> {
    let text = text.trim_ascii();
    check_length(text.len() / 4 * 3)?;
    text::decode(text).ok_or(TokenError::Damaged)
}

/// What stands before the checksum, if that is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    (Fnv::of(body).to_be_bytes() == *checksum).then_some(body)
}

/// What stands before the signature, which isn't looked at, and the signature.
fn signed(bytes: &[u8]) -> Result<(&[u8], &[u8; SIGNATURE]), TokenError> {
    let parts = bytes
        .split_last_chunk::<SIGNATURE>()
        .ok_or(TokenError::Damaged)?;
    match Body::read(parts.0)?.is_signed {
        true => Ok(parts),
        false => Err(TokenError::Damaged),
    }
}

/// As text that can stand in a URL, a header, a file name: letters, digits, `-` and `_`.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(&self.bytes))
    }
}

/// The text that [`Display`](fmt::Display) gives, to the letter; white space around it, such as the end of a
/// file's line, doesn't count.
impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Token::from_bytes(from_text(text)?)
    }
}

/// Prints its length, and no key.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
