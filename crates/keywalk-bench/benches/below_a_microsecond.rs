//! What takes less than a microsecond: `cargo bench -p keywalk-bench`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::hint::black_box;

use divan::Bencher;
use keywalk::{Chunk, ChunkSource, Items, KeyRange, Order, Token, Walk};
use keywalk_memory::Map;
use keywalk_sled::Key;
use uuid::Uuid;

fn main() {
    divan::main();
}

type Tenant = (i64, String);

fn tenant() -> Tenant {
    (7, "a customer's number".to_owned())
}

fn map() -> BTreeMap<i64, u64> {
    (0..1_000).zip(0..).collect()
}

/// In the middle of a chunk.
fn walking(map: &BTreeMap<i64, u64>) -> Items<Map<'_, i64, u64>> {
    let mut items = Walk::new(Map::new(map).named("numbers")).items();
    items.by_ref().take(100).for_each(drop);
    items
}

/// Of a chunk of 512, which is emptied and filled again.
#[divan::bench]
fn push_512(bencher: Bencher) {
    let mut chunk = Chunk::with_limit(512);
    bencher.bench_local(move || {
        chunk.clear();
        while !chunk.is_full() {
            chunk.push(black_box(7_u64));
        }
    });
}

/// The same, by bytes.
#[divan::bench]
fn push_512_weighed(bencher: Bencher) {
    let mut chunk = Chunk::with_budget(512, usize::MAX, |_: &u64| 8);
    bencher.bench_local(move || {
        chunk.clear();
        while !chunk.is_full() {
            chunk.push(black_box(7_u64));
        }
    });
}

/// One fetch, of a single item.
#[divan::bench]
fn fetch_1(bencher: Bencher) {
    let map = map();
    let mut source = Map::new(&map);
    let range = KeyRange::new(500.., Order::Ascending);
    let mut chunk = Chunk::with_limit(1);
    bencher.bench_local(move || {
        chunk.clear();
        source.fetch(black_box(&range), &mut chunk)
    });
}

#[divan::bench]
fn cursor(bencher: Bencher) {
    let map = map();
    let items = walking(&map);
    bencher.bench_local(|| items.cursor());
}

#[divan::bench]
fn token(bencher: Bencher) {
    let map = map();
    let items = walking(&map);
    bencher.bench_local(|| items.token());
}

#[divan::bench]
fn token_to_text(bencher: Bencher) {
    let map = map();
    let token = walking(&map).token();
    bencher.bench_local(|| token.as_ref().map(Token::to_string));
}

#[divan::bench]
fn token_from_text(bencher: Bencher) {
    let map = map();
    let text = walking(&map).token().map(|token| token.to_string());
    bencher.bench_local(|| text.as_ref().map(|text| text.parse::<Token>()));
}

mod key {
    use super::*;

    fn encode<K: Key>(bencher: Bencher<'_, '_>, key: &K) {
        let mut bytes = Vec::new();
        bencher.bench_local(|| {
            bytes.clear();
            black_box(key).encode(&mut bytes);
        });
    }

    fn decode<K: Key>(bencher: Bencher<'_, '_>, key: &K) {
        let bytes = key.to_bytes();
        let mut key = key.clone();
        bencher.bench_local(|| key.decode_in_place(black_box(&bytes)));
    }

    #[divan::bench]
    fn encode_integer(bencher: Bencher) {
        encode(bencher, &7_i64);
    }

    #[divan::bench]
    fn decode_integer(bencher: Bencher) {
        decode(bencher, &7_i64);
    }

    #[divan::bench]
    fn encode_uuid(bencher: Bencher) {
        encode(bencher, &Uuid::from_u128(7));
    }

    #[divan::bench]
    fn decode_uuid(bencher: Bencher) {
        decode(bencher, &Uuid::from_u128(7));
    }

    #[divan::bench]
    fn encode_tuple(bencher: Bencher) {
        encode(bencher, &tenant());
    }

    #[divan::bench]
    fn decode_tuple(bencher: Bencher) {
        decode(bencher, &tenant());
    }
}
