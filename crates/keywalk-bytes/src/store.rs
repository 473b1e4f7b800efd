use std::borrow::Cow;
use std::error::Error;
use std::ops::{Bound, ControlFlow};

use keywalk::Order;

/// A store that is ordered by the bytes of its keys. Implement it, and [`Tree`](crate::Tree) walks the store by typed
/// keys.
///
/// Bytes are compared one by one, and a prefix comes first, as `[u8]` compares them.
///
/// ```
/// use std::borrow::Cow;
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use std::ops::{Bound, ControlFlow};
/// use keywalk::{Order, Walk};
/// use keywalk_bytes::{ByteStore, Each, Key, Tree};
///
/// struct Map(BTreeMap<Vec<u8>, Vec<u8>>);
///
/// impl ByteStore for Map {
///     type Error = Infallible;
///     const KIND: &'static str = "my map";
///
///     fn name(&self) -> Cow<'_, [u8]> {
///         b"items".into()
///     }
///
///     fn scan(
///         &mut self,
///         lower: Bound<&[u8]>,
///         upper: Bound<&[u8]>,
///         order: Order,
///         each: &mut Each<'_>,
///     ) -> Result<ControlFlow<()>, Infallible> {
///         let mut entries = self.0.range::<[u8], _>((lower, upper));
///         Ok(match order {
///             Order::Ascending => entries.try_for_each(|(key, value)| each(key, value)),
///             Order::Descending => entries.rev().try_for_each(|(key, value)| each(key, value)),
///         })
///     }
/// }
///
/// let map = Map(BTreeMap::from([((5, 300).to_bytes(), b"an order".to_vec())]));
/// let orders = Tree::<Map, (u32, i64)>::new(map);
/// let first = Walk::new(orders).prefix((5,)).items().next().transpose()?;
/// assert_eq!(first, Some(((5, 300), b"an order".to_vec())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ByteStore {
    /// The store's error.
    type Error: Error + Send + Sync + 'static;

    /// The kind of store, such as `"redb"`. It is part of the fingerprint: tokens of another kind are refused.
    const KIND: &'static str;

    /// Returns the name of the table, tree or keyspace. It is part of the fingerprint, so it must identify what is
    /// walked, and must be the same in each process.
    fn name(&self) -> Cow<'_, [u8]>;

    /// Calls `each` with the keys and values between the bounds, in `order`, until it returns `Break`. Returns what
    /// `each` returned last, or `Continue` if there was nothing.
    ///
    /// A [`Tree`](crate::Tree) never calls it with bounds that are inverted or exclude each other.
    ///
    /// When it returns, no iterator, transaction or lock is left open. `self` may keep a handle, and estimates of where
    /// keys lie. `each` may panic.
    ///
    /// # Errors
    ///
    /// The store's. What `each` received before is discarded.
    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, Self::Error>;
}

/// Receives a key and its value. `Break` ends the scan.
pub type Each<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;
