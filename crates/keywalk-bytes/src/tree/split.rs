use std::ops::Bound;

use keywalk::{KeyRange, Order};

use super::Tree;
use super::source::nearest;
use crate::error::Error;
use crate::{ByteStore, Key};

impl<B: ByteStore, K: Key, D> Tree<B, K, D> {
    /// Splits a range into at most `parts` ranges, for several workers. They are in the range's order, don't overlap and
    /// together cover the range.
    ///
    /// The parts have about the same number of keys if keys are spread evenly, as
    /// [`Key::fraction`] assumes. Nothing is counted: each part costs about three searches. There are fewer parts if
    /// the range has fewer keys, or if keys are deleted concurrently.
    ///
    /// Keys may be unevenly spread, so use some more parts than workers, and let each worker take the next part.
    /// `Walk::range` takes a part's bounds, and [`Walk::order`](keywalk::Walk::order) its order.
    ///
    /// # Errors
    ///
    /// As for a fetch.
    ///
    /// # Panics
    ///
    /// If `parts` is 0.
    #[track_caller]
    pub fn split(
        &mut self,
        range: &KeyRange<K>,
        parts: usize,
    ) -> Result<Vec<KeyRange<K>>, Error<B::Error>> {
        assert!(parts > 0, "a range is split into at least one part");
        let mut cuts = Vec::new();
        if !range.is_empty() {
            let first = self.nearest(range.lower(), range.upper(), Order::Ascending)?;
            let last = self.nearest(range.lower(), range.upper(), Order::Descending)?;
            if let (Some(first), Some(last)) = (first, last) {
                self.cut(first, last, parts, &mut cuts)?;
            }
        }
        let mut ranges = Vec::with_capacity(cuts.len() + 1);
        let mut lower = range.lower().cloned();
        for cut in cuts {
            let upper = Bound::Excluded(cut.clone());
            let lower = std::mem::replace(&mut lower, Bound::Included(cut));
            ranges.push(KeyRange::new((lower, upper), range.order()));
        }
        let upper = range.upper().cloned();
        ranges.push(KeyRange::new((lower, upper), range.order()));
        if range.order() == Order::Descending {
            ranges.reverse();
        }
        Ok(ranges)
    }

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
