use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;

use keywalk_bytes::Key;

use crate::backward::Backward;
use crate::decode::{Filled, Lent, Mapped};
use crate::edge::Edge;
use crate::error::TreeName;

/// A sled tree, walked by keys of type `K`. Its items are `(key, value)`.
///
/// A value is an [`IVec`](https://docs.rs/sled/0.34.7/sled/struct.IVec.html) that sled lends without a copy, or
/// the result of [`map`](Self::map) or [`map_into`](Self::map_into).
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sled::{Key, Tree};
///
/// # let db = sled::Config::new().temporary(true).open()?;
/// let orders = db.open_tree("orders")?;
/// for (tenant, number) in [(5, -1), (5, 300), (7, 2)] {
///     orders.insert((tenant, number).to_bytes(), "an order")?;
/// }
///
/// let tree = Tree::<(u32, i64)>::new(orders.clone());
/// for item in Walk::new(tree).range((5, 0)..(6, 0)).chunk_size(100) {
///     let (key, _order) = item?;
///     assert_eq!(key, (5, 300));
///     // Nothing of sled is held here.
///     orders.remove(key.to_bytes())?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cost
///
/// Ascending, a fetch costs one search, and per item what `range` costs. Descending, it costs 1.4 to 3.3 times
/// that. The first descending fetch, and finding the last key, cost some dozens of searches more (some tenths
/// of a millisecond). A bounded walk begins by finding the last key.
///
/// Descending walks don't use sled's `next_back`. Over keys with four bytes `ff` in a row, such as `i64`s
/// around 0, it may search a million times in vain and then panic. Instead, entries are read in ascending order
/// from an estimated start. The keys of earlier fetches improve the estimate.
#[must_use = "a source does nothing until it is walked"]
pub struct Tree<K, D = Lent> {
    pub(crate) tree: sled::Tree,
    pub(crate) decode: D,
    pub(crate) lower: Edge,
    pub(crate) upper: Edge,
    pub(crate) backward: Backward,
    /// Memory for encoding a key again.
    pub(crate) again: Vec<u8>,
    key: PhantomData<fn() -> K>,
}

impl<K> Tree<K> {
    /// Creates a source over a tree; sled's handle is cheap to clone. Reads nothing yet.
    ///
    /// ```
    /// use keywalk_sled::{Tree, BareString};
    ///
    /// # let db = sled::Config::new().temporary(true).open()?;
    /// let items = Tree::<u64>::new(db.open_tree("items")?);
    /// let default_tree = Tree::<BareString>::new((*db).clone());
    /// # Ok::<(), sled::Error>(())
    /// ```
    pub fn new(tree: sled::Tree) -> Self
    where
        K: Key,
    {
        Tree::with(tree, Lent)
    }
}

impl<K: Key, D> Tree<K, D> {
    /// Maps each value to an item with a closure. Items are `(key, item)`.
    ///
    /// ```
    /// use keywalk::Walk;
    /// use keywalk_sled::Tree;
    ///
    /// # let db = sled::Config::new().temporary(true).open()?;
    /// let sizes = db.open_tree("sizes")?;
    /// sizes.insert(7_u64.to_be_bytes(), &300_u32.to_be_bytes())?;
    /// let sizes = Tree::<u64>::new(sizes).map(|value| value.try_into().map(u32::from_be_bytes));
    /// assert_eq!(Walk::new(sizes).items().next().transpose()?, Some((7, 300)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<T, E, F>(self, decode: F) -> Tree<K, Mapped<F>>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: FnMut(&[u8]) -> Result<T, E>,
    {
        Tree::with(self.tree, Mapped::new(decode))
    }

    /// Maps each value to an item in place, like [`map`](Self::map). The closure gets an item of the previous
    /// chunk, or a default one, and must set all of it. Lent chunks reuse that memory: once it
    /// is large enough, they allocate nothing.
    ///
    /// ```
    /// use keywalk::Walk;
    /// use keywalk_sled::Tree;
    ///
    /// # let db = sled::Config::new().temporary(true).open()?;
    /// let names = Tree::<u64>::new(db.open_tree("names")?).map_into(|value, name: &mut String| {
    ///     name.clear();
    ///     std::str::from_utf8(value).map(|text| name.push_str(text))
    /// });
    /// let mut chunks = Walk::new(names).chunks();
    /// while let Some(items) = chunks.next()? {
    ///     println!("{} names", items.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_into<T, E, F>(self, fill: F) -> Tree<K, Filled<F, T>>
    where
        T: Default,
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: FnMut(&[u8], &mut T) -> Result<(), E>,
    {
        Tree::with(self.tree, Filled::new(fill))
    }
}

impl<K, D> Tree<K, D> {
    fn with(tree: sled::Tree, decode: D) -> Self {
        Tree {
            tree,
            decode,
            lower: Edge::new(),
            upper: Edge::new(),
            backward: Backward::default(),
            again: Vec::new(),
            key: PhantomData,
        }
    }

    /// Returns sled's tree. You can use it freely between two fetches.
    #[must_use]
    pub fn tree(&self) -> &sled::Tree {
        &self.tree
    }
}

/// Prints the tree's name, and no data.
impl<K, D> fmt::Debug for Tree<K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree")
            .field(&format_args!("{}", TreeName(self.tree.name())))
            .finish()
    }
}
