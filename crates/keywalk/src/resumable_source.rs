use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::fingerprint::Fingerprint;
use crate::source::Source;

/// A source whose cursors can be written down, as a [`Token`](crate::Token), and read by another
/// process: it says what it walks, and its keys have a form as bytes.
///
/// A *backend* implements it beside [`ChunkSource`](crate::ChunkSource); [`Token`](crate::Token) calls it.
///
/// # Contract
///
/// 1. **Told apart.** Two sources that don't walk the same keys in the same order have different
///    [fingerprints](Self::fingerprint); a source made anew in another process, or over a copy of the
///    store, has the same one.
/// 2. **Round trip.** A key's bytes decode into that key, exactly: nothing is rounded, cut or made
///    lower-case.
/// 3. **Stable.** Neither the fingerprint nor the bytes change from one release to the next.
/// 4. **Hostile bytes.** [`decode_key`](Self::decode_key) takes any bytes and doesn't panic. It need not
///    be strict: what it takes is encoded again and compared.
///
/// The bytes need not be ordered as the keys are. A codec that is serves well; the crate [`keywalk-key`](https://docs.rs/keywalk-key)
/// has one for the usual types.
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
/// [`keywalk-conformance`](https://docs.rs/keywalk-conformance) proves it, if its harness is said to be `durable`.
///
/// # Wrapping
///
/// [`forward_source!`](crate::forward_source) forwards every method, for a wrapper that walks the same keys in the
/// same order: its tokens are those of the source inside. One that leaves keys out implements the trait itself and
/// says so by [`Fingerprint::filter`].
///
/// # Cost
///
/// Making a token asks for the fingerprint and encodes two keys; reading one decodes them, and encodes them
/// again to compare.
#[diagnostic::on_unimplemented(
    message = "a cursor over `{Self}` can't be written down: it is no `ResumableSource`",
    label = "its cursors have no token",
    note = "implement `ResumableSource` for it: what it walks, and its keys as bytes (keywalk-key has a codec)",
    note = "within the process `cursor()` and `resume()` do without"
)]
pub trait ResumableSource: Source {
    /// What this source walks.
    ///
    /// Called for each token that is made or read. Before the first fetch it may ask the store, for its
    /// schema say.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn fingerprint(&self) -> Result<Fingerprint, Self::Error>;

    /// Appends the bytes of a key; what is in `bytes` already stays. As long as you like, though a token
    /// holds two.
    fn encode_key(&self, key: &Self::Key, bytes: &mut Vec<u8>);

    /// The key that these bytes are; `None` if they are none of this source's.
    ///
    /// # Errors
    ///
    /// The store's own.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<Self::Key>, Self::Error>;

    /// A key in words, for people: in a log, a progress bar, a list of what failed. It goes to terminals as
    /// it is, so text of the store's is escaped and cut, as [`Excerpt`](crate::Excerpt) does. Provided: its
    /// bytes as hexadecimal digits, of more than 60 the first; or `empty`.
    fn key_text(&self, key: &Self::Key) -> String {
        let mut bytes = Vec::new();
        self.encode_key(key, &mut bytes);
        if bytes.is_empty() {
            return "empty".into();
        }
        let mut text = String::new();
        // A string takes whatever is written.
        for byte in bytes.iter().take(MOST_BYTES) {
            let _ = write!(text, "{byte:02x}");
        }
        if bytes.len() > MOST_BYTES {
            let _ = write!(text, "... ({} bytes)", bytes.len());
        }
        text
    }

    /// What part of the way from `first` to `last` lies before `at`: 0 to 1, whatever the order, for a
    /// progress bar. Provided: `None`, it can't be told.
    ///
    /// By the keys alone, without asking the store: an estimate, right where keys are spread evenly.
    fn fraction(&self, first: &Self::Key, last: &Self::Key, at: &Self::Key) -> Option<f64> {
        let _ = (first, last, at);
        None
    }
}

/// How many bytes of a key are shown.
const MOST_BYTES: usize = 60;
