//! The judgement of a single answer, and why it is wrong.

use std::cmp::Ordering;
use std::fmt::{self, Debug, Display};
use std::ops::Bound;

use keywalk::{Cursor, Fetched, KeyRange, LastKey, Order};

use super::lives::is_inverted;
use crate::clause::Clause;
use crate::history::breach::{Breach, Flaw};
use crate::history::lives::{Lives, Presence};
use crate::history::{Answer, Items, Question, Span};

/// How far an answer got: to a key, or to the end of its range (`None`).
type Covered<K> = Option<K>;

/// Judges what a fetch of `range` answered, by what its store may have held during a span.
pub(crate) fn judge<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    answer: &Items<K>,
    lives: &Lives<K>,
    during: Span,
) -> Result<Covered<K>, Breach<K>> {
    let Items {
        limit,
        items,
        overflowed,
        fetched,
    } = answer;
    let breach = |flaw| {
        let about = match &flaw {
            Flaw::Missing(key) | Flaw::MissingAtEnd(key) => Some(key),
            _ => None,
        };
        let expected = expectation(range, answer, lives, during, about);
        Breach::new(flaw).expected(expected).got(answer)
    };
    if *overflowed || items.len() > *limit {
        return Err(breach(Flaw::Overfull));
    }
    let misplaced = || items.iter().find_map(|(key, _)| outside(range, key));
    if let Some(flaw) = disorder(range, items).or_else(misplaced) {
        return Err(match hint_at_bound(range, &flaw) {
            Some(hint) => breach(flaw).hint(hint),
            None => breach(flaw),
        });
    }
    for (key, value) in items {
        if lives.presence(key, during) == Presence::Absent {
            return Err(breach(Flaw::Absent(key.clone())));
        }
        if !lives.may_hold(key, *value, during) {
            return Err(breach(Flaw::Value(key.clone())));
        }
    }
    let last = items.last().map(|(key, _)| key);
    let covered = match fetched {
        Fetched::End => None,
        Fetched::More => match last {
            Some(key) => Some(key),
            None => return Err(breach(Flaw::Stuck)),
        },
        Fetched::ScannedTo(key) => {
            if is_beyond(range, key) {
                return Err(breach(Flaw::Beyond(key.clone())));
            }
            match last {
                Some(last) if compare(range.order(), key, last).is_lt() => {
                    return Err(breach(Flaw::ScannedShort(key.clone())));
                }
                None if is_behind(range, key) => return Err(breach(Flaw::Stuck)),
                _ => Some(key),
            }
        }
    };
    if let Some(flaw) = missing(range, items, covered, lives, during) {
        return Err(breach(flaw));
    }
    Ok(covered.cloned())
}

pub(crate) fn judge_last_key<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    answer: &LastKey<K>,
    lives: &Lives<K>,
    during: Span,
) -> Result<(), Breach<K>> {
    let backward = range.reversed();
    let content = lives.content(&backward, during);
    let mut certain = content.filter(|(_, presence)| *presence == Presence::Present);
    let last = certain.next().map(|(key, _)| key);
    let flaw = match (answer, last) {
        (LastKey::Unknown, _) | (LastKey::Empty, None) => return Ok(()),
        (LastKey::Empty, Some(last)) => Flaw::NoLast(last.clone()),
        (LastKey::Is(key), _) if is_behind(range, key) => Flaw::Behind(key.clone()),
        (LastKey::Is(key), _) if is_beyond(range, key) => Flaw::Beyond(key.clone()),
        (LastKey::Is(key), Some(last)) if compare(range.order(), key, last).is_lt() => {
            Flaw::NotLast(last.clone())
        }
        (LastKey::Is(key), _) if lives.presence(key, during) == Presence::Absent => {
            Flaw::Absent(key.clone())
        }
        (LastKey::Is(_), _) => return Ok(()),
    };
    let expected = match last {
        Some(key) => format!("Is({key:?})"),
        None => "Empty".to_owned(),
    };
    let breach = Breach::new(flaw).expected(expected);
    Err(breach.got(format!("{answer:?}")))
}

/// Judges any answer of a source that was opened then; a wrong one also by what was right before.
pub(crate) fn judge_by_time<K: Ord + Clone + Debug>(
    question: &Question<K>,
    opened: u64,
    lives: &Lives<K>,
) -> Result<Covered<K>, Breach<K>> {
    let range = &question.range;
    let judged = |at| match &question.answer {
        Answer::Items(answer) => judge(range, answer, lives, at),
        Answer::LastKey(answer) => judge_last_key(range, answer, lives, at).map(|()| None),
        Answer::Error(error) => Err(Breach::new(Flaw::Failed).got(error)),
        Answer::Panic(panic) if range.is_empty() => {
            let breach = Breach::new(Flaw::Panicked).of(Clause::G6).got(panic);
            Err(breach.hint("`BTreeMap::range` panics on such a range: ask `is_empty` first"))
        }
        Answer::Panic(panic) => Err(Breach::new(Flaw::Panicked).got(panic)),
    };
    let during = question.during;
    judged(during)
        .map_err(|breach| explained(breach, lives, (opened, during), |at| judged(at).is_ok()))
}

/// Where `a` stands to `b` in this order, by `Ord` alone: nothing here relies on what is under test.
pub(crate) fn compare<K: Ord>(order: Order, a: &K, b: &K) -> Ordering {
    match order {
        Order::Ascending => a.cmp(b),
        Order::Descending => b.cmp(a),
    }
}

pub(super) fn is_behind<K: Ord>(range: &KeyRange<K>, key: &K) -> bool {
    match range.near() {
        Bound::Unbounded => false,
        Bound::Included(near) => compare(range.order(), key, near).is_lt(),
        Bound::Excluded(near) => compare(range.order(), key, near).is_le(),
    }
}

pub(super) fn is_beyond<K: Ord>(range: &KeyRange<K>, key: &K) -> bool {
    match range.far() {
        Bound::Unbounded => false,
        Bound::Included(far) => compare(range.order(), key, far).is_gt(),
        Bound::Excluded(far) => compare(range.order(), key, far).is_ge(),
    }
}

/// Whether the key lies before the range, or past it.
pub(super) fn outside<K: Ord + Clone>(range: &KeyRange<K>, key: &K) -> Option<Flaw<K>> {
    match (is_behind(range, key), is_beyond(range, key)) {
        (true, _) => Some(Flaw::Behind(key.clone())),
        (_, true) => Some(Flaw::Beyond(key.clone())),
        _ => None,
    }
}

/// A repeated key, if there is one anywhere: it explains the disorder.
fn disorder<K: Ord + Clone>(range: &KeyRange<K>, items: &[(K, u64)]) -> Option<Flaw<K>> {
    let order = |pair: &&[(K, u64)]| compare(range.order(), &pair[0].0, &pair[1].0);
    let pair = items.windows(2).find(|pair| order(pair).is_ge())?;
    let mut keys: Vec<&K> = items.iter().map(|(key, _)| key).collect();
    keys.sort();
    let repeated = keys.windows(2).find(|pair| pair[0] == pair[1]);
    Some(match repeated {
        Some(pair) => Flaw::Repeated(pair[0].clone()),
        None => Flaw::Disordered(pair[0].0.clone(), pair[1].0.clone()),
    })
}

/// The first key that is certainly there, up to what is covered, and not among the items.
fn missing<K: Ord + Clone>(
    range: &KeyRange<K>,
    items: &[(K, u64)],
    covered: Option<&K>,
    lives: &Lives<K>,
    during: Span,
) -> Option<Flaw<K>> {
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
                (None, None) => Flaw::MissingAtEnd(key.clone()),
                _ => Flaw::Missing(key.clone()),
            });
        }
    }
    None
}

fn hint_at_bound<K: PartialEq>(range: &KeyRange<K>, flaw: &Flaw<K>) -> Option<&'static str> {
    match (flaw, range.near(), range.far()) {
        (Flaw::Behind(key), Bound::Excluded(near), _) if key == near => {
            Some("the key equals the cursor, which is excluded: `>=` where `>` is meant?")
        }
        (Flaw::Beyond(key), _, Bound::Excluded(far)) if key == far => {
            Some("the key equals the bound, which is excluded: `<=` where `<` is meant?")
        }
        _ => None,
    }
}

/// A breach that is explained by a state that the store was in since a source was opened: the answer
/// `is_right` at some moment, and old.
pub(crate) fn explained<K: Ord + Clone + Debug>(
    breach: Breach<K>,
    lives: &Lives<K>,
    (opened, asked): (u64, Span),
    is_right: impl Fn(Span) -> bool,
) -> Breach<K> {
    let clause = match breach.flaw() {
        Flaw::Missing(_)
        | Flaw::MissingAtEnd(_)
        | Flaw::Absent(_)
        | Flaw::NotLast(_)
        | Flaw::NoLast(_) => Clause::G7,
        Flaw::Value(_) => Clause::G5,
        _ => return breach,
    };
    let returns = lives.moments(opened).filter(|at| *at < asked.from);
    let mut moments = std::iter::once(opened).chain(returns);
    // Just after it; nothing else begins then.
    if moments.any(|at| is_right(Span::at(at + 1))) {
        breach.of(clause).hint(
            "this is what the store held earlier: a snapshot, a transaction that is kept open, or \
             items read ahead? (If it is meant: declare `snapshot`)",
        )
    } else {
        breach
    }
}

/// A breach by a missing key, told by whether the source `finds` it when asked in other ways.
pub(crate) fn diagnosed<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    breach: Breach<K>,
    mut finds: impl FnMut(&KeyRange<K>, &K) -> bool,
) -> Breach<K> {
    let key = match breach.flaw() {
        Flaw::Missing(key) if breach.clause() == Clause::G3 => key.clone(),
        Flaw::MissingAtEnd(key) if breach.clause() == Clause::G8 => key.clone(),
        _ => return breach,
    };
    let order = range.order();
    if finds(&KeyRange::new(key.clone()..=key.clone(), order), &key) {
        return breach;
    }
    let mut is_bound = |bound: Bound<&K>, without: (Bound<&K>, Bound<&K>)| {
        bound == Bound::Included(&key) && finds(&KeyRange::new(without, order), &key)
    };
    if is_bound(range.lower(), (Bound::Unbounded, range.upper())) {
        let hint = "the lower bound is included: `>` where `>=` is meant?";
        return breach.of(Clause::G6).hint(hint);
    }
    if is_bound(range.upper(), (range.lower(), Bound::Unbounded)) {
        let hint = "the upper bound is included: `<` where `<=` is meant?";
        return breach.of(Clause::G6).hint(hint);
    }
    breach
        .of(Clause::G3)
        .hint("it doesn't come, however it is asked for: is it written, and read, as it was put?")
}

/// What the fetch was to answer. What is only possible is marked.
fn expectation<K: Ord + Clone + Debug>(
    range: &KeyRange<K>,
    answer: &Items<K>,
    lives: &Lives<K>,
    during: Span,
    about: Option<&K>,
) -> String {
    let mut certain = 0;
    let mut content = lives.content(range, during).peekable();
    let mut entries = Vec::new();
    while certain < answer.limit
        && let Some((key, presence)) = content.next()
    {
        let is_certain = presence == Presence::Present;
        certain += usize::from(is_certain);
        let mark = if is_certain { "" } else { "?" };
        let missing = if about == Some(key) { " (missing)" } else { "" };
        entries.push(format!("{}{mark}{missing}", lives.shown(key, during)));
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

/// At most some entries, the first and the last.
fn list(mut entries: Vec<String>) -> String {
    const MOST: usize = 12;
    if entries.len() > MOST {
        let left_out = entries.len() - MOST;
        let dots = format!("… {left_out} more …");
        entries.splice(MOST / 2..entries.len() - MOST / 2, [dots]);
    }
    format!("[{}]", entries.join(", "))
}

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
