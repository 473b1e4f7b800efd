//! Walks over maps, lists and slices in memory beside their own iterators, CPU time.
//!
//! What is measured is the pass: values are passed by, not read. A chunk is a second pass over what the
//! first one found, so it can't be free: `map/by_hand_N` is what the same costs where somebody collects the
//! references of so many entries by `range` into a `Vec`, and begins again past the last.
//!
//! Keys are `u64`, values 64 bytes. `lent_N` and `items_N` as for SQLite. A [`SharedMap`] and a
//! [`SkipList`] hand out clones: their floors are iterators that clone, the map's with one lock held all
//! along.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crossbeam_skiplist::SkipMap;
use keywalk::{ChunkSource, Walk};
use keywalk_memory::{Map, SharedMap, SkipList, Slice};

use crate::Fallible;
use crate::bench::Bench;
use crate::case::Target;
use crate::seen::Seen;

pub(crate) type Value = [u8; 64];

const DEFAULT: usize = Walk::<Map<'_, u64, Value>>::DEFAULT_CHUNK_SIZE;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let entries = bench.items();
    let map = map(entries);
    for chunk_size in [1, 10, 100, DEFAULT, 1_000, 10_000] {
        let (lent, items) = match chunk_size {
            DEFAULT | 1_000 => (Target::AtMost(1.10), Target::AtMost(1.35)),
            _ => (Target::None, Target::None),
        };
        bench.versus(
            format!("map/lent_{chunk_size}"),
            lent,
            || Ok(of_refs(&map)),
            || map_lends(&map, chunk_size),
        )?;
        bench.versus(
            format!("map/by_hand_{chunk_size}"),
            Target::None,
            || Ok(of_refs(&map)),
            || Ok(by_hand(&map, chunk_size)),
        )?;
        bench.versus(
            format!("map/items_{chunk_size}"),
            items,
            || Ok(of_refs(&map)),
            || map_hands_out(&map, chunk_size),
        )?;
    }
    slice(bench, &map)?;
    skip_list(bench, &map)?;
    shared_map(bench, map)
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
fn see(seen: &mut Seen, key: &u64, value: &Value) {
    black_box(value);
    seen.see(*key);
}

pub(crate) fn of_refs<'a>(entries: impl IntoIterator<Item = (&'a u64, &'a Value)>) -> Seen {
    let mut seen = Seen::default();
    for (key, value) in entries {
        see(&mut seen, key, value);
    }
    seen
}

/// The references of a chunk, in a `Vec` that is used again, up to what was the last key.
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
            see(&mut seen, key, value);
        }
        match entries.last() {
            Some((key, _)) => past = Bound::Excluded(**key),
            None => return seen,
        }
    }
}

pub(crate) fn map_lends(map: &BTreeMap<u64, Value>, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    let mut chunks = Walk::new(Map::new(map)).chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        for (key, value) in items {
            see(&mut seen, key, value);
        }
    }
    Ok(seen)
}

pub(crate) fn map_hands_out(map: &BTreeMap<u64, Value>, chunk_size: usize) -> Fallible<Seen> {
    let mut seen = Seen::default();
    for entry in Walk::new(Map::new(map)).chunk_size(chunk_size) {
        let (key, value) = entry?;
        see(&mut seen, key, value);
    }
    Ok(seen)
}

fn slice(bench: &mut Bench, map: &BTreeMap<u64, Value>) -> Fallible {
    let entries: Vec<(u64, Value)> = map.iter().map(|(key, value)| (*key, *value)).collect();
    // Once: that it is sorted is looked at in full.
    let mut slice = Slice::new(&entries, |(key, _): &(u64, Value)| *key)?;
    for chunk_size in [100, DEFAULT, 1_000] {
        bench.versus(
            format!("slice/lent_{chunk_size}"),
            Target::None,
            || Ok(of_refs(entries.iter().map(|(key, value)| (key, value)))),
            || {
                let mut seen = Seen::default();
                let mut chunks = Walk::new(&mut slice).chunk_size(chunk_size).chunks();
                while let Some(items) = chunks.next()? {
                    for (key, value) in items {
                        see(&mut seen, key, value);
                    }
                }
                Ok(seen)
            },
        )?;
    }
    Ok(())
}

fn skip_list(bench: &mut Bench, map: &BTreeMap<u64, Value>) -> Fallible {
    let list: SkipMap<u64, Value> = map.iter().map(|(key, value)| (*key, *value)).collect();
    let list = Arc::new(list);
    for chunk_size in [100, DEFAULT, 1_000] {
        bench.versus(
            format!("skip_list/lent_{chunk_size}"),
            Target::None,
            || {
                let mut seen = Seen::default();
                for entry in list.iter() {
                    let (key, value) = (*entry.key(), *entry.value());
                    see(&mut seen, &key, &value);
                }
                Ok(seen)
            },
            || lends_clones(SkipList::new(Arc::clone(&list)), chunk_size),
        )?;
    }
    Ok(())
}

fn shared_map(bench: &mut Bench, map: BTreeMap<u64, Value>) -> Fallible {
    let map = Arc::new(RwLock::new(map));
    for chunk_size in [100, DEFAULT, 1_000] {
        bench.versus(
            format!("shared_map/lent_{chunk_size}"),
            Target::None,
            || {
                let mut seen = Seen::default();
                for (key, value) in map.read().unwrap_or_else(PoisonError::into_inner).iter() {
                    let (key, value) = (*key, *value);
                    see(&mut seen, &key, &value);
                }
                Ok(seen)
            },
            || lends_clones(SharedMap::new(Arc::clone(&map)), chunk_size),
        )?;
    }
    Ok(())
}

fn lends_clones<S>(source: S, chunk_size: usize) -> Fallible<Seen>
where
    S: ChunkSource<Item = (u64, Value)>,
    S::Error: std::error::Error + 'static,
{
    let mut seen = Seen::default();
    let mut chunks = Walk::new(source).chunk_size(chunk_size).chunks();
    while let Some(items) = chunks.next()? {
        for (key, value) in items {
            see(&mut seen, key, value);
        }
    }
    Ok(seen)
}
