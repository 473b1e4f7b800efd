//! What a caller's own code does over a tree: it panics, stops early, or walks twice at a time.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use keywalk::{ChunkSource, Items, Order, Walk};
use keywalk_sled::{Error, Key, Malformed, Tree};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use sled::transaction::TransactionResult;

use crate::trees::{ORDERS, insert, open};

/// Code of a caller's that is called in a walk.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Code {
    /// That makes keys and items of bytes: called in a fetch.
    Bytes,
    /// That compares and clones keys: called by the walk, too.
    Keys,
}

thread_local! {
    /// How many calls of which code are left until one panics; `None`: none does.
    static LEFT: Cell<Option<(Code, usize)>> = const { Cell::new(None) };
}

/// A panic of the caller's own.
#[derive(Debug, PartialEq)]
struct Ours(usize);

/// Called by all such code: at the call that `LEFT` counts down to it panics, once.
fn tick(code: Code) {
    match LEFT.get() {
        Some((armed, 0)) if armed == code => {
            LEFT.set(None);
            // Unlike `panic!` this prints nothing.
            panic::resume_unwind(Box::new(Ours(7)));
        }
        Some((armed, left)) if armed == code => LEFT.set(Some((code, left - 1))),
        _ => {}
    }
}

/// A `u16` whose every method may panic.
#[derive(Debug, PartialEq, Eq)]
struct Touchy(u16);

impl Clone for Touchy {
    fn clone(&self) -> Self {
        tick(Code::Keys);
        Touchy(self.0)
    }
}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        tick(Code::Keys);
        self.0.cmp(&other.0)
    }
}

impl Key for Touchy {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.0.to_be_bytes()[0]);
        tick(Code::Bytes);
        bytes.push(self.0.to_be_bytes()[1]);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        tick(Code::Bytes);
        u16::decode(bytes).map(Touchy)
    }

    fn kind() -> Cow<'static, str> {
        "Touchy".into()
    }
}

/// A transaction waits for all reads, and would wait for ever for one that is held.
fn check_free(tree: &sled::Tree) {
    let written: TransactionResult<()> = tree.transaction(|tree| {
        tree.insert(b"\0\0", b"\0\0")?;
        Ok(())
    });
    written.expect("nothing conflicts");
}

/// Walks to the end, from the same walk again after a panic; and how many panics there were.
fn keys_and_panics<S: ChunkSource<Key = Touchy, Item = (Touchy, String), Error = Error>>(
    items: &mut Items<S>,
) -> (Vec<u16>, usize) {
    let (mut keys, mut panics) = (Vec::new(), 0);
    loop {
        match panic::catch_unwind(AssertUnwindSafe(|| items.next())) {
            Ok(Some(item)) => keys.push(item.expect("sled doesn't fail").0.0),
            Ok(None) => return (keys, panics),
            Err(payload) => {
                assert_eq!(payload.downcast_ref(), Some(&Ours(7)));
                panics += 1;
            }
        }
    }
}

/// In each order and chunk size lets one call after the other panic, and gives the walk, which goes on
/// after it, and what it handed out to `check`.
fn let_each_call_panic(
    code: Code,
    check: impl Fn(&str, Vec<u16>, &[u16], &mut dyn FnMut() -> Vec<u16>),
) {
    let db = open();
    let all: Vec<u16> = (0..60).collect();
    insert(&db, &all);
    for order in ORDERS {
        for size in [1, 4, 100] {
            for calls in (0..).step_by(5) {
                LEFT.set(Some((code, calls)));
                let tree = Tree::<Touchy>::new((*db).clone()).fill(|_, item: &mut String| {
                    item.clear();
                    tick(Code::Bytes);
                    Ok::<_, Error>(())
                });
                let walk = Walk::new(tree).order(order).chunk_size(size);
                let mut items = walk.into_iter();
                let (keys, panics) = keys_and_panics(&mut items);
                LEFT.set(None);
                check_free(&db);
                let mut source = items.into_source();
                let mut again = || {
                    let mut items = Walk::new(&mut source).order(order).into_iter();
                    up(keys_and_panics(&mut items).0)
                };
                let which = format!("{order:?}, chunks of {size}, call {calls}");
                check(&which, up(keys), &all, &mut again);
                if panics == 0 {
                    break;
                }
            }
        }
    }
}

fn up(mut keys: Vec<u16>) -> Vec<u16> {
    if keys.first() > keys.last() {
        keys.reverse();
    }
    keys
}

#[test]
fn a_panic_of_a_closure_or_key_in_a_fetch_goes_on_to_the_caller_and_loses_no_item() {
    let_each_call_panic(Code::Bytes, |which, keys, all, again| {
        assert_eq!(keys, all, "{which}");
        assert_eq!(again(), all, "{which}");
    });
}

#[test]
fn a_panic_of_a_keys_own_order_goes_on_to_the_caller_and_leaves_the_source_usable() {
    let_each_call_panic(Code::Keys, |which, keys, all, again| {
        assert!(keys.is_sorted_by(|a, b| a < b), "{which}");
        assert_eq!(again(), all, "{which}");
    });
}

#[test]
fn a_loop_that_panics_or_stops_leaves_nothing_held() {
    let db = open();
    let all: Vec<u16> = (0..30).collect();
    insert(&db, &all);
    for order in ORDERS {
        for size in [1, 4, 100] {
            for stop in 0..=30 {
                for panics in [false, true] {
                    let tree = Tree::<u16>::new((*db).clone());
                    let items = Walk::new(tree).order(order).chunk_size(size).into_iter();
                    let body = || {
                        for (at, item) in items.enumerate() {
                            item.unwrap();
                            if at == stop && panics {
                                panic::resume_unwind(Box::new(Ours(stop)));
                            } else if at == stop {
                                return;
                            }
                        }
                    };
                    let ended = panic::catch_unwind(AssertUnwindSafe(body));
                    assert_eq!(ended.is_err(), panics && stop < 30);
                    check_free(&db);
                }
            }
        }
    }
}

/// A walk of its own kind over the tree, as keys.
fn keys<'a>(
    tree: &'a sled::Tree,
    descending: bool,
    size: usize,
) -> impl Iterator<Item = Vec<u8>> + 'a {
    let order = if descending {
        Order::Descending
    } else {
        Order::Ascending
    };
    let walk = Walk::new(Tree::<Vec<u8>>::new(tree.clone())).order(order);
    walk.chunk_size(size)
        .into_iter()
        .map(|item| item.expect("the walk goes on").0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn two_walks_over_one_tree_do_not_disturb_each_other(
        all in btree_set(vec(any::<u8>(), 0..4), 0..80),
        ways in (any::<bool>(), any::<bool>()),
        sizes in (1..12_usize, 1..12_usize),
        turns in vec(any::<bool>(), 0..200),
    ) {
        let db = open();
        let all: Vec<Vec<u8>> = all.into_iter().collect();
        for key in &all {
            db.insert(key, "").unwrap();
        }
        let (mut first, mut second) = (keys(&db, ways.0, sizes.0), keys(&db, ways.1, sizes.1));
        let mut seen = (Vec::new(), Vec::new());
        for turn in turns {
            if turn {
                seen.0.extend(first.next());
            } else {
                seen.1.extend(second.next());
            }
        }
        seen.0.extend(first);
        seen.1.extend(second);
        let down: Vec<Vec<u8>> = all.iter().rev().cloned().collect();
        prop_assert_eq!(&seen.0, if ways.0 { &down } else { &all });
        prop_assert_eq!(&seen.1, if ways.1 { &down } else { &all });
    }
}
