//! Splits of a key range for parallel workers, over key sets that are spread differently.
//!
//! The ratio is the balance: 8 workers take 64 parts from a queue, each the next one when it is done. It divides the rows
//! of the slowest worker by an eighth of all rows. `largest_of_share` divides the rows of the largest part by a 64th of
//! all rows. `parts` is the number of parts, and `split_ms` the wall time of the split: the median of five.
//!
//! The key sets: `integers` are uniform random integers of 40 bits, `uuids` are random. `words` consist of syllables, some
//! of which are frequent. `paths` are paths of files, in folders of very different size. `skewed` has keys of a leading
//! value and an id; one of 1,000 leading values has 80 % of the rows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::error::Error;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use crossbeam_skiplist::SkipMap;
use fjall::KeyspaceCreateOptions;
use keywalk::{Cursor, SplitSource, Walk};
use keywalk_bytes::{Key, Tree};
use keywalk_fjall::FjallKeyspace;
use keywalk_memory::{SharedMap, SkipList, SortedSlice};
use keywalk_redb::Table;
use keywalk_sled::SledTree;
use keywalk_tests::random::Random;
use redb::{Database, TableDefinition};
use uuid::Uuid;

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, median};
use crate::split_sql;

pub(crate) const PARTS: usize = 64;
const WORKERS: usize = 8;
pub(crate) const TURNS: usize = 5;
const BALANCE: Target = Target::AtMost(1.15);

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let items = bench.items;
    of_keys(bench, "integers", || integers(items))?;
    of_keys(bench, "uuids", || uuids(items))?;
    of_keys(bench, "words", || words(items))?;
    of_keys(bench, "paths", || paths(items))?;
    of_keys(bench, "skewed", || skewed(items))?;
    split_sql::sqlite(bench)?;
    split_sql::postgres(bench)
}

/// A key that every store can hold.
trait Sample: Key + Send + Sync + 'static {}

impl<K: Key + Send + Sync + 'static> Sample for K {}

/// Measures all stores over one key set. A case is named STORE_KEYS.
fn of_keys<K: Sample>(
    bench: &mut Bench,
    set: &str,
    keys: impl FnOnce() -> BTreeSet<K>,
) -> Fallible {
    let stores: [(&str, OfStore<K>); 7] = [
        ("map", map),
        ("shared_map", shared_map),
        ("skip_list", skip_list),
        ("slice", slice),
        ("redb", redb),
        ("fjall", fjall),
        ("sled", sled),
    ];
    let names = stores.map(|(store, _)| format!("{store}_{set}"));
    if !names.iter().any(|name| bench.wants(name)) {
        return Ok(());
    }
    let keys: Vec<K> = keys().into_iter().collect();
    for (name, (_, store)) in names.iter().zip(stores) {
        if bench.wants(name) {
            store(bench, name, &keys)?;
        }
    }
    Ok(())
}

/// Makes a store of these keys, ascending, and [measures](split) it.
type OfStore<K> = fn(&mut Bench, &str, &[K]) -> Fallible;

/// Splits the walk of `source`, and counts the items of each part by walking it.
fn split<S: SplitSource>(bench: &mut Bench, name: &str, mut source: S) -> Fallible
where
    S::Error: Error + 'static,
{
    let mut times = Vec::new();
    let mut parts = Vec::new();
    for _ in 0..TURNS {
        let start = Instant::now();
        parts = Walk::new(&mut source).split(PARTS)?;
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    let mut counts = Vec::new();
    for part in parts {
        counts.push(
            Walk::new(&mut source)
                .resume(Cursor::unbounded(part))
                .count()?,
        );
    }
    record(bench, name, &counts, median(times), None)
}

/// Records a case by the number of items of each part.
pub(crate) fn record(
    bench: &mut Bench,
    name: &str,
    counts: &[u64],
    split_ms: f64,
    statements: Option<u64>,
) -> Fallible {
    let items = counts.iter().sum::<u64>();
    let share = items as f64 / PARTS as f64;
    let largest = counts.iter().max().copied().unwrap_or_default() as f64;
    let balance = slowest(counts) as f64 / (items as f64 / WORKERS as f64);
    let mut figures = vec![
        ("largest_of_share", largest / share),
        ("parts", counts.len() as f64),
        ("split_ms", split_ms),
    ];
    figures.extend(statements.map(|statements| ("statements", statements as f64)));
    bench.record(name, BALANCE, balance, items, None, &figures)
}

/// Returns the items of the slowest worker, if each takes the next part when it is done.
fn slowest(counts: &[u64]) -> u64 {
    let mut workers = BinaryHeap::from([Reverse(0); WORKERS]);
    for count in counts {
        if let Some(Reverse(done)) = workers.pop() {
            workers.push(Reverse(done + count));
        }
    }
    let done = workers.into_iter().map(|Reverse(done)| done);
    done.max().unwrap_or_default()
}

fn map<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    let map: BTreeMap<K, ()> = keys.iter().map(|key| (key.clone(), ())).collect();
    split(bench, name, &map)
}

fn shared_map<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    let map = keys.iter().map(|key| (key.clone(), ())).collect();
    split(bench, name, SharedMap::new(Arc::new(RwLock::new(map))))
}

fn skip_list<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    let list: SkipMap<K, ()> = keys.iter().map(|key| (key.clone(), ())).collect();
    split(bench, name, SkipList::new(Arc::new(list)))
}

fn slice<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    split(bench, name, SortedSlice::new(keys, K::clone)?)
}

fn redb<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    const ITEMS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("items");

    let folder = tempfile::tempdir()?;
    let db = Database::create(folder.path().join("items"))?;
    let tx = db.begin_write()?;
    let mut table = tx.open_table(ITEMS)?;
    for key in keys {
        table.insert(&*key.to_bytes(), &VALUE[..])?;
    }
    drop(table);
    tx.commit()?;
    split(
        bench,
        name,
        Tree::<Table<_>, K>::new(Table::new(&db, ITEMS)),
    )
}

fn fjall<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    let folder = tempfile::tempdir()?;
    let db = fjall::Database::builder(folder.path()).open()?;
    let keyspace = db.keyspace("items", KeyspaceCreateOptions::default)?;
    for key in keys {
        keyspace.insert(key.to_bytes(), VALUE)?;
    }
    keyspace.rotate_memtable_and_wait()?;
    split(bench, name, Tree::<FjallKeyspace, K>::new(keyspace))
}

fn sled<K: Sample>(bench: &mut Bench, name: &str, keys: &[K]) -> Fallible {
    let folder = tempfile::tempdir()?;
    let tree = sled::open(folder.path())?.open_tree("items")?;
    for key in keys {
        tree.insert(key.to_bytes(), &VALUE[..])?;
    }
    split(bench, name, Tree::<SledTree, K>::new(tree))
}

const VALUE: [u8; 100] = [0; 100];

fn until_full<K: Ord>(items: u64, mut key: impl FnMut() -> K) -> BTreeSet<K> {
    let mut keys = BTreeSet::new();
    while (keys.len() as u64) < items {
        keys.insert(key());
    }
    keys
}

fn integers(items: u64) -> BTreeSet<i64> {
    let mut random = Random::new(1);
    until_full(items, || random.below(1 << 40).cast_signed())
}

fn uuids(items: u64) -> BTreeSet<Uuid> {
    let mut random = Random::new(2);
    until_full(items, || {
        let (high, low) = (random.next(), random.next());
        uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
            .into_uuid()
    })
}

/// Returns a number below `end`: about as often from 1 to 2 as from 2 to 4, from 4 to 8, and so on.
fn small(random: &mut Random, end: u64) -> u64 {
    let bits = 64 - end.leading_zeros();
    let bits = 1 + random.below(bits.into());
    random.below(1 << bits) % end
}

/// Returns a text of two to five syllables.
fn word(random: &mut Random) -> String {
    const CONSONANTS: [&str; 24] = [
        "s", "t", "c", "p", "m", "r", "d", "b", "l", "h", "f", "n", "g", "v", "st", "tr", "ch",
        "w", "sh", "pr", "k", "j", "qu", "z",
    ];
    const VOWELS: [&str; 12] = [
        "e", "a", "i", "o", "er", "in", "an", "u", "on", "y", "ea", "ing",
    ];
    let count = 2 + random.below(4);
    let syllable = |_| {
        let consonant = CONSONANTS[small(random, 24) as usize];
        consonant.to_owned() + VOWELS[small(random, 12) as usize]
    };
    (0..count).map(syllable).collect()
}

fn words(items: u64) -> BTreeSet<String> {
    let mut random = Random::new(3);
    until_full(items, || word(&mut random))
}

fn paths(items: u64) -> BTreeSet<String> {
    let mut random = Random::new(4);
    let names: Vec<String> = (0..2_000).map(|_| word(&mut random)).collect();
    until_full(items, || {
        let mut path = "/var/lib/store/data".to_owned();
        for _ in 0..1 + random.below(5) {
            path = path + "/" + &names[small(&mut random, 2_000) as usize];
        }
        match random.below(3) {
            0 => format!("{path}/{}.txt", word(&mut random)),
            1 => format!("{path}/img_{:05}.jpeg", small(&mut random, 99_999)),
            _ => format!(
                "{path}/2026-{:02}-{:02}.log",
                1 + random.below(12),
                1 + random.below(28)
            ),
        }
    })
}

fn skewed(items: u64) -> BTreeSet<(i64, i64)> {
    let mut random = Random::new(5);
    let mut id = 0;
    until_full(items, || {
        id += 1;
        let leading = random.below(1_000);
        (
            if random.below(5) < 4 {
                777
            } else {
                leading.cast_signed()
            },
            id,
        )
    })
}
