//! What is particular to a walk over each of the stores in memory. That it is a walk at all, beside writers
//! too, is the conformance kit's to say.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, RwLock};
use std::thread;

use crossbeam_skiplist::SkipMap;
use keywalk::{Chunk, ChunkSource, Error, Fetched, Fingerprint, FingerprintField, ResumableSource};
use keywalk::{Cursor, KeyRange, Keyed, Order, SplitSource, Token, Walk};
use keywalk_memory::keywalk_bytes::Key;
use keywalk_memory::{Named, Poisoned, SharedMap, SkipList, SortedSlice, Unsorted};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use uuid::Uuid;

// What the tests of several stores need is beside their keys.
#[path = "../../keywalk-bytes/tests/support/golden.rs"]
mod golden_files;
#[path = "../../keywalk-bytes/tests/support/refusal.rs"]
mod refusal;
#[path = "../../keywalk-bytes/tests/support/relabelled.rs"]
mod relabelled;
#[path = "../../keywalk-bytes/tests/support/samples.rs"]
mod samples;
#[path = "../../keywalk-bytes/tests/support/walks.rs"]
mod walks;

use golden_files::Golden;
use refusal::{differs, refusal, token};
use relabelled::Relabelled;
use samples::{Sample, samples};
use walks::ORDERS;

/// One set of keys in each of the stores, with values alike.
struct Stores<K> {
    map: BTreeMap<K, K>,
    shared: Arc<RwLock<BTreeMap<K, K>>>,
    skips: Arc<SkipMap<K, K>>,
    items: Vec<(K, K)>,
    name: String,
}

impl<K: Ord + Clone + Send + 'static> Stores<K> {
    fn new(name: &str, keys: &[K]) -> Self {
        let items = || keys.iter().map(|key| (key.clone(), key.clone()));
        Stores {
            map: items().collect(),
            shared: Arc::new(RwLock::new(items().collect())),
            skips: Arc::new(items().collect()),
            items: items().collect(),
            name: name.to_owned(),
        }
    }

    fn named<S>(&self, source: S) -> Named<S> {
        Named::new(self.name.clone(), source)
    }

    fn map(&self) -> Named<&BTreeMap<K, K>> {
        self.named(&self.map)
    }

    fn shared_map(&self) -> Named<SharedMap<K, K>> {
        self.named(SharedMap::new(Arc::clone(&self.shared)))
    }

    fn skip_list(&self) -> Named<SkipList<K, K>> {
        self.named(SkipList::new(Arc::clone(&self.skips)))
    }

    #[expect(clippy::type_complexity, reason = "its closure has no name")]
    fn slice(&self) -> Named<SortedSlice<'_, (K, K), impl Fn(&(K, K)) -> K + Copy>> {
        let slice = SortedSlice::new(&self.items, |(key, _): &(K, K)| key.clone());
        self.named(slice.expect("the keys are sorted"))
    }
}

/// Does the same with each of the stores.
macro_rules! each {
    ($stores:expr, |$source:ident| $body:expr) => {{
        let stores = &$stores;
        each!(@ $source, stores.map(), $body);
        each!(@ $source, stores.shared_map(), $body);
        each!(@ $source, stores.skip_list(), $body);
        each!(@ $source, stores.slice(), $body);
    }};
    (@ $source:ident, $new:expr, $body:expr) => {{
        let $source = || $new;
        $body;
    }};
}

fn poison<K: Ord + Send + Sync + 'static>(map: &Arc<RwLock<BTreeMap<K, K>>>) {
    let map = Arc::clone(map);
    let panicked = thread::spawn(move || {
        let _guard = map.write().expect("poisoned once only");
        // Not `panic!`: its message would look like a failing test.
        resume_unwind(Box::new(()));
    });
    assert!(panicked.join().is_err());
}

#[test]
fn a_poisoned_lock_is_an_error_that_names_the_cure_and_the_walk_goes_on_once_it_is_repaired() {
    for (order, rest) in ORDERS.into_iter().zip([[3, 4, 5, 6], [4, 3, 2, 1]]) {
        let stores = Stores::new("", &[1, 2, 3, 4, 5, 6]);
        let walk = || Walk::new(stores.shared_map()).order(order).chunk_size(2);
        let mut items = walk().items();
        assert_eq!(items.by_ref().take(2).count(), 2);
        poison(&stores.shared);
        let Some(Err(Error::Source(poisoned))) = items.next() else {
            panic!("it is poisoned")
        };
        assert!(says(poisoned).contains("clear_poison"));
        assert_eq!(items.next(), None);
        // From the start it isn't an empty map.
        assert!(matches!(
            walk().chunks().next(),
            Err(Error::Source(Poisoned { .. }))
        ));
        // A token is made and read without the lock.
        let token = items.token().unwrap();
        assert_eq!(token.cursor(&stores.shared_map()), Ok(items.cursor()));

        stores.shared.clear_poison();
        assert!(stores.shared.try_write().is_ok());
        let walk = Walk::new(stores.shared_map()).resume(items.cursor());
        assert!(walk.into_iter().map(|item| item.unwrap().0).eq(rest));
    }
}

fn says<E: std::error::Error + Send + Sync + 'static>(error: E) -> String {
    error.to_string()
}

/// Whatever the lock: it is poisoned.
#[test]
fn a_fetch_over_an_empty_or_inverted_range_answers_the_end() {
    let stores = Stores::new("", &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    poison(&stores.shared);
    let excluded = (Bound::Excluded(5), Bound::Excluded(5));
    let inverted = (Bound::Included(7), Bound::Included(3));
    for range in [excluded, inverted]
        .map(|bounds| ORDERS.map(|order| KeyRange::new(bounds, order)))
        .concat()
    {
        each!(stores, |source| {
            let mut chunk = Chunk::with_limit(3);
            assert_eq!(source().fetch(&range, &mut chunk), Ok(Fetched::End));
            assert!(chunk.is_empty());
        });
    }
}

/// Can't be cloned: a walk that compiles lends it.
#[derive(Debug, PartialEq)]
struct Unique(u32);

#[test]
fn parts_of_every_store_are_its_walk_and_differ_by_at_most_an_eighth_of_their_mean() {
    fn check<S: SplitSource<Key = i64, Error: Debug>>(mut source: S, order: Order, allowed: usize) {
        let parts = Walk::new(&mut source)
            .range(10..19_210)
            .order(order)
            .split(40);
        let mut walk = |part| {
            let items = Walk::new(&mut source)
                .resume(Cursor::unbounded(part))
                .items();
            items.map(|item| item.unwrap().key()).collect::<Vec<i64>>()
        };
        let parts: Vec<_> = parts.unwrap().into_iter().map(&mut walk).collect();
        let lens = || parts.iter().map(Vec::len);
        assert_eq!(parts.len(), 40);
        assert!(
            lens().max().unwrap() - lens().min().unwrap() <= allowed,
            "{order:?} {parts:?}"
        );
        let whole = KeyRange::new(10..19_210, order);
        assert_eq!(parts.concat(), walk(whole));
    }
    let stores = Stores::new("numbers", &(0..20_000).collect::<Vec<i64>>());
    for order in ORDERS {
        check(stores.map(), order, 60);
        check(stores.shared_map(), order, 60);
        check(stores.skip_list(), order, 60);
        check(stores.slice(), order, 1);
    }
    poison(&stores.shared);
    let error = stores
        .shared_map()
        .split_points(&KeyRange::all(Order::Ascending), 2);
    assert!(matches!(error, Err(Poisoned { .. })));
}

#[test]
fn what_is_borrowed_is_lent_and_outlives_the_walk() {
    let map: BTreeMap<u32, Unique> = (1..=9).map(|n| (n, Unique(n * n))).collect();
    let items: Vec<_> = Walk::new(&map)
        .chunk_size(4)
        .items()
        .map(Result::unwrap)
        .collect();
    assert_eq!(items.len(), map.len());
    for ((key, value), entry) in items.into_iter().zip(&map) {
        assert!(std::ptr::eq(key, entry.0) && std::ptr::eq(value, entry.1));
    }
    let items: Vec<Unique> = (1..=9).map(Unique).collect();
    let slice = SortedSlice::new(&items, |item| item.0).unwrap();
    let walked: Vec<_> = Walk::new(slice)
        .chunk_size(4)
        .items()
        .map(Result::unwrap)
        .collect();
    assert_eq!(walked.len(), items.len());
    for ((key, walked), item) in walked.into_iter().zip(&items) {
        assert!(key == item.0 && std::ptr::eq(walked, item));
    }
}

#[test]
fn the_key_of_a_slice_may_be_borrowed_or_computed() {
    let words = ["a", "bee", "horse", "squirrel"];
    let by_word = SortedSlice::new(&words, |word: &&'static str| *word).unwrap();
    assert_eq!(Walk::new(by_word).range("b".."i").into_iter().count(), 2);
    let by_length = SortedSlice::new(&words, |word| word.len()).unwrap();
    assert_eq!(
        Walk::new(by_length).range(4..).items().next(),
        Some(Ok((5, &"horse")))
    );
}

#[test]
fn a_clone_walks_the_same_store_and_has_its_name() {
    let stores = Stores::new("orders", &[1_u64, 2, 3]);
    each!(stores, |source| {
        let source = source();
        let clone = source.clone();
        assert_eq!(clone.fingerprint(), source.fingerprint());
        assert_eq!(Walk::new(clone).into_iter().count(), 3);
        assert_eq!(Walk::new(source).into_iter().count(), 3);
    });
}

#[test]
fn debug_shows_the_number_of_entries_and_none_of_them_and_takes_no_lock() {
    let stores = Stores::new("users", &["secret"]);
    let _writing = stores.shared.write().unwrap();
    assert_eq!(
        format!("{:?}", stores.map()),
        "Named { name: \"users\", .. }"
    );
    let shown = |source: &dyn Debug| format!("{source:?}");
    assert_eq!(shown(&stores.shared_map().into_inner()), "SharedMap { .. }");
    assert_eq!(
        shown(&stores.skip_list().into_inner()),
        "SkipList { len: 1, .. }"
    );
    assert_eq!(
        shown(&stores.slice().into_inner()),
        "SortedSlice { len: 1, .. }"
    );
}

proptest! {
    #[test]
    fn a_slice_is_refused_at_the_first_key_that_is_not_larger(
        // Few different ones, so that some repeat.
        keys in prop_oneof![vec(0..6_u8, 0..8), btree_set(0..50_u8, 0..8).prop_map(Vec::from_iter)],
    ) {
        let first = (1..keys.len()).find(|at| keys[*at] <= keys[at - 1]);
        let refused = SortedSlice::new(&keys, |key| *key).err();
        prop_assert_eq!(refused.map(|error| error.position), first);
        if let Some(Unsorted { position, repeated, .. }) = refused {
            prop_assert_eq!(repeated, keys[position] == keys[position - 1]);
            let is = if repeated { "the same" } else { "smaller" };
            let said = says(refused.expect("it is there"));
            prop_assert!(said.contains(&format!("item {position} is {is}")), "{said}");
        }
    }
}

/// A key and value whose methods are counted, and can be told to misbehave.
#[derive(Debug, PartialEq, Eq)]
struct Touchy(u8);

/// How keys compare.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    /// Each beats the few that are next to it, around a circle: the same at each call, and no order.
    Circle,
    /// Another way at each call.
    Fickle,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Compare,
    Clone,
    Refill,
}

/// A panic that was asked for.
#[derive(Debug, PartialEq)]
struct Asked;

thread_local! {
    static MOOD: Cell<(Mood, u64)> = const { Cell::new((Mood::Well, 0)) };
    /// How many such calls are left until one panics.
    static LEFT: Cell<Option<(Call, usize)>> = const { Cell::new(None) };
    static CLONES: Cell<usize> = const { Cell::new(0) };
    static REFILLS: Cell<usize> = const { Cell::new(0) };
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// More comparisons than any of these walks needs by far.
const ENDLESS: usize = 1_000_000;

fn set_mood(mood: Mood, seed: u64) {
    MOOD.set((mood, seed));
    COMPARED.set(0);
}

fn tick(call: Call, count: &'static thread::LocalKey<Cell<usize>>) {
    count.set(count.get() + 1);
    if let Some((armed, left)) = LEFT.get().filter(|(armed, _)| *armed == call) {
        LEFT.set(left.checked_sub(1).map(|left| (armed, left)));
        if left == 0 {
            // Unlike `panic!` this prints nothing.
            resume_unwind(Box::new(Asked));
        }
    }
}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        tick(Call::Clone, &CLONES);
        Touchy(self.0)
    }

    /// Half done when it panics.
    fn clone_from(&mut self, source: &Self) {
        self.0 = 255;
        tick(Call::Refill, &REFILLS);
        self.0 = source.0;
    }
}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        tick(Call::Compare, &COMPARED);
        assert!(COMPARED.get() < ENDLESS, "it doesn't end");
        match MOOD.get() {
            (Mood::Well, _) => self.0.cmp(&other.0),
            (Mood::Circle, _) => match self.0.wrapping_sub(other.0) % 32 {
                0 => self.0.cmp(&other.0),
                1..16 => Ordering::Greater,
                _ => Ordering::Less,
            },
            (Mood::Fickle, dice) => {
                let dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(99);
                MOOD.set((Mood::Fickle, dice));
                [Ordering::Less, Ordering::Equal, Ordering::Greater][(dice >> 33) as usize % 3]
            }
        }
    }
}

fn touchy(count: u8) -> Stores<Touchy> {
    Stores::new("", &(0..count).map(Touchy).collect::<Vec<_>>())
}

#[test]
fn chunks_are_filled_again_in_place_and_few_keys_are_cloned() {
    /// The clones and the refills of an unbounded walk over 10, in chunks of 4.
    fn counts<S: ChunkSource<Error: Debug>>(source: S, by_items: bool) -> (usize, usize) {
        CLONES.set(0);
        REFILLS.set(0);
        let walk = Walk::new(source).unbounded().chunk_size(4);
        if by_items {
            assert_eq!(walk.items().count(), 10);
        } else {
            let mut chunks = walk.chunks();
            while chunks.next().unwrap().is_some() {}
        }
        (CLONES.get(), REFILLS.get())
    }
    let stores = touchy(10);
    // Keys and values: the first chunk is made, the others are refilled. What is lent isn't cloned at all.
    let made = counts(stores.shared_map(), false);
    let lent = counts(stores.map(), false);
    assert_eq!(made.0 - lent.0, 2 * 4, "{made:?} {lent:?}");
    assert_eq!(made.1 - lent.1, 2 * 6, "{made:?} {lent:?}");
    assert_eq!(counts(stores.skip_list(), false), made);
    assert!(lent.0 + lent.1 <= 6 * 3, "{lent:?} for 3 chunks");
    // Iterating fills one key again and again; items that are yielded are allocated again.
    assert_eq!(counts(stores.map(), true), (lent.0 + 1, 9));
    assert_eq!(counts(stores.shared_map(), true), (lent.0 + 2 * 10 + 1, 9));
    assert_eq!(counts(stores.skip_list(), true), (lent.0 + 2 * 10 + 1, 9));
}

#[test]
fn what_panics_in_a_fetch_leaves_source_lock_and_slots_sound() {
    let stores = touchy(20);
    for (call, order) in [Call::Clone, Call::Refill, Call::Compare]
        .into_iter()
        .flat_map(|call| ORDERS.map(|order| (call, order)))
    {
        let range = KeyRange::new(Touchy(2)..Touchy(18), order);
        let expected = match order {
            Order::Ascending => [2, 3, 4, 5, 6],
            Order::Descending => [17, 16, 15, 14, 13],
        };
        // The slots of none, or of some, are filled again.
        each!(
            stores,
            |source| for (spare, at) in (0..40).flat_map(|at| [(0, at), (3, at), (5, at)]) {
                let mut source = source();
                let mut chunk = Chunk::with_limit(5);
                assert!(source.fetch(&range, &mut chunk).is_ok());
                if spare == 0 {
                    chunk = Chunk::with_limit(5);
                }
                chunk.clear();
                LEFT.set(Some((call, at)));
                match catch_unwind(AssertUnwindSafe(|| {
                    source.fetch(&range, &mut chunk).is_ok()
                })) {
                    Ok(fetched) => assert!(fetched && LEFT.take().is_some()),
                    Err(payload) => assert_eq!(payload.downcast_ref(), Some(&Asked)),
                }
                // The same chunk again: whatever the slots hold now is not taken for items.
                chunk.clear();
                assert!(matches!(
                    source.fetch(&range, &mut chunk),
                    Ok(Fetched::More)
                ));
                let found: Vec<u8> = chunk
                    .as_slice()
                    .iter()
                    .map(|item| Keyed::<Touchy>::key(item).0)
                    .collect();
                assert_eq!(found, expected, "{order:?}, {call:?} {at}");
            }
        );
        assert!(!stores.shared.is_poisoned() && stores.shared.try_write().is_ok());
    }
}

#[test]
fn behind_a_clone_that_panics_a_walk_goes_on_from_its_cursor() {
    each!(touchy(7), |source| for at in 0..40 {
        let walk = || Walk::new(source()).chunk_size(3);
        let (mut items, mut seen) = (walk().items(), Vec::new());
        LEFT.set(Some((Call::Clone, at)));
        loop {
            match catch_unwind(AssertUnwindSafe(|| items.next())) {
                Ok(Some(item)) => {
                    let armed = LEFT.take();
                    seen.push(Keyed::<Touchy>::key(&item.unwrap()).0);
                    LEFT.set(armed);
                }
                Ok(None) => break,
                Err(_) => items = walk().resume(items.cursor()).items(),
            }
        }
        LEFT.take();
        assert_eq!(seen, Vec::from_iter(0..7), "{at}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Items may be missing, come twice or in any order, and the store itself may panic, as `BTreeMap` does:
    /// but it ends.
    #[test]
    fn a_walk_by_keys_that_contradict_themselves_ends(
        mood in prop_oneof![Just(Mood::Circle), Just(Mood::Fickle)],
        seed in any::<u64>(),
        size in 1..30_usize,
        order in prop::sample::select(&ORDERS[..]),
        live in any::<bool>(),
    ) {
        each!(touchy(100), |source| {
            let walk = Walk::new(source()).order(order).chunk_size(size);
            let walk = if live { walk.unbounded() } else { walk };
            set_mood(mood, seed);
            let ended = catch_unwind(AssertUnwindSafe(|| walk.items().map_while(Result::ok).count()));
            set_mood(Mood::Well, 0);
            if let Err(payload) = ended {
                prop_assert_ne!(payload.downcast_ref(), Some(&"it doesn't end"), "{:?}", mood);
            }
            prop_assert_eq!(Walk::new(source()).items().count(), 100, "it is as it was");
        });
    }

    #[test]
    fn a_slice_that_does_not_stay_sorted_is_walked_to_an_end(
        numbers in vec(any::<u8>(), 1..60),
        size in 1..30_usize,
        order in prop::sample::select(&ORDERS[..]),
        live in any::<bool>(),
    ) {
        let items: Vec<Cell<u32>> = (0..).map(Cell::new).take(numbers.len()).collect();
        let slice = SortedSlice::new(&items, Cell::get).unwrap();
        // Behind the slice's back.
        for (item, number) in items.iter().zip(&numbers) {
            item.set((*number).into());
        }
        let walk = Walk::new(slice).order(order).chunk_size(size);
        let walk = if live { walk.unbounded() } else { walk };
        let most = 100 * items.len();
        prop_assert!(walk.into_iter().take(most).count() < most);
    }
}

/// What was written once is read for ever, and written alike, over each of the stores.
#[test]
fn golden_tokens_give_the_rest_and_are_what_is_written_today() {
    let mut golden = Golden::default();
    macro_rules! types {
        ($($name:ident: $key:ty),+ $(,)?) => {$(
            let stores = Stores::new("orders", &<$key>::fixed());
            each!(stores, |source| golden.check_walks::<$key, _>(source));
        )+};
    }
    samples!(types);

    let keys = i64::fixed();
    each!(Stores::new("orders", &keys), |source| golden
        .check_places(source, &keys));
    each!(Stores::new("", &keys), |source| {
        let mut items = Walk::new(source()).items();
        items.next().unwrap().unwrap();
        golden.check("i64-unnamed", &items, source(), &keys[1..]);
    });
    golden.finish();
}

#[test]
fn the_way_is_measured_by_the_key_and_keys_are_in_words() {
    each!(Stores::new("", &[(1_u8, 8_i64)]), |source| {
        assert_eq!(source().fraction(&(1, 0), &(1, 8), &(1, 2)), Some(0.25));
        assert_eq!(source().fraction(&(1, 8), &(1, 0), &(1, 2)), Some(0.75));
        assert_eq!(source().key_text(&(1, -2)), "(1, -2)");
    });
}

#[test]
fn a_token_of_another_name_is_refused_with_the_cure() {
    let names = ["", "orders", "Orders", "orders ", "0"];
    for theirs in names {
        let token = token(Stores::new(theirs, &[1_u64, 2]).map());
        for ours in names {
            each!(Stores::new(ours, &[1_u64, 2]), |source| if ours == theirs {
                assert!(token.cursor(&source()).is_ok());
            } else {
                assert_eq!(
                    refusal(source(), &token),
                    differs(FingerprintField::Relation, ours)
                );
                let told = token.cursor(&source()).map(drop).unwrap_err().to_string();
                let none = if ours.is_empty() {
                    "which has none; "
                } else {
                    "`; "
                };
                let cure = "give it by `Named::new` the name that it had when the token was taken";
                assert!(told.ends_with(&format!("{none}{cure}")), "{told}");
            });
        }
    }
}

#[test]
fn a_token_by_another_type_of_key_of_another_store_or_with_a_filter_is_refused() {
    let signed = Stores::new("orders", &[7_i64]);
    let texts = Stores::new("orders", &["7".to_owned()]);
    let pairs = Stores::new("orders", &[("7".to_owned(), 7_i64)]);
    let uuids = Stores::new("orders", &[Uuid::from_u128(7)]);
    let stores = Stores::new("orders", &[7_u64]);
    let relabelled = |fingerprint| {
        token(Relabelled {
            source: stores.map(),
            fingerprint,
        })
    };
    let own = stores.map().fingerprint().unwrap();
    let foreign = relabelled(Fingerprint::new("sled").relation("orders").key("u64"));
    let filtered = relabelled(own.filter("of tenant"));
    let is_refused = |token: Token, field, here| {
        each!(stores, |source| assert_eq!(
            refusal(source(), &token),
            differs(field, here)
        ));
    };
    is_refused(foreign, FingerprintField::Store, "memory");
    is_refused(filtered, FingerprintField::Filter, "");
    is_refused(token(signed.slice()), FingerprintField::Key, "u64");
    is_refused(token(texts.map()), FingerprintField::Key, "u64");
    is_refused(token(pairs.shared_map()), FingerprintField::Key, "u64");
    is_refused(token(uuids.skip_list()), FingerprintField::Key, "u64");
    each!(pairs, |source| {
        let kind = <(String, i64)>::encoding_name();
        assert_eq!(
            refusal(source(), &token(signed.map())),
            differs(FingerprintField::Key, &kind)
        );
        assert!(
            source()
                .decode_key(b"\x02a\0")
                .is_ok_and(|key| key.is_none())
        );
    });
}
