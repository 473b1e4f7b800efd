//! A source in another thread.

use std::thread;

use keywalk::{Cursor, PrefetchedItems, Walk};

use super::faults::every_fault;
use crate::{ByItems, Checked, Fault, Lab, Plan, PrefetchedHarness, Run, Source, Walks};

const DEPTH: usize = 2;

/// It answers the same, into chunks that are filled in turns.
pub(super) fn a_prefetched_walk_is_the_same_walk<H: PrefetchedHarness>(lab: &Lab<H>) -> Checked {
    lab.in_each_order(&lab.some_keys(10), |trial, keys, order| {
        for size in (1..=keys.len() + 1).chain([usize::MAX]) {
            let plan = Plan::of_all(order, size);
            let run = Run::again(trial, &plan);
            let source = trial.source()?;
            let (opened, log) = (source.opened, source.log());
            let reader = trial.source()?;
            let mut chunks = plan.walk(source).prefetch(DEPTH).chunks();
            let (mut entries, mut handed_out) = (Vec::new(), 0);
            let error = loop {
                match chunks.next() {
                    Ok(Some(items)) => entries.extend(items.iter().map(|item| reader.entry(item))),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
                handed_out += 1;
                // Until the thread is as far ahead as it gets: who is faster doesn't matter.
                while !run.has_fetched(trial, &log.from(0), handed_out + DEPTH) {
                    thread::yield_now();
                }
            };
            run.of_all(trial, (opened, &log.from(0)), entries, error.as_ref())?;
        }
        Ok(())
    })
}

/// What was fetched before the fault comes before it, and the cursor stands behind it.
pub(super) fn a_prefetched_fault_comes_in_its_place<H: PrefetchedHarness>(lab: &Lab<H>) -> Checked {
    every_fault::<H, Ahead>(lab, Fault::Once)?;
    every_fault::<H, Ahead>(lab, Fault::From)
}

/// In another thread, a chunk ahead and more.
struct Ahead;

impl<H: PrefetchedHarness> Walks<H> for Ahead {
    fn items<'t>(walk: Walk<Source<'t, H>>) -> Box<dyn ByItems<'t, H> + 't> {
        Box::new(walk.prefetch(DEPTH).items())
    }
}

impl<'t, H: PrefetchedHarness> ByItems<'t, H> for PrefetchedItems<Source<'t, H>> {
    fn cursor(&self) -> Cursor<H::Key> {
        PrefetchedItems::cursor(self)
    }
}
