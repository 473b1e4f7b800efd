use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use keywalk::{KeyRange, Order};

use crate::{BoxError, Mutation, Store};

/// What a store must hold. Both are changed alike.
#[derive(Clone, Debug)]
pub struct Model<K> {
    entries: BTreeMap<K, u64>,
    /// Every key that was ever put.
    ever: BTreeSet<K>,
    /// Every put has a value of its own, so that a stale one shows.
    puts: u64,
}

impl<K> Default for Model<K> {
    fn default() -> Self {
        Model {
            entries: BTreeMap::new(),
            ever: BTreeSet::new(),
            puts: 0,
        }
    }
}

impl<K: Ord + Clone> Model<K> {
    /// The entries of `range`, in its order.
    pub fn within(&self, range: &KeyRange<K>) -> Vec<(K, u64)> {
        let held = self
            .entries
            .iter()
            .filter(|(key, _)| is_within(*key, range));
        let mut entries: Vec<(K, u64)> = held.map(|(key, value)| (key.clone(), *value)).collect();
        if range.order() == Order::Descending {
            entries.reverse();
        }
        entries
    }

    /// The last key of `range`, in its order.
    #[must_use]
    pub fn last(&self, range: &KeyRange<K>) -> Option<K> {
        self.within(range).pop().map(|(key, _)| key)
    }

    /// How many keys of `range` were ever put.
    #[must_use]
    pub fn ever_within(&self, range: &KeyRange<K>) -> usize {
        self.ever
            .iter()
            .filter(|key| is_within(*key, range))
            .count()
    }

    /// Inserts, or replaces the value.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub fn put<S: Store<Key = K>>(&mut self, store: &S, key: &K) -> Result<(), BoxError> {
        self.puts += 1;
        self.entries.insert(key.clone(), self.puts);
        self.ever.insert(key.clone());
        store.put(key, self.puts)
    }

    fn delete<S: Store<Key = K>>(&mut self, store: &S, key: &K) -> Result<(), BoxError> {
        self.entries.remove(key);
        store.delete(key)
    }

    /// Does what the mutation says. `pool` are the keys to choose from; `cursor` is the last key
    /// handed out by a walk in `order`.
    ///
    /// # Errors
    ///
    /// The store's own.
    pub fn apply<S: Store<Key = K>>(
        &mut self,
        store: &S,
        mutation: &Mutation,
        pool: &[K],
        order: Order,
        cursor: Option<&K>,
    ) -> Result<(), BoxError> {
        let all = KeyRange::all(order);
        let mut ahead = all.clone();
        let mut behind = all.reversed();
        if let Some(cursor) = cursor {
            ahead.advance_past(cursor.clone());
            behind.advance_past(cursor.clone());
        }
        match mutation {
            Mutation::Put(at) => self.put(store, at.get(pool)),
            Mutation::Delete(at) => self.delete(store, at.get(pool)),
            Mutation::DeleteCursor => cursor.map_or(Ok(()), |key| self.delete(store, key)),
            Mutation::DeleteLast => match self.last(&all) {
                Some(key) => self.delete(store, &key),
                None => Ok(()),
            },
            Mutation::Clear => {
                let keys: Vec<K> = self.entries.keys().cloned().collect();
                keys.iter().try_for_each(|key| self.delete(store, key))
            }
            Mutation::Append => {
                let mut beyond = all.clone();
                if let Some(last) = self.last(&all) {
                    beyond.advance_past(last);
                }
                self.put_nearest(store, pool, &beyond)
            }
            Mutation::InsertAhead => self.put_nearest(store, pool, &ahead),
            Mutation::InsertBehind => self.put_nearest(store, pool, &behind),
        }
    }

    /// Puts the first key of the pool in `range`, if there is one.
    fn put_nearest<S: Store<Key = K>>(
        &mut self,
        store: &S,
        pool: &[K],
        range: &KeyRange<K>,
    ) -> Result<(), BoxError> {
        let candidates = pool.iter().filter(|key| is_within(*key, range));
        let nearest = match range.order() {
            Order::Ascending => candidates.min(),
            Order::Descending => candidates.max(),
        };
        nearest.map_or(Ok(()), |key| self.put(store, key))
    }
}

/// By `Ord` alone: nothing here relies on what is under test.
fn is_within<K: Ord>(key: &K, range: &KeyRange<K>) -> bool {
    let after = match range.lower() {
        Bound::Unbounded => true,
        Bound::Included(at) => key >= at,
        Bound::Excluded(at) => key > at,
    };
    let before = match range.upper() {
        Bound::Unbounded => true,
        Bound::Included(at) => key <= at,
        Bound::Excluded(at) => key < at,
    };
    after && before
}
