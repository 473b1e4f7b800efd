use std::cmp::Ordering;
use std::fmt;

use keywalk::Weigh;
use rusqlite::types::{FromSqlResult, ToSqlOutput, ValueRef};

use super::{Comparison, KeyColumn};

/// Text in the order of its column's collation (NOCASE, RTRIM, one that the application defines),
/// which only SQLite knows.
///
/// Two of them compare as `None` unless they are the same text. So a walk by such a key judges by
/// equality alone: [G15](keywalk#what-a-walk-promises) finds less. What SQLite answers is what
/// counts, and its index and its comparison use the same collation, which is proven.
///
/// So the collation must be what the index was sorted by, and an order: one that an application
/// defines anew, without REINDEX, or that contradicts itself or panics, misleads SQLite's search, which
/// may then miss rows without noticing. The same goes for text in a UTF-16 database that isn't valid:
/// it can't be read as it is stored. Walk such a table by another key.
///
/// ```
/// use keywalk::Walk;
/// use keywalk_sqlite::{Collated, Table};
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// db.execute_batch(
///     "CREATE TABLE tags (name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY);
///      INSERT INTO tags VALUES ('b'), ('C'), ('a');",
/// )?;
/// let tags = Table::new(&db, "tags").key::<Collated>(["name"])?;
/// let names: Vec<String> = Walk::new(tags)
///     .chunk_size(1)
///     .items()
///     .map(|item| item.map(|(name, _row)| name.0))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(names, ["a", "b", "C"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Collated(pub String);

impl Weigh for Collated {
    fn weigh(&self) -> usize {
        self.0.weigh()
    }
}

impl PartialOrd for Collated {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl fmt::Display for Collated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyColumn for Collated {
    const COMPARISON: Comparison = Comparison::Store;

    fn read(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::read(value).map(Collated)
    }

    fn reread(&mut self, value: ValueRef<'_>) -> FromSqlResult<()> {
        self.0.reread(value)
    }

    fn bind(&self) -> ToSqlOutput<'_> {
        self.0.bind()
    }
}
