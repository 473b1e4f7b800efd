//! The judgement of a single answer, and why it is wrong.

use std::cmp::Ordering;
use std::fmt::{self, Debug, Display};
use std::ops::Bound;

use keywalk::{Fetched, KeyRange, LastKey, Order};

use crate::{Answer, Breach, Clause, Flaw, Items, Lives, Presence, Question, Span};

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
