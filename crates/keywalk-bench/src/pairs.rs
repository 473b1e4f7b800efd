//! Turns of a way and of its floor, one after the other.

use crate::Fallible;
use crate::bench::Of;
use crate::seen::Seen;
use crate::time::{Time, median};

/// How often a way and its floor are measured in turns.
const PAIRS: usize = 9;

/// What a way costs beside its floor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) ratio: f64,
    /// How many items each turn handled.
    pub(crate) items: u64,
    /// Nanoseconds an item.
    pub(crate) ns_item: f64,
    /// The floor's.
    pub(crate) floor_ns_item: f64,
}

/// Takes the time of all of a turn.
pub(crate) fn timed(turn: impl FnOnce() -> Fallible<Seen>) -> Fallible<(Seen, Time)> {
    let (seen, time) = Time::of(turn);
    Ok((seen?, time))
}

/// Each turn of `way` between two of `floor`, nine times: the median of its time over the mean of theirs.
///
/// A turn says itself what it took, so that it can prepare something first.
pub(crate) fn measure(
    of: Of,
    name: &str,
    mut floor: impl FnMut() -> Fallible<(Seen, Time)>,
    mut way: impl FnMut() -> Fallible<(Seen, Time)>,
) -> Fallible<Measured> {
    let ns = |time: Time| match of {
        Of::Cpu => time.cpu,
        Of::Wall => time.wall,
    };
    // To warm up, and to see that both do the same.
    let (expected, _) = floor()?;
    let same = |seen: Seen| match seen == expected {
        true => Ok(()),
        false => Err(format!("{name}: saw {seen:?} instead of {expected:?}")),
    };
    same(way()?.0)?;
    let mut before = ns(floor()?.1);
    let (mut ratios, mut times, mut floors) = (Vec::new(), Vec::new(), vec![before]);
    for _ in 0..PAIRS {
        let (seen, took) = way()?;
        same(seen)?;
        let (took, after) = (ns(took), ns(floor()?.1));
        ratios.push(took / ((before + after) / 2.0));
        times.push(took);
        floors.push(after);
        before = after;
    }
    Ok(Measured {
        ratio: median(ratios),
        items: expected.items,
        ns_item: median(times) / expected.items as f64,
        floor_ns_item: median(floors) / expected.items as f64,
    })
}
