use std::borrow::Cow;
use std::fmt;
use std::ops::{Bound, ControlFlow};

use fjall::{Keyspace, Readable, Snapshot};
use keywalk::Order;
use keywalk_bytes::decode::Copied;
use keywalk_bytes::{ByteStore, Each};

/// A keyspace, walked by keys of type `K` in the encoding of [`Key`](crate::Key). `D` decodes its values; see
/// [`keywalk_bytes::Tree`].
///
/// `Tree::new` takes a [`fjall::Keyspace`], or a [`FjallKeyspace`] in a snapshot.
pub type Tree<K, D = Copied> = keywalk_bytes::Tree<FjallKeyspace, K, D>;

/// A fjall keyspace as a [`ByteStore`]: what a [`Tree`] walks. Make one of a keyspace with `from`, or
/// [in a snapshot](Self::in_snapshot).
///
/// It keeps a handle of fjall's, which is cheap to clone, and so keeps the database's folder locked. Each fetch opens
/// a range and drops it.
///
/// ```
/// use fjall::{Database, KeyspaceCreateOptions};
/// use keywalk::Walk;
/// use keywalk_fjall::{Key, Tree};
///
/// # let folder = tempfile::tempdir()?;
/// let db = Database::builder(folder.path()).open()?;
/// let orders = db.keyspace("orders", KeyspaceCreateOptions::default)?;
/// orders.insert((5_u32, 300_i64).to_bytes(), "an order")?;
///
/// for order in Walk::new(Tree::<(u32, i64)>::new(orders)).prefix((5,)) {
///     let ((customer, number), value) = order?;
///     println!("{customer} {number}: {} bytes", value.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FjallKeyspace {
    keyspace: Keyspace,
    snapshot: Option<Snapshot>,
}

impl FjallKeyspace {
    /// Creates a byte store over one state of the keyspace. All fetches see the state as it was when the snapshot was
    /// taken. Clones of a snapshot share that state, so that several keyspaces of the database can be walked in it.
    ///
    /// The snapshot must be of the same database. fjall doesn't check that; the snapshot of another one shows an
    /// arbitrary state.
    ///
    /// Until the source and all clones of the snapshot are dropped, compactions keep what was overwritten or deleted
    /// since, so disk space isn't freed, and reads of such keys get slower. Writers don't wait. A walk that isn't in a
    /// snapshot holds nothing between two fetches, and sees changes ahead of it.
    ///
    /// ```
    /// use fjall::{Database, KeyspaceCreateOptions};
    /// use keywalk::Walk;
    /// use keywalk_fjall::{FjallKeyspace, Key, Tree};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let db = Database::builder(folder.path()).open()?;
    /// let items = db.keyspace("items", KeyspaceCreateOptions::default)?;
    /// items.insert(7_u64.to_bytes(), "seven")?;
    ///
    /// let before = FjallKeyspace::in_snapshot(items.clone(), db.snapshot());
    /// items.remove(7_u64.to_bytes())?;
    /// assert_eq!(Walk::new(Tree::<u64>::new(before)).items().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_snapshot(keyspace: Keyspace, snapshot: Snapshot) -> Self {
        let snapshot = Some(snapshot);
        FjallKeyspace { keyspace, snapshot }
    }

    /// Returns fjall's keyspace. You can use it freely between two fetches.
    #[must_use]
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }
}

/// Reads nothing.
impl From<Keyspace> for FjallKeyspace {
    fn from(keyspace: Keyspace) -> Self {
        let snapshot = None;
        FjallKeyspace { keyspace, snapshot }
    }
}

impl ByteStore for FjallKeyspace {
    type Error = fjall::Error;

    const KIND: &'static str = "fjall";

    fn name(&self) -> Cow<'_, [u8]> {
        self.keyspace.name().as_bytes().into()
    }

    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, fjall::Error> {
        let bounds = (lower, upper);
        let mut entries = match &self.snapshot {
            None => self.keyspace.range::<&[u8], _>(bounds),
            Some(snapshot) => snapshot.range::<&[u8], _>(&self.keyspace, bounds),
        };
        loop {
            let next = match order {
                Order::Ascending => entries.next(),
                Order::Descending => entries.next_back(),
            };
            let Some(entry) = next else {
                return Ok(ControlFlow::Continue(()));
            };
            let (key, value) = entry.into_inner()?;
            if each(&key, &value).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
}

/// Prints the keyspace's name, and no data.
impl fmt::Debug for FjallKeyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FjallKeyspace")
            .field(&format_args!("{:?}", &**self.keyspace.name()))
            .finish()
    }
}
