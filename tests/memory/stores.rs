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

/// Any error of filling or walking a store.
pub(crate) type BoxError = Box<dyn Error>;

/// A store of a given number of items, to be walked.
///
/// Texts are from [`SHORTEST`] to [`LONGEST`] bytes, other data no longer than that.
pub(crate) trait Filled: Sized {
    /// The most bytes that an item of a chunk owns, in addition to its slot.
    const OWNED: usize;

    /// The most bytes that the source owns.
    const SOURCE: usize = 0;

    /// The most allocations of a fetch into a warm chunk, whatever the chunk's size.
    const PER_FETCH: u64;

    /// The error of a fetch.
    type Error: Error + 'static;

    /// The source.
    type Source<'a>: ChunkSource<Error = Self::Error>
    where
        Self: 'a;

    /// The source's name.
    fn name() -> String;

    /// Makes a store of `items` items.
    fn filled(items: u32) -> Result<Self, BoxError>;

    /// Makes a source over the store.
    fn source(&self) -> Result<Self::Source<'_>, BoxError>;
}

/// The bytes of the shortest text, and of the longest.
const SHORTEST: usize = 24;
const LONGEST: usize = 32;

/// The most bytes of a reused text: a `String` at least doubles when it grows, and here it grows once at most.
const REFILLED: usize = 2 * LONGEST;

/// A key type with one key per number, in the order of the numbers.
pub(crate) trait Key: Ord + Clone + Debug + Send + 'static {
    /// The name of the type in the report.
    const NAME: &'static str;

    /// The bytes that a key owns on the heap.
    const OWNED: usize;

    /// The number of allocations per fetch of a walk over a source in memory, which clones keys: the first and the last
    /// of the chunk, the last again as the position, and sometimes one to detect cycles.
    const CLONES: u64;

    /// Makes the key of a number.
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

/// Makes items by number. The texts of neighbours differ in length.
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

/// A SQLite table in a file, whose rows are filled in place.
///
/// SQLite's own memory isn't on the Rust heap. Once such a table exists, SQLite refuses to take more than [`LIMIT`] in
/// the whole process, and a walk that needs more fails.
pub(crate) struct SqliteTable<K> {
    db: Connection,
    _folder: TempDir,
    key: PhantomData<K>,
}

/// In bytes. The page cache of one connection may take 2,048,000. There are two connections: one of the small table,
/// and one of the large table, whose file has 13 MB.
const LIMIT: u32 = 4 << 20;

/// Makes a table of `columns`, with one row of `values` per number `n`.
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
    /// The statements, and the results of their checks.
    const SOURCE: usize = 4 * 1024;
    /// rusqlite copies a cached statement's text each time that it lends the statement.
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

/// Sets the limit, and checks that SQLite obeys it.
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

/// A SQLite table whose rows differ widely in size: 1 to 2 KB, and occasionally 100 or 200 KB, in another slot of the
/// chunk each time.
pub(crate) struct WildTable(Connection);

impl WildTable {
    /// The bytes of the smallest row, and of the largest.
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
        // Reserves no more than the largest value needs, so that its size equals its memory.
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
