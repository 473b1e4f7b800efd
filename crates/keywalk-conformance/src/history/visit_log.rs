use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::KeyRange;

use super::judge::{compare, disordered, outside, place};
use crate::clause::Clause;
use crate::history::Span;
use crate::history::key_history::{KeyHistory, Presence};
use crate::history::violation::{DisplayRange, FailureKind, Violation};

/// Judges code that walks by the rows that it visited, their order, and the time of each visit.
///
/// It doesn't need to know how the code reads its store: a loop over a [`Walk`](keywalk::Walk), a job, or a
/// hand-written pager. Usually you pass it to [`Schedule::run`](crate::Schedule::run). If your test changes the store
/// in its own way, record the changes in a [`KeyHistory`], and call [`begin`](Self::begin), [`visit`](Self::visit),
/// [`resume`](Self::resume) and [`end`](Self::end) yourself, with times of a [`Clock`](crate::history::Clock).
///
/// Correct code never fails. If a row changes concurrently, the code may visit it or not, with its old or its new
/// value. If the code certainly read the row before the change, or certainly after it, only the matching outcome is
/// allowed.
///
/// A visit costs a few look-ups in [`KeyHistory`] and a scan of the keys since the last visit. Every visited key is
/// kept in memory.
#[derive(Clone, Debug)]
#[must_use = "it judges nothing until visits are reported, by `Schedule::run` or `visit`"]
pub struct VisitLog<K> {
    range: KeyRange<K>,
    until: Until,
    reads_ahead: usize,
    /// The earliest moment at which the walk's end was decided.
    begun: u64,
    /// The moment of the start or of the resumption. If `reads_ahead` is limited, the moments of later visits follow.
    /// Only the last `reads_ahead + 1` moments are kept.
    moments: VecDeque<u64>,
    /// The nearest and the furthest key that may have been the last one at the start, once they are known.
    end: Option<[Option<K>; 2]>,
    last: Option<K>,
    seen: BTreeSet<K>,
    /// Whether nothing was visited since the last cut.
    is_resumed: bool,
    /// The earliest moment at which the code may have reached the end, if it did so before a kill and stored that fact.
    end_read_from: Option<u64>,
    /// Whether the end was reported: a bounded walk that resumes from there has nothing left.
    has_ended: bool,
}

/// Where the code's walk ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// At the key that was last when the walk began, or at a later one.
    Either,
    LastAtStart,
    NothingMore,
}

impl<K: Ord + Clone + Debug> VisitLog<K> {
    /// Makes a judge of code that walks `range`. Every row that exists from the start to the end must be visited. Rows
    /// that are appended concurrently may be visited.
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

    /// Requires that the code visits no row after the key that was last when the walk began (G9), even after a
    /// resumption. For a default [`Walk`](keywalk::Walk), or a pager that reads the largest key first and stores it with
    /// its position.
    pub fn bounded(mut self) -> Self {
        self.until = Until::LastAtStart;
        self
    }

    /// Requires that rows appended before the end is reached are visited too. For an
    /// [unbounded](keywalk::Walk::unbounded) walk, or a pager that continues until a page is empty.
    pub fn unbounded(mut self) -> Self {
        self.until = Until::NothingMore;
        self
    }

    /// Sets the page size: the code reads at most `rows` rows before it visits the first of them. If the code
    /// prefetches pages, count all rows that it may have read and not visited yet. A smaller number makes more outcomes
    /// certain, and so finds more outdated rows: stale values (G5), deleted rows (G4) and rows that the code should have
    /// read (G3). Default: no limit, so a row may be as old as the start.
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

    /// Marks the start of the walk: later changes count as concurrent. Without this call, all changes do.
    pub fn begin(&mut self, now: u64) {
        self.begun = now;
        self.moments = VecDeque::from([now]);
    }

    /// Returns the range that is walked.
    #[must_use]
    pub fn range(&self) -> &KeyRange<K> {
        &self.range
    }

    /// Judges a visit: the code handled this row. The value is `None` if it isn't known.
    ///
    /// # Errors
    ///
    /// If the row may not come here, or another row should have come before it.
    pub fn visit(
        &mut self,
        key: &K,
        value: Option<u64>,
        now: u64,
        lives: &KeyHistory<K>,
    ) -> Result<(), Violation<K>> {
        self.find_end(now, lives);
        let shown = value.map_or(String::new(), |value| format!(" = {value}"));
        let shown = format!("{key:?}{shown}");
        if let Some(violation) = self.misplaced(key) {
            return Err(violation.got(shown));
        }
        self.missed(Bound::Excluded(key), self.moments[0], now, lives, &shown)?;
        // The first moment counts only for the gap before the row: the fetch of the previous page may have covered keys
        // after that page's last row.
        let is_full = self.moments.len() > self.reads_ahead;
        let read = Span::new(self.moments[usize::from(is_full)], now);
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
            let most = self.reads_ahead + 1;
            self.moments
                .drain(..self.moments.len().saturating_sub(most));
        }
        Ok(())
    }

    /// Judges the end: the code reports that nothing more comes.
    ///
    /// # Errors
    ///
    /// If another row should have come (G8).
    pub fn end(&mut self, now: u64, lives: &KeyHistory<K>) -> Result<(), Violation<K>> {
        self.find_end(now, lives);
        let from = self.end_read_from.unwrap_or(self.moments[0]);
        self.missed(Bound::Unbounded, from, now, lives, "the end")?;
        self.has_ended = self.until == Until::LastAtStart;
        Ok(())
    }

    /// Returns the position of code that resumes after this key: the start (`None`) if the key is before the range.
    pub(crate) fn place(&self, after: Option<K>) -> Option<K> {
        after.filter(|key| !place(&self.range, key).is_lt())
    }

    /// Judges a resumption: the code was killed and resumes after this key, which it stored. `None`, or a key before
    /// the range, is the start.
    ///
    /// Rows that were visited after this key must come again (G10). If there are none, the code may have reached and
    /// stored the end before the kill. Then rows that were inserted later don't count as missing.
    ///
    /// # Errors
    ///
    /// If a row up to this key should have come and didn't.
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
            if self.last.as_ref().is_none_or(is_ahead) {
                let kept = format!("kept {after:?}");
                self.missed(Bound::Included(after), self.moments[0], now, lives, &kept)?;
            }
        }
        // An end that isn't stored is determined again.
        if after.is_none() || self.until == Until::Either {
            self.end = None;
        }
        let is_kept = |key: &K| {
            let kept = after.as_ref();
            kept.is_some_and(|after| compare(order, key, after).is_le())
        };
        self.seen.retain(is_kept);
        let nothing_comes_again = self.last.as_ref().is_none_or(is_kept);
        self.has_ended &= nothing_comes_again;
        let from = self.end_read_from.unwrap_or(self.moments[0]);
        self.end_read_from = nothing_comes_again.then_some(from);
        self.last = after;
        self.moments = VecDeque::from([now]);
        Ok(())
    }
}

/// Computes what may come next, what should have come, and where the end is.
impl<K: Ord + Clone + Debug> VisitLog<K> {
    /// Judges whether a key should have come and didn't, before what came instead. The key lies after the last visited
    /// one, and not past `until` or the end. The code read this part of the range between `from` and `now`.
    fn missed(
        &self,
        until: Bound<&K>,
        from: u64,
        now: u64,
        lives: &KeyHistory<K>,
        came: &str,
    ) -> Result<(), Violation<K>> {
        if self.has_ended {
            return Ok(());
        }
        let (kind, is_all): (fn(K) -> FailureKind<K>, _) = match until {
            Bound::Unbounded => (FailureKind::MissingAtEnd, true),
            Bound::Included(key) => (FailureKind::Missing, place(&self.range, key).is_gt()),
            Bound::Excluded(_) => (FailureKind::Missing, false),
        };
        // A bounded walk leaves out what was appended after its end. This holds even if the stored position of the code
        // lies after that end.
        let is_ended = match self.until {
            Until::Either => is_all,
            Until::LastAtStart => !matches!(until, Bound::Excluded(_)),
            Until::NothingMore => false,
        };
        let end = self.end.as_ref().filter(|_| is_ended);
        let mut left = self.range.clone();
        if let Some(last) = &self.last {
            left.start_after(last.clone());
        }
        let compared = |key: &K, to: &K| compare(self.range.order(), key, to);
        let is_due = |key: &&K| {
            let is_before = match until {
                Bound::Unbounded => true,
                Bound::Included(until) => compared(key, until).is_le(),
                Bound::Excluded(until) => compared(key, until).is_lt(),
            };
            let is_within = |end: &K| compared(key, end).is_le();
            is_before && end.is_none_or(|[end, _]| end.as_ref().is_some_and(is_within))
        };
        let read = Span::new(from, now);
        let Some(key) = lives.certain(&left, read).next().filter(is_due) else {
            return Ok(());
        };
        let violation = Violation::new(kind(key.clone())).got(came);
        Err(self.of_resumption(violation.expected(lives.shown(key, read))))
    }

    /// Returns why the key may not come here: it is out of turn, out of the range, or past the end.
    fn misplaced(&self, key: &K) -> Option<Violation<K>> {
        let order = self.range.order();
        if let Some(last) = &self.last
            && let Some(mut kind) = disordered(order, last, key)
        {
            if self.seen.contains(key) {
                kind = FailureKind::Repeated(key.clone());
            }
            let violation = Violation::new(kind).expected(format!("a key past {last:?}"));
            return Some(self.of_resumption(violation.hint(
                "is `>=` taken for `>`, or a position counted (OFFSET) instead of a key compared?",
            )));
        }
        if let Some(kind) = outside(&self.range, key) {
            return Some(Violation::new(kind).expected(DisplayRange(&self.range)));
        }
        let [_, at_most] = self.end.as_ref()?;
        let is_within = |end| compare(order, key, end).is_le();
        if self.until != Until::LastAtStart || at_most.as_ref().is_some_and(is_within) {
            return None;
        }
        let expected = match at_most {
            Some(end) => format!("the end, after {end:?} at the latest"),
            None => "the end".to_owned(),
        };
        let violation = Violation::new(FailureKind::Beyond(key.clone())).of(Clause::G9);
        let hint = "a bounded walk ends at what is the last key when it starts";
        Some(violation.expected(expected).hint(hint))
    }

    /// Determines the last key at the start, unless that is already done. Later calls wouldn't know more about it.
    fn find_end(&mut self, now: u64, lives: &KeyHistory<K>) {
        if self.end.is_none() {
            let requested = Span::new(self.begun, now);
            let backward = self.range.reversed();
            let at_least = lives.certain(&backward, requested).next();
            let at_most = lives.content(&backward, requested).next();
            self.end = Some([at_least, at_most.map(|(key, _)| key)].map(Option::<&K>::cloned));
        }
    }

    /// Attributes a violation right after a cut to resumption (G10).
    fn of_resumption(&self, violation: Violation<K>) -> Violation<K> {
        if !self.is_resumed {
            return violation;
        }
        violation.of(Clause::G10).hint(
            "it goes on after a kill: is the key that was kept taken again (`>=`), kept before its row was \
             handled, or counted?",
        )
    }
}
