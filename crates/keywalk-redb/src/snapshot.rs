use std::fmt;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableDatabase, TransactionError};

use crate::table::Reader;

/// One state of a database. All fetches see the state as it was when the snapshot was taken, over all tables that are
/// read from it. Clones share that state.
///
/// It is a read transaction that stays open until the last clone is dropped, with the tables that it was given to:
///
/// - Pages that later commits free can't be used again, so the file grows with each commit.
/// - [`Database::compact`](redb::Database::compact) fails.
/// - Writers don't wait.
/// - If the database is dropped, fetches fail.
///
/// Without it, a walk holds nothing between two fetches, and sees changes ahead of it.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_redb::{Key, Snapshot, Table, Tree, redb};
/// use redb::{Database, TableDefinition, backends::InMemoryBackend};
///
/// const ITEMS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("items");
///
/// # let db = Database::builder().create_with_backend(InMemoryBackend::new())?;
/// # let tx = db.begin_write()?;
/// # tx.open_table(ITEMS)?.insert(&*7_u64.to_bytes(), &b"seven"[..])?;
/// # tx.commit()?;
/// let before = Snapshot::of(&db)?;
/// let tx = db.begin_write()?;
/// tx.delete_table(ITEMS)?;
/// tx.commit()?;
/// assert_eq!(Walk::new(Tree::<u64, _>::new(Table::new(before, ITEMS))).items().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Snapshot(Arc<ReadTransaction>);

impl Snapshot {
    /// Takes a snapshot of what is committed.
    ///
    /// # Errors
    ///
    /// redb's.
    pub fn of(database: &impl ReadableDatabase) -> Result<Self, TransactionError> {
        Ok(database.begin_read()?.into())
    }
}

impl From<ReadTransaction> for Snapshot {
    fn from(transaction: ReadTransaction) -> Self {
        Snapshot(Arc::new(transaction))
    }
}

impl Reader for Snapshot {
    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        read(&self.0)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}
