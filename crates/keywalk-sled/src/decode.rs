//! How a value becomes an item.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use sled::IVec;

/// A way to decode values: with a closure, or not at all. You choose it with the methods of
/// [`Tree`](crate::Tree).
pub trait Decode {
    /// The decoded value.
    type Item;

    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// Returns the closure's error.
    fn decode(&mut self, value: IVec) -> Result<Self::Item, Box<dyn Error + Send + Sync>>;

    /// Decodes a value into the memory of an existing item. By default, assigns what [`decode`](Self::decode)
    /// returns.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    fn refill(
        &mut self,
        value: IVec,
        item: &mut Self::Item,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        *item = self.decode(value)?;
        Ok(())
    }
}

/// Leaves values as they are, lent by sled and not copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lent;

impl Decode for Lent {
    type Item = IVec;

    fn decode(&mut self, value: IVec) -> Result<IVec, Box<dyn Error + Send + Sync>> {
        Ok(value)
    }
}

/// Decodes values with a closure; see [`Tree::map`](crate::Tree::map).
#[derive(Clone)]
pub struct Mapped<F>(F);

impl<F> Mapped<F> {
    pub(crate) fn new(map: F) -> Self {
        Mapped(map)
    }
}

impl<T, E, F> Decode for Mapped<F>
where
    E: Into<Box<dyn Error + Send + Sync>>,
    F: FnMut(&[u8]) -> Result<T, E>,
{
    type Item = T;

    fn decode(&mut self, value: IVec) -> Result<T, Box<dyn Error + Send + Sync>> {
        (self.0)(&value).map_err(Into::into)
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
    fill: F,
    item: PhantomData<fn() -> T>,
}

impl<F, T> Filled<F, T> {
    pub(crate) fn new(fill: F) -> Self {
        Filled {
            fill,
            item: PhantomData,
        }
    }
}

impl<T, E, F> Decode for Filled<F, T>
where
    T: Default,
    E: Into<Box<dyn Error + Send + Sync>>,
    F: FnMut(&[u8], &mut T) -> Result<(), E>,
{
    type Item = T;

    fn decode(&mut self, value: IVec) -> Result<T, Box<dyn Error + Send + Sync>> {
        let mut item = T::default();
        self.refill(value, &mut item)?;
        Ok(item)
    }

    fn refill(&mut self, value: IVec, item: &mut T) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.fill)(&value, item).map_err(Into::into)
    }
}

impl<F, T> fmt::Debug for Filled<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filled")
    }
}
