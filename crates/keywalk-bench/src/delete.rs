//! Deleting and updating the rows that a walk over a SQLite table comes to, in chunks of the default size.
//!
//! The floor is what users write without a walk, a statement and a transaction a chunk: `DELETE … WHERE id IN
//! (SELECT id … LIMIT 512)` until it deletes nothing, and for updates the last of the next 512 keys, and
//! then `UPDATE … WHERE id > ? AND id <= ?`. Over it, CPU time: `…_by_range`, in a transaction a chunk, one
//! statement from the chunk's first key to its last; `…_by_row`, a statement for each of its rows;
//! `…_a_transaction_each`, a transaction for each; `…_job`, by a job, whose checkpoint is part of the
//! chunk's transaction, in the faster of these ways. Each turn works on the older half of a new copy of the
//! table, and leaves the same rows.
//!
//! (To update by row is faster than by range. Perhaps that is SQLite's statement journal, which an UPDATE of
//! many rows inside a transaction keeps, <https://www.sqlite.org/tempfiles.html>; it wasn't looked into.)

mod by_hand;
mod by_walk;
mod test_table;

use crate::Fallible;
use crate::bench::{Bench, Of};
use crate::case::Target;
use crate::pairs::{Measured, measure};
use test_table::{TestTable, Work};

pub(crate) fn run(bench: &mut Bench) -> Fallible {
    let table = TestTable::new(bench.items() / 10)?;
    let mut versus = |name: &str, floor: Work, way: Work| -> Fallible {
        if !bench.wants(name) {
            return Ok(());
        }
        let Measured {
            ratio,
            items,
            ns_item,
            ..
        } = measure(Of::Cpu, name, || table.turn(floor), || table.turn(way))?;
        bench.record(name, ratio, Target::None, items, ns_item)
    };
    let by_hand = by_hand::delete;
    versus("delete_by_range", by_hand, by_walk::delete_by_range)?;
    versus("delete_by_row", by_hand, by_walk::delete_by_row)?;
    versus(
        "delete_a_transaction_each",
        by_hand,
        by_walk::delete_a_transaction_each,
    )?;
    versus("delete_job", by_hand, by_walk::delete_job)?;

    let by_hand = by_hand::update;
    versus("update_by_range", by_hand, by_walk::update_by_range)?;
    versus("update_by_row", by_hand, by_walk::update_by_row)?;
    versus(
        "update_a_transaction_each",
        by_hand,
        by_walk::update_a_transaction_each,
    )?;
    versus("update_job", by_hand, by_walk::update_job)
}
