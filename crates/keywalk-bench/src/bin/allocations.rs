//! Counts how often walks allocate; the group `allocations` runs it and reads its lines.
//!
//! It is a program of its own because counting needs an allocator that the floors of the other groups must not
//! run on. A line is `STORE/WAY RATIO ALLOCATIONS FETCHES ITEMS`. Counting begins after three chunks: by then
//! each slot of a chunk has held the longest of its texts, which have 24 to 26 bytes.

#![forbid(unsafe_code)]

#[path = "../../../../tests/memory/heap.rs"]
mod heap;

use std::collections::BTreeMap;
use std::error::Error;
use std::str::Utf8Error;
use std::sync::{Arc, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::{ChunkSource, Walk};
use keywalk_memory::{Map, SharedMap, SkipList, Slice};
use keywalk_sled::{Key, Tree};
use keywalk_sqlite::Table;
use rusqlite::Connection;

use heap::Heap;

pub(crate) type BoxError = Box<dyn Error>;

/// The sizes of the smaller and of the larger chunks.
const CHUNKS: [usize; 2] = [512, 1_024];
const WARMING: u64 = 3;

fn main() -> Result<(), BoxError> {
    let items = std::env::args().nth(1).ok_or("how many items?")?;
    // Three chunks to warm up, and one to be counted, at least.
    let items = items.parse::<u64>()?.max(5_000);
    let counter = Counter {
        heap: Heap::new()?,
        items,
    };
    sqlite(&counter)?;
    sled(&counter)?;
    memory(&counter)
}

/// Counts, and prints the counts.
struct Counter {
    heap: Heap,
    /// How many the stores have.
    items: u64,
}

impl Counter {
    /// Counts the allocations of a walk's lent chunks, and returns those in larger chunks.
    fn lent<S: ChunkSource>(&self, store: &str, mut source: S) -> Result<u64, BoxError>
    where
        S::Error: Error + 'static,
    {
        self.count(&format!("{store}/lent"), |chunk| {
            let mut chunks = Walk::new(&mut source).chunk_size(chunk).chunks();
            for _ in 0..WARMING {
                chunks.next()?;
            }
            let before = chunks.stats();
            let (end, usage) = self.heap.measure(|| {
                for _ in 0..self.fetches() {
                    chunks.next()?;
                }
                Ok::<_, keywalk::Error<S::Error>>(())
            });
            end?;
            let after = chunks.stats();
            let fetches = after.queries() - before.queries();
            let items = after.items() - before.items();
            if (fetches, items) != (self.fetches(), self.fetches() * chunk as u64) {
                return Err(format!("{store}: {items} items in {fetches} fetches").into());
            }
            Ok(usage.allocations)
        })
    }

    /// Counts those of a store's own iterator, over the items that the walks are counted over.
    fn native<T, E: Error + 'static, I: Iterator<Item = Result<T, E>>>(
        &self,
        store: &str,
        iter: impl Fn() -> I,
    ) -> Result<u64, BoxError> {
        self.count(&format!("{store}/native"), |chunk| {
            let mut items = iter();
            let mut warming = items.by_ref().take(WARMING as usize * chunk);
            warming.try_for_each(|item| item.map(drop))?;
            let mut counted = items.take(self.fetches() as usize * chunk);
            let work = || counted.try_for_each(|item| item.map(drop));
            let (end, usage) = self.heap.measure(work);
            end?;
            Ok(usage.allocations)
        })
    }

    /// Counts with smaller and larger chunks, as many of both, and prints what each further item allocates.
    fn count(
        &self,
        name: &str,
        mut count: impl FnMut(usize) -> Result<u64, BoxError>,
    ) -> Result<u64, BoxError> {
        let [small, large] = CHUNKS;
        let (smaller, larger) = (count(small)?, count(large)?);
        let further = (large - small) as u64 * self.fetches();
        self.print(
            name,
            (larger as f64 - smaller as f64) / further as f64,
            larger,
        );
        Ok(larger)
    }

    fn print(&self, name: &str, ratio: f64, allocations: u64) {
        let fetches = self.fetches();
        let items = fetches * CHUNKS[1] as u64;
        println!("{name} {ratio} {allocations} {fetches} {items}");
    }

    /// How many are counted.
    fn fetches(&self) -> u64 {
        self.items / CHUNKS[1] as u64 - WARMING
    }
}

fn sqlite(counter: &Counter) -> Result<(), BoxError> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(&format!(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, tenant INTEGER NOT NULL,
             number INTEGER NOT NULL, name TEXT NOT NULL, photo BLOB NOT NULL, UNIQUE (tenant, number));
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})
         INSERT INTO items
         SELECT n, printf('code/%015d', n), n / 1000, n % 1000, printf('%0*d', 24 + n % 3, n),
             zeroblob(24 + n % 3) FROM numbers",
        counter.items
    ))?;
    counter.lent("sqlite_integer", table::<i64>(&db, &["id"])?)?;
    counter.lent("sqlite_text", table::<String>(&db, &["code"])?)?;
    counter.lent(
        "sqlite_composite",
        table::<(i64, i64)>(&db, &["tenant", "number"])?,
    )?;
    Ok(())
}

/// The table, each row filled in place.
fn table<'db, K: keywalk_sqlite::Key + 'db>(
    db: &'db Connection,
    key: &[&'static str],
) -> Result<impl ChunkSource<Key = K, Error = keywalk_sqlite::Error> + 'db, BoxError> {
    let table = Table::new(db, "items").key::<K>(key.iter().copied())?;
    let table = table.columns(["name", "photo"]);
    Ok(table.fill(|row, (name, photo): &mut (String, Vec<u8>)| {
        name.clear();
        name.push_str(row.get_ref(0)?.as_str()?);
        photo.clear();
        photo.extend_from_slice(row.get_ref(1)?.as_blob()?);
        Ok(())
    }))
}

fn sled(counter: &Counter) -> Result<(), BoxError> {
    // sled's own threads allocate at times of their own: nothing is left for them to do.
    let config = sled::Config::new().temporary(true).cache_capacity(4 << 30);
    let db = config.flush_every_ms(None).open()?;
    for (number, name) in texts(counter.items) {
        db.insert(number.to_bytes(), name.as_bytes())?;
    }
    db.flush()?;
    let native = counter.native("sled", || db.iter())?;
    let tree = Tree::<i64>::new((*db).clone()).fill(|value, name: &mut String| {
        name.clear();
        name.push_str(std::str::from_utf8(value)?);
        Ok::<_, Utf8Error>(())
    });
    let lent = counter.lent("sled", tree)?;
    counter.print("sled/lent_of_native", lent as f64 / native as f64, lent);
    Ok(())
}

fn memory(counter: &Counter) -> Result<(), BoxError> {
    let entries: Vec<(i64, String)> = texts(counter.items).collect();
    counter.lent(
        "slice",
        Slice::new(&entries, |(number, _): &(i64, String)| *number)?,
    )?;
    let map: BTreeMap<i64, String> = entries.iter().cloned().collect();
    counter.lent("map", Map::new(&map))?;
    counter.lent("shared_map", SharedMap::new(Arc::new(RwLock::new(map))))?;
    let list: SkipMap<i64, String> = entries.into_iter().collect();
    counter.lent("skip_list", SkipList::new(Arc::new(list)))?;
    Ok(())
}

fn texts(items: u64) -> impl Iterator<Item = (i64, String)> {
    (0..items as i64).map(|number| {
        let length = 24 + (number % 3) as usize;
        (number, format!("{number:0length$}"))
    })
}
