//! A caller's own code panics over a tree.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp;
use std::panic::{self, AssertUnwindSafe};

use keywalk::{ChunkSource, Items, Walk};
use keywalk_sled::{DecodeError, Error, Key, Tree};
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
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
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

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        tick(Code::Bytes);
        u16::decode(bytes).map(Touchy)
    }

    fn encoding_name() -> Cow<'static, str> {
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

/// The keys, ascending, from the same walk again after a panic; and how many panics there were.
fn keys_and_panics<S>(items: &mut Items<S>) -> (Vec<u16>, usize)
where
    S: ChunkSource<Key = Touchy, Item = (Touchy, String), Error = Error>,
{
    let (mut keys, mut panics) = (Vec::new(), 0);
    loop {
        match panic::catch_unwind(AssertUnwindSafe(|| items.next())) {
            Ok(Some(item)) => keys.push(item.expect("sled doesn't fail").0.0),
            Ok(None) => break,
            Err(payload) => {
                assert_eq!(payload.downcast_ref(), Some(&Ours(7)));
                panics += 1;
            }
        }
    }
    if keys.first() > keys.last() {
        keys.reverse();
    }
    (keys, panics)
}

/// In each order and chunk size one call after the other panics, and the walk goes on after it. A walk from
/// the start by the same source gives all again.
#[test]
fn a_panic_of_a_closure_or_key_goes_on_to_the_caller_and_in_a_fetch_loses_no_item() {
    let db = open();
    let all: Vec<u16> = (0..60).collect();
    insert(&db, &all);
    for (order, size) in ORDERS
        .into_iter()
        .flat_map(|order| [1, 4, 100].map(|size| (order, size)))
    {
        for code in [Code::Bytes, Code::Keys] {
            for calls in (0..).step_by(5) {
                LEFT.set(Some((code, calls)));
                let tree = Tree::<Touchy>::new((*db).clone()).map_into(|_, item: &mut String| {
                    item.clear();
                    tick(Code::Bytes);
                    Ok::<_, Error>(())
                });
                let mut items = Walk::new(tree).order(order).chunk_size(size).into_iter();
                let (keys, panics) = keys_and_panics(&mut items);
                LEFT.set(None);
                check_free(&db);
                let which = format!("{code:?}, {order:?}, chunks of {size}, call {calls}");
                match code {
                    Code::Bytes => assert_eq!(keys, all, "{which}"),
                    Code::Keys => assert!(keys.is_sorted_by(|a, b| a < b), "{which}"),
                }
                let mut source = items.into_source();
                let mut again = Walk::new(&mut source).order(order).into_iter();
                assert_eq!(keys_and_panics(&mut again).0, all, "{which}");
                if panics == 0 {
                    break;
                }
            }
        }
    }
}
