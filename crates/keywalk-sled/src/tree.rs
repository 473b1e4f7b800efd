use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;

use keywalk_key::Key;

use crate::backward::Backward;
use crate::decode::{Filled, Lent, Mapped};
use crate::edge::Edge;
use crate::error::TreeName;

/// A sled tree, walked by keys of type `K`. Its items are `(key, value)`.
///
/// A value is an [`IVec`](https://docs.rs/sled/0.34.7/sled/struct.IVec.html), lent by sled without a copy, or what [`map`](Self::map) or
/// [`map_into`](Self::map_into) make of it.
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
/// Ascending, a fetch costs a search and for each item what `range` costs. Descending, it costs 1.4 to
/// 3.3 times that, and the first fetch some dozens of searches more; so does finding the last key, which
/// a bounded walk begins with (some tenths of a millisecond).
///
/// That is because sled's own way down, `next_back`, can't be used: over keys that hold four bytes `ff`
/// in a row, `i64`s around 0 for one, it may look a million times in vain and then panic. Entries are
/// read upwards, from a guess of where to begin, which the keys met before make ever better.
#[must_use = "a source does nothing until it is walked"]
pub struct Tree<K, D = Lent> {
    pub(crate) tree: sled::Tree,
    pub(crate) decode: D,
    pub(crate) lower: Edge,
    pub(crate) upper: Edge,
    pub(crate) backward: Backward,
    /// A key encoded again.
    pub(crate) again: Vec<u8>,
    key: PhantomData<fn() -> K>,
}

impl<K> Tree<K> {
    /// A source over a tree; sled's handle is cheap to clone. Nothing is read yet.
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
    /// Makes an item of each value by a closure. Items are `(key, item)`.
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

    /// As [`map`](Self::map), in place: the closure gets an item of the chunk before (or a default
    /// one) and must set all of it. Lent chunks then allocate nothing once they are warm.
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

    /// sled's tree. Between two fetches it is free for anything.
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
