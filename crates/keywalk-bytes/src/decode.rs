//! How a value becomes an item.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

/// A way to decode values: with a closure, or by a copy. You choose it with the methods of [`Tree`](crate::Tree).
pub trait Decode {
    /// The decoded value.
    type Item;
    /// The reason why a value doesn't decode.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// The closure's error.
    fn decode(&mut self, value: &[u8]) -> Result<Self::Item, Self::Error>;

    /// Decodes a value into the memory of an existing item. By default, assigns what [`decode`](Self::decode)
    /// returns.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    fn decode_in_place(&mut self, value: &[u8], item: &mut Self::Item) -> Result<(), Self::Error> {
        *item = self.decode(value)?;
        Ok(())
    }
}

/// Copies values. Lent chunks reuse the memory of earlier ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied;

impl Decode for Copied {
    type Item = Vec<u8>;
    type Error = Infallible;

    fn decode(&mut self, value: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(value.to_vec())
    }

    #[inline]
    fn decode_in_place(&mut self, value: &[u8], item: &mut Vec<u8>) -> Result<(), Infallible> {
        item.clear();
        item.extend_from_slice(value);
        Ok(())
    }
}

/// Decodes values with a closure; see [`Tree::map`](crate::Tree::map).
#[derive(Clone)]
pub struct Mapped<F>(pub(crate) F);

impl<T, E, F> Decode for Mapped<F>
where
    E: Into<Box<dyn Error + Send + Sync>>,
    F: FnMut(&[u8]) -> Result<T, E>,
{
    type Item = T;
    type Error = E;

    fn decode(&mut self, value: &[u8]) -> Result<T, E> {
        (self.0)(value)
    }
}

impl<F> fmt::Debug for Mapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapped")
    }
}

/// Decodes values with a closure that fills an item in place; see [`Tree::map_into`](crate::Tree::map_into).
#[derive(Clone)]
pub struct Filled<F, T> {
    pub(crate) fill: F,
    pub(crate) item: PhantomData<fn() -> T>,
}

impl<T, E, F> Decode for Filled<F, T>
where
    T: Default,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: FnMut(&[u8], &mut T) -> Result<(), E>,
{
    type Item = T;
    type Error = E;

    fn decode(&mut self, value: &[u8]) -> Result<T, E> {
        let mut item = T::default();
        self.decode_in_place(value, &mut item)?;
        Ok(item)
    }

    fn decode_in_place(&mut self, value: &[u8], item: &mut T) -> Result<(), E> {
        (self.fill)(value, item)
    }
}

impl<F, T> fmt::Debug for Filled<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filled")
    }
}
