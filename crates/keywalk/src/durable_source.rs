use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::{ChunkSource, Fingerprint};

/// A source whose cursors can be written down, as a [`Token`](crate::Token), and read by another
/// process: it says what it walks, and its keys have a form as bytes.
///
/// A *backend* implements it beside [`ChunkSource`]; [`Token`](crate::Token) calls it.
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
/// The bytes need not be ordered as the keys are. A codec that is serves well; the crate [`keywalk-key`]
/// has one for the usual types.
///
/// # Implementing
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use keywalk::{ChunkSource, DurableSource, Fingerprint, Walk};
/// # use keywalk::{Chunk, Fetched, KeyRange};
/// # struct Squares;
/// # impl ChunkSource for Squares {
/// #     type Key = u32;
/// #     type Item = (u32, u32);
/// #     type Error = Infallible;
/// #     fn fetch(&mut self, range: &KeyRange<u32>, chunk: &mut Chunk<(u32, u32)>)
/// #         -> Result<Fetched<u32>, Infallible> {
/// #         for n in (0..100).filter(|n| range.admits(n)) {
/// #             if chunk.is_full() { return Ok(Fetched::More); }
/// #             chunk.push((n, n * n));
/// #         }
/// #         Ok(Fetched::End)
/// #     }
/// #     fn key_of(&self, item: &(u32, u32)) -> u32 { item.0 }
/// #     fn last_key(&mut self, range: &KeyRange<u32>) -> Result<keywalk::LastKey<u32>, Infallible> {
/// #         Ok((0..100).rev().find(|n| range.admits(n)).into())
/// #     }
/// # }
///
/// impl DurableSource for Squares {
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
/// [`keywalk-conformance`] proves it, if its harness is said to be `durable`.
///
/// # Wrapping
///
/// As with [`ChunkSource`]: forward every method, also the provided ones. A wrapper that walks the same keys
/// in the same order forwards the fingerprint too, so that its tokens are those of the source inside; one
/// that leaves keys out says so by [`Fingerprint::filter`].
///
/// # Cost
///
/// Making a token asks for the fingerprint and encodes two keys; reading one decodes them, and encodes them
/// again to compare.
///
#[cfg_attr(
    docsrs,
    doc = "[`keywalk-conformance`]: https://docs.rs/keywalk-conformance"
)]
#[cfg_attr(
    not(docsrs),
    doc = "[`keywalk-conformance`]: ../keywalk_conformance/index.html"
)]
#[cfg_attr(docsrs, doc = "[`keywalk-key`]: https://docs.rs/keywalk-key")]
#[cfg_attr(not(docsrs), doc = "[`keywalk-key`]: ../keywalk_key/index.html")]
#[diagnostic::on_unimplemented(
    message = "a cursor over `{Self}` can't be written down: it is no `DurableSource`",
    label = "its cursors have no token",
    note = "implement `DurableSource` for it: what it walks, and its keys as bytes (keywalk-key has a codec)",
    note = "within the process `cursor()` and `resume()` do without"
)]
pub trait DurableSource: ChunkSource {
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
    fn share(&self, first: &Self::Key, last: &Self::Key, at: &Self::Key) -> Option<f64> {
        let _ = (first, last, at);
        None
    }
}

/// How many bytes of a key are shown.
const MOST_BYTES: usize = 60;

macro_rules! forward {
    ($($pointer:ty),+) => {$(
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<S: DurableSource + ?Sized> DurableSource for $pointer {
            fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
                (**self).fingerprint()
            }

            fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
                (**self).encode_key(key, bytes);
            }

            fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, S::Error> {
                (**self).decode_key(bytes)
            }

            fn key_text(&self, key: &S::Key) -> String {
                (**self).key_text(key)
            }

            fn share(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
                (**self).share(first, last, at)
            }
        }
    )+};
}

forward!(&mut S, Box<S>);
