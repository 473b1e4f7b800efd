use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use keywalk::{ChunkSource, Fingerprint, FingerprintField, ResumableSource, Source};
use keywalk_bytes::Key;
use keywalk_conformance::{BoxError, Capabilities, Harness, KeySpace, KnownKey, Writer};
use keywalk_memory::{Named, SharedMap};
use keywalk_shards::{BoxShard, Diff, Difference, Merge, Numbered, NumberedItem};
use keywalk_tokio::{Blocking, Offload};

use super::offloaded::RUNTIME;
use super::{ByCopy, SharedMapHarness};

/// Several maps behind locks, walked as one store in this way.
#[derive(Debug)]
pub struct ShardedHarness<K, W> {
    shards: Vec<SharedMapHarness<K>>,
    way: PhantomData<fn() -> W>,
}

impl<K: Clone, W> Clone for ShardedHarness<K, W> {
    fn clone(&self) -> Self {
        ShardedHarness {
            shards: self.shards.clone(),
            way: PhantomData,
        }
    }
}

type Map<K> = Named<SharedMap<K, u64>>;

/// A way to walk several maps as one.
pub trait Way<K>: 'static {
    /// What walks them.
    type Source: ChunkSource<Key = K, Error: Debug> + ResumableSource;

    /// The shards that hold a key: by its sum of bytes, those at this place.
    const HOLDERS: [&'static [usize]; 3] = [&[0], &[1], &[2]];

    /// Returns a source over these maps, which have names.
    fn source(maps: Vec<(String, Map<K>)>) -> Result<Self::Source, BoxError>;

    /// Returns an item's value.
    fn value(item: &<Self::Source as Source>::Item) -> u64;
}

/// [`Merge`].
#[derive(Debug)]
pub struct Merged;

impl<K: KnownKey + Key + Send + Sync> Way<K> for Merged {
    type Source = Merge<Map<K>>;

    fn source(maps: Vec<(String, Map<K>)>) -> Result<Self::Source, BoxError> {
        Ok(Merge::new(maps)?)
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }
}

/// [`Merge`] of boxes.
#[derive(Debug)]
pub struct Boxed;

impl<K: KnownKey + Key + Send + Sync> Way<K> for Boxed {
    type Source = Merge<BoxShard<'static, K, (K, u64)>>;

    fn source(maps: Vec<(String, Map<K>)>) -> Result<Self::Source, BoxError> {
        let maps = maps.into_iter();
        Ok(Merge::new(
            maps.map(|(name, map)| (name, BoxShard::new(map))),
        )?)
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }
}

/// [`Merge`] whose shards are fetched concurrently.
#[derive(Debug)]
pub struct MergedAsync;

impl<K: KnownKey + Key + Send + Sync> Way<K> for MergedAsync {
    type Source = Blocking<Merge<Offload<Map<K>>>>;

    fn source(maps: Vec<(String, Map<K>)>) -> Result<Self::Source, BoxError> {
        let maps = maps.into_iter();
        let merge = Merge::new(maps.map(|(name, map)| (name, Offload::new(map))))?;
        Ok(Blocking::new(merge, RUNTIME.handle().clone()))
    }

    fn value((_, value): &(K, u64)) -> u64 {
        *value
    }
}

type Compare<K> = fn(&(K, u64), &(K, u64)) -> bool;

fn never<K>(_: &(K, u64), _: &(K, u64)) -> bool {
    false
}

type Differing<K> = (K, Difference<(K, u64), (K, u64)>);

fn either<K>((_, difference): &Differing<K>) -> u64 {
    let item = difference.left().or(difference.right());
    item.expect("a difference has an item").1
}

/// [`Diff`] of two maps, where no two items are equal: a key is in one of them or in both.
#[derive(Debug)]
pub struct Compared;

impl<K: KnownKey + Key + Send + Sync> Way<K> for Compared {
    type Source = Diff<Map<K>, Map<K>, Compare<K>>;

    const HOLDERS: [&'static [usize]; 3] = [&[0], &[0, 1], &[1]];

    fn source(maps: Vec<(String, Map<K>)>) -> Result<Self::Source, BoxError> {
        let mut maps = maps.into_iter().map(|(_, map)| map);
        let (left, right) = maps.next().zip(maps.next()).ok_or("there are two")?;
        Ok(Diff::new(left, right, never::<K> as Compare<K>))
    }

    fn value(item: &<Self::Source as Source>::Item) -> u64 {
        either(item)
    }
}

/// [`Compared`], with both sides fetched concurrently.
#[derive(Debug)]
pub struct ComparedAsync;

impl<K: KnownKey + Key + Send + Sync> Way<K> for ComparedAsync {
    type Source = Blocking<Diff<Offload<Map<K>>, Offload<Map<K>>, Compare<K>>>;

    const HOLDERS: [&'static [usize]; 3] = <Compared as Way<K>>::HOLDERS;

    fn source(maps: Vec<(String, Map<K>)>) -> Result<Self::Source, BoxError> {
        let mut maps = maps.into_iter().map(|(_, map)| Offload::new(map));
        let (left, right) = maps.next().zip(maps.next()).ok_or("there are two")?;
        let diff = Diff::new(left, right, never::<K> as Compare<K>);
        Ok(Blocking::new(diff, RUNTIME.handle().clone()))
    }

    fn value(item: &<Self::Source as Source>::Item) -> u64 {
        either(item)
    }
}

/// The remainder of the sum of a key's bytes: 0, 1 or 2.
fn third<K: Key>(key: &K) -> usize {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    bytes.iter().copied().map(usize::from).sum::<usize>() % 3
}

impl<K: KnownKey + Key + Send + Sync, W: Way<K>> ShardedHarness<K, W> {
    fn holders(&self, key: &K) -> impl DoubleEndedIterator<Item = &SharedMapHarness<K>> {
        W::HOLDERS[third(key)]
            .iter()
            .map(|place| &self.shards[*place])
    }

    fn maps(&self) -> Result<Vec<(String, Map<K>)>, BoxError> {
        let shards = ["b", "c", "a"].into_iter().zip(&self.shards);
        shards
            .map(|(name, shard)| Ok((name.to_owned(), shard.source()?)))
            .collect()
    }
}

impl<K: KnownKey + Key + Send + Sync, W: Way<K>> Harness for ShardedHarness<K, W> {
    type Key = K;
    type Source<'a> = W::Source;

    fn open() -> Result<Self, BoxError> {
        let shards = (0..3).map(|_| SharedMapHarness::open());
        Ok(ShardedHarness {
            shards: shards.collect::<Result<_, _>>()?,
            way: PhantomData,
        })
    }

    fn capabilities() -> Capabilities {
        SharedMapHarness::<K>::capabilities()
    }

    fn source(&self) -> Result<W::Source, BoxError> {
        W::source(self.maps()?)
    }

    fn put(&self, key: &K, value: u64) -> Result<(), BoxError> {
        let mut holders = self.holders(key);
        holders.try_for_each(|shard| Harness::put(shard, key, value))
    }

    fn delete(&self, key: &K) -> Result<(), BoxError> {
        let mut holders = self.holders(key).rev();
        holders.try_for_each(|shard| Harness::delete(shard, key))
    }

    fn value(item: &<W::Source as Source>::Item) -> u64 {
        W::value(item)
    }

    fn keys() -> KeySpace<K> {
        KeySpace::known()
    }

    fn writer(&self) -> Option<Box<dyn Writer<K>>> {
        Some(Box::new(ByCopy(self.clone())))
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let mut maps = self.maps()?;
        maps[1].1 = Named::new("another", SharedMap::new(Arc::default()));
        let fingerprint = W::source(maps)?.fingerprint();
        let fingerprint = fingerprint.map_err(|error| format!("{error:?}"))?;
        Ok(vec![(FingerprintField::Relation, fingerprint)])
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        let mut shards = self.shards.iter();
        shards.try_for_each(SharedMapHarness::with_exclusive_access)
    }
}

/// [`Merged`], with numbered shards.
#[derive(Clone, Debug)]
pub struct NumberedHarness<K>(ShardedHarness<K, Merged>);

impl<K: KnownKey + Key + Send + Sync> Harness for NumberedHarness<K> {
    type Key = (K, u32);
    type Source<'a> = Merge<Numbered<Map<K>>>;

    fn open() -> Result<Self, BoxError> {
        Harness::open().map(NumberedHarness)
    }

    fn capabilities() -> Capabilities {
        SharedMapHarness::<K>::capabilities()
    }

    fn source(&self) -> Result<Self::Source<'_>, BoxError> {
        Ok(self.0.source()?.numbered())
    }

    fn put(&self, (key, _): &(K, u32), value: u64) -> Result<(), BoxError> {
        self.0.put(key, value)
    }

    fn delete(&self, (key, _): &(K, u32)) -> Result<(), BoxError> {
        self.0.delete(key)
    }

    fn value(found: &NumberedItem<(K, u64)>) -> u64 {
        found.item.1
    }

    fn keys() -> KeySpace<(K, u32)> {
        KeySpace::known().map(|key| {
            let shard = third(&key) as u32;
            (key, shard)
        })
    }

    fn writer(&self) -> Option<Box<dyn Writer<(K, u32)>>> {
        Some(Box::new(ByCopy(self.clone())))
    }

    fn foreign_fingerprints(&self) -> Result<Vec<(FingerprintField, Fingerprint)>, BoxError> {
        let mut maps = self.0.maps()?;
        maps.swap(0, 1);
        let swapped = Merge::new(maps)?.numbered().fingerprint()?;
        Ok(vec![(FingerprintField::Relation, swapped)])
    }

    fn with_exclusive_access(&self) -> Result<(), BoxError> {
        self.0.with_exclusive_access()
    }
}
