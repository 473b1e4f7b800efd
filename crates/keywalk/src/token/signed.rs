use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::wire::{Body, SIGNED};
use super::{CHECKSUM, Token, TokenError, check_length, checked, from_text, signed, text};

/// A [`Token`] with a signature (HMAC-SHA-256) in place of its checksum. Use it if a token passes through
/// untrusted hands, as in a page's "next" link. It adds 24 bytes.
///
/// Without the secret nobody can change or create one. Anyone can still read its keys, reuse it later, and
/// substitute it for another token that was signed with the same secret. Use a separate secret for each purpose
/// that must not be mixed up.
///
/// ```
/// use keywalk::{SignedToken, Walk};
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
/// items.next();
/// let link = items.token()?.sign(b"the server's secret").to_string();
///
/// let token = link.parse::<SignedToken>()?.verify(b"the server's secret")?;
/// let mut rest = Walk::new(Squares).resume_token(&token)?.items();
/// assert_eq!(rest.next(), Some(Ok((1, 1))));
/// # Ok::<(), keywalk::Error<Infallible>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SignedToken {
    bytes: Vec<u8>,
}

impl Token {
    /// Signs the token with a secret of any length. 32 random bytes are a good secret.
    #[must_use]
    pub fn sign(&self, secret: &[u8]) -> SignedToken {
        let mut bytes = self.bytes[..self.bytes.len() - CHECKSUM].to_vec();
        bytes[1] |= SIGNED;
        let signature = keyed(secret, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature);
        SignedToken { bytes }
    }
}

impl SignedToken {
    /// Decodes a signed token from its bytes. [Verify](Self::verify) it before use.
    ///
    /// # Errors
    ///
    /// If the bytes are not a signed token. [`TokenError::Signature`] if they are a token without a signature.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, TokenError> {
        let bytes = bytes.into();
        check_length(bytes.len())?;
        if let Some(body) = checked(&bytes) {
            Body::read(body)?;
            return Err(TokenError::Signature);
        }
        signed(&bytes)?;
        Ok(SignedToken { bytes })
    }

    /// Returns the token if this secret signed it. Compares in constant time.
    ///
    /// # Errors
    ///
    /// [`TokenError::Signature`] if this secret didn't sign it.
    pub fn verify(&self, secret: &[u8]) -> Result<Token, TokenError> {
        let (body, signature) = signed(&self.bytes)?;
        keyed(secret, body)
            .verify_slice(signature)
            .map_err(|_| TokenError::Signature)?;
        let mut bytes = body.to_vec();
        bytes[1] &= !SIGNED;
        let checksum = crate::fnv::Fnv::of(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        Ok(Token { bytes })
    }

    /// Returns the bytes, for storage.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn keyed(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

/// Prints text that is safe in a URL.
impl fmt::Display for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(&self.bytes))
    }
}

/// Parses exactly the text that [`Display`](fmt::Display) prints. White space around it is ignored, as for a
/// [`Token`].
impl FromStr for SignedToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        SignedToken::from_bytes(from_text(text)?)
    }
}

/// Prints the length and no keys.
impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedToken")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
