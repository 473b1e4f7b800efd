use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::KeyRange;

use super::judge::{compare, is_after_end, is_before_start, outside};
use crate::clause::Clause;
use crate::history::Span;
use crate::history::breach::{FailureKind, Shown, Violation};
use crate::history::lives::{KeyHistory, Presence};

/// Judges code that walks by nothing but what it visited: which rows, in which order, and when.
///
/// It needs no word of how the code reads its store, so the code may be anything: a loop over a
/// [`Walk`](keywalk::Walk), a job, a pager written by hand. [`Schedule::run`](crate::Schedule::run) asks it;
/// where a test has a way of its own to change the store meanwhile, it can be asked directly:
///
/// ```
/// use keywalk::{KeyRange, Order};
/// use keywalk_conformance::Clause;
/// use keywalk_conformance::history::{Change, Clock, KeyHistory, Mutation, VisitLog};
///
/// let clock = Clock::default();
/// let mut lives = KeyHistory::default();
/// for key in [1, 2, 3] {
///     let ((), during) = clock.time(|| ());
///     lives.record(Mutation { key, change: Change::Put(10 * key), during });
/// }
///
/// let mut visits = VisitLog::over(KeyRange::all(Order::Ascending));
/// visits.begin(clock.tick());
/// visits.visit(&1, Some(10), clock.tick(), &lives)?;
/// let breach = visits.visit(&3, Some(30), clock.tick(), &lives).expect_err("2 is left out");
/// assert_eq!(breach.clause(), Clause::G3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What it can't know it allows: a row that others insert, delete or replace meanwhile may come or not, as it
/// was or as it is, while it may have been read before or after. The less the code is said to
/// [read ahead](Self::reads_ahead), the more is certain. A right program is never refused.
///
/// A visit costs a few look-ups in [`KeyHistory`], and the keys between it and the last one; every key visited is
/// kept.
#[derive(Clone, Debug)]
#[must_use = "it judges nothing until it is told what was visited, by `Schedule::run` or `visit`"]
pub struct VisitLog<K> {
    range: KeyRange<K>,
    until: Until,
    reads_ahead: usize,
    /// When the walk's end was decided, at the earliest.
    begun: u64,
    /// When the next row, and what lies before it, was read at the earliest; then the visits since.
    moments: VecDeque<u64>,
    end: Option<End<K>>,
    last: Option<K>,
    seen: BTreeSet<K>,
    /// Nothing was visited since it was cut.
    is_resumed: bool,
    /// When the end was read at the earliest, if the code read it before a kill and kept that.
    end_read_from: Option<u64>,
    /// It said so: a bounded walk that goes on from there has nothing left.
    has_ended: bool,
}

/// Up to where code walks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// The last key at the start, or one that comes later.
    Either,
    LastAtStart,
    NothingMore,
}

/// What was the last key at the start, at least and at most.
#[derive(Clone, Debug)]
struct End<K> {
    at_least: Option<K>,
    at_most: Option<K>,
}

impl<K: Ord + Clone + Debug> VisitLog<K> {
    /// Of code that walks `range`: whatever is there at the start and stays has to come. What is appended
    /// behind it meanwhile may.
    pub fn over(range: KeyRange<K>) -> Self {
        VisitLog {
            range,
            until: Until::Either,
            reads_ahead: usize::MAX,
            begun: 0,
            moments: VecDeque::from([0]),
            end: None,
            last: None,
            seen: BTreeSet::new(),
            is_resumed: false,
            end_read_from: None,
            has_ended: false,
        }
    }

    /// What is appended behind the last key at the start must not come (G9), also when the walk is cut and
    /// resumed: a [`Walk`](keywalk::Walk) as it is by default, or a pager that asks for the largest key first
    /// and keeps it with its position. Default: it may.
    pub fn bounded(mut self) -> Self {
        self.until = Until::LastAtStart;
        self
    }

    /// What is appended before the end is reached has to come too: an [unbounded](keywalk::Walk::unbounded) walk, or a
    /// pager that goes on until a page is empty. Default: it may.
    pub fn unbounded(mut self) -> Self {
        self.until = Until::NothingMore;
        self
    }

    /// At most so many rows, 1 or more, are read before the first of them is visited: the size of a page; if
    /// pages are fetched ahead, of all that may wait. Default: no limit, a row may be as it was at the start.
    ///
    /// With it, rows that are kept for longer are found: stale values (G5), rows that are gone (G4), and rows
    /// that were there when they should have been read (G3).
    ///
    /// # Panics
    ///
    /// If `rows` is 0.
    #[track_caller]
    pub fn reads_ahead(mut self, rows: usize) -> Self {
        assert!(rows > 0, "a row is read before it is visited");
        self.reads_ahead = rows;
        self
    }

    /// The walk begins now: whatever changes from here on, changes meanwhile. Where it isn't said, all that
    /// ever happened did.
    pub fn begin(&mut self, now: u64) {
        self.begun = now;
        self.moments = VecDeque::from([now]);
    }

    /// The range that is walked.
    #[must_use]
    pub fn range(&self) -> &KeyRange<K> {
        &self.range
    }

    /// The code handled this row; `None` where its value isn't known.
    ///
    /// # Errors
    ///
    /// If it may not come here, or another should have come before it.
    pub fn visit(
        &mut self,
        key: &K,
        value: Option<u64>,
        now: u64,
        lives: &KeyHistory<K>,
    ) -> Result<(), Violation<K>> {
        self.find_end(now, lives);
        let shown = match value {
            Some(value) => format!("{key:?} = {value}"),
            None => format!("{key:?}"),
        };
        let misplaced = self.out_of_turn(key);
        let misplaced = misplaced.or_else(|| self.out_of_range(key));
        if let Some(breach) = misplaced.or_else(|| self.past_the_end(key)) {
            return Err(breach.got(shown));
        }
        let missed = self.missed(Bound::Excluded(key), self.page_from(), now, lives);
        if let Some((missed, values)) = missed {
            let breach = Violation::new(FailureKind::Missing(missed)).expected(values);
            return Err(self.of_resumption(breach.got(shown)));
        }
        let read = Span::new(self.read_from(), now);
        if lives.presence(key, read) == Presence::Absent {
            return Err(Violation::new(FailureKind::Absent(key.clone())).got(shown));
        }
        if value.is_some_and(|value| !lives.may_hold(key, value, read)) {
            return Err(Violation::new(FailureKind::Value(key.clone()))
                .expected(lives.shown(key, read))
                .got(shown));
        }
        self.seen.insert(key.clone());
        self.last = Some(key.clone());
        self.is_resumed = false;
        self.end_read_from = None;
        if self.reads_ahead < usize::MAX {
            self.moments.push_back(now);
            if self.moments.len() > self.reads_ahead + 1 {
                self.moments.pop_front();
            }
        }
        Ok(())
    }

    /// The code says that nothing more comes.
    ///
    /// # Errors
    ///
    /// If something should have come (G8).
    pub fn end(&mut self, now: u64, lives: &KeyHistory<K>) -> Result<(), Violation<K>> {
        self.find_end(now, lives);
        let from = self.end_read_from.unwrap_or(self.page_from());
        match self.missed(Bound::Unbounded, from, now, lives) {
            None => {
                self.has_ended = self.until == Until::LastAtStart;
                Ok(())
            }
            Some((missed, values)) => {
                let breach = Violation::new(FailureKind::MissingAtEnd(missed));
                Err(self.of_resumption(breach.expected(values).got("the end")))
            }
        }
    }

    /// Where code is that goes on after this key: at the start, where the range begins past it.
    pub(crate) fn place(&self, after: Option<K>) -> Option<K> {
        after.filter(|key| !is_before_start(&self.range, key))
    }

    /// The code was killed, and goes on after this key, which it kept; `None` is from the start, and so is a
    /// key before the range. What it visited past that key comes again (G10). If nothing does, the code may
    /// have read the end before the kill and kept that: then only what was there all the time since is missed.
    ///
    /// # Errors
    ///
    /// If something up to that key should have come, and didn't.
    pub fn resume(
        &mut self,
        after: Option<K>,
        now: u64,
        lives: &KeyHistory<K>,
    ) -> Result<(), Violation<K>> {
        let order = self.range.order();
        let after = self.place(after);
        self.is_resumed = true;
        if let Some(after) = &after {
            let is_ahead = |last| compare(order, last, after).is_lt();
            if self.last.as_ref().is_none_or(is_ahead)
                && let Some((missed, values)) =
                    self.missed(Bound::Included(after), self.page_from(), now, lives)
            {
                let breach = Violation::new(FailureKind::Missing(missed)).expected(values);
                return Err(self.of_resumption(breach.got(format!("kept {after:?}"))));
            }
        }
        // Where the end isn't kept, it is looked for again.
        if after.is_none() || self.until == Until::Either {
            self.end = None;
        }
        self.seen.retain(|key| {
            let is_kept = |after| compare(order, key, after).is_le();
            after.as_ref().is_some_and(is_kept)
        });
        let nothing_comes_again = match (&self.last, &after) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(after)) => compare(order, last, after).is_le(),
        };
        self.has_ended &= nothing_comes_again;
        let from = self.end_read_from.unwrap_or(self.page_from());
        self.end_read_from = nothing_comes_again.then_some(from);
        self.last = after;
        self.moments = VecDeque::from([now]);
        Ok(())
    }
}

/// What may come next, what should have come, and where the end is.
impl<K: Ord + Clone + Debug> VisitLog<K> {
    /// The first key that should have come after the last one and up to `until`, or up to the end, and what it
    /// held, if these were read between `from` and `now`.
    fn missed(
        &self,
        until: Bound<&K>,
        from: u64,
        now: u64,
        lives: &KeyHistory<K>,
    ) -> Option<(K, String)> {
        if self.has_ended {
            return None;
        }
        let mut left = self.range.clone();
        if let Some(last) = &self.last {
            left.start_after(last.clone());
        }
        let until = match until {
            // All of the range lies before it.
            Bound::Included(key) if is_after_end(&self.range, key) => Bound::Unbounded,
            until => until,
        };
        match (until, &self.end) {
            // What was appended past its end a bounded walk leaves out, also where it keeps that key.
            (Bound::Included(key), Some(end)) if self.until == Until::LastAtStart => {
                let end = end.at_least.as_ref()?;
                let is_nearer = compare(self.range.order(), end, key).is_lt();
                left.end_including(if is_nearer { end } else { key }.clone());
            }
            (Bound::Included(key), _) => left.end_including(key.clone()),
            (Bound::Excluded(key), _) => left.end_excluding(key.clone()),
            (Bound::Unbounded, Some(end)) if self.until != Until::NothingMore => {
                left.end_including(end.at_least.clone()?);
            }
            _ => {}
        }
        let read = Span { from, to: now };
        let (key, _) = lives
            .content(&left, read)
            .find(|(_, presence)| *presence == Presence::Present)?;
        Some((key.clone(), lives.shown(key, read)))
    }

    /// When what lies before the next row was read, at the earliest.
    fn page_from(&self) -> u64 {
        self.moments.front().copied().unwrap_or(self.begun)
    }

    /// When the next row was read, at the earliest.
    fn read_from(&self) -> u64 {
        // The first moment is that of a page before, which may have been looked at past its last row.
        let is_full = self.moments.len() > self.reads_ahead;
        let at = usize::from(is_full);
        self.moments.get(at).copied().unwrap_or(self.begun)
    }

    fn out_of_turn(&self, key: &K) -> Option<Violation<K>> {
        let last = self.last.as_ref()?;
        let flaw = match compare(self.range.order(), last, key) {
            Ordering::Less => return None,
            Ordering::Greater if !self.seen.contains(key) => {
                FailureKind::Disordered(last.clone(), key.clone())
            }
            _ => FailureKind::Repeated(key.clone()),
        };
        let hint =
            "is `>=` taken for `>`, or a position counted (OFFSET) instead of a key compared?";
        let breach = Violation::new(flaw).expected(format!("a key past {last:?}"));
        Some(self.of_resumption(breach.hint(hint)))
    }

    fn out_of_range(&self, key: &K) -> Option<Violation<K>> {
        let flaw = outside(&self.range, key)?;
        Some(Violation::new(flaw).expected(Shown(&self.range)))
    }

    fn past_the_end(&self, key: &K) -> Option<Violation<K>> {
        if self.until != Until::LastAtStart {
            return None;
        }
        let at_most = self.end.as_ref()?.at_most.as_ref();
        let is_within = |end| compare(self.range.order(), key, end).is_le();
        if at_most.is_some_and(is_within) {
            return None;
        }
        let expected = match at_most {
            Some(end) => format!("the end, after {end:?} at the latest"),
            None => "the end".to_owned(),
        };
        Some(
            Violation::new(FailureKind::Beyond(key.clone()))
                .of(Clause::G9)
                .expected(expected)
                .hint("a bounded walk ends at what is the last key when it starts"),
        )
    }

    /// The last key at the start is known as well as it ever is: something came, or nothing will.
    fn find_end(&mut self, now: u64, lives: &KeyHistory<K>) {
        if self.end.is_some() {
            return;
        }
        let asked = Span::new(self.begun, now);
        let backward = self.range.reversed();
        let mut at_most = None;
        let mut at_least = None;
        for (key, presence) in lives.content(&backward, asked) {
            at_most.get_or_insert_with(|| key.clone());
            if presence == Presence::Present {
                at_least = Some(key.clone());
                break;
            }
        }
        self.end = Some(End { at_least, at_most });
    }

    /// What goes wrong right after a cut is a matter of how the code goes on.
    fn of_resumption(&self, breach: Violation<K>) -> Violation<K> {
        if !self.is_resumed {
            return breach;
        }
        breach.of(Clause::G10).hint(
            "it goes on after a kill: is the key that was kept taken again (`>=`), kept before its row was \
             handled, or counted?",
        )
    }
}
