//! The source: how a walk fetches from a store, and how its cursors are encoded.

use std::fmt::Write;
use std::ops::{Bound, ControlFlow};
use std::str;

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order, ResumableSource, Source,
};

use super::Tree;
use super::reader::{self, Refused};
use crate::decode::Decode;
use crate::error::Error;
use crate::{ByteStore, Key};

impl<B: ByteStore, K: Key, D: Decode> Source for Tree<B, K, D> {
    type Key = K;
    type Item = (K, D::Item);
    type Error = Error<B::Error>;

    fn key_into((from, _): &Self::Item, key: &mut K) {
        key.copy_from(from);
    }
}

impl<B: ByteStore, K: Key, D: Decode> ChunkSource for Tree<B, K, D> {
    fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<Self::Item>,
    ) -> Result<Fetched<K>, Error<B::Error>> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        if chunk.is_full() {
            return Ok(Fetched::More);
        }
        self.lower.set(range.lower());
        self.upper.set(range.upper());
        let (decode, again) = (&mut self.decode, &mut self.again);
        let mut refused = None;
        let mut each = |key: &[u8], value: &[u8]| {
            if let Err(why) = reader::push((key, value), decode, chunk, again) {
                refused = Some(why);
                return ControlFlow::Break(());
            }
            match chunk.is_full() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let (lower, upper) = (self.lower.get(), self.upper.get());
        let scanned = self.store.scan(lower, upper, range.order(), &mut each);
        if let Some(why) = refused {
            return Err(why.in_store::<K, B>(&self.store));
        }
        match scanned {
            Ok(ControlFlow::Continue(())) => Ok(Fetched::End),
            Ok(ControlFlow::Break(())) => Ok(Fetched::More),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Reads only the key: a value that doesn't decode is no error here.
    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Error<B::Error>> {
        if range.is_empty() {
            return Ok(LastKey::Empty);
        }
        self.lower.set(range.lower());
        self.upper.set(range.upper());
        let (lower, upper) = (self.lower.get(), self.upper.get());
        let order = match range.order() {
            Order::Ascending => Order::Descending,
            Order::Descending => Order::Ascending,
        };
        let key = nearest(&mut self.store, (lower, upper), order, 0, &mut self.again)?;
        Ok(LastKey::from(key))
    }
}

/// Returns the key between the bounds that follows `skipped` others, in this order.
pub(super) fn nearest<B: ByteStore, K: Key>(
    store: &mut B,
    (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
    order: Order,
    mut skipped: usize,
    again: &mut Vec<u8>,
) -> Result<Option<K>, Error<B::Error>> {
    let mut found = None;
    let mut take = |key: &[u8], _: &[u8]| {
        if let Some(left) = skipped.checked_sub(1) {
            skipped = left;
            return ControlFlow::Continue(());
        }
        let decoded = reader::key::<K>(key, again);
        found = Some(decoded.map_err(|why| Refused::Key(key.to_vec(), why)));
        ControlFlow::Break(())
    };
    let scanned = store.scan(lower, upper, order, &mut take);
    if let Err(error) = scanned {
        return Err(of_store(store, error));
    }
    found.transpose().map_err(|why| why.in_store::<K, B>(store))
}

#[cold]
fn of_store<B: ByteStore>(store: &B, error: B::Error) -> Error<B::Error> {
    Error::of_store(store, error)
}

impl<B: ByteStore, K, D> Tree<B, K, D> {
    fn failed(&self, error: B::Error) -> Error<B::Error> {
        of_store(&self.store, error)
    }
}

/// The fingerprint is the store's kind, the table's name and the [encoding name](Key::encoding_name) of its key. Where
/// the store lies, and how values are decoded, doesn't matter. Only [`ByteStore::name`] is called.
#[deny(clippy::missing_trait_methods)]
impl<B: ByteStore, K: Key, D: Decode> ResumableSource for Tree<B, K, D> {
    fn fingerprint(&self) -> Result<Fingerprint, Error<B::Error>> {
        let name = self.store.name();
        Ok(Fingerprint::new(B::KIND)
            .relation(text(&name))
            .with_value(&name)
            .key(K::encoding_name()))
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.encode(bytes);
    }

    /// Decodes a key with [`Key::decode`], which never panics. It may accept bytes that aren't the key's own
    /// encoding: the token encodes the key again and compares.
    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Error<B::Error>> {
        Ok(K::decode(bytes).ok())
    }

    fn key_text(&self, key: &K) -> String {
        key.display()
    }

    fn fraction(&self, first: &K, last: &K, at: &K) -> Option<f64> {
        K::fraction(first, last, at)
    }
}

/// Formats a table's name, in hexadecimal if it isn't text. The result is hashed, so it is a stored format.
fn text(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => name.iter().fold("0x".to_owned(), |mut text, byte| {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}
