//! Sources that are wrong about their last key.

use std::ops::Bound;
use std::sync::Arc;

use keywalk::{KeyRange, LastKey, Order};
use keywalk_conformance::Blown;

use super::position::from;
use super::store::{Quirk, Store};

/// What it should say.
fn last(store: &Store<i64>, range: &KeyRange<i64>) -> Result<LastKey<i64>, Blown> {
    let last = store.take(&range.reversed(), 1)?;
    Ok(last.first().map(|(key, _)| *key).into())
}

macro_rules! with_last {
    ($(#[$doc:meta])* $name:ident, ($store:ident, $range:ident) => $last:expr) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<i64> for $name {
            fn last_key(
                &mut self,
                $store: &Arc<Store<i64>>,
                $range: &KeyRange<i64>,
            ) -> Result<LastKey<i64>, Blown> {
                $last
            }
        }
    };
}

with_last! {
    /// The first one.
    Nearest, (store, range) => last(store, &range.reversed())
}

with_last! {
    /// The largest, whatever the order.
    Largest, (store, range) => match range.order() {
        Order::Ascending => last(store, range),
        Order::Descending => last(store, &range.reversed()),
    }
}

with_last! {
    /// `SELECT max(key)`, without a WHERE.
    OfTheStore, (store, range) => last(store, &KeyRange::all(range.order()))
}

with_last! {
    /// The bound itself, whether it is there or not.
    TheBound, (store, range) => match range.far() {
        Bound::Included(key) if !range.is_empty() => Ok(LastKey::Is(*key)),
        _ => last(store, range),
    }
}

with_last! {
    /// `<` where `<=` is meant.
    BeforeTheBound, (store, range) => match range.far() {
        Bound::Included(key) => {
            let before = from(&range.reversed(), Bound::Excluded(*key));
            last(store, &before.reversed())
        }
        _ => last(store, range),
    }
}

with_last! {
    /// An error is taken for an empty range.
    EmptyOnError, (store, range) => Ok(last(store, range).unwrap_or(LastKey::Empty))
}
