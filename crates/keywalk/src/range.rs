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
    /// Returns the opposite direction.
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

/// A range of keys in one direction: a lower bound, an upper bound and an order. Each fetch receives
/// the range that is left.
///
/// The *start* is where the walk is, and the *end* is where it stops, in the walk's direction. When ascending,
/// the start is the lower bound. When descending, it is the upper one. Each fetch moves the start.
///
/// If your store supports a bound at both ends, excluded or included, use [`lower`](Self::lower) and
/// [`upper`](Self::upper). If it only supports "after this key", begin at [`start`](Self::start) and stop at
/// the first key that [`is_after_end`](Self::is_after_end).
///
/// A range with inverted bounds is empty ([`is_empty`](Self::is_empty)). Creating one never panics, unlike
/// `BTreeMap::range`; a source over such a map must check first.
///
/// Keys are compared by `PartialOrd`. A key is outside a range only if it is *known* to be. If `partial_cmp`
/// returns `None` for a key and a bound, the key counts as inside that bound.
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
    /// Returns the range of all keys, in `order`.
    #[must_use]
    pub fn all(order: Order) -> Self {
        KeyRange {
            lower: Bound::Unbounded,
            upper: Bound::Unbounded,
            order,
        }
    }

    /// Returns the range of the keys within `bounds`, in `order`. Clones the keys of the bounds.
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

    /// Returns the direction from start to end.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Returns the lower bound, in either order.
    #[must_use]
    pub fn lower(&self) -> Bound<&K> {
        self.lower.as_ref()
    }

    /// Returns the upper bound, in either order.
    #[must_use]
    pub fn upper(&self) -> Bound<&K> {
        self.upper.as_ref()
    }

    /// Whether either side has a bound.
    pub(crate) fn is_bounded(&self) -> bool {
        !matches!(
            (&self.lower, &self.upper),
            (Bound::Unbounded, Bound::Unbounded)
        )
    }

    /// Returns the bound from which the walk continues.
    #[must_use]
    #[inline]
    pub fn start(&self) -> Bound<&K> {
        match self.order {
            Order::Ascending => self.lower.as_ref(),
            Order::Descending => self.upper.as_ref(),
        }
    }

    /// Returns the bound at which the walk ends.
    #[must_use]
    #[inline]
    pub fn end(&self) -> Bound<&K> {
        match self.order {
            Order::Ascending => self.upper.as_ref(),
            Order::Descending => self.lower.as_ref(),
        }
    }

    /// Moves the start past `key`: `key` and all keys before it are excluded.
    pub fn start_after(&mut self, key: K) {
        *self.start_mut() = Bound::Excluded(key);
    }

    /// Moves the end to `key`: `key` is the last key of the range.
    pub fn end_including(&mut self, key: K) {
        *self.end_mut() = Bound::Included(key);
    }

    /// Moves the end before `key`: `key` and all keys after it are excluded.
    pub fn end_excluding(&mut self, key: K) {
        *self.end_mut() = Bound::Excluded(key);
    }

    /// Returns the same keys in the opposite order.
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

    pub(crate) fn set_start(&mut self, start: Bound<K>) {
        *self.start_mut() = start;
    }

    pub(crate) fn set_end(&mut self, end: Bound<K>) {
        *self.end_mut() = end;
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
    /// Whether the range can't hold a key: its bounds are inverted, or they are equal and at least one excludes
    /// its key. Returns `false` if `PartialOrd` can't order the bounds.
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

    /// Whether `key` may lie in the range: it is not known to be before the start or after the end.
    #[must_use]
    pub fn may_contain(&self, key: &K) -> bool {
        !self.is_before_start(key) && !self.is_after_end(key)
    }

    /// Whether `key` is known to lie before the start, where the walk has been.
    #[must_use]
    #[inline]
    pub fn is_before_start(&self, key: &K) -> bool {
        is_outside(self.start(), key, self.order)
    }

    /// Whether `key` is known to lie after the end, where the walk doesn't go.
    #[must_use]
    #[inline]
    pub fn is_after_end(&self, key: &K) -> bool {
        is_outside(self.end(), key, self.order.reversed())
    }

    /// Whether all of `other` may lie within this range's bounds, whatever the orders. False only if a bound of
    /// `other` is known to lie outside this range. An empty `other` lies in every range.
    #[must_use]
    pub fn may_contain_range(&self, other: &KeyRange<K>) -> bool {
        other.is_empty()
            || !(reaches_further(self.lower(), other.lower(), Ordering::Less)
                || reaches_further(self.upper(), other.upper(), Ordering::Greater))
    }

    /// Whether a range with this end may hold keys after this range's end.
    pub(crate) fn may_end_before(&self, end: Bound<&K>) -> bool {
        let (here, there) = match (self.end(), end) {
            (Bound::Unbounded, _) => return false,
            (_, Bound::Unbounded) => return true,
            (
                Bound::Included(here) | Bound::Excluded(here),
                Bound::Included(there) | Bound::Excluded(there),
            ) => (here, there),
        };
        match self.compare(here, there) {
            Some(Ordering::Equal) => {
                matches!((self.end(), end), (Bound::Excluded(_), Bound::Included(_)))
            }
            order => order != Some(Ordering::Greater),
        }
    }

    /// Compares `a` to `b` in the range's order. Returns `None` if `PartialOrd` can't order them.
    #[must_use]
    #[inline]
    pub fn compare(&self, a: &K, b: &K) -> Option<Ordering> {
        match self.order {
            Order::Ascending => a.partial_cmp(b),
            Order::Descending => b.partial_cmp(a),
        }
    }
}

/// Whether `key` is known to lie before a range that starts at `bound`, in this order.
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

/// Whether `other` is known to include keys that `bound` excludes. Both are lower bounds if `side` is `Less`, and
/// upper bounds if it is `Greater`.
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
