//! Changes and fetches over a sled tree.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::fmt::Debug;
use std::marker::PhantomData;

use arbitrary::{Arbitrary, Unstructured};
use keywalk_sled::{Key, Tree};

use crate::emptied::Emptied;
use crate::schedule::{Source, Store, follow};

/// A key, and 256 of them.
trait Keys: Key + Debug {
    fn at(at: u8) -> Self;
}

/// Around 0, where sled's own way down fails.
impl Keys for i64 {
    fn at(at: u8) -> i64 {
        match at {
            0 => i64::MIN,
            255 => i64::MAX,
            at => i64::from(at) - 128,
        }
    }
}

/// Each other's beginnings, the empty one, and long runs of `ff`.
impl Keys for Vec<u8> {
    fn at(at: u8) -> Vec<u8> {
        vec![[0x00, 0x01, 0xfe, 0xff][usize::from(at % 4)]; usize::from(at / 4)]
    }
}

impl Keys for (i8, Reverse<String>) {
    fn at(at: u8) -> Self {
        let text = "\0a\u{7f}\u{7ff}".chars().nth(usize::from(at % 4));
        let text = text.into_iter().cycle().take(usize::from(at / 4 % 8));
        (at as i8 / 32, Reverse(text.collect()))
    }
}

struct Sled<K> {
    tree: sled::Tree,
    key: PhantomData<K>,
}

impl<K: Keys> Sled<K> {
    fn new() -> Self {
        thread_local! {
            static TREE: RefCell<Emptied> = const { RefCell::new(Emptied::new()) };
        }
        Sled {
            tree: TREE.with_borrow_mut(Emptied::tree),
            key: PhantomData,
        }
    }
}

impl<K: Keys> Store for Sled<K> {
    type Key = K;
    type Error = keywalk_sled::Error;

    const CAN_FILTER: bool = false;

    fn key(at: u8) -> K {
        K::at(at)
    }

    fn source(&self, _: bool) -> Source<'_, Self> {
        let value = |value: &[u8]| value.try_into().map(i64::from_be_bytes);
        Box::new(Tree::new(self.tree.clone()).map(value))
    }

    fn put(&self, key: &K, value: i64) {
        let put = self.tree.insert(key.to_bytes(), &value.to_be_bytes());
        put.expect("sled takes it");
    }

    fn delete(&self, key: &K) {
        self.tree.remove(key.to_bytes()).expect("sled removes it");
    }

    fn clear(&self) {
        self.tree.clear().expect("a tree is emptied");
    }

    fn keep_up(&self, _: u8) {}
}

/// With changes between the fetches only, each chunk is just what the tree holds of its stretch, up to
/// the last key at the start, in both orders, across cursors (G1 to G10).
///
/// # Panics
///
/// If that isn't so, or if anything fails.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // What is too short says nothing.
    let _ = match u8::arbitrary(&mut input).unwrap_or_default() % 3 {
        0 => follow(&Sled::<i64>::new(), &mut input),
        1 => follow(&Sled::<Vec<u8>>::new(), &mut input),
        _ => follow(&Sled::<(i8, Reverse<String>)>::new(), &mut input),
    };
}
