//! Walks over maps, lists and slices in memory. The ratio is the CPU time over that of their own iterators.
//!
//! Only the pass is measured: values are skipped, not read. A walk passes over the entries twice: the fetch collects
//! them, and the caller visits them. So it can't be as fast as the floor. `map/by_hand_N` does the same by hand: it
//! collects references to N entries from `range` in a `Vec`, then continues after the last. Keys are `u64`, values 64
//! bytes. `lent_N` and `items_N` are as for SQLite. A [`SharedMap`] and a [`SkipList`] yield clones, so their floors
//! are iterators that clone. The floor of the [`SharedMap`] holds one lock throughout.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::iter;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::{Chunk, ChunkSource, Fetched, KeyRange, LastKey, Source, Walk};
use keywalk_memory::{SharedMap, SkipList, SortedSlice};

use crate::bench::{Bench, Target};
use crate::measure::{Fallible, Seen, lent, owned};
use crate::sqlite::DEFAULT;

pub(crate) type Value = [u8; 64];

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let map = map(bench.items);
    for size in [1, 10, 100, DEFAULT, 1_000, 10_000] {
        let (lent, items) = match size {
            DEFAULT | 1_000 => (Target::AtMost(1.10), Target::AtMost(1.35)),
            _ => (Target::None, Target::None),
        };
        let floor = || Ok(of_refs(&map));
        bench.versus(format!("map/lent_{size}"), lent, floor, || {
            map_lends(&map, size)
        })?;
        bench.versus(format!("map/by_hand_{size}"), Target::None, floor, || {
            Ok(by_hand(&map, size))
        })?;
        bench.versus(format!("map/items_{size}"), items, floor, || {
            map_yields(&map, size)
        })?;
    }
    let entries: Vec<(u64, Value)> = map.iter().map(|(key, value)| (*key, *value)).collect();
    // Made once, because the check for sortedness reads everything.
    let mut slice = SortedSlice::new(&entries, |(key, _): &(u64, Value)| *key)?;
    for size in [100, DEFAULT, 1_000] {
        bench.versus(
            format!("slice/lent_{size}"),
            Target::None,
            || Ok(of_refs(entries.iter().map(|(key, value)| (key, value)))),
            || {
                let walk = Walk::new(&mut slice).chunk_size(size);
                lent(walk, |(key, (_, value))| digest(key, value))
            },
        )?;
    }
    let list: SkipMap<u64, Value> = map.iter().map(|(key, value)| (*key, *value)).collect();
    let (list, map) = (Arc::new(list), Arc::new(RwLock::new(map)));
    for size in [100, DEFAULT, 1_000] {
        bench.versus(
            format!("skip_list/lent_{size}"),
            Target::None,
            || {
                Ok(of_clones(
                    list.iter().map(|entry| (*entry.key(), *entry.value())),
                ))
            },
            || {
                let walk = Walk::new(SkipList::new(Arc::clone(&list))).chunk_size(size);
                lent(walk, |(key, value)| digest(key, value))
            },
        )?;
        bench.versus(
            format!("shared_map/lent_{size}"),
            Target::None,
            || {
                let map = map.read().unwrap_or_else(PoisonError::into_inner);
                Ok(of_clones(map.iter().map(|(key, value)| (*key, *value))))
            },
            || {
                let walk = Walk::new(SharedMap::new(Arc::clone(&map))).chunk_size(size);
                lent(walk, |(key, value)| digest(key, value))
            },
        )?;
    }
    Ok(())
}

pub(crate) fn map(entries: u64) -> BTreeMap<u64, Value> {
    let value = |at: u64| {
        let mut value = [0; 64];
        value[..8].copy_from_slice(&at.to_be_bytes());
        value
    };
    (0..entries).map(|at| (at, value(at))).collect()
}

#[inline]
fn digest(key: &u64, value: &Value) -> u64 {
    black_box(value);
    *key
}

/// The floor.
pub(crate) fn of_refs<'a, I>(entries: I) -> Seen
where
    I: IntoIterator<Item = (&'a u64, &'a Value)>,
{
    let mut seen = Seen::default();
    for (key, value) in not_inlined(entries.into_iter()) {
        seen.see(digest(key, value));
    }
    seen
}

/// Iterates through calls. Otherwise inlining would depend on the rest of this crate, and would double or halve the
/// floor, and change the counts by a third.
fn not_inlined<I: Iterator>(mut items: I) -> impl Iterator<Item = I::Item> {
    let next: fn(&mut I) -> Option<I::Item> = black_box(Iterator::next);
    iter::from_fn(move || next(&mut items))
}

/// A map whose iterator isn't inlined, to count instructions.
pub(crate) struct Counted<'m>(pub(crate) &'m BTreeMap<u64, Value>);

impl<'m> Source for Counted<'m> {
    type Key = u64;
    type Item = (&'m u64, &'m Value);
    type Error = Infallible;
}

impl<'m> ChunkSource for Counted<'m> {
    fn fetch(
        &mut self,
        range: &KeyRange<u64>,
        chunk: &mut Chunk<(&'m u64, &'m Value)>,
    ) -> Result<Fetched<u64>, Infallible> {
        let items = self.0.range((range.lower(), range.upper()));
        Ok(match chunk.fill_from(not_inlined(items)) {
            true => Fetched::More,
            false => Fetched::End,
        })
    }

    fn last_key(&mut self, range: &KeyRange<u64>) -> Result<LastKey<u64>, Infallible> {
        self.0.last_key(range)
    }
}

/// Collects references to the entries of each chunk in a reused `Vec`. Ends at the key that was last at the start.
fn by_hand(map: &BTreeMap<u64, Value>, chunk_size: usize) -> Seen {
    let mut seen = Seen::default();
    let mut entries: Vec<(&u64, &Value)> = Vec::new();
    let mut past = Bound::Unbounded;
    let last = map.last_key_value().map(|(key, _)| *key);
    let upto = last.map_or(Bound::Unbounded, Bound::Included);
    loop {
        entries.clear();
        entries.extend(map.range((past, upto)).take(chunk_size));
        for (key, value) in &entries {
            seen.see(digest(key, value));
        }
        match entries.last() {
            Some((key, _)) => past = Bound::Excluded(**key),
            None => return seen,
        }
    }
}

fn of_clones(entries: impl IntoIterator<Item = (u64, Value)>) -> Seen {
    let mut seen = Seen::default();
    for (key, value) in entries {
        seen.see(digest(&key, &value));
    }
    seen
}

pub(crate) fn map_lends<'m>(
    map: impl ChunkSource<Key = u64, Item = (&'m u64, &'m Value), Error = Infallible>,
    chunk_size: usize,
) -> Fallible<Seen> {
    let walk = Walk::new(map).chunk_size(chunk_size);
    lent(walk, |(key, value)| digest(key, value))
}

pub(crate) fn map_yields<'m>(
    map: impl ChunkSource<Key = u64, Item = (&'m u64, &'m Value), Error = Infallible>,
    chunk_size: usize,
) -> Fallible<Seen> {
    let walk = Walk::new(map).chunk_size(chunk_size);
    owned(walk, |(key, value)| digest(key, value))
}
