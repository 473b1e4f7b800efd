//! The stores that are walked. Each is filled once, and then only walked. To add a store, implement [`Filled`] and add
//! a line to `main`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::{Arc, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::ChunkSource;
use keywalk_memory::{Poisoned, SharedMap, SkipList, SortedSlice};
use keywalk_sqlite::Table;
use keywalk_sqlite::decode::Filled as FilledInPlace;
use rusqlite::{Connection, ErrorCode, Row};
use tempfile::TempDir;

/// What can go wrong while a store is filled or walked.
pub(crate) type BoxError = Box<dyn Error>;

/// A store with as many items as it is told to hold, to be walked by sources.
///
/// Texts are from [`SHORTEST`] to [`LONGEST`] bytes, other data no longer than that.
pub(crate) trait Filled: Sized {
    /// The most bytes that an item of a chunk owns, beside its slot in the chunk.
    const OWNED: usize;

    /// The most bytes that the source owns.
    const SOURCE: usize = 0;

    /// The most allocations of a fetch into a warm chunk, whatever the chunk's size.
    const PER_FETCH: u64;

    /// What can go wrong in a fetch.
    type Error: Error + 'static;

    /// What is walked.
    type Source<'a>: ChunkSource<Error = Self::Error>
    where
        Self: 'a;

    /// The source's name.
    fn name() -> String;

    /// A store of `items` items.
    fn filled(items: u32) -> Result<Self, BoxError>;

    /// A source over the store.
    fn source(&self) -> Result<Self::Source<'_>, BoxError>;
}

/// The bytes of the shortest text, and of the longest.
const SHORTEST: usize = 24;
const LONGEST: usize = 32;

/// The most bytes that a text takes that was filled again: a `String` at least doubles when it
/// grows, and here grows once at most.
const REFILLED: usize = 2 * LONGEST;

/// A key that there is one of for each number, in the numbers' order.
pub(crate) trait Key: Ord + Clone + Debug + Send + 'static {
    /// Its type, for the report.
    const NAME: &'static str;

    /// The bytes that one owns beside itself.
    const OWNED: usize;

    /// How often a walk and a source in memory allocate for a fetch, as they clone keys: the first
    /// and the last of the chunk, the last once more as the position, and now and then a landmark.
    const CLONES: u64;

    /// The key of a number.
    fn numbered(number: i64) -> Self;
}

impl Key for i64 {
    const NAME: &'static str = "i64";
    const OWNED: usize = 0;
    const CLONES: u64 = 0;

    fn numbered(number: i64) -> Self {
        number
    }
}

impl Key for String {
    const NAME: &'static str = "String";
    const OWNED: usize = 20;
    const CLONES: u64 = 4;

    fn numbered(number: i64) -> Self {
        format!("{number:020}")
    }
}

/// Items by number; the texts of neighbours have other lengths.
fn items<K: Key, C: FromIterator<(K, String)>>(count: u32) -> C {
    let lengths = (LONGEST - SHORTEST + 1) as i64;
    let items = (0..i64::from(count)).map(|number| {
        let length = SHORTEST + (number % lengths) as usize;
        (K::numbered(number), format!("{number:0length$}"))
    });
    items.collect()
}

type Item = (i64, String);

macro_rules! in_memory {
    ($(
        $(#[$doc:meta])*
        [$($key:tt)*] $store:ty, $source:ty, $error:ty, $name:expr;
        $owned:expr, $per_fetch:expr;
        $items:ident => $filled:expr, $this:ident => $made:expr;
    )+) => {$(
        $(#[$doc])*
        impl<$($key)*> Filled for $store {
            const OWNED: usize = $owned;
            const PER_FETCH: u64 = $per_fetch;

            type Error = $error;
            type Source<'a> = $source;

            fn name() -> String {
                $name
            }

            fn filled(count: u32) -> Result<Self, BoxError> {
                let $items = items(count);
                Ok($filled)
            }

            fn source(&self) -> Result<Self::Source<'_>, BoxError> {
                let $this = self;
                Ok($made)
            }
        }
    )+};
}

in_memory! {
    /// It lends its entries.
    [K: Key] BTreeMap<K, String>, &'a BTreeMap<K, String>, Infallible, format!("&BTreeMap<{}>", K::NAME);
    0, K::CLONES;
    items => items, map => map;

    /// It lends its items.
    [] Vec<Item>, SortedSlice<'a, Item, fn(&Item) -> i64>, Infallible, "SortedSlice".to_owned();
    0, 0;
    items => items, slice => SortedSlice::new(slice, (|(key, _)| *key) as fn(&Item) -> i64)?;

    /// Entries are cloned.
    [K: Key] Arc<RwLock<BTreeMap<K, String>>>, SharedMap<K, String>, Poisoned, format!("SharedMap<{}>", K::NAME);
    K::OWNED + REFILLED, K::CLONES;
    items => Arc::new(RwLock::new(items)), map => SharedMap::new(Arc::clone(map));

    /// Entries are cloned.
    [K: Key] Arc<SkipMap<K, String>>, SkipList<K, String>, Infallible, format!("SkipList<{}>", K::NAME);
    K::OWNED + REFILLED, K::CLONES;
    items => Arc::new(items), list => SkipList::new(Arc::clone(list));
}

type Fill<V> = fn(&Row<'_>, &mut V) -> rusqlite::Result<()>;
type FilledTable<'a, K, V> = Table<&'a Connection, K, FilledInPlace<Fill<V>, V>>;

/// A table of SQLite's, in a file, whose rows are filled in place.
///
/// SQLite's own memory isn't on the Rust heap. Once there is such a table SQLite refuses to take more
/// than [`LIMIT`] in the whole process, and a walk that needs more fails.
pub(crate) struct SqliteTable<K> {
    db: Connection,
    _folder: TempDir,
    key: PhantomData<K>,
}

/// In bytes. The page cache of a connection alone may take 2,048,000, and there are two of them: one
/// of the small table, one of the large, whose file has 13 MB.
const LIMIT: u32 = 4 << 20;

/// A table of `columns`, and in it a row of `values` for each number `n`.
fn make(db: &Connection, count: u32, columns: &str, values: &str) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         CREATE TABLE items ({columns};
         WITH RECURSIVE numbers (n) AS (
             SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count}
         )
         INSERT INTO items SELECT {values} FROM numbers"
    ))
}

impl<K: Key + keywalk_sqlite::SqlKey> Filled for SqliteTable<K> {
    const OWNED: usize = K::OWNED + 2 * REFILLED;
    /// Its statements and how they were proven.
    const SOURCE: usize = 4 * 1024;
    /// rusqlite notes a cached statement's text each time that it lends it.
    const PER_FETCH: u64 = K::CLONES + 1;

    type Error = keywalk_sqlite::Error;
    type Source<'a> = FilledTable<'a, K, (String, Vec<u8>)>;

    fn name() -> String {
        format!("sqlite::Table<{}>", K::NAME)
    }

    fn filled(count: u32) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let db = Connection::open(folder.path().join("items.db"))?;
        limit(&db)?;
        let (key, value, end) = match K::OWNED {
            0 => ("INTEGER", "n", ")"),
            _ => ("TEXT NOT NULL", "printf('%020d', n)", ") WITHOUT ROWID"),
        };
        let key = format!("id {key} PRIMARY KEY");
        let columns = format!("{key}, name TEXT NOT NULL, photo BLOB NOT NULL{end}");
        let length = format!("{SHORTEST} + n % {}", LONGEST - SHORTEST + 1);
        let letters = "x".repeat(LONGEST);
        let values = format!("{value}, substr('{letters}', 1, {length}), zeroblob({length})");
        make(&db, count, &columns, &values)?;
        Ok(SqliteTable {
            db,
            _folder: folder,
            key: PhantomData,
        })
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        let fill: Fill<(String, Vec<u8>)> = |row, (name, photo)| {
            name.clear();
            name.push_str(row.get_ref(1)?.as_str()?);
            photo.clear();
            photo.extend_from_slice(row.get_ref(2)?.as_blob()?);
            Ok(())
        };
        Ok(Table::new(&self.db, "items")
            .key::<K>(["id"])?
            .map_into(fill))
    }
}

/// Sets the limit, and sees that it is obeyed.
fn limit(db: &Connection) -> Result<(), BoxError> {
    db.pragma_update(None, "hard_heap_limit", LIMIT)?;
    let too_much = db.query_row("SELECT length(randomblob(?1))", [LIMIT], |row| {
        row.get::<_, i64>(0)
    });
    match too_much {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => Ok(()),
        other => Err(format!("SQLite took more than its limit: {other:?}").into()),
    }
}

/// A table of SQLite's whose rows differ wildly in size: 1 to 2 KB, and 100 and 200 KB now and then, in another slot
/// of the chunk each time.
pub(crate) struct WildTable(Connection);

impl WildTable {
    /// What the smallest and the largest row own.
    pub(crate) const SMALLEST: usize = 1_000;
    pub(crate) const LARGEST: usize = 200_000;
}

impl Filled for WildTable {
    const OWNED: usize = WildTable::LARGEST;
    const SOURCE: usize = SqliteTable::<i64>::SOURCE;
    const PER_FETCH: u64 = SqliteTable::<i64>::PER_FETCH;

    type Error = keywalk_sqlite::Error;
    type Source<'a> = FilledTable<'a, i64, Vec<u8>>;

    fn name() -> String {
        "sqlite::Table, wild".to_owned()
    }

    fn filled(count: u32) -> Result<Self, BoxError> {
        let db = Connection::open("")?;
        let (smallest, largest) = (WildTable::SMALLEST, WildTable::LARGEST);
        let values = format!(
            "n, zeroblob(CASE
                 WHEN n % 97 = 0 THEN {largest}
                 WHEN n % 61 = 0 THEN {largest} / 2
                 ELSE {smallest} + n * 37 % {smallest}
             END)"
        );
        let columns = "id INTEGER PRIMARY KEY, photo BLOB NOT NULL)";
        make(&db, count, columns, &values)?;
        Ok(WildTable(db))
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        // Reserves no more than the largest that comes, so that its weight tells the memory.
        let fill: Fill<Vec<u8>> = |row, photo| {
            let stored = row.get_ref(1)?.as_blob()?;
            photo.clear();
            photo.reserve_exact(stored.len());
            photo.extend_from_slice(stored);
            Ok(())
        };
        Ok(Table::new(&self.0, "items")
            .key::<i64>(["id"])?
            .map_into(fill))
    }
}
