use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::Bound;

use keywalk::{Cursor, Fetched, KeyRange, LastKey};

use super::judge::{compare, judge_last_key};
use super::lives::is_inverted;
use crate::{Answer, Breach, Flaw, Items, Lives, Question, Span, judge};

/// Judges a walk, question by question, by what its store may have held at each.
///
/// It knows what is left to be walked, so a walk that asks for anything else, goes on after its end
/// or ends before it is told so.
#[derive(Clone, Debug)]
pub struct Oracle<K> {
    range: KeyRange<K>,
    /// What the walk has still to cover.
    left: KeyRange<K>,
    stage: Stage<K>,
    live: bool,
    /// Of a source that answers from a snapshot: when it was taken, at the earliest and at the latest.
    snapshot: Option<Span>,
    /// Questions that a limit can't account for: stretches scanned, and pages shorter than asked.
    extra: usize,
    questions: usize,
    last: Option<K>,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage<K> {
    /// The last key wasn't asked for yet.
    Start,
    /// It is being looked for, in this range.
    Backward(KeyRange<K>),
    Forward,
    Ended,
}

impl<K: Ord + Clone + Debug> Oracle<K> {
    /// Of a walk over `range` that ends at what is its last key at the start.
    #[must_use]
    pub fn bounded(range: KeyRange<K>) -> Self {
        Self::new(range, false)
    }

    /// Of a walk over `range` that goes on while there is more.
    #[must_use]
    pub fn live(range: KeyRange<K>) -> Self {
        Self::new(range, true)
    }

    fn new(range: KeyRange<K>, live: bool) -> Self {
        let mut oracle = Oracle {
            left: range.clone(),
            range,
            stage: if live { Stage::Forward } else { Stage::Start },
            live,
            snapshot: None,
            extra: 0,
            questions: 0,
            last: None,
        };
        oracle.end_if_empty();
        oracle
    }

    /// Of a source that answers what its store held at a moment between `opened`, when it was, and
    /// the return of its first fetch.
    #[must_use]
    pub fn snapshot(mut self, opened: u64) -> Self {
        self.snapshot = Some(Span::new(opened, Span::NEVER));
        self
    }

    /// Whether nothing more may be asked.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// The next question of the walk, with the answer of the store.
    ///
    /// # Errors
    ///
    /// If the walk may not ask so, or the store may not answer so.
    pub fn observe(&mut self, question: &Question<K>, lives: &Lives<K>) -> Result<(), Breach<K>> {
        self.questions += 1;
        let during = match &mut self.snapshot {
            None => question.during,
            Some(taken) if taken.to < Span::NEVER => *taken,
            Some(taken) => {
                let now = Span::new(taken.from, question.during.to);
                if matches!(question.answer, Answer::Items(_)) {
                    *taken = now;
                }
                now
            }
        };
        let asked = match &self.stage {
            Stage::Backward(backward) => backward,
            _ => &self.left,
        };
        if *asked != question.range {
            return Err(Breach::new(Flaw::OtherRange)
                .expected(format!("{asked:?}"))
                .got(format!("{:?}", question.range)));
        }
        match (&question.answer, &mut self.stage) {
            (Answer::Error(_) | Answer::Panic(_), _) => {}
            (Answer::LastKey(answer), Stage::Start) => {
                judge_last_key(&self.left, answer, lives, during)?;
                match answer {
                    LastKey::Is(key) => self.bound_at(key.clone()),
                    LastKey::Empty => self.stage = Stage::Ended,
                    LastKey::Unknown => self.stage = Stage::Backward(self.left.reversed()),
                }
            }
            (Answer::Items(items), Stage::Backward(backward)) => {
                let covered = judge(backward, items, lives, during)?;
                match (items.items.first(), covered) {
                    (Some((last, _)), _) => self.bound_at(last.clone()),
                    (None, None) => self.stage = Stage::Ended,
                    (None, Some(key)) => {
                        self.extra += 1;
                        backward.advance_past(key);
                        if is_inverted((backward.lower(), backward.upper())) {
                            self.stage = Stage::Ended;
                        }
                    }
                }
            }
            (Answer::Items(items), Stage::Forward) => {
                let covered = judge(&self.left, items, lives, during)?;
                self.cover(items, covered);
            }
            _ => return Err(Breach::new(Flaw::OtherEnd).got(format!("{question:?}"))),
        }
        Ok(())
    }

    /// The next key that the walk handed out (G1, G2).
    ///
    /// # Errors
    ///
    /// If it doesn't come after the one before it.
    pub fn hand_out(&mut self, key: &K) -> Result<(), Breach<K>> {
        if let Some(last) = &self.last {
            let flaw = match compare(self.range.order(), last, key) {
                Ordering::Less => None,
                Ordering::Equal => Some(Flaw::Repeated(key.clone())),
                Ordering::Greater => Some(Flaw::Disordered(last.clone(), key.clone())),
            };
            if let Some(flaw) = flaw {
                return Err(Breach::new(flaw));
            }
        }
        self.last = Some(key.clone());
        Ok(())
    }

    /// The walk says that nothing more comes (G9).
    ///
    /// # Errors
    ///
    /// If it may not end yet, or asked too often; `chunk_size` is the smallest that it asked with.
    pub fn end(&self, chunk_size: usize, lives: &Lives<K>) -> Result<(), Breach<K>> {
        if !self.has_ended() {
            return Err(Breach::new(Flaw::OtherEnd).got("the end"));
        }
        let chunks = lives.ever_within(&self.range).div_ceil(chunk_size);
        let most = chunks + 2 + self.extra;
        if self.questions > most {
            return Err(Breach::new(Flaw::Endless)
                .expected(format!("at most {most} questions"))
                .got(self.questions));
        }
        Ok(())
    }

    /// The cursor of a walk that handed out everything that it fetched (G10).
    ///
    /// # Errors
    ///
    /// If it says something else.
    pub fn cursor_is(&self, cursor: &Cursor<K>) -> Result<(), Breach<K>> {
        let is_done = self.has_ended() && !self.live;
        if cursor.range() == &self.left && cursor.is_done() == is_done {
            return Ok(());
        }
        Err(Breach::new(Flaw::Cursor)
            .expected(format!("{:?}", self.left))
            .got(format!("{cursor:?}")))
    }

    /// The cursor of a walk whose last item handed out is `last`, with others fetched after it (G10).
    ///
    /// # Errors
    ///
    /// If it says something else.
    pub fn cursor_is_past(&self, cursor: &Cursor<K>, last: &K) -> Result<(), Breach<K>> {
        let mut left = self.left.clone();
        left.advance_past(last.clone());
        if cursor.range() == &left && !cursor.is_done() {
            return Ok(());
        }
        Err(Breach::new(Flaw::Cursor)
            .expected(format!("{left:?}"))
            .got(format!("{cursor:?}")))
    }

    /// The walk is cut, and resumed from its cursor by a source that is opened now. `unread` says that
    /// items were fetched after the last one handed out, and thrown away.
    pub fn resume(&mut self, unread: bool, now: u64) {
        // The source that goes on has a snapshot of its own.
        if self.snapshot.is_some() {
            *self = self.clone().snapshot(now);
        }
        // Each part ends by its own count.
        (self.questions, self.extra) = (0, 0);
        // A cursor doesn't know of a search that failed midway: it begins again.
        if let Stage::Backward(_) = self.stage {
            self.stage = Stage::Start;
        }
        let asks_again = unread || (self.live && self.has_ended());
        if let Some(last) = self.last.clone().filter(|_| unread) {
            self.left.advance_past(last);
        }
        if asks_again {
            self.stage = Stage::Forward;
            self.end_if_empty();
        }
    }

    fn bound_at(&mut self, key: K) {
        self.left.end_at(key);
        self.stage = Stage::Forward;
    }

    fn cover(&mut self, answer: &Items<K>, covered: Option<K>) {
        let is_short = answer.items.len() < answer.limit;
        match covered {
            Some(key) => {
                self.extra +=
                    usize::from(is_short || matches!(answer.fetched, Fetched::ScannedTo(_)));
                self.left.advance_past(key);
                self.end_if_empty();
            }
            None => {
                let far = match self.left.far() {
                    Bound::Included(far) | Bound::Excluded(far) if !self.live => Some(far.clone()),
                    _ => answer.items.last().map(|(key, _)| key.clone()),
                };
                if let Some(key) = far {
                    self.left.advance_past(key);
                }
                self.stage = Stage::Ended;
            }
        }
    }

    fn end_if_empty(&mut self) {
        if is_inverted((self.left.lower(), self.left.upper())) {
            self.stage = Stage::Ended;
        }
    }
}
