//! Answers written down, and the verdict on a walk over them.

use keywalk::Fetched::ScannedTo;
use keywalk::{Fetched, KeyRange, Order, Violation};

use super::script::Script;
use super::verdict::Trial;

/// What a source answers, fetch by fetch: the items that it pushes and how far it got.
pub(crate) type Answers = &'static [(&'static [i32], Fetched<i32>)];

/// Answers as written; in descending order with every key negated, the exact mirror.
pub(crate) fn answering(answers: Answers, order: Order) -> Script<i32> {
    let mut answers = answers.iter();
    Script::new(move |_, chunk| {
        let (items, fetched) = *answers.next().expect("the walk should have ended");
        items
            .iter()
            .for_each(|item| chunk.push(mirrored(*item, order)));
        Ok(match fetched {
            ScannedTo(key) => ScannedTo(mirrored(key, order)),
            other => other,
        })
    })
}

pub(crate) fn mirrored(key: i32, order: Order) -> i32 {
    match order {
        Order::Ascending => key,
        Order::Descending => -key,
    }
}

/// From 0 to 100, both included, in chunks of 2.
pub(crate) fn live(order: Order) -> Trial<i32> {
    let bounds = match order {
        Order::Ascending => 0..=100,
        Order::Descending => -100..=0,
    };
    Trial {
        range: KeyRange::new(bounds, order),
        chunk_size: 2,
        live: true,
        scanned: None,
    }
}

/// In both orders, a live walk must hand out `good` and then find the violation.
pub(crate) fn must_end(answers: Answers, good: &[i32], violation: Violation) {
    for order in [Order::Ascending, Order::Descending] {
        let good: Vec<i32> = good.iter().map(|key| mirrored(*key, order)).collect();
        live(order).must_end(|| answering(answers, order), &good, violation);
    }
}
