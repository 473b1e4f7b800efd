use std::ops::Bound;

use keywalk::{KeyRange, Order, SplitSource};

use super::Tree;
use super::source::nearest;
use crate::decode::Decode;
use crate::error::Error;
use crate::{ByteStore, Key};

impl<B: ByteStore, K: Key, D: Decode> SplitSource for Tree<B, K, D> {
    fn split_points(
        &mut self,
        range: &KeyRange<K>,
        parts: usize,
    ) -> Result<Vec<K>, Error<B::Error>> {
        let mut cuts = Vec::new();
        if range.is_empty() {
            return Ok(cuts);
        }
        let first = self.nearest(range.lower(), range.upper(), Order::Ascending)?;
        let last = self.nearest(range.lower(), range.upper(), Order::Descending)?;
        if let (Some(first), Some(last)) = (first, last) {
            self.cut(first, last, parts, &mut cuts)?;
        }
        if range.order() == Order::Descending {
            cuts.reverse();
        }
        Ok(cuts)
    }
}

impl<B: ByteStore, K: Key, D> Tree<B, K, D> {
    /// Adds the first keys of all parts but the first one, ascending. `first` and `last` are stored keys.
    fn cut(
        &mut self,
        first: K,
        last: K,
        parts: usize,
        cuts: &mut Vec<K>,
    ) -> Result<(), Error<B::Error>> {
        if parts < 2 || first >= last {
            return Ok(());
        }
        let left = parts / 2;
        let mut place = Vec::new();
        K::encode_between(&first, &last, left as f64 / parts as f64, &mut place);
        let (from, to) = (first.to_bytes(), last.to_bytes());
        let lower = match place > from && place <= to {
            true => Bound::Included(place.as_slice()),
            false => Bound::Excluded(from.as_slice()),
        };
        let upper = Bound::Included(to.as_slice());
        let bounds = (lower, upper);
        let Some(middle) =
            nearest::<B, K>(&mut self.store, bounds, Order::Ascending, &mut self.again)?
        else {
            return Ok(());
        };
        // The part before is measured by the keys that it has.
        let bounds = (Bound::Included(&first), Bound::Excluded(&middle));
        let before = self.nearest(bounds.0, bounds.1, Order::Descending)?;
        if let Some(before) = before {
            self.cut(first, before, left, cuts)?;
        }
        cuts.push(middle.clone());
        self.cut(middle, last, parts - left, cuts)
    }

    fn nearest(
        &mut self,
        lower: Bound<&K>,
        upper: Bound<&K>,
        order: Order,
    ) -> Result<Option<K>, Error<B::Error>> {
        self.lower.set(lower);
        self.upper.set(upper);
        let bounds = (self.lower.get(), self.upper.get());
        nearest(&mut self.store, bounds, order, &mut self.again)
    }
}
