//! Judges single responses and whole walks, and explains why a response is wrong.

use std::cmp::Ordering;
use std::fmt::{self, Debug, Display};
use std::ops::Bound;

use keywalk::{Fetched, KeyRange, LastKey, Order};

use super::key_history::is_inverted;
use crate::clause::Clause;
use crate::history::key_history::{KeyHistory, Presence};
use crate::history::violation::{FailureKind, Violation};
use crate::history::{Items, Request, Response, Span};

/// Judges the result of a fetch of `range` by what the store may have held during a span. Returns the end of what the
/// response covers: a key, or the end of the range (`None`).
pub(crate) fn judge<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    response: &Items<K>,
    lives: &KeyHistory<K>,
    during: Span,
) -> Result<Option<K>, Violation<K>> {
    covered(range, response, lives, during).map_err(|kind| {
        let expected = expectation(range, response, lives, during, &kind);
        let violation = Violation::new(kind).expected(expected).got(response);
        hinted(range, response, violation)
    })
}

fn covered<K: Ord + Clone>(
    range: &KeyRange<K>,
    response: &Items<K>,
    lives: &KeyHistory<K>,
    during: Span,
) -> Result<Option<K>, FailureKind<K>> {
    let items = &response.items;
    if response.overflowed || items.len() > response.limit {
        return Err(FailureKind::Overfull);
    }
    let misplaced = || items.iter().find_map(|(key, _)| outside(range, key));
    if let Some(kind) = disorder(range, items).or_else(misplaced) {
        return Err(kind);
    }
    for (key, value) in items {
        if lives.presence(key, during) == Presence::Absent {
            return Err(FailureKind::Absent(key.clone()));
        }
        if !lives.may_hold(key, *value, during) {
            return Err(FailureKind::Value(key.clone()));
        }
    }
    let covered = match (&response.fetched, items.last().map(|(key, _)| key)) {
        (Fetched::End, _) => None,
        (Fetched::More, Some(key)) => Some(key),
        (Fetched::More, None) => return Err(FailureKind::Stuck),
        (Fetched::ScannedTo(key), last) => match last {
            _ if place(range, key).is_gt() => return Err(FailureKind::Beyond(key.clone())),
            None if place(range, key).is_lt() => return Err(FailureKind::Stuck),
            Some(last) if compare(range.order(), key, last).is_lt() => {
                return Err(FailureKind::ScannedShort(key.clone()));
            }
            _ => Some(key),
        },
    };
    missing(range, items, covered, lives, during).map_or(Ok(covered.cloned()), Err)
}

fn judge_last_key<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    response: &LastKey<K>,
    lives: &KeyHistory<K>,
    during: Span,
) -> Result<(), Violation<K>> {
    let backward = range.reversed();
    let last = lives.certain(&backward, during).next();
    let kind = match (response, last) {
        (LastKey::Empty, Some(last)) => Some(FailureKind::NoLast(last.clone())),
        (LastKey::Known(key), last) => outside(range, key).or_else(|| match last {
            Some(last) if compare(range.order(), key, last).is_lt() => {
                Some(FailureKind::NotLast(last.clone()))
            }
            _ if lives.presence(key, during) != Presence::Absent => None,
            _ => Some(FailureKind::Absent(key.clone())),
        }),
        _ => None,
    };
    let expected = last.map_or("Empty".to_owned(), |key| format!("Is({key:?})"));
    kind.map_or(Ok(()), |kind| {
        let violation = Violation::new(kind).expected(expected);
        Err(violation.got(format!("{response:?}")))
    })
}

/// Judges any response by what the store may have held during a span.
fn judged<K: Ord + Clone + Debug>(
    request: &Request<K>,
    lives: &KeyHistory<K>,
    during: Span,
) -> Result<Option<K>, Violation<K>> {
    let range = &request.range;
    match &request.response {
        Response::Items(response) => judge(range, response, lives, during),
        Response::LastKey(key) => judge_last_key(range, key, lives, during).map(|()| None),
        Response::Error(error) => Err(Violation::new(FailureKind::Failed).got(error)),
        Response::Panic(panic) => {
            let violation = Violation::new(FailureKind::Panicked).got(panic);
            Err(match range.is_empty() {
                true => violation
                    .of(Clause::G6)
                    .hint("`BTreeMap::range` panics on such a range: check `is_empty` first"),
                false => violation,
            })
        }
    }
}

/// Judges any response of a source that was opened at `opened`. Explains a wrong response that was right earlier.
pub(crate) fn judge_by_time<K: Ord + Clone + Debug>(
    request: &Request<K>,
    opened: u64,
    lives: &KeyHistory<K>,
) -> Result<Option<K>, Violation<K>> {
    judged(request, lives, request.during)
        .map_err(|violation| explained(violation, request, opened, lives))
}

/// Compares `a` to `b` in this order. Uses only `Ord`, so it doesn't rely on code under test.
pub(crate) fn compare<K: Ord>(order: Order, a: &K, b: &K) -> Ordering {
    match order {
        Order::Ascending => a.cmp(b),
        Order::Descending => b.cmp(a),
    }
}

/// Returns whether the key is before the range, in it or after it.
pub(super) fn place<K: Ord>(range: &KeyRange<K>, key: &K) -> Ordering {
    let is_outside = |bound, order| match bound {
        Bound::Unbounded => false,
        Bound::Included(bound) => compare(order, key, bound).is_lt(),
        Bound::Excluded(bound) => compare(order, key, bound).is_le(),
    };
    if is_outside(range.start(), range.order()) {
        Ordering::Less
    } else if is_outside(range.end(), range.order().reversed()) {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

/// Returns the failure if the key is before the range or after it.
pub(super) fn outside<K: Ord + Clone>(range: &KeyRange<K>, key: &K) -> Option<FailureKind<K>> {
    match place(range, key) {
        Ordering::Less => Some(FailureKind::Behind(key.clone())),
        Ordering::Equal => None,
        Ordering::Greater => Some(FailureKind::Beyond(key.clone())),
    }
}

/// Returns the failure if the key isn't after the last one, in this order.
pub(super) fn disordered<K: Ord + Clone>(
    order: Order,
    last: &K,
    key: &K,
) -> Option<FailureKind<K>> {
    match compare(order, last, key) {
        Ordering::Less => None,
        Ordering::Equal => Some(FailureKind::Repeated(key.clone())),
        Ordering::Greater => Some(FailureKind::Disordered(last.clone(), key.clone())),
    }
}

/// Returns the first disorder of the items. A repeated key, anywhere, is preferred because it explains the disorder.
fn disorder<K: Ord + Clone>(range: &KeyRange<K>, items: &[(K, u64)]) -> Option<FailureKind<K>> {
    let mut pairs = items.windows(2);
    let first = pairs.find_map(|pair| disordered(range.order(), &pair[0].0, &pair[1].0))?;
    let mut keys: Vec<&K> = items.iter().map(|(key, _)| key).collect();
    keys.sort();
    let repeated = keys.windows(2).find(|pair| pair[0] == pair[1]);
    Some(repeated.map_or(first, |pair| FailureKind::Repeated(pair[0].clone())))
}

/// Returns the first key in the covered part that certainly exists and isn't among the items.
fn missing<K: Ord + Clone>(
    range: &KeyRange<K>,
    items: &[(K, u64)],
    covered: Option<&K>,
    lives: &KeyHistory<K>,
    during: Span,
) -> Option<FailureKind<K>> {
    let order = range.order();
    let mut items = items.iter().map(|(key, _)| key).peekable();
    for (key, presence) in lives.content(range, during) {
        if covered.is_some_and(|to| compare(order, key, to).is_gt()) {
            return None;
        }
        let is_before = |item: &&K| compare(order, *item, key).is_lt();
        while items.next_if(is_before).is_some() {}
        if items.next_if_eq(&key).is_none() && presence == Presence::Present {
            return Some(match (items.peek(), covered) {
                (None, None) => FailureKind::MissingAtEnd(key.clone()),
                _ => FailureKind::Missing(key.clone()),
            });
        }
    }
    None
}

/// Replaces the hint of a violation's kind with a likelier one for this response.
fn hinted<K: Ord + Debug>(
    range: &KeyRange<K>,
    response: &Items<K>,
    violation: Violation<K>,
) -> Violation<K> {
    let items = &response.items;
    let is_down = range.order() == Order::Descending;
    let hint = match (violation.kind(), range.start(), range.end()) {
        (FailureKind::Behind(key), Bound::Excluded(near), _) if key == near => {
            "the key equals the cursor, which is excluded: `>=` where `>` is meant?"
        }
        (FailureKind::Beyond(key), _, Bound::Excluded(far)) if key == far => {
            "the key equals the bound, which is excluded: `<=` where `<` is meant?"
        }
        (FailureKind::Disordered(..), ..) if is_down && items.is_sorted() => {
            "is the order of the range ignored?"
        }
        // What a source that goes up returns of a range that goes down.
        (FailureKind::Missing(_), ..) if is_down && items.is_sorted() => {
            "is the order of the range ignored, or does the store's order differ from the key's `Ord`?"
        }
        (FailureKind::Missing(key), ..) if format!("{key:?}").starts_with('(') => {
            "is a composite key compared column by column, or is the key skipped where a page begins?"
        }
        (FailureKind::Missing(_), ..) => {
            "is it skipped where a page begins, left out by a filter or a join, or does the store's order differ \
             from the key's `Ord`?"
        }
        (FailureKind::MissingAtEnd(_), ..) if items.len() >= response.limit => {
            "is the end reported because the chunk is full?"
        }
        (FailureKind::MissingAtEnd(_), Bound::Excluded(_), _) => {
            "is the end inferred from a short page, or from a cursor's row that is gone?"
        }
        _ => return violation,
    };
    violation.hint(hint)
}

/// Explains a violation as an outdated response, if the response was right at a moment between the source's opening
/// and the request.
pub(crate) fn explained<K: Ord + Clone + Debug>(
    violation: Violation<K>,
    request: &Request<K>,
    opened: u64,
    lives: &KeyHistory<K>,
) -> Violation<K> {
    let clause = match violation.kind() {
        FailureKind::Missing(_)
        | FailureKind::MissingAtEnd(_)
        | FailureKind::Absent(_)
        | FailureKind::NotLast(_)
        | FailureKind::NoLast(_) => Clause::G7,
        FailureKind::Value(_) => Clause::G5,
        _ => return violation,
    };
    let returns = lives.moments(opened).filter(|at| *at < request.during.from);
    // Just after a return; no other event lies at that moment.
    let is_right = |at| judged(request, lives, Span::at(at + 1)).is_ok();
    match std::iter::once(opened).chain(returns).any(is_right) {
        true => violation.of(clause).hint(
            "this is what the store held earlier: a snapshot, a transaction that is kept open, a cache, or \
             items read ahead? (If it is meant: declare `snapshot`)",
        ),
        false => violation,
    }
}

/// Diagnoses a missing key by whether the source `finds` it through other ranges.
pub(crate) fn diagnosed<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    violation: Violation<K>,
    mut finds: impl FnMut(&KeyRange<K>, &K) -> bool,
) -> Violation<K> {
    let key = match (violation.kind(), violation.clause()) {
        (FailureKind::Missing(key), Clause::G3) => key.clone(),
        (FailureKind::MissingAtEnd(key), Clause::G8) => key.clone(),
        _ => return violation,
    };
    let mut finds = |lower: Bound<&K>, upper: Bound<&K>| {
        finds(&KeyRange::new((lower, upper), range.order()), &key)
    };
    let at = Bound::Included(&key);
    if finds(at, at) {
        return violation;
    }
    let (clause, hint) = if range.lower() == at && finds(Bound::Unbounded, range.upper()) {
        let hint = "the lower bound is included: `>` where `>=` is meant?";
        (Clause::G6, hint)
    } else if range.upper() == at && finds(range.lower(), Bound::Unbounded) {
        let hint = "the upper bound is included: `<` where `<=` is meant?";
        (Clause::G6, hint)
    } else {
        let hint = "fetched alone it doesn't come either: is it written, and read, as it was put?";
        (Clause::G3, hint)
    };
    violation.of(clause).hint(hint)
}

/// Returns the expected result of the fetch. Items that are only possible are marked with `?`.
fn expectation<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    response: &Items<K>,
    lives: &KeyHistory<K>,
    during: Span,
    kind: &FailureKind<K>,
) -> String {
    let is_missing = matches!(kind, FailureKind::Missing(_) | FailureKind::MissingAtEnd(_));
    let missing = kind.key().filter(|_| is_missing);
    let mut certain = 0;
    let mut content = lives.content(range, during).peekable();
    let mut entries = Vec::new();
    while certain < response.limit
        && let Some((key, presence)) = content.next()
    {
        let is_certain = presence == Presence::Present;
        certain += usize::from(is_certain);
        let mark = if is_certain { "" } else { "?" };
        let note = if missing == Some(key) {
            " (missing)"
        } else {
            ""
        };
        entries.push(format!("{}{mark}{note}", lives.shown(key, during)));
    }
    let end = match content.peek() {
        Some(_) => "and more to come",
        None => "the end",
    };
    format!("{}, {end}", list(entries))
}

impl<K: Debug> Display for Items<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.items.iter();
        let entries = entries.map(|(key, value)| format!("{key:?} = {value}"));
        f.write_str(&list(entries.collect()))?;
        if self.overflowed {
            f.write_str(", and more than that")?;
        }
        match &self.fetched {
            Fetched::End => f.write_str(", the end"),
            Fetched::More => f.write_str(", and more to come"),
            Fetched::ScannedTo(key) => write!(f, ", scanned to {key:?}"),
        }
    }
}

/// Returns the entries as a list. The middle of a long list is left out.
fn list(mut entries: Vec<String>) -> String {
    const MOST: usize = 12;
    if entries.len() > MOST {
        let left_out = entries.len() - MOST;
        let dots = format!("… {left_out} more …");
        entries.splice(MOST / 2..entries.len() - MOST / 2, [dots]);
    }
    format!("[{}]", entries.join(", "))
}

/// Judges a walk, request by request, by what the store may have held during each.
///
/// It tracks what is left to be walked. So it finds a walk that requests anything else, continues after its end or
/// ends too early.
#[derive(Clone, Debug)]
pub struct Oracle<K> {
    range: KeyRange<K>,
    /// What is left to be walked.
    left: KeyRange<K>,
    stage: Stage<K>,
    live: bool,
    /// For a source that reads from a snapshot: the earliest and the latest moment at which it was taken.
    snapshot: Option<Span>,
    last: Option<K>,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage<K> {
    /// The last key wasn't requested yet.
    Start,
    /// The last key is being searched for in this range.
    Backward(KeyRange<K>),
    Forward,
    Ended,
}

impl<K: Ord + Clone + Debug> Oracle<K> {
    /// Makes a judge of a walk over `range` that ends at the key that is last when it begins.
    #[must_use]
    pub fn bounded(range: KeyRange<K>) -> Self {
        Self::new(range, false)
    }

    /// Makes a judge of a walk over `range` that continues as long as there is more.
    #[must_use]
    pub fn unbounded(range: KeyRange<K>) -> Self {
        Self::new(range, true)
    }

    fn new(range: KeyRange<K>, live: bool) -> Self {
        let mut oracle = Oracle {
            left: range.clone(),
            range,
            stage: if live { Stage::Forward } else { Stage::Start },
            live,
            snapshot: None,
            last: None,
        };
        oracle.end_if_empty();
        oracle
    }

    /// Expects all responses to come from one snapshot. It was taken after `opened`, the moment at which the source was
    /// opened, and before the first fetch returned.
    #[must_use]
    pub fn snapshot(mut self, opened: u64) -> Self {
        self.snapshot = Some(Span::new(opened, Span::NEVER));
        self
    }

    /// Returns whether no more requests are allowed.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Judges the walk's next request and the store's response.
    ///
    /// # Errors
    ///
    /// If the walk may not make this request, or the store may not give this response.
    pub fn observe(
        &mut self,
        request: &Request<K>,
        lives: &KeyHistory<K>,
    ) -> Result<(), Violation<K>> {
        let during = self.snapshot.map_or(request.during, |taken| {
            Span::new(taken.from, taken.to.min(request.during.to))
        });
        if let (Some(taken), Response::Items(_)) = (&mut self.snapshot, &request.response) {
            *taken = during;
        }
        let requested = match &self.stage {
            Stage::Backward(backward) => backward,
            _ => &self.left,
        };
        if *requested != request.range {
            return Err(Violation::new(FailureKind::OtherRange)
                .expected(format!("{requested:?}"))
                .got(format!("{:?}", request.range)));
        }
        if let Response::Error(_) | Response::Panic(_) = request.response {
            return Ok(());
        }
        let covered = judged(request, lives, during)?;
        match (&request.response, &mut self.stage) {
            (Response::LastKey(LastKey::Known(key)), Stage::Start) => self.bound_at(key.clone()),
            (Response::LastKey(LastKey::Empty), Stage::Start) => self.stage = Stage::Ended,
            (Response::LastKey(LastKey::Unknown), Stage::Start) => {
                self.stage = Stage::Backward(self.left.reversed());
            }
            (Response::Items(items), Stage::Backward(backward)) => {
                match (items.items.first(), covered) {
                    (Some((last, _)), _) => self.bound_at(last.clone()),
                    (None, None) => self.stage = Stage::Ended,
                    (None, Some(key)) => {
                        backward.start_after(key);
                        if is_inverted(backward) {
                            self.stage = Stage::Ended;
                        }
                    }
                }
            }
            (Response::Items(items), Stage::Forward) => {
                self.stage = covered.as_ref().map_or(Stage::Ended, |_| Stage::Forward);
                let last = || items.items.last().map(|(key, _)| key.clone());
                if let Some(key) = covered.or_else(last) {
                    self.left.start_after(key);
                }
                self.end_if_empty();
            }
            _ => return Err(Violation::new(FailureKind::OtherEnd).got(format!("{request:?}"))),
        }
        Ok(())
    }

    /// Judges the next key that the walk yielded (G1, G2).
    ///
    /// # Errors
    ///
    /// If the key isn't after the previous one.
    pub fn hand_out(&mut self, key: &K) -> Result<(), Violation<K>> {
        let order = self.range.order();
        let last = self.last.replace(key.clone());
        let kind = last.and_then(|last| disordered(order, &last, key));
        kind.map_or(Ok(()), |kind| Err(Violation::new(kind)))
    }

    /// Judges the end of the walk (G9).
    ///
    /// # Errors
    ///
    /// If the walk may not end yet.
    pub fn end(&self) -> Result<(), Violation<K>> {
        match self.has_ended() {
            true => Ok(()),
            false => Err(Violation::new(FailureKind::OtherEnd).got("the end")),
        }
    }

    /// Records that the walk is cut, and resumed from its cursor with a source that is opened now. `unread` means that
    /// the walk still buffered items, which were discarded.
    pub fn resume(&mut self, unread: bool, now: u64) {
        // The new source has a snapshot of its own.
        if self.snapshot.is_some() {
            *self = self.clone().snapshot(now);
        }
        // A cursor doesn't record an unfinished search for the last key, so the search begins again.
        if let Stage::Backward(_) = self.stage {
            self.stage = Stage::Start;
        }
        let asks_again = unread || (self.live && self.has_ended());
        if let Some(last) = self.last.clone().filter(|_| unread) {
            self.left.start_after(last);
        }
        if asks_again {
            self.stage = Stage::Forward;
            self.end_if_empty();
        }
    }

    fn bound_at(&mut self, key: K) {
        self.left.end_including(key);
        self.stage = Stage::Forward;
    }

    fn end_if_empty(&mut self) {
        if is_inverted(&self.left) {
            self.stage = Stage::Ended;
        }
    }
}
