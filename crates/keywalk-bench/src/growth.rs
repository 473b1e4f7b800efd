//! What an item costs in ever larger stores: the same, whatever their size.
//!
//! `STORE/rows_R` is what an item of R costs in a lent walk over what it costs the store's own pass over the
//! same R, CPU time, and that over the same where R is 10 thousand: what the larger store costs anybody, as
//! it leaves the processor's caches, isn't in it. Small items, so that the walk's own part is as large as it
//! can be. Short stores are walked many times a turn, by one source; below 10 thousand what a walk costs
//! once weighs more, and is only to be known. `of_floor` is the first of these ratios, and `floor_ns_item` what
//! an item costs the store's own pass.
//!
//! Maps of ten million say more of the machine than of the walk: there an item costs a map's own iterator about
//! three times what it does at 10 thousand. 0.74 to 0.86 were seen on an Intel Xeon whose cache holds such a
//! map (0.65 where each chunk's references are collected by hand), 1.23 to 1.30 on an AMD EPYC.
//!
//! SQLite and maps go to 10 million, sled to one.

mod map;
mod sled_tree;
mod sqlite_table;

use crate::Fallible;
use crate::bench::{Bench, Of};
use crate::case::Target;
use crate::figures::Figures;
use crate::pairs::{Measured, measure, timed};
use crate::seen::Seen;

const TARGET: Target = Target::AtMost(1.10);

/// The size that others are compared with.
const BASE: u64 = 10_000;

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let most = bench.items() * 20;
    grow(bench, "sqlite", most, 100_000, sqlite_table::with)?;
    grow(bench, "map", most, 1_000_000, map::with)?;
    grow(bench, "sled", most / 10, 100_000, sled_tree::with)
}

/// Two ways to see all items of a store.
struct Passes<'a> {
    floor: &'a mut dyn FnMut(&mut Seen) -> Fallible,
    walk: &'a mut dyn FnMut(&mut Seen) -> Fallible,
}

/// Makes a store of so many items, and has it measured.
type With = fn(u64, &mut dyn FnMut(Passes<'_>) -> Fallible<Measured>) -> Fallible<Measured>;

fn grow(bench: &mut Bench, store: &str, most: u64, turn: u64, with: With) -> Fallible {
    let mut base = None;
    // The base first.
    for size in [BASE, 1_000, 100_000, 1_000_000, 10_000_000] {
        // Without the base there is nothing to compare with.
        if size > most || !bench.wants_any(&format!("{store}/")) {
            continue;
        }
        let name = format!("{store}/rows_{size}");
        let measured = with(size, &mut |passes| turns(&name, size, turn, passes))?;
        let base = *base.get_or_insert(measured.ratio);
        let target = match size > BASE {
            true => TARGET,
            false => Target::None,
        };
        let figures = Figures::of([
            ("of_floor", measured.ratio),
            ("floor_ns_item", measured.floor_ns_item),
        ]);
        let growth = measured.ratio / base;
        bench.record_with(name, growth, target, size, measured.ns_item, figures)?;
    }
    Ok(())
}

/// `items` or more are a turn: some milliseconds.
fn turns(name: &str, size: u64, items: u64, passes: Passes<'_>) -> Fallible<Measured> {
    let Passes { floor, walk } = passes;
    let again = (items / size).max(1);
    let turn = |pass: &mut dyn FnMut(&mut Seen) -> Fallible| {
        timed(|| {
            let mut seen = Seen::default();
            for _ in 0..again {
                pass(&mut seen)?;
            }
            Ok(seen)
        })
    };
    measure(Of::Cpu, name, || turn(floor), || turn(walk))
}
