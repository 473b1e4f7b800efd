//! Trees over a map of bytes: prefixes, parts of a range, errors. The conformance kit checks the walk itself.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what fails, fails the test")]

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, ControlFlow};
use std::panic::{self, AssertUnwindSafe};

use keywalk::{
    Chunk, ChunkSource, Fetched, FingerprintField, HasPrefix, KeyRange, LastKey, Order,
    ResumableSource, SplitSource, Walk,
};
use keywalk_bytes::{BareString, ByteStore, Each, Error, ErrorKind, Key, Tree};
use uuid::Uuid;

#[path = "support/refusal.rs"]
mod refusal;
#[path = "support/walks.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod walks;

use walks::ORDERS;

/// A map that fails once this many entries were read, and forgets a key each time that it is searched.
struct Map {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    name: &'static [u8],
    left: usize,
    forgets: bool,
}

impl Map {
    fn of<K: Key>(keys: impl IntoIterator<Item = K>) -> Self {
        let entry = |key: K| (key.to_bytes(), key.to_bytes());
        Map {
            entries: keys.into_iter().map(entry).collect(),
            name: b"items",
            left: usize::MAX,
            forgets: false,
        }
    }
}

impl ByteStore for Map {
    type Error = io::Error;

    const KIND: &'static str = "map";

    fn name(&self) -> Cow<'_, [u8]> {
        self.name.into()
    }

    fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: Order,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, io::Error> {
        if self.forgets {
            let middle = self.entries.keys().nth(self.entries.len() / 2).cloned();
            self.entries.remove(&middle.unwrap_or_default());
        }
        let mut entries = self.entries.range::<[u8], _>((lower, upper));
        while let Some((key, value)) = match order {
            Order::Ascending => entries.next(),
            Order::Descending => entries.next_back(),
        } {
            let left = self.left.checked_sub(1);
            self.left = left.ok_or_else(|| io::Error::other("the disk is gone"))?;
            if each(key, value).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn walked<K: Key>(tree: &mut Tree<Map, K>, range: &KeyRange<K>) -> Vec<K> {
    let walk = Walk::new(tree).range(range.clone());
    let items = walk.order(range.order()).items();
    items.map(|item| item.unwrap().0).collect()
}

fn parts_of<K: Key>(
    tree: &mut Tree<Map, K>,
    range: &KeyRange<K>,
    parts: usize,
) -> Vec<KeyRange<K>> {
    let walk = Walk::new(tree).range(range.clone()).unbounded();
    walk.order(range.order()).split(parts).unwrap()
}

/// Parts of the whole range and of a part of it tile it in its order. Returns the sizes of the parts of the whole.
fn sizes_of_parts<K: Key + Debug>(keys: &[K], parts: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    let (low, high) = (&keys[keys.len() / 5], &keys[keys.len() * 4 / 5]);
    for order in ORDERS {
        for bounds in [
            (Bound::Excluded(low.clone()), Bound::Included(high.clone())),
            (Bound::Unbounded, Bound::Unbounded),
        ] {
            let mut tree = Tree::<Map, K>::new(Map::of(keys.iter().cloned()));
            let range = KeyRange::new(bounds, order);
            let points = tree.split_points(&range, parts).unwrap();
            let is_before = |a: &K, b: &K| range.compare(a, b) == Some(Ordering::Less);
            assert!(points.is_sorted_by(is_before), "{points:?}");
            let ranges = parts_of(&mut tree, &range, parts);
            assert!(ranges.len() <= parts);
            let walks: Vec<_> = ranges.iter().map(|part| walked(&mut tree, part)).collect();
            sizes = walks.iter().map(Vec::len).collect();
            assert_eq!(walks.concat(), walked(&mut tree, &range), "{ranges:?}");
        }
    }
    sizes
}

fn are_even<K: Key + Debug>(keys: impl IntoIterator<Item = K>) {
    let mut keys: Vec<K> = keys.into_iter().collect();
    keys.sort();
    for parts in [1, 2, 3, 8] {
        let sizes = sizes_of_parts(&keys, parts);
        let even = keys.len() / parts;
        let is_even = |size: &usize| (even / 2..=even * 2).contains(size);
        assert!(
            sizes.len() == parts && sizes.iter().all(is_even),
            "{sizes:?}"
        );
    }
}

#[test]
fn parts_of_evenly_spread_keys_are_about_even() {
    let mixed = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let tenants = |most: u64| (0..2_000_u64).map(move |n| (n % most, n as i64));
    are_even(0..2_000_i64);
    are_even((0..2_000).map(|n| mixed(n) as i64));
    are_even((0..2_000).map(Reverse));
    are_even((0..2_000).map(|n| Uuid::from_u64_pair(mixed(n), n)));
    are_even((0..2_000).map(|n| mixed(n).to_be_bytes().to_vec()));
    // One of a hundred leading values has four fifths of the keys.
    are_even((0..4_000_u64).map(|n| (if n % 5 > 0 { 77 } else { mixed(n) % 100 }, n)));
    // Far from each other, and some close together.
    are_even((0..4_000_u64).map(|n| n.pow(3)));
    are_even((0..4_000).map(|n| format!("/srv/data/{}/{n:05}.log", mixed(n) % 50)));
    are_even(tenants(2));
    are_even(tenants(100));
    are_even(tenants(100).map(|(tenant, id)| (Reverse(tenant), Reverse(id), "x".to_owned())));
}

#[test]
fn parts_of_unevenly_spread_keys_tile_the_range() {
    let text = |n: u32| format!("https://example.org/{}/{n}", n % 7);
    let mut texts: Vec<String> = (0..500).map(text).collect();
    texts.sort();
    assert!(sizes_of_parts(&texts, 8).len() > 3);
    let bare: Vec<_> = texts.iter().cloned().map(BareString).collect();
    sizes_of_parts(&bare, 8);
    let zeros: Vec<_> = (0..100).map(|n| vec![0_u8; n]).collect();
    sizes_of_parts(&zeros, 8);
    sizes_of_parts(&[i64::MIN, 0, 1, i64::MAX], usize::MAX);
    sizes_of_parts(&texts, 300);
    sizes_of_parts(&zeros, 70);
    sizes_of_parts(&[7_u8], 8);
}

/// Keys that are gone at the end aren't missed, and none comes twice.
#[test]
fn parts_that_are_cut_while_keys_are_deleted_tile_the_range() {
    let mut tree = Tree::<Map, u64>::new(Map {
        forgets: true,
        ..Map::of(0..100_u64)
    });
    let ranges = parts_of(&mut tree, &KeyRange::all(Order::Ascending), 40);
    assert!(ranges.len() > 10);
    for pair in ranges.windows(2) {
        let Bound::Included(cut) = pair[1].lower() else {
            panic!("{ranges:?}");
        };
        assert_eq!(pair[0].upper(), Bound::Excluded(cut));
    }
    assert_eq!(ranges.first().unwrap().lower(), Bound::Unbounded);
    assert_eq!(ranges.last().unwrap().upper(), Bound::Unbounded);
}

#[test]
fn a_prefix_walks_the_keys_that_begin_with_it() {
    fn check<K: Key + HasPrefix<P> + Debug, P: Clone>(keys: &[K], prefix: P, expected: &[K]) {
        for order in ORDERS {
            let tree = Tree::<Map, K>::new(Map::of(keys.iter().cloned()));
            let walk = Walk::new(tree).order(order).prefix(prefix.clone());
            let mut found: Vec<K> = walk.items().map(|item| item.unwrap().0).collect();
            found.sort();
            assert_eq!(found, expected, "{order:?}");
        }
    }
    let of_tenant = |name: &str, id: i64| (name.to_owned(), id, Reverse(id));
    let keys = [
        ("tenan", 5),
        ("tenant", 4),
        ("tenant", 5),
        ("tenant", 6),
        ("tenant\0", 5),
    ];
    let keys = keys.map(|(name, id)| of_tenant(name, id));
    check(&keys, ("tenant", 5), &keys[2..3]);
    check(&keys, ("tenant",), &keys[1..4]);
    let texts = ["a", "ab", "ab\0", "ab\u{10ffff}", "ac"].map(str::to_owned);
    check(&texts, "ab", &texts[1..4]);
    let bare = texts.map(BareString);
    check(&bare, "ab", &bare[1..4]);
    let bytes = [
        &b"\xfe\xff"[..],
        b"\xff",
        b"\xff\xff",
        b"\xff\xff\0",
        b"\xff\xff\xff",
    ]
    .map(Vec::from);
    check(&bytes, b"\xff\xff", &bytes[2..]);
    check(&bytes, b"", &bytes);
}

/// How many items came before the only error of a walk, and the error.
fn failed<S: ChunkSource<Error = Error<io::Error>>>(walk: Walk<S>) -> (usize, S::Error) {
    let mut items: Vec<_> = walk.chunk_size(1).items().collect();
    let Some(Err(keywalk::Error::Source(error))) = items.pop() else {
        panic!("{} items, and no error", items.len() + 1);
    };
    assert!(items.iter().all(Result::is_ok), "it comes once");
    (items.len(), error)
}

/// What is said of a key, without the cure, which is the same for all.
fn message<K: Key>(name: &'static [u8], bytes: &[u8]) -> String {
    let map = || Map {
        name,
        ..Map::of([bytes.to_vec()])
    };
    let (_, error) = failed(Walk::new(Tree::<Map, K>::new(map())).unbounded());
    assert_eq!((error.kind(), error.key()), (ErrorKind::Key, Some(bytes)));
    assert!(error.source().is_none() && error.store_error().is_none());
    let said = error.to_string();
    let (_, of_last_key) = failed(Walk::new(Tree::<Map, K>::new(map())));
    assert_eq!(of_last_key.to_string(), said);
    assert!(format!("{error:?}").contains(&format!("kind: Key, message: {said}")));
    let cure = "; walk it by the type of key that it was written with (`Vec<u8>` takes any), or remove the key";
    said.strip_suffix(cure)
        .unwrap_or_else(|| panic!("{said}"))
        .to_owned()
}

#[test]
fn a_key_of_another_type_is_named_with_its_table_and_the_cure() {
    macro_rules! messages {
        ($($key:ty: $name:literal, $bytes:expr => $said:expr;)+) => {
            $(assert_eq!(message::<$key>($name, $bytes), concat!("the key ", $said));)+
        };
    }
    messages! {
        u64: b"items", b"name" => r#"0x6e616d65 ("name") of "items" (map) is no u64: it has 4 bytes, not 8"#;
        u64: b"t", b"ab\xe2\x82" => r#"0x6162e282 of "t" (map) is no u64: it has 4 bytes, not 8"#;
        Reverse<u32>: b"t", b"\x07" => r#"0x07 of "t" (map) is no Reverse<u32>: it has 1 byte, not 4"#;
        Uuid: b"\xff\x01", b"" => "of no bytes of 0xff01 (map) is no Uuid: it has 0 bytes, not 16";
        BareString: b"t", b"ab\xffc" => r#"0x6162ff63 of "t" (map) is no BareString: it isn't UTF-8 from byte 2 on"#;
        String: b"t", b"ada"
            => r#"0x616461 ("ada") of "t" (map) is no String: it starts with 0x61, which begins no text"#;
        String: b"t", b"\x02a\xff\x00" => r#"0x0261ff00 of "t" (map) is no String: it is a text that isn't UTF-8"#;
        (i64, Reverse<String>): b"t", b"\x15\x01\x15\x01"
            => r#"0x15011501 of "t" (map) is no (i64, Reverse<String>): its column 2 starts with 0xea, which begins no text"#;
        (u8, i8): b"t", b"\x16\x01\x00\x14"
            => r#"0x16010014 of "t" (map) is no (u8, i8): its column 1 is an integer that the type can't hold"#;
        (u8, i8): b"t", b"\x14\x14\x14"
            => r#"0x141414 of "t" (map) is no (u8, i8): it goes on for 1 byte after its end"#;
        // They would be a second key of one name: a leading zero, and a negative zero.
        (i64,): b"t", b"\x16\x00\x01" => r#"0x160001 of "t" (map) is no (i64,): it isn't written as such a key is"#;
        (i64,): b"t", b"\x13\xff" => r#"0x13ff of "t" (map) is no (i64,): it isn't written as such a key is"#;
    }
    let (hex, text) = ("6b".repeat(32), "k".repeat(32));
    let shown = format!(
        "the key 0x{hex}… of 100 bytes (\"{text}\"…) of \"t\" (map) is no u64: it has 100 bytes, not 8"
    );
    assert_eq!(message::<u64>(b"t", "k".repeat(100).as_bytes()), shown);
    // As text up to a character that is cut.
    let text = format!("… of 120 bytes (\"{}\"…) of", "€".repeat(10));
    assert!(message::<u64>(b"t", "€".repeat(40).as_bytes()).contains(&text));
    let long_name = message::<u64>("n".repeat(1_000).leak().as_bytes(), b"k");
    assert!(long_name.contains(&format!("of \"{}\"… (map)", "n".repeat(120))));
}

#[test]
fn a_key_is_refused_alike_in_the_memory_of_another() {
    fn check<K: Key>(good: &K, why: &str) {
        let bytes = good.to_bytes();
        let map = Map::of([bytes.clone(), [&bytes[..], b"\x01"].concat()]);
        let (count, error) = failed(Walk::new(Tree::<Map, K>::new(map)).unbounded());
        assert_eq!(count, 1);
        assert!(error.to_string().contains(why), "{error}");
    }
    let too_long = ": it goes on for 1 byte after its end; ";
    check(&"a".to_owned(), too_long);
    check(&Reverse("a".to_owned()), too_long);
    check(&Reverse(vec![7]), too_long);
    check(&(7_u8, "a".to_owned(), vec![7]), too_long);
    check(&7_u64, ": it has 9 bytes, not 8; ");
}

#[test]
fn a_value_that_does_not_decode_is_named_by_its_key() {
    let map = || Map::of(["1", "no", "3"].map(BareString::from));
    let parse = |value: &[u8]| std::str::from_utf8(value).unwrap().parse::<u32>();
    let mapped = Tree::<Map, BareString>::new(map()).map(parse);
    let filled = Tree::<Map, BareString>::new(map()).map_into(move |value, age: &mut u32| {
        *age = parse(value)?;
        Ok::<_, std::num::ParseIntError>(())
    });
    // The last key is found without its value.
    for (count, error) in [
        failed(Walk::new(mapped)),
        failed(Walk::new(filled).range(..=BareString::from("no"))),
    ] {
        assert_eq!((count, error.kind()), (2, ErrorKind::Value));
        assert_eq!(error.key(), Some(&b"no"[..]));
        let said = "the value of \"items\" (map) at the key 0x6e6f (\"no\") doesn't decode; put it right or remove it, \
                    or let the closure take it";
        assert_eq!(error.to_string(), said);
        let source = error
            .source()
            .unwrap()
            .downcast_ref::<std::num::ParseIntError>();
        assert_eq!(source.unwrap().to_string(), "invalid digit found in string");
    }
}

#[test]
fn a_store_that_fails_in_mid_scan_gives_its_error_and_nothing_of_the_fetch() {
    for (order, left) in ORDERS
        .into_iter()
        .flat_map(|order| [0, 1, 5].map(|left| (order, left)))
    {
        let map = Map {
            left,
            ..Map::of(0..9_u8)
        };
        let mut tree = Tree::<Map, u8>::new(map);
        let mut chunk = Chunk::with_limit(9);
        let error = tree.fetch(&KeyRange::all(order), &mut chunk).unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Store, None));
        let said =
            "\"items\" (map) can't be read; solve what the store reports, and resume the walk";
        assert_eq!(error.to_string(), said);
        assert_eq!(error.source().unwrap().to_string(), "the disk is gone");
        assert_eq!(error.store_error().unwrap().kind(), io::ErrorKind::Other);
        let walk = Walk::new(tree).order(order);
        assert_eq!(failed(walk).0, 0);
    }
}

#[test]
fn after_a_panic_of_the_closure_the_walk_goes_on_with_the_same_item() {
    for order in ORDERS {
        let mut calls = 0;
        let tree = Tree::<Map, u8>::new(Map::of(0..9_u8)).map(|value| {
            calls += 1;
            match calls {
                // Unlike `panic!` this prints nothing.
                5 => panic::resume_unwind(Box::new("ours")),
                _ => Ok::<_, io::Error>(value[0]),
            }
        });
        let mut items = Walk::new(tree).order(order).chunk_size(3).items();
        let (mut keys, mut panics) = (Vec::new(), 0);
        loop {
            match panic::catch_unwind(AssertUnwindSafe(|| items.next())) {
                Ok(Some(item)) => keys.push(item.unwrap().0),
                Ok(None) => break,
                Err(payload) => {
                    assert_eq!(payload.downcast_ref(), Some(&"ours"));
                    panics += 1;
                }
            }
        }
        keys.sort_unstable();
        assert_eq!((keys, panics), ((0..9).collect(), 1));
    }
}

#[test]
fn lent_chunks_decode_into_the_memory_of_earlier_ones() {
    for order in ORDERS {
        let mut fresh = 0;
        let tree = Tree::<Map, u32>::new(Map::of(0..100_u32)).map_into(
            |value, item: &mut (bool, Vec<u8>)| {
                fresh += usize::from(!item.0);
                *item = (true, value.to_vec());
                Ok::<_, io::Error>(())
            },
        );
        let mut chunks = Walk::new(tree).order(order).chunk_size(10).chunks();
        while let Some(items) = chunks.next().unwrap() {
            assert!(
                items
                    .iter()
                    .all(|(key, (_, value))| key.to_bytes() == *value)
            );
        }
        drop(chunks);
        assert_eq!(fresh, 10, "{order:?}");
    }
}

#[test]
fn of_an_empty_range_or_a_full_chunk_the_store_is_not_asked() {
    let mut tree = Tree::<Map, u8>::new(Map {
        left: 0,
        ..Map::of(0..9_u8)
    });
    let mut chunk = Chunk::with_limit(1);
    for order in ORDERS {
        let empty = KeyRange::new(3..3, order);
        assert_eq!(tree.fetch(&empty, &mut chunk).unwrap(), Fetched::End);
        assert_eq!(tree.last_key(&empty).unwrap(), LastKey::Empty);
        assert_eq!(tree.split_points(&empty, 3).unwrap(), []);
    }
    chunk.push((0, Vec::new()));
    assert_eq!(
        tree.fetch(&KeyRange::all(Order::Ascending), &mut chunk)
            .unwrap(),
        Fetched::More
    );
}

/// A name that is no text isn't taken for the text that shows it.
#[test]
fn a_token_is_of_every_tree_of_its_name_and_key_and_of_no_other() {
    let tree = |name| {
        Tree::<Map, u64>::new(Map {
            name,
            ..Map::of([1_u64, 2, 3])
        })
    };
    for (name, other, here) in [
        (&b"orders"[..], &b"Orders"[..], "Orders"),
        (b"orders", b"", ""),
        (b"orders", b"order\xff", "0x6f72646572ff"),
        (b"\xff", b"0xff", "0xff"),
        (b"0xff", b"\xff", "0xff"),
    ] {
        let token = refusal::token(tree(name));
        let refused = refusal::refusal(tree(other), &token);
        assert_eq!(refused, refusal::differs(FingerprintField::Relation, here));
        let sizes = tree(name).map(|value| Ok::<_, io::Error>(value.len()));
        assert_eq!(walks::rest(sizes, &token.to_string(), 1), [2, 3]);
    }
    let tree = Tree::<Map, (u8, i64)>::new(Map::of([(1_u8, 0_i64)]));
    assert_eq!(tree.fraction(&(1, 0), &(1, 8), &(1, 2)), Some(0.25));
    assert_eq!(tree.key_text(&(1, -2)), "(1, -2)");
    assert_eq!(format!("{tree:?}"), r#"Tree("items" (map))"#);
}

#[test]
fn sources_and_errors_move_between_threads() {
    fn is_thread_safe<T: Send + Sync + 'static>() {}
    is_thread_safe::<Tree<Map, (String, Vec<u8>)>>();
    is_thread_safe::<Error<io::Error>>();
    assert_eq!(size_of::<Error<io::Error>>(), size_of::<usize>());
}
