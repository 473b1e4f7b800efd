use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::fingerprint::Fingerprint;
use crate::source::Source;

/// A source whose cursors can be written down as a [`Token`](crate::Token) and read by another process. It
/// identifies itself by a fingerprint, and it encodes its keys as bytes.
///
/// A *backend* implements it together with [`ChunkSource`](crate::ChunkSource). [`Token`](crate::Token) calls
/// it.
///
/// # Contract
///
/// 1. **Distinct.** Two sources that don't walk the same keys in the same order have different
///    [fingerprints](Self::fingerprint). A source that is recreated in another process, or over a copy of the
///    store, has the same one.
/// 2. **Round trip.** A key's bytes decode to exactly that key: nothing is rounded, truncated or lowercased.
/// 3. **Stable.** Neither the fingerprint nor the bytes change from one release to the next.
/// 4. **Hostile bytes.** [`decode_key`](Self::decode_key) accepts any bytes and doesn't panic. It need not be
///    strict: reading a token encodes the returned key again, and refuses the token if the bytes differ.
///
/// The bytes need not sort like the keys. An order-preserving codec is also fine: the crate
/// [`keywalk-bytes`](https://docs.rs/keywalk-bytes) has one for the usual types.
///
/// # Implementing
///
/// ```
/// use std::convert::Infallible;
/// use keywalk::{ChunkSource, Fingerprint, ResumableSource, Walk};
/// # use keywalk::{Chunk, Fetched, KeyRange, Source};
/// # struct Squares;
/// # impl Source for Squares {
/// #     type Key = u32;
/// #     type Item = (u32, u32);
/// #     type Error = Infallible;
/// # }
/// # impl ChunkSource for Squares {
/// #     fn fetch(&mut self, range: &KeyRange<u32>, chunk: &mut Chunk<(u32, u32)>)
/// #         -> Result<Fetched<u32>, Infallible> {
/// #         for n in (0..100).filter(|n| range.may_contain(n)) {
/// #             if chunk.is_full() { return Ok(Fetched::More); }
/// #             chunk.push((n, n * n));
/// #         }
/// #         Ok(Fetched::End)
/// #     }
/// #     fn last_key(&mut self, range: &KeyRange<u32>) -> Result<keywalk::LastKey<u32>, Infallible> {
/// #         Ok((0..100).rev().find(|n| range.may_contain(n)).into())
/// #     }
/// # }
///
/// impl ResumableSource for Squares {
///     fn fingerprint(&self) -> Result<Fingerprint, Infallible> {
///         Ok(Fingerprint::new("squares").key("u32"))
///     }
///
///     fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
///         bytes.extend_from_slice(&key.to_be_bytes());
///     }
///
///     fn decode_key(&self, bytes: &[u8]) -> Result<Option<u32>, Infallible> {
///         Ok(bytes.try_into().ok().map(u32::from_be_bytes))
///     }
/// }
///
/// let mut items = Walk::new(Squares).items();
/// assert_eq!(items.nth(6), Some(Ok((6, 36))));
/// let text = items.token()?.to_string();
///
/// // Another process.
/// let mut rest = Walk::new(Squares).resume_token(&text.parse()?)?.items();
/// assert_eq!(rest.next(), Some(Ok((7, 49))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`keywalk-conformance`](https://docs.rs/keywalk-conformance) tests the contract: write
/// `conformance!(my_store: MyStore, durable)`. `MyStore` is the *harness*, your code that lets the tests create,
/// change and read the store. `durable` adds the tests of keys, fingerprint and tokens.
///
/// # Wrapping
///
/// A wrapper that walks the same keys in the same order uses [`forward_source!`](crate::forward_source), which
/// forwards every method. Its tokens are those of the source inside. A wrapper that leaves keys out implements
/// the trait itself and sets [`Fingerprint::filter`].
///
/// # Cost
///
/// Creating a token computes the fingerprint and encodes two keys. Reading one decodes the keys, and encodes
/// them again to compare.
#[diagnostic::on_unimplemented(
    message = "a cursor over `{Self}` can't be written down: it is no `ResumableSource`",
    label = "its cursors have no token",
    note = "implement `ResumableSource` for it: what it walks, and its keys as bytes (keywalk-bytes has a codec)",
    note = "within the process `cursor()` and `resume()` do without"
)]
pub trait ResumableSource: Source {
    /// Returns the fingerprint of what this source walks.
    ///
    /// It is called for each token that is created or read. Before the first fetch it may query the store, for
    /// example for its schema; later calls should reuse what was found.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn fingerprint(&self) -> Result<Fingerprint, Self::Error>;

    /// Appends a key's bytes to `bytes`, and keeps what `bytes` already holds. Any length is allowed, but a
    /// token that holds two keys must fit into [`Token::MAX_BYTES`](crate::Token::MAX_BYTES).
    fn encode_key(&self, key: &Self::Key, bytes: &mut Vec<u8>);

    /// Decodes a key. Returns `None` if the bytes aren't a key of this source.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<Self::Key>, Self::Error>;

    /// Returns a human-readable key, for logs, progress bars and lists of failures. The text may go to a
    /// terminal as it is, so escape and shorten text from the store as [`Excerpt`](crate::Excerpt) does. The
    /// default prints up to 60 bytes in hexadecimal, and `empty` for a key without bytes.
    fn key_text(&self, key: &Self::Key) -> String {
        let mut bytes = Vec::new();
        self.encode_key(key, &mut bytes);
        if bytes.is_empty() {
            return "empty".into();
        }
        let mut text = String::new();
        // Writing to a string can't fail.
        for byte in bytes.iter().take(MOST_BYTES) {
            let _ = write!(text, "{byte:02x}");
        }
        if bytes.len() > MOST_BYTES {
            let _ = write!(text, "... ({} bytes)", bytes.len());
        }
        text
    }

    /// Estimates the progress of a walk at `at`, for a progress bar: 0 at `first`, 1 at `last`, in either order.
    /// The default returns `None`: unknown.
    ///
    /// Compute it from the keys alone, without a query. It is exact if keys are spread evenly.
    fn fraction(&self, first: &Self::Key, last: &Self::Key, at: &Self::Key) -> Option<f64> {
        let _ = (first, last, at);
        None
    }
}

/// The maximum number of bytes shown of a key.
const MOST_BYTES: usize = 60;
