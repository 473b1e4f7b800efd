//! How a tree's cursors are written down.

use std::fmt::Write;
use std::str;

use keywalk::{Fingerprint, ResumableSource};

use crate::decode::Decode;
use crate::{Error, Key, Tree};

/// By the tree's name and the [kind](Key::kind) of its key, whatever database it is in and whatever is
/// made of its values. Nothing of it asks sled.
#[deny(clippy::missing_trait_methods)]
impl<K: Key, D: Decode> ResumableSource for Tree<K, D> {
    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        let name = self.tree.name();
        Ok(Fingerprint::new("sled")
            .relation(text(&name))
            .with_value(&name)
            .key(K::kind()))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    /// As lenient as the key's [`decode`](Key::decode), which takes any bytes and doesn't panic: the token
    /// encodes the key again and compares.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Error> {
        Ok(K::decode(bytes).ok())
    }

    fn key_text(&self, key: &K) -> String {
        key.text()
    }

    fn share(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        K::share(first, last, at)
    }
}

/// A tree's name, in hexadecimal if it is no text. It is hashed, so this is a format: what messages show
/// of a name may change, and hangs on the compiler's idea of what is printable.
fn text(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => name.iter().fold("0x".to_owned(), |mut text, byte| {
            // A `String` takes all that is written.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}
