//! How far along the way a key lies.

use keywalk::{DurableSource, Order};

use crate::{Breach, Checked, Clause, DurableHarness, Lab, Source, Tried};

/// From 0 to 1 on every way between two keys, and never back; where it can't be told it isn't.
pub(super) fn the_share_grows_from_0_to_1<H: DurableHarness>(lab: &Lab<H>) -> Checked {
    let ladder = lab.keys.ladder().to_vec();
    let mut all = ladder.clone();
    all.extend(lab.some_keys(100));
    all.sort();
    all.dedup();
    lab.attempt(|trial| {
        let source = trial.source()?;
        for order in lab.orders() {
            let along = |keys: &[H::Key]| {
                let mut way = keys.to_vec();
                if *order == Order::Descending {
                    way.reverse();
                }
                grows::<H>(&source, &way)
            };
            for first in 0..ladder.len() {
                let mut lasts = first + 1..ladder.len();
                lasts.try_for_each(|last| along(&ladder[first..=last]))?;
            }
            along(&all)?;
        }
        Ok(())
    })
}

fn grows<H: DurableHarness>(source: &Source<'_, H>, way: &[H::Key]) -> Tried<H> {
    // What a division leaves over.
    const ROUNDING: f64 = 1e-6;
    let [first, .., last] = way else {
        return Ok(());
    };
    let mut before = 0.0;
    for at in way {
        let Some(share) = source.share(first, last, at) else {
            continue;
        };
        let (least, most) = match at {
            at if at == first => (0.0, 0.0),
            at if at == last => (1.0, 1.0),
            _ => (before, 1.0),
        };
        let allowed = least - ROUNDING..=most + ROUNDING;
        if !(0.0..=1.0).contains(&share) || !allowed.contains(&share) {
            let otherwise = "a share isn't of the way that lies before a key";
            return Err(Breach::said(Clause::G10, otherwise)
                .expected(format!("{least} to {most}"))
                .got(format!("{share}, at {at:?} between {first:?} and {last:?}"))
                .hint(
                    "is it the part from `first`, which is the larger one of a walk downwards? \
                     `None` says that it can't be told",
                ));
        }
        before = share;
    }
    Ok(())
}
