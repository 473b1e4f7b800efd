use std::fmt::Debug;
use std::ops::Bound;

use keywalk::KeyRange;

use super::fetch::judge;
use super::{Breach, Flaw, Items, Lives, Span};
use crate::Clause;

/// A breach that is explained by a state that the store was in since a source was opened: the answer
/// is right, and old.
pub(crate) fn explained<K: Ord + Clone + Debug>(
    breach: Breach<K>,
    range: &KeyRange<K>,
    answer: &Items<K>,
    lives: &Lives<K>,
    times: (u64, Span),
) -> Breach<K> {
    explained_by(breach, lives, times, |at| {
        judge(range, answer, lives, at).is_ok()
    })
}

/// The same of any answer, that `is_right` at some moments.
pub(crate) fn explained_by<K: Ord + Clone + Debug>(
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
    let is_bound = |bound: Bound<&K>| bound == Bound::Included(&key);
    let unbounded: Bound<&K> = Bound::Unbounded;
    if is_bound(range.lower()) && finds(&KeyRange::new((unbounded, range.upper()), order), &key) {
        return breach
            .of(Clause::G6)
            .hint("the lower bound is included: `>` where `>=` is meant?");
    }
    if is_bound(range.upper()) && finds(&KeyRange::new((range.lower(), unbounded), order), &key) {
        return breach
            .of(Clause::G6)
            .hint("the upper bound is included: `<` where `<=` is meant?");
    }
    breach
        .of(Clause::G3)
        .hint("it doesn't come, however it is asked for: is it written, and read, as it was put?")
}
