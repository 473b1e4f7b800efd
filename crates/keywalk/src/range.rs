use core::cmp::Ordering;
use core::ops::{Bound, RangeBounds};

/// The direction in which keys are visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// From the lower bound to the upper one, in the store's own order. The default.
    #[default]
    Ascending,
    /// From the upper bound to the lower one: the exact mirror of ascending.
    Descending,
}

impl Order {
    /// The opposite direction.
    ///
    /// ```
    /// use keywalk::Order;
    ///
    /// assert_eq!(Order::Ascending.reversed(), Order::Descending);
    /// ```
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Order::Ascending => Order::Descending,
            Order::Descending => Order::Ascending,
        }
    }
}

/// The keys that are still to be walked: a lower bound, an upper bound and the order in which to
/// go from one to the other.
///
/// The *near* bound is where the walk is, the *far* bound where it ends: lower and upper when
/// ascending, upper and lower when descending. Fetching moves the near bound; a cursor is a range
/// written down.
///
/// A source whose store takes bounds at both ends, excluded or included, passes [`lower`](Self::lower)
/// and [`upper`](Self::upper) on; one whose store only knows "after this key" begins at
/// [`near`](Self::start), and stops at the first key that [`is_after_end`](Self::is_after_end) the range.
///
/// A range whose bounds are inverted holds nothing ([`is_empty`](Self::is_empty)); making one
/// never panics, unlike `BTreeMap::range`, so a source over such a map has to ask first.
///
/// Keys are compared by `PartialOrd`, and two keys that it can't order count as possibly in order:
/// a key is outside a range only if it is *known* to be.
///
/// ```
/// use core::ops::Bound;
/// use keywalk::{KeyRange, Order};
///
/// let mut range = KeyRange::new(10..=20, Order::Descending);
/// assert_eq!(range.start(), Bound::Included(&20));
/// range.start_after(17);
/// assert_eq!(range.start(), Bound::Excluded(&17));
/// assert!(range.may_contain(&16) && !range.may_contain(&17));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange<K> {
    lower: Bound<K>,
    upper: Bound<K>,
    order: Order,
}

impl<K> KeyRange<K> {
    /// Every key, in `order`.
    #[must_use]
    pub fn all(order: Order) -> Self {
        KeyRange {
            lower: Bound::Unbounded,
            upper: Bound::Unbounded,
            order,
        }
    }

    /// The keys within `bounds`, in `order`. The keys of the bounds are cloned.
    #[must_use]
    pub fn new(bounds: impl RangeBounds<K>, order: Order) -> Self
    where
        K: Clone,
    {
        KeyRange {
            lower: bounds.start_bound().cloned(),
            upper: bounds.end_bound().cloned(),
            order,
        }
    }

    /// The direction from the near bound to the far one.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// The bound at the side of the smaller keys, whatever the order.
    #[must_use]
    pub fn lower(&self) -> Bound<&K> {
        self.lower.as_ref()
    }

    /// The bound at the side of the larger keys, whatever the order.
    #[must_use]
    pub fn upper(&self) -> Bound<&K> {
        self.upper.as_ref()
    }

    /// Whether it has a bound at either side.
    pub(crate) fn is_bounded(&self) -> bool {
        !matches!(
            (&self.lower, &self.upper),
            (Bound::Unbounded, Bound::Unbounded)
        )
    }

    /// The bound from which the walk goes on.
    #[must_use]
    #[inline]
    pub fn start(&self) -> Bound<&K> {
        match self.order {
            Order::Ascending => self.lower.as_ref(),
            Order::Descending => self.upper.as_ref(),
        }
    }

    /// The bound at which the walk ends.
    #[must_use]
    #[inline]
    pub fn end(&self) -> Bound<&K> {
        match self.order {
            Order::Ascending => self.upper.as_ref(),
            Order::Descending => self.lower.as_ref(),
        }
    }

    /// Moves the near bound: `key` and all before it are done with.
    pub fn start_after(&mut self, key: K) {
        *self.start_mut() = Bound::Excluded(key);
    }

    /// Moves the far bound: `key` is the last one to be walked.
    pub fn end_including(&mut self, key: K) {
        *self.end_mut() = Bound::Included(key);
    }

    /// Moves the far bound: the walk ends before `key`.
    pub fn end_excluding(&mut self, key: K) {
        *self.end_mut() = Bound::Excluded(key);
    }

    /// The same keys in the opposite order.
    #[must_use]
    pub fn reversed(&self) -> Self
    where
        K: Clone,
    {
        KeyRange {
            order: self.order.reversed(),
            ..self.clone()
        }
    }

    fn start_mut(&mut self) -> &mut Bound<K> {
        match self.order {
            Order::Ascending => &mut self.lower,
            Order::Descending => &mut self.upper,
        }
    }

    fn end_mut(&mut self) -> &mut Bound<K> {
        match self.order {
            Order::Ascending => &mut self.upper,
            Order::Descending => &mut self.lower,
        }
    }
}

impl<K: PartialOrd> KeyRange<K> {
    /// Whether no key can lie in the range: its bounds are inverted, or meet in a key that one of
    /// them excludes. Bounds that `PartialOrd` can't order are not known to be empty.
    ///
    /// ```
    /// use keywalk::{KeyRange, Order};
    ///
    /// assert!(KeyRange::new(7..7, Order::Ascending).is_empty());
    /// assert!(KeyRange::new(7..=3, Order::Descending).is_empty());
    /// assert!(!KeyRange::new(7..=7, Order::Ascending).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let (lower, upper) = match (&self.lower, &self.upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => return false,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => (lower, upper),
        };
        match lower.partial_cmp(upper) {
            None | Some(Ordering::Less) => false,
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => {
                !matches!(self.lower, Bound::Included(_))
                    || !matches!(self.upper, Bound::Included(_))
            }
        }
    }

    /// Whether `key` may lie in the range: it is not known to be before the near bound or past the
    /// far one.
    #[must_use]
    pub fn may_contain(&self, key: &K) -> bool {
        !self.is_before_start(key) && !self.is_after_end(key)
    }

    /// Whether `key` is known to lie before the near bound: where the walk has been.
    #[must_use]
    #[inline]
    pub fn is_before_start(&self, key: &K) -> bool {
        is_outside(self.start(), key, self.order)
    }

    /// Whether `key` is known to lie past the far bound: where the walk doesn't go.
    #[must_use]
    #[inline]
    pub fn is_after_end(&self, key: &K) -> bool {
        is_outside(self.end(), key, self.order.reversed())
    }

    /// Whether all of `other` may lie within this range's bounds, whatever the orders: neither of
    /// its bounds is known to reach further. An empty `other` lies in every range.
    #[must_use]
    pub fn may_contain_range(&self, other: &KeyRange<K>) -> bool {
        other.is_empty()
            || !(reaches_further(self.lower(), other.lower(), Ordering::Less)
                || reaches_further(self.upper(), other.upper(), Ordering::Greater))
    }

    /// Where `a` stands to `b` in the range's order; `None` where `PartialOrd` can't tell.
    #[must_use]
    #[inline]
    pub fn compare(&self, a: &K, b: &K) -> Option<Ordering> {
        match self.order {
            Order::Ascending => a.partial_cmp(b),
            Order::Descending => b.partial_cmp(a),
        }
    }
}

/// Whether `key` is known to come before what `bound` lets in, in this order.
#[inline]
fn is_outside<K: PartialOrd>(bound: Bound<&K>, key: &K, order: Order) -> bool {
    match (bound, order) {
        (Bound::Unbounded, _) => false,
        (Bound::Included(bound), Order::Ascending) => key < bound,
        (Bound::Included(bound), Order::Descending) => key > bound,
        (Bound::Excluded(bound), Order::Ascending) => key <= bound,
        (Bound::Excluded(bound), Order::Descending) => key >= bound,
    }
}

/// Whether `other` is known to let in more than `bound` at its `side`.
fn reaches_further<K: PartialOrd>(bound: Bound<&K>, other: Bound<&K>, side: Ordering) -> bool {
    let (key, at) = match (bound, other) {
        (Bound::Unbounded, _) => return false,
        (_, Bound::Unbounded) => return true,
        (
            Bound::Included(key) | Bound::Excluded(key),
            Bound::Included(at) | Bound::Excluded(at),
        ) => (key, at),
    };
    match at.partial_cmp(key) {
        Some(Ordering::Equal) => {
            matches!(bound, Bound::Excluded(_)) && matches!(other, Bound::Included(_))
        }
        order => order == Some(side),
    }
}

impl<K> RangeBounds<K> for KeyRange<K> {
    fn start_bound(&self) -> Bound<&K> {
        self.lower()
    }

    fn end_bound(&self) -> Bound<&K> {
        self.upper()
    }
}
