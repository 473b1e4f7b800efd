//! The keys that come from a token on. Not this crate's: what the stores' tests share.

use std::fmt::Debug;

use keywalk::{ChunkSource, Keyed, Order, ResumableSource, Token, Walk};

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// The keys behind a token.
pub(crate) fn rest<S>(source: S, text: &str, chunk_size: usize) -> Vec<S::Key>
where
    S: ChunkSource<Error: Debug> + ResumableSource,
{
    let token: Token = text.parse().expect("it is a token");
    let walk = Walk::new(source).resume_token(&token);
    let walk = walk.expect("it is the source's");
    let items = walk.chunk_size(chunk_size).items();
    let item_keys = items.map(|item| item.map_err(drop).expect("the store answers").key());
    item_keys.collect()
}
