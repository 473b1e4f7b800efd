//! Walks whose cursors are written down at every place, and gone on from. Not this crate's: what the
//! stores' tests share.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};

use keywalk::{DurableSource, Order, Token, Walk};
use proptest::collection::btree_set;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::samples::Sample;

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

#[derive(Clone, Debug)]
pub(crate) struct Plan<K> {
    /// What the store holds, ascending.
    pub(crate) keys: Vec<K>,
    pub(crate) bounds: (Bound<K>, Bound<K>),
    pub(crate) order: Order,
    pub(crate) live: bool,
    pub(crate) chunk_size: usize,
}

/// Of any keys, bounded by some of them, of both orders, bounded and live.
pub(crate) fn plan<K: Sample>() -> impl Strategy<Value = Plan<K>> {
    let bound = || (0..3_u8, any::<Index>());
    let keys = btree_set(K::any(), 1..12);
    let order = prop::sample::select(&ORDERS[..]);
    (keys, bound(), bound(), order, any::<bool>(), 1..5_usize).prop_map(
        |(keys, from, to, order, live, chunk_size)| {
            let keys: Vec<K> = keys.into_iter().collect();
            let bound = |(kind, index): (u8, Index)| match kind {
                0 => Bound::Unbounded,
                1 => Bound::Included(index.get(&keys).clone()),
                _ => Bound::Excluded(index.get(&keys).clone()),
            };
            let bounds = (bound(from), bound(to));
            Plan {
                keys,
                bounds,
                order,
                live,
                chunk_size,
            }
        },
    )
}

impl<K: Sample> Plan<K> {
    /// What is walked.
    pub(crate) fn expected(&self) -> Vec<K> {
        let admitted = self.keys.iter().filter(|key| self.bounds.contains(*key));
        let mut keys: Vec<K> = admitted.cloned().collect();
        if self.order == Order::Descending {
            keys.reverse();
        }
        keys
    }

    /// The walk's tokens: at the start, behind each item, and at the end.
    pub(crate) fn tokens<S>(&self, source: S) -> Vec<Token>
    where
        S: DurableSource<Key = K, Error: Debug>,
    {
        let walk = Walk::new(source)
            .range(self.bounds.clone())
            .order(self.order);
        let walk = if self.live { walk.live() } else { walk };
        let mut items = walk.chunk_size(self.chunk_size).items();
        let mut tokens = vec![items.token().expect("the source says what it is")];
        while let Some(item) = items.next() {
            item.map_err(drop).expect("the store answers");
            tokens.push(items.token().expect("the source says what it is"));
        }
        tokens.push(items.token().expect("the source says what it is"));
        tokens
    }

    /// Whether each token, through text, gives what came behind it.
    pub(crate) fn check_rests<S>(
        &self,
        tokens: &[Token],
        source: impl Fn() -> S,
    ) -> Result<(), TestCaseError>
    where
        S: DurableSource<Key = K, Error: Debug>,
    {
        let expected = self.expected();
        prop_assert_eq!(tokens.len(), expected.len() + 2);
        for (at, token) in tokens.iter().enumerate() {
            let left = &expected[at.min(expected.len())..];
            let text = token.to_string();
            for chunk_size in [1, 3, 100] {
                prop_assert_eq!(rest(source(), &text, chunk_size), left, "at {}", at);
            }
        }
        let end = &tokens[tokens.len() - 1];
        prop_assert_eq!(end.is_done(), !self.live);
        Ok(())
    }
}

/// The keys behind a token.
pub(crate) fn rest<S>(source: S, text: &str, chunk_size: usize) -> Vec<S::Key>
where
    S: DurableSource<Error: Debug>,
{
    let token: Token = text.parse().expect("it is a token");
    let walk = Walk::new(source).resume_token(&token);
    let walk = walk.expect("it is the source's");
    let mut items = walk.chunk_size(chunk_size).items();
    let mut keys = Vec::new();
    while let Some(item) = items.next() {
        let item = item.map_err(drop).expect("the store answers");
        keys.push(items.source().key_of(&item));
    }
    keys
}
