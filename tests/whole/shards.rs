//! Several stores walked as one, and compared: against models.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, RwLock};

use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, Keyed, LastKey, Order, ResumableSource,
    Source, Walk,
};
use keywalk_memory::{Named, SharedMap};
use keywalk_shards::{Diff, Difference, Merge, Numbered, SameKey, ShardError, ShardErrorKind};
use keywalk_tests::random::Random;
use keywalk_tokio::{Blocking, Offload};
use proptest::prelude::*;
use tokio::runtime::Runtime;

type Map = BTreeMap<u32, u64>;

/// A shard that counts the rows that are read, and can be down.
struct Shard {
    map: Named<SharedMap<u32, u64>>,
    read: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

fn shard(map: &Map) -> Shard {
    let map = SharedMap::new(Arc::new(RwLock::new(map.clone())));
    Shard {
        map: Named::new("items", map),
        read: Arc::default(),
        is_down: Arc::default(),
    }
}

fn shards(maps: &[Map]) -> Merge<Shard> {
    let maps = maps.iter().zip(0..);
    Merge::new(maps.map(|(map, number)| (format!("s{number}"), shard(map)))).unwrap()
}

impl Source for Shard {
    type Key = u32;
    type Item = (u32, u64);
    type Error = io::Error;
}

impl ChunkSource for Shard {
    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<(u32, u64)>,
    ) -> io::Result<Fetched<u32>> {
        let fetched = self.map.fetch(range, chunk).map_err(io::Error::other);
        self.read.fetch_add(chunk.len(), Relaxed);
        match self.is_down.load(Relaxed) {
            true => Err(io::ErrorKind::ConnectionRefused.into()),
            false => fetched,
        }
    }

    fn last_key(&mut self, range: &KeyRange<u32>) -> io::Result<LastKey<u32>> {
        self.map.last_key(range).map_err(io::Error::other)
    }
}

impl ResumableSource for Shard {
    fn fingerprint(&self) -> io::Result<Fingerprint> {
        self.map.fingerprint().map_err(io::Error::other)
    }

    fn encode_key(&self, key: &u32, bytes: &mut Vec<u8>) {
        self.map.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> io::Result<Option<u32>> {
        self.map.decode_key(bytes).map_err(io::Error::other)
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn blocking<S: keywalk::AsyncChunkSource>(source: S) -> Blocking<S> {
    Blocking::new(source, RUNTIME.handle().clone())
}

/// How a model is walked.
#[derive(Clone, Copy, Debug)]
struct How {
    order: Order,
    from: u32,
    size: usize,
    bytes: Option<usize>,
}

fn how() -> impl Strategy<Value = How> {
    let order = prop_oneof![Just(Order::Ascending), Just(Order::Descending)];
    let bytes = prop::option::of(1..300_usize);
    (order, 0..50_u32, 1..40_usize, bytes).prop_map(|(order, from, size, bytes)| How {
        order,
        from,
        size,
        bytes,
    })
}

impl How {
    fn range(self, key: u32) -> bool {
        (self.from..190).contains(&key)
    }

    fn begin<S: Source>(self, source: S) -> Walk<S> {
        let walk = Walk::new(source).order(self.order).chunk_size(self.size);
        match self.bytes {
            None => walk,
            Some(bytes) => walk.chunk_bytes_with(bytes, |_| 10),
        }
    }

    /// Walks in two parts, which a cursor joins.
    fn walk<K, S>(self, make: impl Fn() -> S, from: K, to: K) -> Vec<S::Item>
    where
        K: Clone + PartialOrd + std::fmt::Debug,
        S: ChunkSource<Key = K, Item: Clone, Error: std::fmt::Debug>,
    {
        let mut first = self.begin(make()).range(from..to).chunks();
        let mut items = Vec::new();
        for _ in 0..3 {
            items.extend_from_slice(first.next().unwrap().unwrap_or_default());
        }
        let mut rest = self.begin(make()).resume(first.cursor()).chunks();
        while let Some(chunk) = rest.next().unwrap() {
            items.extend_from_slice(chunk);
        }
        items
    }

    fn sorted<T>(self, items: impl DoubleEndedIterator<Item = T>) -> Vec<T> {
        match self.order {
            Order::Ascending => items.collect(),
            Order::Descending => items.rev().collect(),
        }
    }
}

fn map() -> impl Strategy<Value = Map> {
    prop::collection::btree_map(0..200_u32, 0..3_u64, 0..60)
}

proptest! {
    #[test]
    fn a_merge_equals_the_merged_model(maps in prop::collection::vec(map(), 1..9), how in how()) {
        // Each key in the first shard that has it.
        let mut merged = Map::new();
        let own = maps.iter().map(|map| {
            let mut own = map.clone();
            own.retain(|key, value| merged.insert(*key, *value).is_none_or(|first| {
                merged.insert(*key, first);
                false
            }));
            own
        });
        let own: Vec<Map> = own.collect();
        let within = |(key, _): &(&u32, &u64)| how.range(**key);
        let expected = how.sorted(merged.iter().filter(within).map(|(key, value)| (*key, *value)));
        prop_assert_eq!(&how.walk(|| shards(&own), how.from, 190), &expected);
        prop_assert_eq!(
            &how.walk(|| shards(&maps).on_same_key(SameKey::First), how.from, 190),
            &expected
        );
        let offloaded = || {
            let shards = shards(&maps).into_shards().map(|(name, shard)| (name, Offload::new(shard)));
            Merge::new(shards).unwrap()
        };
        let concurrent = || blocking(offloaded().on_same_key(SameKey::First));
        prop_assert_eq!(&how.walk(concurrent, how.from, 190), &expected);

        let of_shard = |(map, shard): (&Map, u32)| {
            map.iter().map(move |(key, value)| ((*key, shard), *value)).collect::<Vec<_>>()
        };
        let all: BTreeMap<(u32, u32), u64> = maps.iter().zip(0..).flat_map(of_shard).collect();
        let all = all.into_iter().filter(|((key, _), _)| how.range(*key));
        let all = how.sorted(all);
        for numbered in [
            how.walk(|| shards(&maps).numbered(), (how.from, 0), (190, 0)),
            how.walk(|| blocking(offloaded().numbered()), (how.from, 0), (190, 0)),
        ] {
            let numbered: Vec<_> = numbered.iter().map(|found| (found.key(), found.item.1)).collect();
            prop_assert_eq!(&numbered, &all);
        }
    }

    #[test]
    fn a_diff_equals_the_models_and_counts_equal_rows(left in map(), right in map(), how in how()) {
        let keys: BTreeSet<u32> = left.keys().chain(right.keys()).copied().collect();
        let keys = how.sorted(keys.into_iter().filter(|key| how.range(*key)));
        let difference = |key: &u32| match (left.get(key), right.get(key)) {
            (Some(left), Some(right)) if left == right => None,
            (Some(left), Some(right)) => Some(Difference::Changed((*key, *left), (*key, *right))),
            (Some(left), None) => Some(Difference::OnlyLeft((*key, *left))),
            (None, right) => right.map(|right| Difference::OnlyRight((*key, *right))),
        };
        let expected = keys.iter().filter_map(|key| Some((*key, difference(key)?)));
        let expected: Vec<_> = expected.collect();
        let diff = || Diff::new(shard(&left), shard(&right), |left, right| left == right);
        prop_assert_eq!(&how.walk(diff, how.from, 190), &expected);
        let concurrent = || blocking(Diff::new(
            Offload::new(shard(&left)),
            Offload::new(shard(&right)),
            |left: &(u32, u64), right: &(u32, u64)| left == right,
        ));
        prop_assert_eq!(&how.walk(concurrent, how.from, 190), &expected);

        let mut chunks = how.begin(diff()).range(how.from..190).chunks();
        while chunks.next().unwrap().is_some() {}
        let mut diff = chunks.into_source();
        prop_assert_eq!(diff.equal() as usize, keys.len() - expected.len());
        for key in 0..200 {
            prop_assert_eq!(diff.check(&key).unwrap(), difference(&key));
        }
    }
}

/// Eight shards with keys at random.
fn eight(rows: u32) -> Vec<Map> {
    let mut random = Random::new(7);
    let mut maps = vec![Map::new(); 8];
    for key in 0..rows {
        maps[random.below(8) as usize].insert(key, 0);
    }
    maps
}

fn read<'a>(shards: impl Iterator<Item = (&'a str, &'a Shard)>) -> usize {
    shards.map(|(_, shard)| shard.read.load(Relaxed)).sum()
}

#[test]
fn a_merge_reads_few_rows_twice_and_holds_about_two_chunks() {
    let rows = 40_000;
    let mut chunks = Walk::new(shards(&eight(rows))).chunks();
    let mut before = 0;
    while chunks.next().unwrap().is_some() {
        let all = read(chunks.source().shards());
        assert!(
            all - before <= 512 + 512 / 4,
            "{} rows at once",
            all - before
        );
        before = all;
    }
    let read = read(chunks.source().shards());
    assert!(read <= rows as usize * 106 / 100, "{read} rows were read");
    let most = rows as usize / 400;
    assert!(
        chunks.stats().chunks() <= most as u64,
        "{:?}",
        chunks.stats()
    );
}

#[test]
fn an_error_names_the_shard_and_keeps_its_cause_and_the_walk_resumes_whole() {
    let maps = eight(1_000);
    let merge = shards(&maps);
    let is_down = Arc::clone(&merge.shards().nth(3).unwrap().1.is_down);
    let mut items = Walk::new(merge).chunk_size(100).items();
    let mut keys: Vec<u32> = items
        .by_ref()
        .take(150)
        .map(|item| item.unwrap().0)
        .collect();
    is_down.store(true, Relaxed);
    let error = loop {
        match items.next().unwrap() {
            Ok((key, _)) => keys.push(key),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().starts_with("`s3`: "), "{error}");
    let keywalk::Error::Source(error) = error else {
        panic!("{error}")
    };
    assert_eq!((error.kind(), error.shard()), (ShardErrorKind::Shard, "s3"));
    let cause: &io::Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);

    let token = items.token().unwrap();
    let fewer = Walk::new(shards(&maps[..7])).resume_token(&token).map(drop);
    let error = fewer.unwrap_err().to_string();
    assert!(error.contains("`s7` is missing here"), "{error}");
    let numbered = Walk::new(shards(&maps).numbered()).resume_token(&token);
    let error = numbered.map(drop).unwrap_err().to_string();
    assert!(
        error.contains("call `Merge::numbered` just as then"),
        "{error}"
    );
    let rest = Walk::new(shards(&maps)).resume_token(&token).unwrap();
    keys.extend(rest.items().map(|item| item.unwrap().0));
    assert!(keys.into_iter().eq(0..1_000));
}

#[test]
fn the_same_key_in_two_shards_is_an_error_that_names_both_and_the_key() {
    let maps = [[1, 2, 3], [4, 2, 9]].map(|keys| keys.map(|key| (key, 0)).into());
    let mut items = Walk::new(shards(&maps)).chunk_size(1).items();
    let error = items.by_ref().last().unwrap().unwrap_err();
    let said = "`s0` and `s1` both hold the key 2; delete one, or use the first shard's by";
    assert!(error.to_string().starts_with(said), "{error}");
    let first = Walk::new(shards(&maps).on_same_key(SameKey::First));
    let rest = first.resume_token(&items.token().unwrap()).unwrap();
    assert!(rest.items().map(|item| item.unwrap().0).eq([2, 3, 4, 9]));
    let none = Merge::<Shard>::new(Vec::<(&str, Shard)>::new()).unwrap_err();
    assert_eq!(none.kind(), ShardErrorKind::NoShards);
    let same = Merge::new([("a", shard(&maps[0])), ("a", shard(&maps[1]))]).unwrap_err();
    assert_eq!((same.kind(), same.shard()), (ShardErrorKind::SameName, "a"));
}

/// A key that only its store can order.
#[derive(Clone, Debug, PartialEq)]
struct Opaque(u32);

impl PartialOrd for Opaque {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (self == other).then_some(std::cmp::Ordering::Equal)
    }
}

/// Three keys in the store's order.
struct Unordered(u32);

impl Source for Unordered {
    type Key = Opaque;
    type Item = (Opaque, ());
    type Error = ShardError;
}

impl ChunkSource for Unordered {
    fn fetch(
        &mut self,
        _: &KeyRange<Opaque>,
        chunk: &mut Chunk<(Opaque, ())>,
    ) -> Result<Fetched<Opaque>, ShardError> {
        let keys = [0, 1, 2]
            .map(|more| self.0 + more)
            .map(|key| (Opaque(key), ()));
        Ok(match chunk.fill_from(keys) {
            true => Fetched::More,
            false => Fetched::End,
        })
    }
}

#[test]
fn keys_that_only_their_store_can_order_are_refused_with_both_names_and_the_cure() {
    let refused = |names: &str, error: &dyn std::fmt::Display| {
        let error = error.to_string();
        assert!(error.contains(names), "{error}");
        assert!(
            error.contains("a key that is ordered by bytes or numbers"),
            "{error}"
        );
    };
    for size in [1, 2, 10, 512] {
        let merge = Merge::new([("a", Unordered(1)), ("b", Unordered(4))]).unwrap();
        let walk = Walk::new(merge).chunk_size(size).unbounded();
        refused("`a` and `b`", &walk.items().last().unwrap().unwrap_err());
        let diff = Diff::new(Unordered(1), Unordered(4), |_, _| true);
        let walk = Walk::new(diff).chunk_size(size).unbounded();
        refused(
            "`left` and `right`",
            &walk.items().last().unwrap().unwrap_err(),
        );
    }
}

#[test]
fn a_numbered_merge_adopts_no_token_of_another_key() {
    let (whole, signed) = (BTreeMap::from([(1_u32, ())]), BTreeMap::from([(1_i32, ())]));
    let token = Walk::new(numbered(&whole)).items().token().unwrap();
    assert!(token.adopt(&numbered(&whole)).is_ok());
    let refused = token.adopt(&numbered(&signed)).unwrap_err().to_string();
    assert!(refused.contains("of another key"), "{refused}");
}

/// A merge of one numbered shard.
fn numbered<K>(map: &BTreeMap<K, ()>) -> Merge<Numbered<Named<&BTreeMap<K, ()>>>>
where
    K: keywalk_bytes::Key + Ord + Clone + std::fmt::Debug,
{
    Merge::new([("a", Named::new("items", map))])
        .unwrap()
        .numbered()
}

/// The bytes that all texts have room for, now and at most.
#[derive(Clone, Debug, Default)]
struct Room(Arc<[AtomicUsize; 2]>);

/// A text that keeps the room that it ever had.
#[derive(Debug)]
struct Text {
    bytes: Vec<u8>,
    room: Room,
}

impl Text {
    fn refill(&mut self, len: usize) {
        let before = self.bytes.capacity();
        self.bytes.clear();
        self.bytes.reserve_exact(len);
        self.bytes.resize(len, 0);
        let [now, most] = &*self.room.0;
        let grown = self.bytes.capacity() - before;
        most.fetch_max(now.fetch_add(grown, Relaxed) + grown, Relaxed);
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.room.0[0].fetch_sub(self.bytes.capacity(), Relaxed);
    }
}

const HEAVY: usize = 1_000;

/// Rows of one byte each, and one heavy one in a hundred if there are heavy ones.
#[derive(Clone)]
struct Texts {
    keys: std::iter::StepBy<std::ops::Range<u32>>,
    has_heavy: bool,
    room: Room,
}

impl Source for Texts {
    type Key = u32;
    type Item = (u32, Text);
    type Error = ShardError;
}

impl ChunkSource for Texts {
    fn fetch(
        &mut self,
        range: &KeyRange<u32>,
        chunk: &mut Chunk<(u32, Text)>,
    ) -> Result<Fetched<u32>, ShardError> {
        for key in self.keys.clone().filter(|key| range.may_contain(key)) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            let len = match self.has_heavy && key % 101 == 0 {
                true => HEAVY,
                false => 1,
            };
            match chunk.spare() {
                Some((slot, text)) => {
                    *slot = key;
                    text.refill(len);
                    chunk.push_spare();
                }
                None => {
                    let (bytes, room) = (Vec::new(), self.room.clone());
                    let mut text = Text { bytes, room };
                    text.refill(len);
                    chunk.push((key, text));
                }
            }
        }
        Ok(Fetched::End)
    }
}

#[test]
fn a_merge_holds_few_chunks_however_its_keys_are_spread_and_few_bytes_if_those_are_limited() {
    const SHARDS: u32 = 8;
    const ROWS: u32 = 3_000;
    for (is_spread, bytes) in [
        (true, None),
        (false, None),
        (true, Some(10_000)),
        (false, Some(10_000)),
    ] {
        // An item has one byte. A numbered shard has a chunk of its own.
        let most = |chunks: usize| match bytes {
            None => chunks * 512,
            // Twice the bytes of each chunk, see `Chunk::with_budget`; those of the shards have three times the bytes.
            Some(bytes) => (2 + 2 * 3) * bytes + (1 + SHARDS as usize) * HEAVY,
        };
        let merge = |room: &Room| {
            let texts = (0..SHARDS).map(|shard| Texts {
                keys: match is_spread {
                    true => (shard..SHARDS * ROWS).step_by(SHARDS as usize),
                    false => (shard * ROWS..(shard + 1) * ROWS).step_by(1),
                },
                has_heavy: bytes.is_some(),
                room: room.clone(),
            });
            let texts = texts
                .zip(0..)
                .map(|(texts, number)| (format!("{number}"), texts));
            Merge::new(texts).unwrap()
        };
        let check = |most: usize, walk: &mut dyn FnMut(&Room)| {
            let room = Room::default();
            walk(&room);
            let held = room.0[1].load(Relaxed);
            assert!(
                held <= most,
                "{held}, spread: {is_spread}, bytes: {bytes:?}"
            );
        };
        check(most(3), &mut |room| {
            let walk = Walk::new(merge(room)).unbounded();
            let mut chunks = match bytes {
                None => walk,
                Some(bytes) => walk.chunk_bytes_with(bytes, |(_, text)| text.bytes.len()),
            }
            .chunks();
            while chunks.next().unwrap().is_some() {}
        });
        check(most(4), &mut |room| {
            let walk = Walk::new(merge(room).numbered()).unbounded();
            let mut chunks = match bytes {
                None => walk,
                Some(bytes) => walk.chunk_bytes_with(bytes, |found| found.item.1.bytes.len()),
            }
            .chunks();
            while chunks.next().unwrap().is_some() {}
        });
    }
}
