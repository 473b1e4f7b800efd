//! How an entry of a typed table becomes an item.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use redb::{Key, Value};

use super::Encoded;

/// A way to decode entries: with a closure, or by a copy of the value. You choose it with the methods of
/// [`TypedTable`](super::TypedTable).
pub trait Decode<K, V> {
    /// The decoded entry.
    type Item;
    /// The reason why an entry doesn't decode.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// Decodes an entry from the bytes of its key and its value.
    ///
    /// # Errors
    ///
    /// The closure's error.
    fn decode(&mut self, key: &[u8], value: &[u8]) -> Result<Self::Item, Self::Error>;

    /// Decodes an entry into the memory of an existing item. By default, assigns what [`decode`](Self::decode)
    /// returns.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    fn decode_in_place(
        &mut self,
        key: &[u8],
        value: &[u8],
        item: &mut Self::Item,
    ) -> Result<(), Self::Error> {
        *item = self.decode(key, value)?;
        Ok(())
    }
}

/// Copies values. Lent chunks reuse the memory of earlier ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied;

impl<K, V> Decode<K, V> for Copied {
    type Item = Encoded<V>;
    type Error = Infallible;

    fn decode(&mut self, _: &[u8], value: &[u8]) -> Result<Encoded<V>, Infallible> {
        Ok(Encoded::of(value))
    }

    fn decode_in_place(
        &mut self,
        _: &[u8],
        value: &[u8],
        item: &mut Encoded<V>,
    ) -> Result<(), Infallible> {
        item.set(value);
        Ok(())
    }
}

/// Decodes entries with a closure; see [`TypedTable::map`](super::TypedTable::map).
#[derive(Clone)]
pub struct Mapped<F>(pub(super) F);

impl<K, V, T, E, F> Decode<K, V> for Mapped<F>
where
    K: Key + 'static,
    V: Value + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: FnMut(K::SelfType<'_>, V::SelfType<'_>) -> Result<T, E>,
{
    type Item = T;
    type Error = E;

    fn decode(&mut self, key: &[u8], value: &[u8]) -> Result<T, E> {
        (self.0)(K::from_bytes(key), V::from_bytes(value))
    }
}

impl<F> fmt::Debug for Mapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapped")
    }
}

/// Decodes entries with a closure that fills an item in place; see
/// [`TypedTable::map_into`](super::TypedTable::map_into).
#[derive(Clone)]
pub struct Filled<F, T> {
    pub(super) fill: F,
    pub(super) item: PhantomData<fn() -> T>,
}

impl<K, V, T, E, F> Decode<K, V> for Filled<F, T>
where
    K: Key + 'static,
    V: Value + 'static,
    T: Default,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: FnMut(K::SelfType<'_>, V::SelfType<'_>, &mut T) -> Result<(), E>,
{
    type Item = T;
    type Error = E;

    fn decode(&mut self, key: &[u8], value: &[u8]) -> Result<T, E> {
        let mut item = T::default();
        (self.fill)(K::from_bytes(key), V::from_bytes(value), &mut item)?;
        Ok(item)
    }

    fn decode_in_place(&mut self, key: &[u8], value: &[u8], item: &mut T) -> Result<(), E> {
        (self.fill)(K::from_bytes(key), V::from_bytes(value), item)
    }
}

impl<F, T> fmt::Debug for Filled<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filled")
    }
}
