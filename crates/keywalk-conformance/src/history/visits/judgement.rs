//! What may come next, what should have come, and where the end is.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::Bound;

use super::{Until, Visits};
use crate::Clause;
use crate::history::fetch::{compare, is_behind, is_beyond};
use crate::history::{Breach, Flaw, Lives, Presence, Shown, Span};

/// What was the last key at the start, at least and at most.
#[derive(Clone, Debug)]
pub(super) struct End<K> {
    at_least: Option<K>,
    at_most: Option<K>,
}

impl<K: Ord + Clone + Debug> Visits<K> {
    /// The first key that should have come after the last one and up to `until`, or up to the end, and what it
    /// held, if these were read between `from` and `now`.
    pub(super) fn missed(
        &self,
        until: Bound<&K>,
        from: u64,
        now: u64,
        lives: &Lives<K>,
    ) -> Option<(K, String)> {
        if self.has_ended {
            return None;
        }
        let mut left = self.range.clone();
        if let Some(last) = &self.last {
            left.advance_past(last.clone());
        }
        let until = match until {
            // All of the range lies before it.
            Bound::Included(key) if is_beyond(&self.range, key) => Bound::Unbounded,
            until => until,
        };
        match (until, &self.end) {
            // What was appended past its end a bounded walk leaves out, also where it keeps that key.
            (Bound::Included(key), Some(end)) if self.until == Until::LastAtStart => {
                let end = end.at_least.as_ref()?;
                let is_nearer = compare(self.range.order(), end, key).is_lt();
                left.end_at(if is_nearer { end } else { key }.clone());
            }
            (Bound::Included(key), _) => left.end_at(key.clone()),
            (Bound::Excluded(key), _) => left.end_before(key.clone()),
            (Bound::Unbounded, Some(end)) if self.until != Until::NothingMore => {
                left.end_at(end.at_least.clone()?);
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
    pub(super) fn page_from(&self) -> u64 {
        self.moments.front().copied().unwrap_or(self.begun)
    }

    /// When the next row was read, at the earliest.
    pub(super) fn read_from(&self) -> u64 {
        // The first moment is that of a page before, which may have been looked at past its last row.
        let is_full = self.moments.len() > self.reads_ahead;
        let at = usize::from(is_full);
        self.moments.get(at).copied().unwrap_or(self.begun)
    }

    pub(super) fn out_of_turn(&self, key: &K) -> Option<Breach<K>> {
        let last = self.last.as_ref()?;
        let flaw = match compare(self.range.order(), last, key) {
            Ordering::Less => return None,
            Ordering::Greater if !self.seen.contains(key) => {
                Flaw::Disordered(last.clone(), key.clone())
            }
            _ => Flaw::Repeated(key.clone()),
        };
        let breach = Breach::new(flaw)
            .expected(format!("a key past {last:?}"))
            .hint(
                "is `>=` taken for `>`, or a position counted (OFFSET) instead of a key compared?",
            );
        Some(self.of_resumption(breach))
    }

    pub(super) fn out_of_range(&self, key: &K) -> Option<Breach<K>> {
        let flaw = if is_behind(&self.range, key) {
            Flaw::Behind(key.clone())
        } else if is_beyond(&self.range, key) {
            Flaw::Beyond(key.clone())
        } else {
            return None;
        };
        Some(Breach::new(flaw).expected(Shown(&self.range)))
    }

    pub(super) fn past_the_end(&self, key: &K) -> Option<Breach<K>> {
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
            Breach::new(Flaw::Beyond(key.clone()))
                .of(Clause::G9)
                .expected(expected)
                .hint("a bounded walk ends at what is the last key when it starts"),
        )
    }

    /// The last key at the start is known as well as it ever is: something came, or nothing will.
    pub(super) fn find_end(&mut self, now: u64, lives: &Lives<K>) {
        if self.end.is_some() {
            return;
        }
        let asked = Span {
            from: self.begun,
            to: now,
        };
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
    pub(super) fn of_resumption(&self, breach: Breach<K>) -> Breach<K> {
        if !self.is_resumed {
            return breach;
        }
        breach.of(Clause::G10).hint(
            "it goes on after a kill: is the key that was kept taken again (`>=`), kept before its row was \
             handled, or counted?",
        )
    }
}
