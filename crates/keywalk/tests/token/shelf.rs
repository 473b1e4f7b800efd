//! A durable source over a map behind a shared cell, and walks over it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;
use std::rc::Rc;

use keywalk::{Chunk, ChunkSource, DurableSource, Fetched, Fingerprint, KeyRange, LastKey, Order};
use keywalk::{Cursor, Token, Walk};

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Broken;

/// A key with a form as bytes.
pub(crate) trait Coded: Ord + Clone + Debug {
    const NAME: &'static str;

    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Coded for i64 {
    const NAME: &'static str = "i64";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(i64::from_be_bytes)
    }
}

impl Coded for String {
    const NAME: &'static str = "text";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.into()).ok()
    }
}

/// Its items are its keys. A clone is the same shelf.
#[derive(Clone)]
pub(crate) struct Shelf<K> {
    pub(crate) map: Rc<RefCell<BTreeMap<K, ()>>>,
    says: Fingerprint,
    /// How often the store was asked.
    pub(crate) asked: Rc<Cell<usize>>,
    /// While it is, every question fails.
    pub(crate) is_broken: Rc<Cell<bool>>,
}

impl<K: Coded> Shelf<K> {
    pub(crate) fn of(keys: impl IntoIterator<Item = K>) -> Self {
        Shelf {
            map: Rc::new(RefCell::new(
                keys.into_iter().map(|key| (key, ())).collect(),
            )),
            says: Fingerprint::new("shelf").relation("books").key(K::NAME),
            asked: Rc::default(),
            is_broken: Rc::default(),
        }
    }

    pub(crate) fn saying(mut self, says: Fingerprint) -> Self {
        self.says = says;
        self
    }

    /// The keys within a range, in its order.
    pub(crate) fn within(&self, range: &KeyRange<K>) -> Vec<K> {
        let map = self.map.borrow();
        let mut keys: Vec<K> = map
            .keys()
            .filter(|key| range.admits(key))
            .cloned()
            .collect();
        if range.order() == Order::Descending {
            keys.reverse();
        }
        keys
    }

    fn answer(&self) -> Result<(), Broken> {
        self.asked.set(self.asked.get() + 1);
        if self.is_broken.get() {
            Err(Broken)
        } else {
            Ok(())
        }
    }

    pub(crate) fn token(&self, cursor: &Cursor<K>) -> Token {
        Token::new(cursor, self).expect("it can say what it walks")
    }

    /// What comes from a token on.
    pub(crate) fn rest(&self, token: &Token, chunk_size: usize) -> Vec<K> {
        let walk = Walk::new(self.clone()).resume_token(token);
        let walk = walk.expect("it is this source's").chunk_size(chunk_size);
        let keys = walk.into_iter().collect::<Result<_, _>>();
        keys.expect("it isn't broken")
    }
}

impl<K: Coded> ChunkSource for Shelf<K> {
    type Key = K;
    type Item = K;
    type Error = Broken;

    fn fetch(&mut self, range: &KeyRange<K>, chunk: &mut Chunk<K>) -> Result<Fetched<K>, Broken> {
        self.answer()?;
        for key in self.within(range) {
            if chunk.is_full() {
                return Ok(Fetched::More);
            }
            chunk.push(key);
        }
        Ok(Fetched::End)
    }

    fn key_of(&self, item: &K) -> K {
        item.clone()
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Broken> {
        self.answer()?;
        Ok(self.within(range).pop().into())
    }
}

impl<K: Coded> DurableSource for Shelf<K> {
    fn fingerprint(&self) -> Result<Fingerprint, Broken> {
        if self.is_broken.get() {
            Err(Broken)
        } else {
            Ok(self.says.clone())
        }
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.write(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Broken> {
        Ok(K::read(bytes))
    }
}

/// The tens from 10 to `len` * 10.
pub(crate) fn tens(len: i64) -> Shelf<i64> {
    Shelf::of((1..=len).map(|n| n * 10))
}

/// Walks of every small map, order and kind, over every key and over some.
pub(crate) fn for_every_walk(mut check: impl FnMut(&Shelf<i64>, &dyn Fn() -> Walk<Shelf<i64>>)) {
    let all = (Bound::Unbounded, Bound::Unbounded);
    let some = (Bound::Excluded(10), Bound::Included(40));
    let open = (Bound::Included(20), Bound::Excluded(40));
    for len in 0..=5 {
        for bounds in [all, some, open] {
            for order in ORDERS {
                for live in [false, true] {
                    let shelf = tens(len);
                    check(&shelf, &|| {
                        let walk = Walk::new(shelf.clone()).range(bounds).order(order);
                        if live { walk.live() } else { walk }
                    });
                }
            }
        }
    }
}

/// Some cursors of each shape.
pub(crate) fn samples() -> Vec<Token> {
    let mut tokens = Vec::new();
    for_every_walk(|shelf, walk| {
        if shelf.map.borrow().len() != 3 {
            return;
        }
        for cut in [0, 1, 4] {
            let mut items = walk().chunk_size(2).items();
            assert!(items.by_ref().take(cut).all(|item| item.is_ok()));
            tokens.push(items.token().expect("it isn't broken"));
        }
    });
    let texts = Shelf::of(["a", "é", "key"].map(String::from));
    let mut items = Walk::new(texts).chunk_size(1).items();
    items.next();
    tokens.push(items.token().expect("it isn't broken"));
    tokens
}
